#include "common/base.h"
#include "common/list.h"

bool list_names(const char *list, const char *item)
{
	const size_t wanted = strlen(item);

	while (*list) {
		size_t len = strcspn(list, ", ");

		if (len && len == wanted && strncasecmp(list, item, len) == 0)
			return true;
		list += len;
		list += strspn(list, ", ");
	}
	return false;
}
