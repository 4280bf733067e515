#include "common/base.h"
#include "fcgi/access_log.h"

#include "common/log.h"

static enum log_level level_of(const struct ledger *l)
{
	if (l->error->kind == ERR_NONE || l->error->kind == ERR_GONE)
		return LOG_INFO;
	return error_row(l->error)->status >= 500 ? LOG_ERROR : LOG_WARN;
}

void access_log_take(struct site *site, const struct ledger *l)
{
	(void)site;
	if (l->kind != LEDGER_OTHER)
		log_line(LOG_INFO,
			 "model=%s account=%s input=%" PRId64 " output=%" PRId64 " %s credits=%g",
			 l->served ? l->served : "-", *l->account ? l->account : "-", l->input,
			 l->output, l->measured ? "measured" : "estimated", l->credits);
	log_line(level_of(l), "%s %.200s %d %zu bytes %" PRId64 " ms key=%s%s%s%s%s", l->method,
		 l->path, l->status, l->bytes, l->took, *l->key->name ? l->key->name : "-",
		 l->error->kind ? " failure=" : "", l->error->kind ? error_row(l->error)->name : "",
		 l->error->kind ? ": " : "", l->error->message);
}
