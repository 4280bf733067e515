#include "common/base.h"
#include "fcgi/up_think.h"

#include "common/limits.h"

#define OPEN_TAG  "<thinking>"
#define CLOSE_TAG "</thinking>"
#define MAX_LEAD  64 /* white space before the opening tag, behind the closing one */
#define MAX_ENDS  4  /* bytes: the end of the closing tag's line and an empty one */

void up_think_init(struct up_think *t, bool omit, event_handler *handler, void *context)
{
	*t = (struct up_think){ .handler = handler, .context = context, .omit = omit };
	buf_init(&t->held, LIMIT_ANSWER);
}

void up_think_release(struct up_think *t)
{
	buf_release(&t->held);
}

static int hand_out(struct up_think *t, enum event_kind kind, size_t len, struct error *e)
{
	struct event event = { .kind = kind, .text = { t->held.at, len } };
	int rc = 0;

	t->visible |= kind == EVENT_TEXT && len;
	if (len && !(kind == EVENT_THINKING && t->omit))
		rc = t->handler(t->context, &event, e);
	buf_cut(&t->held, len);
	return rc;
}

static size_t leading(const struct buf *b, const char *set)
{
	return strspn(b->at, set);
}

/* 1: go on with the next state; 0: more is needed. */
static int at_start(struct up_think *t)
{
	const size_t tag = strlen(OPEN_TAG);
	size_t lead = leading(&t->held, " \t\r\n");
	size_t have = t->held.len - lead < tag ? t->held.len - lead : tag;

	if (lead > MAX_LEAD || memcmp(t->held.at + lead, OPEN_TAG, have) != 0) {
		t->state = THINK_TEXT;
		return 1;
	}
	if (have < tag)
		return 0;
	if (t->held.len == lead + tag)
		return 0; /* a line end behind the tag belongs to it */
	buf_cut(&t->held, lead + tag + (t->held.at[lead + tag] == '\n'));
	t->state = THINK_INSIDE;
	return 1;
}

/* Blanks between the closing tag and the end of its line. */
static size_t blanks_at(const struct buf *b, size_t at)
{
	size_t blanks = at < b->len ? strspn(b->at + at, " \t") : 0;

	return blanks < MAX_LEAD ? blanks : 0;
}

/* Where a closing tag begins that ends its line, or may yet; len when there is none. */
static size_t find_close(const struct buf *b, bool *whole)
{
	const size_t tag = strlen(CLOSE_TAG);

	*whole = false;
	for (size_t i = 0; i < b->len; i++) {
		size_t have = b->len - i < tag ? b->len - i : tag;

		if (b->at[i] != '<' || memcmp(b->at + i, CLOSE_TAG, have) != 0)
			continue;
		have = tag + blanks_at(b, i + tag);
		if (i + have >= b->len)
			return i; /* cut: more is needed to tell */
		if (b->at[i + have] == '\n' || b->at[i + have] == '\r') {
			*whole = true;
			return i;
		}
	}
	return b->len;
}

static int inside(struct up_think *t, struct error *e)
{
	bool whole;
	size_t close = find_close(&t->held, &whole);
	int rc = hand_out(t, EVENT_THINKING, close, e);

	if (rc || !whole)
		return rc;
	buf_cut(&t->held, strlen(CLOSE_TAG) + blanks_at(&t->held, strlen(CLOSE_TAG)));
	t->state = THINK_BEHIND;
	return 1;
}

/* The empty line behind the block belongs to it. */
static int behind(struct up_think *t)
{
	size_t ends = leading(&t->held, "\r\n");

	if (ends > MAX_ENDS - t->ends)
		ends = MAX_ENDS - t->ends;
	t->ends += ends;
	buf_cut(&t->held, ends);
	if (!t->held.len && t->ends < MAX_ENDS)
		return 0;
	t->state = THINK_TEXT;
	return 1;
}

static int advance(struct up_think *t, struct error *e)
{
	int rc = 1;

	while (rc > 0) {
		switch (t->state) {
		case THINK_START:
			rc = at_start(t);
			break;
		case THINK_INSIDE:
			rc = inside(t, e);
			break;
		case THINK_BEHIND:
			rc = behind(t);
			break;
		case THINK_TEXT:
			rc = hand_out(t, EVENT_TEXT, t->held.len, e);
			return rc;
		}
	}
	return rc;
}

/* No more text: what is held is decided now. */
static int settle(struct up_think *t, struct error *e)
{
	const size_t tag = strlen(CLOSE_TAG);
	int rc = 0;

	if (t->state == THINK_INSIDE) {
		/* what find_close() kept: a piece of the tag, or all of it and blanks */
		if (t->held.len >= tag)
			buf_reset(&t->held);
		rc = hand_out(t, EVENT_THINKING, t->held.len, e);
	} else if (t->state == THINK_START) {
		size_t lead = leading(&t->held, " \t\r\n");

		if (strcmp(t->held.at + lead, OPEN_TAG) == 0)
			buf_reset(&t->held); /* opened, and nothing in it */
		rc = hand_out(t, EVENT_TEXT, t->held.len, e);
	}
	t->state = THINK_TEXT;
	return rc;
}

int up_think_event(void *context, const struct event *event, struct error *e)
{
	struct up_think *t = context;
	int rc;

	if (event->kind == EVENT_TEXT && t->state != THINK_TEXT) {
		if (buf_add(&t->held, event->text.at, event->text.len))
			return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
		return advance(t, e);
	}
	rc = event->kind == EVENT_TEXT ? 0 : settle(t, e);
	t->visible |= event->kind == EVENT_TEXT || event->kind == EVENT_TOOL_START;
	/* up_event cannot see that what it took for text was reasoning only. */
	if (!rc && event->kind == EVENT_STOP && event->stop == STOP_END_TURN && !t->visible)
		rc = error_set(e, ERR_UP_EMPTY,
			       "the upstream's answer has no content but its reasoning");
	return rc ? rc : t->handler(t->context, event, e);
}
