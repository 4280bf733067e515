#include "common/base.h"
#include "fcgi/search.h"

#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/hits.h"
#include "fcgi/tokens.h"
#include "fcgi/up_cut.h"
#include "fcgi/up_mcp.h"

#define DIRECT	  "Perform a web search for the query: "
#define CALLS_MAX 16 /* searches of one round */
#define QUERY_MAX 1024
#define LIMITED	  "too_many_requests"

/* A call of the search tool by the model, or by a request that is nothing else. */
struct use {
	const char *id;	     /* upstream's, for the conversation */
	char client_id[40];  /* "srvtoolu_..." */
	struct span input;   /* the arguments' JSON */
	const char *query;   /* NULL: there is none in it */
	const char *failure; /* error_code of the Messages API, NULL: it went well */
	struct span told;    /* to the model */
};

struct search {
	struct up_call *call;
	struct turn *turn;
	const struct chat_search *wish;
	struct chat chat; /* of this round: the client's, and what came since */
	struct use uses[CALLS_MAX];
	size_t use_count;
	const char *open; /* id of the search call that is coming in, NULL: none */
	struct buf input; /* its arguments */
	struct buf said;  /* text of this round */
	size_t shown;	  /* bytes of it that the client has got */
	bool any_visible; /* text or a call, in this answer */
	bool other_calls; /* the client's tools, in this round */
	bool stopped;	  /* this round's STOP was kept back: */
	struct event last;
	struct answer_usage usage; /* of all rounds so far */
	int64_t used;		   /* searches tried, for max_uses */
	bool limited;		   /* a search met a rate limit: no more of them */
	const struct use *unshown; /* it has failed, which the client sees when the model begins */
};

/* ---- what the model says, on its way to the client ---- */

static struct span keep(struct search *s, const struct buf *text)
{
	return (struct span){ arena_strndup(s->call->arena, text->at, text->len), text->len };
}

static const char *query_of(struct search *s, struct span input)
{
	struct error ignored = { 0 };
	cJSON *tree = json_parse(input, &ignored);
	const char *query = json_text_or(tree, "query", "");

	query = *query ? arena_strndup(s->call->arena, query, strlen(query)) : NULL;
	cJSON_Delete(tree);
	return query;
}

static struct use *add_use(struct search *s, const char *id, struct span input)
{
	struct use *use = &s->uses[s->use_count++];

	*use = (struct use){ .id = id, .input = input, .query = query_of(s, input) };
	ids_make(use->client_id, sizeof(use->client_id), "srvtoolu_", 24);
	return use;
}

/* Shows the client that a search begins. */
static int show_use(struct search *s, const struct use *use, struct error *e)
{
	const struct event event = { .kind = EVENT_SEARCH,
				     .id = use->client_id,
				     .name = s->wish->name,
				     .text = use->input };

	s->any_visible = true;
	return turn_event(s->turn, &event, e);
}

static int show_result(struct search *s, const struct use *use, const struct hits *hits,
		       struct error *e)
{
	struct event event = { .kind = EVENT_SEARCH_RESULT,
			       .id = use->client_id,
			       .name = use->query };
	struct jsonw w;
	struct buf json;
	int rc;

	buf_init(&json, LIMIT_EVENT);
	jsonw_init(&w, &json);
	if (use->failure) {
		jsonw_begin_object(&w);
		jsonw_text_member(&w, "type", "web_search_tool_result_error");
		jsonw_text_member(&w, "error_code", use->failure);
		jsonw_end(&w);
	} else {
		hits_write(hits, s->call->arena, &w);
	}
	event.text = buf_span(&json);
	rc = turn_event(s->turn, &event, e);
	buf_release(&json);
	return rc;
}

static int show_failed(struct search *s, struct error *e)
{
	const struct use *use = s->unshown;
	const struct hits none = { .count = 0 };

	s->unshown = NULL;
	return use && (show_use(s, use, e) || show_result(s, use, &none, e)) ? -1 : 0;
}

static int show_text(struct search *s, struct error *e)
{
	struct event event = { .kind = EVENT_TEXT };

	if (s->shown == s->said.len)
		return 0;
	event.text = (struct span){ s->said.at + s->shown, s->said.len - s->shown };
	s->shown = s->said.len;
	s->any_visible = true;
	return turn_event(s->turn, &event, e);
}

