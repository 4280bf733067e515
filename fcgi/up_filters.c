#include "common/base.h"
#include "fcgi/up_filters.h"

static void put_first(struct up_filters *f, event_handler *handler, void *context)
{
	f->handler = handler;
	f->context = context;
}

void up_filters_init(struct up_filters *f, const struct up_filters_options *options)
{
	const struct chat *chat = options->chat;

	put_first(f, options->handler, options->context);
	up_cut_init(&f->cut, chat, options->input_estimate, f->handler, f->context);
	if (up_cut_is_needed(chat))
		put_first(f, up_cut_event, &f->cut);
	up_format_init(&f->format, chat, options->again, f->handler, f->context);
	if (chat->format != FORMAT_TEXT)
		put_first(f, up_format_event, &f->format);
	up_forced_init(&f->forced, options->again, f->handler, f->context);
	if (up_forced_is_needed(chat))
		put_first(f, up_forced_event, &f->forced);
	up_prefill_init(&f->prefill, chat->prefill, f->handler, f->context);
	if (chat->prefill.len)
		put_first(f, up_prefill_event, &f->prefill);
	up_think_init(&f->think, chat->thinking_omitted, f->handler, f->context);
	if (options->tags)
		put_first(f, up_think_event, &f->think);
}

void up_filters_release(struct up_filters *f)
{
	up_think_release(&f->think);
	up_prefill_release(&f->prefill);
	up_forced_release(&f->forced);
	up_format_release(&f->format);
	up_cut_release(&f->cut);
}
