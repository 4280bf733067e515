#include "common/base.h"
#include "fcgi/access_log.h"

#include "common/log.h"
#include "common/secret.h"

/* Bytes of a client's own texts in a line, which is to stay one write. */
#define PATH_SHOWN    200
#define NAME_SHOWN    80
#define MESSAGE_SHOWN 320

static enum log_level level_of(const struct ledger *l)
{
	if (l->error->kind == ERR_NONE || l->error->kind == ERR_GONE)
		return LOG_INFO;
	return error_row(l->error)->status >= 500 ? LOG_ERROR : LOG_WARN;
}

static int exchanges(const struct ledger *l)
{
	int sum = 0;

	for (size_t i = 0; i < ERR_KINDS; i++)
		sum += l->met[i];
	return sum;
}

/* ---- JSON ---- */

/* Without control characters, whose escapes are six bytes each. */
static void text_or_null(struct jsonw *w, const char *name, const char *text, size_t most)
{
	char clean[MESSAGE_SHOWN + 1];

	snprintf(clean, sizeof(clean) < most + 1 ? sizeof(clean) : most + 1, "%s",
		 text ? text : "");
	for (char *c = clean; *c; c++)
		*c = (unsigned char)*c < 0x20 || *c == 0x7F ? ' ' : *c;
	secret_hide(clean);
	jsonw_text_member(w, name, *clean ? clean : NULL);
}

static void ms_member(struct jsonw *w, const char *name, int64_t us)
{
	jsonw_key(w, name);
	if (us > 0)
		jsonw_double(w, (double)us / 1000);
	else
		jsonw_null(w);
}

static void add_chat(struct jsonw *w, const struct ledger *l)
{
	jsonw_bool_member(w, "stream", l->kind == LEDGER_STREAM);
	text_or_null(w, "model_asked", l->asked, NAME_SHOWN);
	text_or_null(w, "model", l->served, NAME_SHOWN);
	text_or_null(w, "account", l->account, NAME_SHOWN);
	jsonw_key(w, "time_to_first_event");
	if (l->first_event >= 0)
		jsonw_int(w, l->first_event);
	else
		jsonw_null(w);
	jsonw_begin_object_member(w, "upstream");
	jsonw_int_member(w, "exchanges", exchanges(l));
	text_or_null(w, "request_id", l->upstream_id, NAME_SHOWN);
	ms_member(w, "connect_ms", l->connect_us);
	ms_member(w, "first_byte_ms", l->first_byte_us);
	jsonw_end(w);
	jsonw_begin_object_member(w, "token_usage");
	jsonw_int_member(w, "input", l->input);
	jsonw_int_member(w, "output", l->output);
	jsonw_int_member(w, "cache_read", l->cache_read);
	jsonw_int_member(w, "cache_write", l->cache_write);
	jsonw_bool_member(w, "measured", l->measured);
	jsonw_end(w);
	jsonw_key(w, "credits");
	if (l->credits > 0)
		jsonw_double(w, l->credits);
	else
		jsonw_null(w);
}

static void members(struct jsonw *w, const void *of)
{
	const struct ledger *l = of;

	text_or_null(w, "user_id", l->key->name, NAME_SHOWN);
	text_or_null(w, "client", l->client, NAME_SHOWN);
	text_or_null(w, "method", l->method, NAME_SHOWN / 2);
	text_or_null(w, "path", l->path, PATH_SHOWN);
	text_or_null(w, "route", l->route, PATH_SHOWN);
	jsonw_text_member(w, "dialect", l->dialect);
	jsonw_int_member(w, "status", l->status);
	jsonw_int_member(w, "bytes", (int64_t)l->bytes);
	jsonw_int_member(w, "response_time", l->took);
	if (l->kind != LEDGER_OTHER)
		add_chat(w, l);
	if (l->error->kind == ERR_NONE)
		return;
	jsonw_begin_object_member(w, "error");
	jsonw_text_member(w, "kind", error_row(l->error)->name);
	text_or_null(w, "message", l->error->message, MESSAGE_SHOWN);
	jsonw_end(w);
}

/* ---- text ---- */

static void add_chat_text(struct buf *text, const struct ledger *l)
{
	char credits[32] = "-";

	buf_add_format(text, " %s model=%.*s", ledger_kind_names[l->kind], NAME_SHOWN,
		       l->served ? l->served : l->asked);
	if (!*l->account)
		return;
	buf_add_format(text, " account=%s upstream=%s exchanges=%d", l->account,
		       *l->upstream_id ? l->upstream_id : "-", exchanges(l));
	if (l->credits > 0)
		snprintf(credits, sizeof(credits), "%g", l->credits);
	buf_add_format(text,
		       " connect=%.1fms first_byte=%.1fms input=%" PRId64 " output=%" PRId64
		       " %s credits=%s",
		       (double)l->connect_us / 1000, (double)l->first_byte_us / 1000, l->input,
		       l->output, l->measured ? "measured" : "estimated", credits);
}

void access_log_take(struct site *site, const struct ledger *l)
{
	struct buf text;

	(void)site;
	if (!log_wants_access(level_of(l)))
		return;
	buf_init(&text, LIMIT_LOG_LINE / 4);
	buf_add_format(&text, "%.*s %.*s %d %zuB %" PRId64 "ms key=%s", NAME_SHOWN / 2, l->method,
		       PATH_SHOWN, l->path, l->status, l->bytes, l->took,
		       *l->key->name ? l->key->name : "-");
	if (l->kind != LEDGER_OTHER)
		add_chat_text(&text, l);
	if (l->error->kind != ERR_NONE)
		buf_add_format(&text, " failure=%s: %.*s", error_row(l->error)->name, MESSAGE_SHOWN,
			       l->error->message);
	secret_hide(text.at);
	log_access(level_of(l), members, l, text.at);
	buf_release(&text);
}