/* In an output format the text is to be JSON only: it is shown when no round comes behind it. */
static int take_text(struct search *s, struct span text, struct error *e)
{
	if (buf_add(&s->said, text.at, text.len))
		return error_set(e, ERR_UP_DAMAGED, "the answer is too long");
	return s->chat.format == FORMAT_TEXT ? show_text(s, e) : 0;
}

static int call_start(struct search *s, const struct event *event, struct error *e)
{
	if (strcmp(event->name, s->wish->name) != 0) {
		s->other_calls = s->any_visible = true;
		return show_text(s, e) ? -1 : turn_event(s->turn, event, e);
	}
	if (s->use_count == CALLS_MAX)
		return error_set(e, ERR_UP_DAMAGED,
				 "the model asked for more than %d searches at once", CALLS_MAX);
	s->open = arena_strndup(s->call->arena, event->id, strlen(event->id));
	buf_reset(&s->input);
	return 0;
}

static int call_end(struct search *s, struct error *e)
{
	const char *id = s->open;

	s->open = NULL;
	if (!s->input.len)
		buf_add_text(&s->input, "{}");
	return show_use(s, add_use(s, id, keep(s, &s->input)), e);
}

/* The answer's end, unless searches are waiting: then only this round's. */
static int round_stop(struct search *s, const struct event *event, struct error *e)
{
	turn_add_usage(&s->usage, &event->usage);
	s->last = *event;
	s->last.usage = s->usage;
	s->stopped = s->use_count > 0;
	if (!s->stopped)
		return show_text(s, e) ? -1 : turn_event(s->turn, &s->last, e);
	s->last.text = span_of(""); /* borrowed for this call only */
	return 0;
}

static int take(void *context, const struct event *event, struct error *e)
{
	struct search *s = context;

	if (show_failed(s, e))
		return -1;
	switch (event->kind) {
	case EVENT_TOOL_START:
		return call_start(s, event, e);
	case EVENT_TOOL_INPUT:
		if (!s->open)
			break;
		if (buf_add(&s->input, event->text.at, event->text.len))
			return error_set(e, ERR_UP_DAMAGED, "a search's arguments are too long");
		return 0;
	case EVENT_TOOL_END:
		if (s->open)
			return call_end(s, e);
		break;
	case EVENT_TEXT:
		return take_text(s, event->text, e);
	case EVENT_THINKING:
	case EVENT_SIGNATURE:
		if (s->any_visible)
			return 0; /* as in up_event.h: reasoning comes first or not at all */
		break;
	case EVENT_STOP:
		return round_stop(s, event, e);
	default:
		break;
	}
	return turn_event(s->turn, event, e);
}

/* ---- the searches ---- */

/* Why a call is not even sent, NULL: it may be. */
static const char *refusal(const struct search *s, const struct use *use)
{
	if (!use->query)
		return "invalid_tool_input";
	if (strlen(use->query) > QUERY_MAX)
		return "query_too_long";
	if (s->wish->max_uses && s->used >= s->wish->max_uses)
		return "max_uses_exceeded";
	return s->limited ? LIMITED : NULL;
}

/* -1: the client has left. */
static int ask(struct search *s, struct use *use, struct hits *hits, struct error *e)
{
	struct error failed = { 0 };

	use->failure = refusal(s, use);
	if (!use->failure) {
		s->used++;
		if (up_mcp_search(s->call, use->query, hits, &failed))
			use->failure = failed.kind == ERR_UP_RATE ? LIMITED : "unavailable";
		else
			s->usage.searches++;
		s->limited = failed.kind == ERR_UP_RATE;
	}
	if (failed.kind == ERR_GONE) {
		*e = failed;
		return -1;
	}
	if (s->wish->allowed_count)
		hits_filter(hits, s->wish->allowed, s->wish->allowed_count, true);
	if (s->wish->blocked_count)
		hits_filter(hits, s->wish->blocked, s->wish->blocked_count, false);
	use->told = use->failure ? span_of(arena_format(s->call->arena, "The web search failed: %s",
							use->failure))
				 : hits_text(hits, s->call->arena);
	return 0;
}

static int search_one(struct search *s, struct use *use, struct error *e)
{
	struct hits hits = { .count = 0 };

	return ask(s, use, &hits, e) || show_result(s, use, &hits, e) ? -1 : 0;
}

