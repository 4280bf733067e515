#include "common/base.h"
#include "cli/ctl.h"

#include "common/clock.h"
#include "common/jsonw.h"
#include "common/utf8.h"

#include <sysexits.h>

void ctl_print_clean(FILE *to, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		size_t len = utf8_char(text, left);
		unsigned char c = (unsigned char)text[0];
		/* C0, DEL, and C1, which some terminals obey as well: C2 80 to C2 9F */
		bool control = c < 0x20 || c == 0x7F ||
			       (c == 0xC2 && len == 2 && (unsigned char)text[1] < 0xA0);

		if (!len || control)
			fputc('?', to);
		else
			fwrite(text, 1, len, to);
		text += len ? len : 1;
		left -= len ? len : 1;
	}
}

void ctl_print_json(const struct buf *json)
{
	fwrite(json->at, 1, json->len, stdout);
	putchar('\n');
}

void ctl_print_result(const struct ctl *c, const char *name, const char *result)
{
	struct jsonw w;
	struct buf out;

	if (!c->json) {
		ctl_print_clean(stdout, name);
		fputs(": ", stdout);
		ctl_print_clean(stdout, result);
		putchar('\n');
		return;
	}
	buf_init(&out, CTL_OUTPUT);
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "name", name);
	jsonw_text_member(&w, "result", result);
	jsonw_end(&w);
	ctl_print_json(&out);
	buf_release(&out);
}

const char *ctl_date(int64_t seconds, const char *never, char *out, size_t size)
{
	char text[CLOCK_TEXT_SIZE];

	snprintf(out, size, "%s", seconds ? clock_format(seconds, text) : never);
	return out;
}

int ctl_usage(const struct ctl *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("kiroctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	if (c->command)
		fprintf(stderr, "kiroctl: see kiroctl %s --help\n", c->command->words);
	else
		fputs("kiroctl: see kiroctl --help\n", stderr);
	return EX_USAGE;
}
