#include "common/base.h"
#include "fcgi/up_prefill.h"

#include "common/limits.h"

#define SPACE	 " \t\r\n"
#define FENCE	 "```"
#define MAX_LEAD 64 /* white space and fence that may stand before a repetition */

static struct span skip_space(struct span s)
{
	while (s.len && strchr(SPACE, *s.at))
		s = (struct span){ s.at + 1, s.len - 1 };
	return s;
}

/* Behind a line ```json, when the text begins with one; the text itself when it does not. */
static struct span skip_fence(struct span s)
{
	const char *line_end;

	if (s.len < strlen(FENCE) || memcmp(s.at, FENCE, strlen(FENCE)) != 0)
		return s;
	line_end = memchr(s.at, '\n', s.len);
	if (!line_end)
		return s;
	return skip_space((struct span){ line_end, s.len - (size_t)(line_end - s.at) });
}

struct span up_prefill_json(struct span prefill)
{
	const struct span json = skip_fence(skip_space(prefill));
	struct json_scan scan = { .depth = 0 };
	struct span inside;

	if (!json.len)
		return json;
	inside = skip_space((struct span){ json.at + 1, json.len - 1 });
	if (*json.at == '{'
		    ? inside.len && *inside.at != '"'
		    : *json.at != '[' || (inside.len && !strchr("{[\"-0123456789", *inside.at)))
		return (struct span){ "", 0 };
	return json_scan_end(&scan, json) ? (struct span){ "", 0 } : json;
}

void up_prefill_init(struct up_prefill *p, struct span prefill, event_handler *handler,
		     void *context)
{
	const struct span json = up_prefill_json(prefill);

	*p = (struct up_prefill){
		.prefill = json.len ? json : skip_space(prefill),
		.handler = handler,
		.context = context,
		.json = json.len > 0,
	};
	if (json.len)
		json_scan_end(&p->scan, json);
	p->lone = json.len && *json.at == '{' && p->scan.depth == 1 && !p->scan.in_string &&
		  !skip_space((struct span){ json.at + 1, json.len - 1 }).len;
	buf_init(&p->held, LIMIT_ANSWER);
}

void up_prefill_release(struct up_prefill *p)
{
	buf_release(&p->held);
}

/* 1: the text has the whole prefill from where the repetition begins to p->seen; 0: more is needed
 * to tell; -1: not. Goes on where it stopped: a prefill may be long, and come in small pieces. */
static int match(struct up_prefill *p)
{
	const struct span text = buf_span(&p->held), prefill = p->prefill;

	while (p->matched < prefill.len) {
		if (p->json && strchr(SPACE, prefill.at[p->matched])) {
			p->matched++;
		} else if (p->seen == text.len) {
			return 0;
		} else if (p->json && strchr(SPACE, text.at[p->seen])) {
			p->seen++;
		} else if (prefill.at[p->matched++] != text.at[p->seen++]) {
			return -1;
		}
	}
	return 1;
}

/* May the text become a fence line, or is it one without its end? */
static bool fence_is_open(struct span text)
{
	size_t have = text.len < strlen(FENCE) ? text.len : strlen(FENCE);

	return memcmp(text.at, FENCE, have) == 0 && !memchr(text.at, '\n', text.len) &&
	       text.len < MAX_LEAD;
}

/* Where the repetition would begin. false: more is needed to tell. */
static bool find_begin(struct up_prefill *p)
{
	const struct span all = buf_span(&p->held);
	struct span text = skip_space(all);

	if (p->json && fence_is_open(text))
		return false;
	if (p->json)
		text = skip_fence(text);
	p->seen = (size_t)(text.at - all.at);
	p->begun = text.len > 0;
	return p->begun;
}

/* How many bytes of the beginning are to be cut; -1: more is needed to tell. */
static ssize_t cut_repetition(struct up_prefill *p)
{
	int rc;

	if (!p->begun && !find_begin(p))
		return p->seen > MAX_LEAD ? 0 : -1;
	rc = match(p);
	return rc < 0 ? 0 : rc ? (ssize_t)p->seen : -1;
}

/* The same for a lone {: its continuation begins with a quote or the end, nothing else is part of
 * it. */
static ssize_t cut_before_object(struct up_prefill *p)
{
	const struct span text = skip_space(buf_span(&p->held));
	const char *open;

	if (!text.len)
		return -1;
	if (*text.at == '"' || *text.at == '}')
		return 0;
	open = memchr(p->held.at + p->seen, '{', p->held.len - p->seen);
	p->seen = p->held.len;
	return open ? open + 1 - p->held.at : -1;
}

static int pass(struct up_prefill *p, struct span text, struct error *e)
{
	struct event event = { .kind = EVENT_TEXT, .text = text };

	if (p->state == PREFILL_JSON) {
		size_t end = json_scan_end(&p->scan, text);

		if (end) {
			event.text.len = end;
			p->state = PREFILL_ENDED;
		}
	} else if (p->state == PREFILL_ENDED) {
		return 0;
	}
	return event.text.len ? p->handler(p->context, &event, e) : 0;
}

static int on_text(struct up_prefill *p, struct span text, struct error *e)
{
	ssize_t cut;
	int rc;

	if (p->state != PREFILL_START)
		return pass(p, text, e);
	if (buf_add(&p->held, text.at, text.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
	cut = p->lone ? cut_before_object(p) : cut_repetition(p);
	if (cut < 0)
		return 0;
	p->state = p->json ? PREFILL_JSON : PREFILL_TEXT;
	buf_cut(&p->held, (size_t)cut);
	rc = pass(p, buf_span(&p->held), e);
	buf_reset(&p->held);
	return rc;
}

int up_prefill_event(void *context, const struct event *event, struct error *e)
{
	struct up_prefill *p = context;
	int rc = 0;

	if (event->kind == EVENT_TEXT)
		return on_text(p, event->text, e);
	if (p->state == PREFILL_START &&
	    (event->kind == EVENT_TOOL_START || event->kind == EVENT_STOP)) {
		p->state = PREFILL_TEXT; /* no repetition after all */
		rc = pass(p, buf_span(&p->held), e);
		buf_reset(&p->held);
	}
	return rc ? rc : p->handler(p->context, event, e);
}