static int search_all(struct search *s, struct error *e)
{
	for (size_t i = 0; i < s->use_count; i++) {
		if (turn_flush(s->turn, e) || search_one(s, &s->uses[i], e))
			return -1;
	}
	return turn_flush(s->turn, e);
}

/* ---- the conversation ---- */

static struct message assistant_message(struct search *s)
{
	struct message m = { .role = ROLE_ASSISTANT };

	m.blocks = arena_array(s->call->arena, s->use_count + 1, sizeof(*m.blocks));
	if (s->said.len)
		m.blocks[m.block_count++] =
			(struct block){ .kind = BLOCK_TEXT, .text = keep(s, &s->said) };
	for (size_t i = 0; i < s->use_count; i++)
		m.blocks[m.block_count++] = (struct block){ .kind = BLOCK_TOOL_USE,
							    .id = s->uses[i].id,
							    .name = s->wish->name,
							    .input_json = s->uses[i].input };
	return m;
}

static struct message result_message(struct search *s)
{
	struct message m = { .role = ROLE_USER, .block_count = s->use_count };

	m.blocks = arena_array(s->call->arena, s->use_count, sizeof(*m.blocks));
	for (size_t i = 0; i < s->use_count; i++) {
		struct block *text = arena_alloc(s->call->arena, sizeof(*text));

		*text = (struct block){ .kind = BLOCK_TEXT, .text = s->uses[i].told };
		m.blocks[i] = (struct block){ .kind = BLOCK_TOOL_RESULT,
					      .id = s->uses[i].id,
					      .is_error = s->uses[i].failure != NULL,
					      .blocks = text,
					      .block_count = 1 };
	}
	return m;
}

/* The next round's conversation: this one, what the model said, and what was found. */
static void extend_chat(struct search *s)
{
	struct chat *chat = &s->chat;
	struct message *messages =
		arena_array(s->call->arena, chat->message_count + 2, sizeof(*messages));

	if (chat->message_count)
		memcpy(messages, chat->messages, chat->message_count * sizeof(*messages));
	messages[chat->message_count++] = assistant_message(s);
	messages[chat->message_count++] = result_message(s);
	chat->messages = messages;
	/* A forced call was made; forcing it again would never end. */
	if (chat->tool_choice != CHOICE_NONE)
		chat->tool_choice = CHOICE_AUTO;
	if (s->said.len) /* that was the continuation */
		chat->prefill = (struct span){ "", 0 };
}

/* max_tokens is of all rounds: the next one has what this one left. */
static bool take_tokens(struct search *s)
{
	struct token_count said = { 0 };

	if (!s->chat.max_tokens)
		return true;
	token_count_add(&said, buf_span(&s->said), 0);
	for (size_t i = 0; i < s->use_count; i++)
		token_count_add(&said, s->uses[i].input, 0);
	s->chat.max_tokens = up_cut_rest(s->chat.max_tokens, token_count_value(&said));
	return s->chat.max_tokens > 0;
}

static void begin_round(struct search *s)
{
	s->use_count = 0;
	s->open = NULL;
	s->other_calls = false;
	s->stopped = false;
	buf_reset(&s->said);
	s->shown = 0;
	s->call->chat = &s->chat;
	turn_continue(s->turn, &s->chat);
}

/* s->last says how: no round comes behind the text, unless the client asks for one. */
static int end_answer(struct search *s, struct error *e)
{
	s->last.kind = EVENT_STOP;
	s->last.usage = s->usage;
	if (s->last.stop != STOP_PAUSE_TURN && show_text(s, e))
		return -1;
	return turn_event(s->turn, &s->last, e) || turn_flush(s->turn, e) ? -1 : 0;
}

/* The same behind what the model has said and called. A result ends its turn, to whoever reads the
 * answer again: text behind it would take the client's calls from their results. */
static int end_round(struct search *s, struct error *e)
{
	return show_text(s, e) || search_all(s, e) ? -1 : end_answer(s, e);
}

