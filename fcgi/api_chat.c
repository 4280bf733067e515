/*
 * THE request path of all client APIs: a dialect reads, up_call carries, a turn answers.
 */
#include "common/base.h"
#include "fcgi/api.h"

#include "fcgi/booking.h"
#include "fcgi/fetch.h"
#include "fcgi/search.h"
#include "fcgi/turn.h"

/* The dialects tell an overflow in their clients' words, with our estimate; where the model refuses
 * what we hold to be short enough, it has at least one token too many. */
static void measure_overflow(struct turn *turn, const struct chat *chat, const struct model *model,
			     struct error *e)
{
	if (e->kind != ERR_CONTEXT || *e->field)
		return;
	e->window = model->window;
	e->tokens = turn_estimate(turn, chat);
	if (e->tokens <= e->window)
		e->tokens = e->window + 1;
}

static int carry(struct request *r, const struct chat *chat, const struct model *model)
{
	struct tool_names names;
	struct turn *turn = arena_alloc(&r->arena, sizeof(*turn)); /* large for a worker's stack */
	struct up_sink sink;
	struct up_call call = { .site = r->site,
				.chat = chat,
				.model = model,
				.own = r->own,
				.key = &r->key,
				.names = &names,
				.arena = &r->arena,
				.sink = &sink,
				.ledger = &r->ledger };
	int rc;

	tool_names_init(&names, &r->arena);
	turn_init(turn, r, chat, model, &names);
	sink = turn_sink(turn);

	rc = chat->search && chat->tool_choice != CHOICE_NONE ? search_run(&call, turn, &r->error)
							      : up_call_run(&call, &r->error);
	if (!rc)
		rc = turn_finish(turn, &r->error);
	if (rc) {
		measure_overflow(turn, chat, model, &r->error);
		turn_fail(turn, &r->error);
	}
	turn_account(turn);
	turn_release(turn);
	return rc;
}

/* Where the body does not name the conversation, a client's header may. Each key has names of its
 * own: two users' may be the same, and must not meet upstream in one conversation. */
static void name_conversation(struct request *r, struct chat *chat)
{
	static const char *const headers[] = { "HTTP_X_CLAUDE_CODE_SESSION_ID", "HTTP_SESSION_ID" };

	for (size_t i = 0; i < ARRAY_SIZE(headers) && !chat->conversation; i++) {
		const char *id = request_header(r, headers[i]);

		if (id && *id)
			chat->conversation = id;
	}
	if (chat->conversation)
		chat->conversation =
			arena_format(&r->arena, "%s %s", booking_id(&r->key), chat->conversation);
}

int api_chat(struct request *r)
{
	struct chat chat = { 0 };
	const struct model *model;
	size_t plain;

	if (request_json(r) || r->dialect->read(r->json, &r->arena, &chat, &r->error) ||
	    fetch_images(r->site, &r->arena, &chat, &r->error))
		return -1;
	r->ledger.kind = chat.stream ? LEDGER_STREAM : LEDGER_WHOLE;
	r->ledger.asked = chat.model;
	name_conversation(r, &chat);
	if (chat.thinking == THINKING_DEFAULT && api_asks_thinking(r, chat.model, &plain))
		chat.thinking = THINKING_ON;
	model = api_find_model(r, chat.model);
	if (!model)
		return -1;
	return carry(r, &chat, model);
}
