#include "common/base.h"
#include "fcgi/json_scan.h"

size_t json_scan_end(struct json_scan *s, struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		const char c = text.at[i];

		if (s->in_string) {
			if (s->escaped)
				s->escaped = false;
			else if (c == '\\')
				s->escaped = true;
			else if (c == '"')
				s->in_string = false;
		} else if (c == '"') {
			s->in_string = true;
		} else if (c == '{' || c == '[') {
			s->depth++;
		} else if ((c == '}' || c == ']') && s->depth && --s->depth == 0) {
			return i + 1;
		}
	}
	return 0;
}