/* What a request that is nothing but a search looks for; NULL: it is another. */
static const char *direct_query(const struct chat *chat, struct arena *arena)
{
	const struct block *block;
	struct span query;

	if (chat->tool_count != 1 || chat->message_count != 1 || chat->messages->block_count != 1)
		return NULL;
	block = chat->messages->blocks;
	if (block->kind != BLOCK_TEXT || block->text.len <= strlen(DIRECT) ||
	    memcmp(block->text.at, DIRECT, strlen(DIRECT)) != 0)
		return NULL;
	query = (struct span){ block->text.at + strlen(DIRECT), block->text.len - strlen(DIRECT) };
	while (query.len && strchr(" \t\r\n", query.at[query.len - 1]))
		query.len--;
	return query.len ? arena_strndup(arena, query.at, query.len) : NULL;
}

/* The search is the first that upstream is asked: until it has accepted that, or the model's part,
 * the request may still be refused by its status. */
static int search_directly(struct search *s, const char *query, struct error *e)
{
	struct hits hits = { .count = 0 };
	struct use *use;
	char id[32];
	struct buf input;
	struct jsonw w;

	ids_make(id, sizeof(id), "tooluse_", 22);
	buf_init(&input, LIMIT_TOOL_INPUT);
	jsonw_init(&w, &input);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "query", query);
	jsonw_end(&w);
	begin_round(s);
	use = add_use(s, arena_strndup(s->call->arena, id, strlen(id)), keep(s, &input));
	buf_release(&input);
	if (ask(s, use, &hits, e))
		return -1;
	if (use->failure)
		s->unshown = use;
	else if (show_use(s, use, e) || show_result(s, use, &hits, e) || turn_flush(s->turn, e))
		return -1;
	extend_chat(s);
	return 0;
}

/* What the client wanted was found, and the model has failed before its first word: the turn is not
 * at its end, and what was found stands. Only the Messages API can say so. */
static bool may_pause(const struct search *s, const struct error *e)
{
	return s->usage.searches && !s->turn->any_event && e->kind != ERR_GONE &&
	       s->turn->out.dialect == &out_anthropic;
}

static int pause_turn(struct search *s, struct error *e)
{
	log_line(LOG_WARN, "web search without a summary: %s", e->message);
	error_clear(e);
	s->usage.input += turn_estimate(s->turn, &s->chat);
	s->usage.output = 1; /* nothing, but a stream has begun with that */
	s->last.stop = STOP_PAUSE_TURN;
	return end_answer(s, e);
}

static int run_rounds(struct search *s, bool direct, struct error *e)
{
	for (int round = 1;; round++) {
		begin_round(s);
		if (up_call_run(s->call, e))
			return direct && round == 1 && may_pause(s, e) ? pause_turn(s, e) : -1;
		if (!s->stopped)
			return 0;
		if (s->other_calls || s->last.stop != STOP_TOOL_USE)
			return end_round(s, e);
		if (search_all(s, e))
			return -1;
		if (!take_tokens(s))
			s->last.stop = STOP_MAX_TOKENS;
		else if (round == SEARCH_ROUNDS)
			s->last.stop = STOP_PAUSE_TURN;
		if (s->last.stop != STOP_TOOL_USE)
			return end_answer(s, e);
		extend_chat(s);
	}
}

/* Rounds and searches keep to one account, also where the client names no conversation. */
static void name_conversation(struct search *s)
{
	char name[UUID_SIZE];

	if (s->chat.conversation)
		return;
	ids_uuid(name);
	s->chat.conversation = arena_strndup(s->call->arena, name, strlen(name));
}

int search_run(struct up_call *call, struct turn *turn, struct error *e)
{
	struct search *s = arena_alloc(call->arena, sizeof(*s)); /* large for a worker's stack */
	const struct chat *chat = call->chat;
	const char *query = direct_query(chat, call->arena);
	int rc = 0;

	*s = (struct search){ .call = call, .turn = turn, .wish = chat->search, .chat = *chat };
	buf_init(&s->input, LIMIT_TOOL_INPUT);
	buf_init(&s->said, LIMIT_ANSWER);
	turn->filter = take;
	turn->filter_context = s;
	name_conversation(s);
	if (query)
		rc = search_directly(s, query, e);
	if (!rc)
		rc = run_rounds(s, query != NULL, e);
	turn->filter = NULL;
	turn->chat = call->chat = chat; /* the rounds' own ends with this function */
	buf_release(&s->input);
	buf_release(&s->said);
	return rc;
}
