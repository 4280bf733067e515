#include "common/base.h"
#include "fcgi/up_hold.h"

#include "common/limits.h"

struct held_text {
	enum event_kind kind;
	size_t from, len;
};

void up_hold_init(struct up_hold *h)
{
	*h = (struct up_hold){ .count = 0 };
	buf_init(&h->bytes, LIMIT_ANSWER);
}

void up_hold_release(struct up_hold *h)
{
	buf_release(&h->bytes);
	free(h->items);
}

int up_hold_add(struct up_hold *h, const struct event *event, struct error *e)
{
	struct held_text *last = h->count ? &h->items[h->count - 1] : NULL;
	size_t from = h->bytes.len;

	assert(event->kind == EVENT_TEXT || event->kind == EVENT_THINKING ||
	       event->kind == EVENT_SIGNATURE);
	if (buf_add(&h->bytes, event->text.at, event->text.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
	if (last && last->kind == event->kind && event->kind != EVENT_SIGNATURE) {
		last->len += event->text.len;
		return 0;
	}
	if (h->count == h->room) {
		h->room = h->room ? h->room * 2 : 4;
		h->items = xrealloc(h->items, h->room * sizeof(*h->items));
	}
	h->items[h->count++] = (struct held_text){ event->kind, from, event->text.len };
	return 0;
}

int up_hold_hand_out(struct up_hold *h, event_handler *handler, void *context, struct error *e)
{
	int rc = 0;

	for (size_t i = 0; i < h->count && !rc; i++) {
		const struct held_text *item = &h->items[i];
		const struct event event = { .kind = item->kind,
					     .text = { h->bytes.at + item->from, item->len } };

		rc = handler(context, &event, e);
	}
	h->count = 0;
	buf_reset(&h->bytes);
	return rc;
}

void up_hold_take_text(struct up_hold *h, struct buf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->count; i++) {
		const struct held_text item = h->items[i];

		if (item.kind == EVENT_TEXT)
			buf_add(out, h->bytes.at + item.from, item.len);
		else
			h->items[kept++] = item;
	}
	h->count = kept;
}
