#include "common/base.h"
#include "fcgi/up_forced.h"

#include "common/log.h"

bool up_forced_is_needed(const struct chat *chat)
{
	return chat->tool_choice == CHOICE_ANY || chat->tool_choice == CHOICE_TOOL;
}

void up_forced_init(struct up_forced *f, struct up_again *again, event_handler *handler,
		    void *context)
{
	*f = (struct up_forced){ .again = again, .handler = handler, .context = context };
	up_hold_init(&f->hold);
}

void up_forced_release(struct up_forced *f)
{
	up_hold_release(&f->hold);
}

static int unmet(struct up_forced *f, struct error *e)
{
	up_hold_take_text(&f->hold, &f->again->answer);
	buf_add_text(&f->again->words, "Your answer calls no tool.");
	return error_set(e, ERR_UP_UNMET, "the upstream's answer calls no tool");
}

int up_forced_event(void *context, const struct event *event, struct error *e)
{
	struct up_forced *f = context;
	int rc = 0;

	if (!f->called && event->kind != EVENT_TOOL_START && event->kind != EVENT_STOP)
		return up_hold_add(&f->hold, event, e);
	f->called |= event->kind == EVENT_TOOL_START;
	if (!f->called && event->stop == STOP_END_TURN) {
		if (f->again)
			return unmet(f, e);
		log_line(LOG_WARN, "the answer calls no tool, though tool_choice asks for it");
	}
	rc = up_hold_hand_out(&f->hold, f->handler, f->context, e);
	return rc ? rc : f->handler(f->context, event, e);
}
