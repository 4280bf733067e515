#include "common/base.h"
#include "fcgi/up_cut.h"

#include "common/limits.h"

#define EXACT_TOKENS 64 /* probes and titles: limits up to here are meant as they are */

bool up_cut_is_needed(const struct chat *chat)
{
	return chat->stop_count || chat->max_tokens || chat->one_call;
}

void up_cut_init(struct up_cut *c, const struct chat *chat, int64_t input_estimate,
		 event_handler *handler, void *context)
{
	*c = (struct up_cut){ .chat = chat,
			      .input_estimate = input_estimate,
			      .handler = handler,
			      .context = context };
	buf_init(&c->held, LIMIT_ANSWER);
}

void up_cut_release(struct up_cut *c)
{
	buf_release(&c->held);
}

static int64_t limit(const struct up_cut *c)
{
	const int64_t max = c->chat->max_tokens;

	return max > EXACT_TOKENS ? max + (max - EXACT_TOKENS) / 2 : max;
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

/* The sequence that is complete first in the text, of several the longest; NULL: none. *before:
 * bytes in front of it. By memmem() and not by a look at each place: a third of what an event
 * cost where there are two sequences. */
static const char *find_stop(const struct chat *chat, struct span text, size_t *before)
{
	const char *found = NULL;
	size_t first_end = text.len + 1;

	*before = text.len;
	for (size_t i = 0; i < chat->stop_count; i++) {
		const char *sequence = chat->stop_sequences[i];
		size_t len = strnlen(sequence, text.len + 1), begin, end;
		const char *at = memmem(text.at, text.len, sequence, len);

		if (!at)
			continue;
		begin = (size_t)(at - text.at);
		end = begin + len;
		if (end > first_end || (end == first_end && begin >= *before))
			continue;
		found = sequence;
		first_end = end;
		*before = begin;
	}
	return found;
}

/* Bytes at the end of the text that may be the beginning of a sequence. It is whole characters,
 * because a sequence is. */
static size_t open_end(const struct chat *chat, struct span text)
{
	const char *end = text.at + text.len;
	size_t most = 0;

	for (size_t i = 0; i < chat->stop_count; i++) {
		const char *sequence = chat->stop_sequences[i];

		for (size_t len = strnlen(sequence, text.len + 1) - 1; len > most; len--) {
			if (end[-(ptrdiff_t)len] == *sequence &&
			    memcmp(end - len, sequence, len) == 0)
				most = len;
		}
	}
	return most;
}

static int on_text(struct up_cut *c, struct span text, struct error *e)
{
	const char *sequence;
	size_t before, keep;
	int rc;

	if (!c->chat->stop_count)
		return pass_text(c, text, e);
	if (buf_add(&c->held, text.at, text.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
	sequence = find_stop(c->chat, buf_span(&c->held), &before);
	if (sequence) {
		rc = pass_text(c, (struct span){ c->held.at, before }, e);
		/* behind a completed call the client is to run it, whatever ended the text */
		return rc ? rc : end(c, c->called ? STOP_TOOL_USE : STOP_SEQUENCE, sequence, e);
	}
	keep = open_end(c->chat, buf_span(&c->held));
	rc = pass_text(c, (struct span){ c->held.at, c->held.len - keep }, e);
	buf_cut(&c->held, c->held.len - keep);
	return rc;
}

static int settle(struct up_cut *c, struct error *e)
{
	int rc = pass_text(c, buf_span(&c->held), e);

	buf_reset(&c->held);
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
	c->called |= event->kind == EVENT_TOOL_END;
	return rc ? rc : c->handler(c->context, event, e);
}
