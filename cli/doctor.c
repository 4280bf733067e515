#include "common/base.h"
#include "cli/doctor.h"

#include "common/jsonw.h"

static const char *const finding_names[FINDINGS] = { "ok", "warn", "fail" };
static const char *const finding_labels[FINDINGS] = { "OK", "WARN", "FAIL" };

void doctor_say(struct doctor *d, enum finding f, const char *format, ...)
{
	char text[LIMIT_URL + LIMIT_ERROR_TEXT];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	d->counts[f]++;
	if (!d->json) {
		printf("%-5s %-16s ", finding_labels[f], d->check);
		ctl_print_clean(stdout, text);
		putchar('\n');
		return;
	}
	jsonw_begin_object(d->json);
	jsonw_text_member(d->json, "check", d->check);
	jsonw_bool_member(d->json, "ok", f != FINDING_FAIL);
	jsonw_text_member(d->json, "level", finding_names[f]);
	jsonw_text_member(d->json, "text", text);
	jsonw_end(d->json);
}

void doctor_fail(struct doctor *d, const struct error *e)
{
	doctor_say(d, FINDING_FAIL, "%s", e->message);
}
