#include "common/base.h"
#include "common/region.h"

#include <ctype.h>

bool region_valid(const char *text, size_t len)
{
	size_t at = 2, words = 0;

	if (len < 6 || !islower((unsigned char)text[0]) || !islower((unsigned char)text[1]))
		return false;
	while (at < len && text[at] == '-' && at + 1 < len &&
	       islower((unsigned char)text[at + 1])) {
		for (at++; at < len && islower((unsigned char)text[at]); at++)
			;
		words++;
	}
	return words && at + 2 == len && text[at] == '-' && isdigit((unsigned char)text[at + 1]);
}
