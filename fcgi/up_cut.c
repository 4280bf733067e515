#include "common/base.h"
#include "fcgi/up_cut.h"

#include "common/limits.h"

#define EXACT_TOKENS 64 /* probes and titles: limits up to here are meant as they are */

bool up_cut_is_needed(const struct chat *chat)
{
	return chat->stop_count || chat->max_tokens || chat->one_call;
}

/* Knuth, Morris and Pratt: no character of the text is looked at again for what was found of a
 * sequence before it, however often that is nearly all of it. */
static void stop_init(struct up_cut_stop *s, const char *text)
{
	size_t same = 0;

	_Static_assert(LIMIT_STOP_SEQUENCE <= UINT16_MAX, "a place must fit");
	*s = (struct up_cut_stop){ .text = text, .len = strlen(text) };
	s->shorter = xcalloc(s->len + 1, sizeof(*s->shorter));
	for (size_t i = 1; i < s->len; i++) {
		while (same && text[i] != text[same])
			same = s->shorter[same];
		same += text[i] == text[same];
		s->shorter[i + 1] = (uint16_t)same;
	}
}

/* True: it is complete with that character. */
static bool stop_add(struct up_cut_stop *s, char c)
{
	while (s->have && s->text[s->have] != c)
		s->have = s->shorter[s->have];
	s->have += s->text[s->have] == c;
	return s->have == s->len;
}

void up_cut_init(struct up_cut *c, const struct chat *chat, int64_t input_estimate,
		 event_handler *handler, void *context)
{
	*c = (struct up_cut){ .chat = chat,
			      .input_estimate = input_estimate,
			      .handler = handler,
			      .context = context };
	buf_init(&c->held, LIMIT_ANSWER);
	if (chat->stop_count)
		c->stops = xcalloc(chat->stop_count, sizeof(*c->stops));
	for (size_t i = 0; i < chat->stop_count; i++)
		stop_init(&c->stops[i], chat->stop_sequences[i]);
}

void up_cut_release(struct up_cut *c)
{
	for (size_t i = 0; c->stops && i < c->chat->stop_count; i++)
		free(c->stops[i].shorter);
	free(c->stops);
	c->stops = NULL;
	buf_release(&c->held);
}

static int64_t most(int64_t max_tokens)
{
	return max_tokens > EXACT_TOKENS ? max_tokens + (max_tokens - EXACT_TOKENS) / 2
					 : max_tokens;
}

static int64_t limit(const struct up_cut *c)
{
	return most(c->chat->max_tokens);
}

int64_t up_cut_rest(int64_t max_tokens, int64_t said)
{
	const int64_t left = most(max_tokens) - said;

	return left > EXACT_TOKENS ? (2 * left + EXACT_TOKENS) / 3 : left; /* most() reversed */
}

/* The answer's end by our own decision: 1, or the handler's failure. */
static int end(struct up_cut *c, enum stop_reason stop, const char *sequence, struct error *e)
{
	struct event event = {
		.kind = EVENT_STOP, .text = { "", 0 }, .stop = stop, .stop_sequence = sequence
	};
	int64_t output = token_count_value(&c->counted);
	int rc;

	/* A count above the limit that was applied would only show the estimator's error. */
	if (stop == STOP_MAX_TOKENS && output > c->chat->max_tokens)
		output = c->chat->max_tokens;
	output += token_count_value(&c->thought);
	event.usage = (struct answer_usage){ .input = c->input_estimate,
					     .output = output > 0 ? output : 1 };
	rc = c->handler(c->context, &event, e);
	return rc ? rc : 1;
}

/* Hands out text as far as the limit of tokens goes. */
static int pass_text(struct up_cut *c, struct span text, struct error *e)
{
	struct event event = { .kind = EVENT_TEXT, .text = text };
	int rc;

	if (!text.len)
		return 0;
	event.text.len = token_count_add(&c->counted, text, limit(c));
	rc = event.text.len ? c->handler(c->context, &event, e) : 0;
	if (rc || event.text.len == text.len)
		return rc;
	return end(c, STOP_MAX_TOKENS, NULL, e);
}

/* The sequence that is complete first in the text, the longest of several; NULL: none. *behind:
 * bytes of the text to its end. */
static const struct up_cut_stop *find_stop(struct up_cut *c, struct span text, size_t *behind)
{
	const struct up_cut_stop *found = NULL;

	for (*behind = 0; *behind < text.len && !found; ++*behind) {
		for (size_t i = 0; i < c->chat->stop_count; i++) {
			if (stop_add(&c->stops[i], text.at[*behind]) &&
			    (!found || c->stops[i].len > found->len))
				found = &c->stops[i];
		}
	}
	return found;
}

/* Bytes at the end of the text that may be the beginning of a sequence. It is whole characters,
 * because a sequence is. */
static size_t open_end(const struct up_cut *c)
{
	size_t most = 0;

	for (size_t i = 0; i < c->chat->stop_count; i++)
		most = c->stops[i].have > most ? c->stops[i].have : most;
	return most;
}

static int on_text(struct up_cut *c, struct span text, struct error *e)
{
	const struct up_cut_stop *stop;
	const size_t held = c->held.len;
	size_t behind, keep;
	int rc;

	if (!c->chat->stop_count)
		return pass_text(c, text, e);
	if (buf_add(&c->held, text.at, text.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
	stop = find_stop(c, text, &behind);
	if (stop) {
		rc = pass_text(c, (struct span){ c->held.at, held + behind - stop->len }, e);
		/* behind a completed call the client is to run it, whatever ended the text */
		return rc ? rc : end(c, c->owed ? STOP_TOOL_USE : STOP_SEQUENCE, stop->text, e);
	}
	keep = open_end(c);
	rc = pass_text(c, (struct span){ c->held.at, c->held.len - keep }, e);
	buf_cut(&c->held, c->held.len - keep);
	return rc;
}

static int settle(struct up_cut *c, struct error *e)
{
	int rc = pass_text(c, buf_span(&c->held), e);

	buf_reset(&c->held);
	for (size_t i = 0; i < c->chat->stop_count; i++)
		c->stops[i].have = 0;
	return rc;
}

/* More of the answer comes: may it? How much of a text, pass_text() sees. */
static int admit(struct up_cut *c, enum event_kind kind, struct error *e)
{
	if (c->called && c->chat->one_call)
		return end(c, STOP_TOOL_USE, NULL, e);
	if (kind == EVENT_TOOL_START && c->chat->max_tokens &&
	    token_count_value(&c->counted) > limit(c))
		return end(c, STOP_MAX_TOKENS, NULL, e);
	return 0;
}

static void note_call(struct up_cut *c, const struct event *event)
{
	const struct chat_search *search = c->chat->search;

	if (event->kind == EVENT_TOOL_START)
		c->searching = search && strcmp(event->name, search->name) == 0;
	if (event->kind != EVENT_TOOL_END)
		return;
	c->called = true;
	c->owed |= !c->searching;
}

int up_cut_event(void *context, const struct event *event, struct error *e)
{
	struct up_cut *c = context;
	int rc = 0;

	if (event->kind == EVENT_TEXT || event->kind == EVENT_TOOL_START)
		rc = admit(c, event->kind, e);
	if (!rc && event->kind == EVENT_TEXT)
		return on_text(c, event->text, e);
	if (!rc)
		rc = settle(c, e);
	if (event->kind == EVENT_THINKING)
		token_count_add(&c->thought, event->text, 0);
	else if (event->kind == EVENT_TOOL_INPUT)
		token_count_add(&c->counted, event->text, 0);
	note_call(c, event);
	return rc ? rc : c->handler(c->context, event, e);
}
