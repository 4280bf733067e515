#include "common/base.h"
#include "fcgi/up_format.h"

#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/json_scan.h"
#include "fcgi/schema.h"

#define SPACE	       " \t\r\n"
#define MAX_CANDIDATES 64 /* brackets in prose that are tried as the beginning of the value */

void up_format_init(struct up_format *f, const struct chat *chat, struct up_again *again,
		    event_handler *handler, void *context)
{
	*f = (struct up_format){
		.chat = chat, .again = again, .handler = handler, .context = context
	};
	up_hold_init(&f->hold);
}

void up_format_release(struct up_format *f)
{
	up_hold_release(&f->hold);
}

/* 0: it is JSON and what was asked for. The first complaint about JSON stays in *e. *steps: of all
 * that is tried of an answer. */
static int judge(const struct chat *chat, struct span text, long *steps, struct error *e)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *value = json_parse(text, &ignored);
	int rc = -1;

	if (value && chat->format == FORMAT_SCHEMA)
		rc = schema_check(chat->schema, value, steps, e);
	else if (value)
		rc = cJSON_IsObject(value) ? 0 : error_set(e, ERR_UP_UNMET, "it is no JSON object");
	cJSON_Delete(value);
	return rc;
}

static struct span trimmed(struct span s)
{
	while (s.len && strchr(SPACE, s.at[s.len - 1]))
		s.len--;
	while (s.len && strchr(SPACE, *s.at))
		s = (struct span){ s.at + 1, s.len - 1 };
	return s;
}

/* The first complete value of the text that fits; len 0: none, *e (ERR_UP_UNMET) says why. */
static struct span first_value(const struct chat *chat, struct span text, struct error *e)
{
	long steps = 0;
	size_t at = 0;

	text = trimmed(text);
	if (text.len && !judge(chat, text, &steps, e))
		return text;
	for (int tried = 0; at < text.len && tried < MAX_CANDIDATES; at++) {
		struct json_scan scan = { .depth = 0 };
		struct span value = { text.at + at, 0 };

		if (*value.at != '{' && *value.at != '[')
			continue;
		tried++;
		value.len = json_scan_end(&scan, (struct span){ value.at, text.len - at });
		if (value.len && !judge(chat, value, &steps, e)) {
			error_clear(e);
			return value;
		}
	}
	error_set(e, ERR_UP_UNMET, "there is no complete JSON value in it");
	return (struct span){ "", 0 };
}

static int unmet(struct up_format *f, struct span text, const struct error *why, struct error *e)
{
	buf_add(&f->again->answer, text.at, text.len);
	buf_add_format(&f->again->words, "Your answer is not the JSON that was asked for: %s",
		       why->message);
	return error_set(e, ERR_UP_UNMET,
			 "the upstream's answer is not the JSON that was asked for: %s",
			 why->message);
}

/* The answer has ended: the JSON of its text, or the text. */
static int settle(struct up_format *f, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	struct event event = { .kind = EVENT_TEXT };
	struct buf text;
	int rc;

	buf_init(&text, LIMIT_ANSWER);
	up_hold_take_text(&f->hold, &text);
	event.text = first_value(f->chat, buf_span(&text), &why);
	if (!event.text.len && f->again) {
		rc = unmet(f, buf_span(&text), &why, e);
	} else {
		if (!event.text.len) {
			log_line(LOG_WARN, "the answer is not the JSON that was asked for: %s",
				 why.message);
			event.text = buf_span(&text);
		}
		rc = up_hold_hand_out(&f->hold, f->handler, f->context, e);
		if (!rc && event.text.len)
			rc = f->handler(f->context, &event, e);
	}
	buf_release(&text);
	return rc;
}

int up_format_event(void *context, const struct event *event, struct error *e)
{
	struct up_format *f = context;
	int rc;

	if (!f->called && event->kind != EVENT_TOOL_START && event->kind != EVENT_STOP)
		return up_hold_add(&f->hold, event, e);
	f->called |= event->kind == EVENT_TOOL_START;
	if (!f->called && event->stop == STOP_END_TURN)
		rc = settle(f, e);
	else
		rc = up_hold_hand_out(&f->hold, f->handler, f->context, e);
	return rc ? rc : f->handler(f->context, event, e);
}
