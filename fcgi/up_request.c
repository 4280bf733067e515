/*
 * {"conversationState": {
 *     "chatTriggerType": "MANUAL", "conversationId", "agentContinuationId", "agentTaskType":
 * "vibe", "history": [ {"userInputMessage": {...}}, {"assistantResponseMessage": {"content",
 *                  "toolUses": [{"toolUseId", "name", "input": {}}]}}, ... ],
 *     "currentMessage": {"userInputMessage": {"content", "images": [{"format", "source":
 *          {"bytes"}}], "userInputMessageContext": {
 *              "toolResults": [{"toolUseId", "content": [{"text"}], "status"}],
 *              "tools": [{"toolSpecification": {"name", "description", "inputSchema": {"json"}}}]},
 *          "modelId", "origin"}}},
 *  "additionalModelRequestFields": {}, "agentMode", "profileArn"}
 *
 * Tools stand in the current message only. Empty arrays and nulls are left out: both have been
 * refused as "Improperly formed request.".
 */
#include "common/base.h"
#include "fcgi/up_request.h"

#include "common/ids.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/signature.h"
#include "fcgi/up_check.h"
#include "fcgi/up_documents.h"
#include "fcgi/up_tools.h"
#include "fcgi/up_turns.h"
#include "fcgi/up_wishes.h"

#define NO_RESULT      "The client sent no result for this tool call."
#define NO_OUTPUT      "(no output)"
#define NO_TEXT	       "(start of conversation)"
#define EMPTY_TURN     "(empty message)"
#define SEED_TEXT      1000 /* bytes of a text that tell it from others */
#define IMAGE_LEFT_OUT "[image left out: only the latest %d images are sent]"

#define THINKING_TOKENS	    20000
#define THINKING_TOKENS_MIN 1024
#define NATIVE_LIMIT_MIN    1024
#define THINKING_TOKENS_MAX 24576

struct writer {
	const struct chat *chat;
	const struct model *model;
	const struct up_request_options *options;
	struct tool_names *names;
	struct arena *arena;
	struct up_turns turns;
	struct up_tools tools;
	size_t images_dropped; /* so many of the oldest */
	struct jsonw w;
	bool any; /* the text being written has a piece already */
};

bool up_request_uses_tags(const struct chat *chat, const struct model *model)
{
	return chat->thinking == THINKING_ON &&
	       (model->reasoning == REASONING_NONE || model->reasoning == REASONING_SPARED);
}

static int64_t tag_budget(const struct chat *chat)
{
	static const int64_t efforts[] = {
		[EFFORT_DEFAULT] = THINKING_TOKENS,
		[EFFORT_LOW] = 4096,
		[EFFORT_MEDIUM] = 10000,
		[EFFORT_HIGH] = THINKING_TOKENS,
		[EFFORT_XHIGH] = THINKING_TOKENS_MAX,
		[EFFORT_MAX] = THINKING_TOKENS_MAX,
	};
	int64_t budget = chat->thinking_budget ? chat->thinking_budget : efforts[chat->effort];

	if (budget < THINKING_TOKENS_MIN)
		return THINKING_TOKENS_MIN;
	return budget > THINKING_TOKENS_MAX ? THINKING_TOKENS_MAX : budget;
}

/* Pieces of one text stand apart by a separator. */
static void piece(struct writer *r, const char *separator, struct span text)
{
	if (!text.len)
		return;
	if (r->any)
		jsonw_add_text(&r->w, span_of(separator));
	jsonw_add_text(&r->w, text);
	r->any = true;
}

static void paragraph(struct writer *r, struct span text)
{
	piece(r, "\n\n", text);
}

static void write_system(struct writer *r)
{
	char text[128];

	if (up_request_uses_tags(r->chat, r->model)) {
		snprintf(text, sizeof(text),
			 "<thinking_mode>enabled</thinking_mode><max_thinking_length>%" PRId64
			 "</max_thinking_length>",
			 tag_budget(r->chat));
		paragraph(r, span_of(text));
	}
	paragraph(r, r->chat->system);
	for (size_t i = 0; i < r->tools.count; i++) {
		const char *rest = up_tools_rest(&r->tools.items[i]);

		if (!*rest)
			continue;
		snprintf(text, sizeof(text),
			 "The rest of the description of the tool %s:", r->tools.items[i].name);
		paragraph(r, span_of(text));
		piece(r, "\n", span_of(rest));
	}
}

static bool image_is_sent(const struct writer *r, const struct up_turn *turn, size_t nth)
{
	return turn->image_first + nth >= r->images_dropped;
}

/* The nth image of a turn, counted as in up_turns.h; numbers count those that are sent. */
static void image_label(struct writer *r, const struct up_turn *turn, size_t nth,
			const char *separator)
{
	size_t number = nth + 1;
	char text[128];

	if (image_is_sent(r, turn, nth)) {
		if (r->images_dropped > turn->image_first)
			number -= r->images_dropped - turn->image_first;
		snprintf(text, sizeof(text), "[image %zu attached]", number);
	} else {
		snprintf(text, sizeof(text), IMAGE_LEFT_OUT, LIMIT_IMAGES);
	}
	piece(r, separator, span_of(text));
}

static void document_label(struct writer *r, const struct block *document, const char *separator)
{
	struct span label;

	up_documents_label(r->chat, document, r->arena, &label);
	piece(r, separator, label);
}

static void result_part(struct writer *r, const struct up_turn *turn, const struct block *part,
			size_t *image)
{
	if (part->kind == BLOCK_IMAGE)
		image_label(r, turn, (*image)++, "\n");
	else if (part->kind == BLOCK_DOCUMENT)
		document_label(r, part, "\n");
	else
		piece(r, "\n", part->text);
}

/* A result whose call is not in the turn before, or has another: told as text. */
static void write_orphan(struct writer *r, const struct up_turn *turn, const struct block *result,
			 size_t *image)
{
	const char *of = "a tool call that is not in this conversation";
	const char *what = result->is_error ? "error" : "result";
	size_t call;

	if (text_map_get(&r->turns.client_ids, result->id, &call) &&
	    call < turn->call_first + turn->call_count)
		of = arena_format(r->arena, "an earlier call of the tool %s",
				  tool_names_add(r->names, r->turns.calls[call].use->name));
	paragraph(r, span_of(arena_format(r->arena, "[%s of %s]", what, of)));
	for (size_t i = 0; i < result->block_count; i++)
		result_part(r, turn, &result->blocks[i], image);
}

/* Its name says enough; only what else there is to say of it is said. */
static void user_document(struct writer *r, const struct block *document)
{
	if (document->context || !up_documents_is_sent(r->chat, document))
		document_label(r, document, "\n\n");
}

/* A turn must say something, unless it answers calls. */
static void write_filler(struct writer *r, const struct up_turn *turn)
{
	for (size_t i = 0; i < turn->image_count; i++)
		image_label(r, turn, i, "\n");
	for (size_t i = 0; i < turn->block_count; i++) {
		const struct block *block = r->turns.blocks[turn->block_first + i];

		if (block->kind == BLOCK_DOCUMENT)
			document_label(r, block, "\n");
	}
	if (!r->any)
		paragraph(r, span_of(turn == r->turns.items ? NO_TEXT : EMPTY_TURN));
}

static void write_user_text(struct writer *r, const struct up_turn *turn)
{
	size_t image = turn->result_images;

	jsonw_begin_text(&r->w);
	r->any = false;
	if (turn == r->turns.items)
		write_system(r);
	for (size_t i = 0; i < turn->block_count; i++) {
		const struct block *block = r->turns.blocks[turn->block_first + i];

		if (block->kind == BLOCK_TEXT)
			paragraph(r, block->text);
		else if (block->kind == BLOCK_TOOL_RESULT)
			write_orphan(r, turn, block, &image);
		else if (block->kind == BLOCK_DOCUMENT)
			user_document(r, block);
		else if (!image_is_sent(r, turn, image++))
			image_label(r, turn, image - 1, "\n\n");
	}
	if (!r->any && !turn->call_count)
		write_filler(r, turn);
	jsonw_end_text(&r->w);
}

static void write_image(struct writer *r, const struct up_turn *turn, const struct block *image,
			size_t nth)
{
	if (!image_is_sent(r, turn, nth))
		return;
	jsonw_begin_object(&r->w);
	jsonw_text_member(&r->w, "format", image->format);
	jsonw_begin_object_member(&r->w, "source");
	jsonw_key(&r->w, "bytes");
	/* base64 was checked: nothing to escape */
	jsonw_begin_text(&r->w);
	buf_add(r->w.out, image->text.at, image->text.len);
	jsonw_end_text(&r->w);
	jsonw_end(&r->w);
	jsonw_end(&r->w);
}

static size_t write_block_images(struct writer *r, const struct up_turn *turn,
				 const struct block *block, size_t nth)
{
	if (block->kind == BLOCK_IMAGE)
		write_image(r, turn, block, nth++);
	for (size_t i = 0; i < block->block_count; i++) {
		if (block->blocks[i].kind == BLOCK_IMAGE)
			write_image(r, turn, &block->blocks[i], nth++);
	}
	return nth;
}

static void write_images(struct writer *r, const struct up_turn *turn)
{
	size_t nth = 0;

	if (!turn->image_count || !image_is_sent(r, turn, turn->image_count - 1))
		return;
	jsonw_begin_array_member(&r->w, "images");
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct block *result = r->turns.calls[turn->call_first + i].result;

		if (result)
			nth = write_block_images(r, turn, result, nth);
	}
	for (size_t i = 0; i < turn->block_count; i++)
		nth = write_block_images(r, turn, r->turns.blocks[turn->block_first + i], nth);
	jsonw_end(&r->w);
}

static void write_result_text(struct writer *r, const struct up_turn *turn,
			      const struct block *result, size_t *image)
{
	jsonw_begin_text(&r->w);
	r->any = false;
	for (size_t i = 0; result && i < result->block_count; i++)
		result_part(r, turn, &result->blocks[i], image);
	if (!r->any)
		piece(r, "\n", span_of(result ? NO_OUTPUT : NO_RESULT));
	jsonw_end_text(&r->w);
}

/* In the order of the calls, because images follow it. */
static void write_results(struct writer *r, const struct up_turn *turn)
{
	size_t image = 0;

	jsonw_begin_array_member(&r->w, "toolResults");
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct up_call *call = &r->turns.calls[turn->call_first + i];

		if (!call->result)
			log_line(LOG_INFO, "tool call %.64s has no result: told upstream so",
				 call->id);
		jsonw_begin_object(&r->w);
		jsonw_text_member(&r->w, "toolUseId", call->id);
		jsonw_begin_array_member(&r->w, "content");
		jsonw_begin_object(&r->w);
		jsonw_key(&r->w, "text");
		write_result_text(r, turn, call->result, &image);
		jsonw_end(&r->w);
		jsonw_end(&r->w);
		jsonw_text_member(&r->w, "status",
				  call->result && !call->result->is_error ? "success" : "error");
		jsonw_end(&r->w);
	}
	jsonw_end(&r->w);
}

static void write_context(struct writer *r, const struct up_turn *turn, bool current)
{
	bool tools = current && r->tools.count;

	if (!turn->call_count && !tools)
		return;
	jsonw_begin_object_member(&r->w, "userInputMessageContext");
	if (turn->call_count)
		write_results(r, turn);
	if (tools)
		up_tools_write(&r->tools, &r->w);
	jsonw_end(&r->w);
}

static void write_user(struct writer *r, const struct up_turn *turn, bool current)
{
	jsonw_begin_object_member(&r->w, "userInputMessage");
	jsonw_key(&r->w, "content");
	write_user_text(r, turn);
	write_images(r, turn);
	up_documents_write(&r->w, r->chat, &r->turns, turn);
	write_context(r, turn, current);
	jsonw_text_member(&r->w, "modelId", r->model->id);
	jsonw_text_member(&r->w, "origin", r->options->origin);
	jsonw_end(&r->w);
}

static void write_input(struct writer *r, const struct block *use)
{
	jsonw_key(&r->w, "input");
	if (use->input)
		jsonw_tree(&r->w, use->input);
	else
		jsonw_raw(&r->w, use->input_json.len ? use->input_json : span_of("{}"));
}

/* Models go on better with what they thought before they called a tool. Only of the loop that is
 * running, and only what upstream signed: it refuses anything else. */
static void write_reasoning(struct writer *r, const struct up_turn *turn)
{
	const struct block *thinking = turn->thinking;

	if (!r->options->reasoning || r->model->reasoning != REASONING_CLAUDE ||
	    r->chat->thinking == THINKING_OFF || turn < &r->turns.items[r->turns.loop_first] ||
	    !thinking || !signature_is_upstreams(thinking->text, thinking->signature))
		return;
	jsonw_begin_object_member(&r->w, "reasoningContent");
	jsonw_begin_object_member(&r->w, "reasoningText");
	jsonw_key(&r->w, "text");
	jsonw_span(&r->w, thinking->text);
	jsonw_text_member(&r->w, "signature", thinking->signature);
	jsonw_end(&r->w);
	jsonw_end(&r->w);
	if (r->options->sent_reasoning)
		*r->options->sent_reasoning = true;
}

static void write_assistant(struct writer *r, const struct up_turn *turn)
{
	jsonw_begin_object_member(&r->w, "assistantResponseMessage");
	jsonw_key(&r->w, "content");
	jsonw_begin_text(&r->w);
	r->any = false;
	for (size_t i = 0; i < turn->block_count; i++)
		paragraph(r, r->turns.blocks[turn->block_first + i]->text);
	jsonw_end_text(&r->w);
	write_reasoning(r, turn);
	if (turn->call_count)
		jsonw_begin_array_member(&r->w, "toolUses");
	for (size_t i = 0; i < turn->call_count; i++) {
		const struct up_call *call = &r->turns.calls[turn->call_first + i];

		jsonw_begin_object(&r->w);
		jsonw_text_member(&r->w, "toolUseId", call->id);
		jsonw_text_member(&r->w, "name", tool_names_add(r->names, call->use->name));
		write_input(r, call->use);
		jsonw_end(&r->w);
	}
	if (turn->call_count)
		jsonw_end(&r->w);
	jsonw_end(&r->w);
}

static void write_turns(struct writer *r)
{
	const size_t last = r->turns.count - 1;

	if (last)
		jsonw_begin_array_member(&r->w, "history");
	for (size_t i = 0; i < last; i++) {
		const struct up_turn *turn = &r->turns.items[i];

		jsonw_begin_object(&r->w);
		if (turn->role == ROLE_USER)
			write_user(r, turn, false);
		else
			write_assistant(r, turn);
		jsonw_end(&r->w);
	}
	if (last)
		jsonw_end(&r->w);
	jsonw_begin_object_member(&r->w, "currentMessage");
	write_user(r, &r->turns.items[last], true);
	jsonw_end(&r->w);
}

/* NULL: the client wishes none, or the model knows none. A wish for less never becomes "none",
 * which would switch the reasoning off. */
static const char *effort_name(const struct writer *r)
{
	static const enum model_effort efforts[] = {
		[EFFORT_LOW] = MODEL_EFFORT_LOW,   [EFFORT_MEDIUM] = MODEL_EFFORT_MEDIUM,
		[EFFORT_HIGH] = MODEL_EFFORT_HIGH, [EFFORT_XHIGH] = MODEL_EFFORT_XHIGH,
		[EFFORT_MAX] = MODEL_EFFORT_MAX,
	};
	struct model without_none = *r->model;

	if (r->chat->effort == EFFORT_DEFAULT)
		return NULL;
	without_none.efforts &= ~(1u << MODEL_EFFORT_NONE);
	return models_effort(&without_none, efforts[r->chat->effort]);
}

/* The upstream then stops by itself, and bills no more than that. 0: it has no such field, or not
 * for so little; up_cut.c keeps the limit all the same. What the model thinks counts here, so that
 * a short answer's limit would leave nothing to be said. */
static int64_t native_limit(const struct writer *r)
{
	const struct model *m = r->model;
	const int64_t wish = r->chat->max_tokens;

	if (!m->limit_max || wish < NATIVE_LIMIT_MIN || wish < m->limit_min)
		return 0;
	return wish < m->limit_max ? wish : m->limit_max;
}

static void write_claude_reasoning(struct writer *r)
{
	const enum thinking thinking = r->chat->thinking;
	const bool off = thinking == THINKING_OFF && !r->model->always_thinks;
	const char *effort = effort_name(r);
	const int64_t limit = native_limit(r);

	if (thinking != THINKING_ON && !off && !effort && !limit)
		return;
	jsonw_begin_object_member(&r->w, "additionalModelRequestFields");
	if (thinking == THINKING_ON || off) {
		jsonw_begin_object_member(&r->w, "thinking");
		jsonw_text_member(&r->w, "type", off ? "disabled" : "adaptive");
		if (!off)
			jsonw_text_member(&r->w, "display",
					  r->chat->thinking_omitted ? "omitted" : "summarized");
		jsonw_end(&r->w);
	}
	if (effort) {
		jsonw_begin_object_member(&r->w, "output_config");
		jsonw_text_member(&r->w, "effort", effort);
		jsonw_end(&r->w);
	}
	if (limit)
		jsonw_int_member(&r->w, "max_tokens", limit);
	jsonw_end(&r->w);
}

static void write_gpt_reasoning(struct writer *r)
{
	const char *effort = r->chat->thinking == THINKING_OFF
				     ? models_effort(r->model, MODEL_EFFORT_NONE)
				     : effort_name(r);

	if (!effort)
		return;
	jsonw_begin_object_member(&r->w, "additionalModelRequestFields");
	jsonw_begin_object_member(&r->w, "reasoning");
	jsonw_text_member(&r->w, "effort", effort);
	jsonw_end(&r->w);
	jsonw_end(&r->w);
}

static void write_root(struct writer *r)
{
	const struct up_request_options *options = r->options;

	jsonw_begin_object(&r->w);
	jsonw_begin_object_member(&r->w, "conversationState");
	jsonw_text_member(&r->w, "chatTriggerType", "MANUAL");
	jsonw_text_member(&r->w, "conversationId", options->conversation_id);
	jsonw_text_member(&r->w, "agentContinuationId", options->continuation_id);
	jsonw_text_member(&r->w, "agentTaskType", "vibe");
	write_turns(r);
	jsonw_end(&r->w);
	if (r->model->reasoning == REASONING_CLAUDE)
		write_claude_reasoning(r);
	else if (r->model->reasoning == REASONING_GPT)
		write_gpt_reasoning(r);
	if (options->agent_mode)
		jsonw_text_member(&r->w, "agentMode", options->agent_mode);
	if (options->profile_arn)
		jsonw_text_member(&r->w, "profileArn", options->profile_arn);
	jsonw_end(&r->w);
}

/* Its number alone would not do: a client's session may hold several conversations. */
void up_request_continuation(const struct chat *chat, const char *conversation,
			     char out[static UUID_SIZE])
{
	const size_t at = up_turns_loop(chat);
	const struct message *m = at ? &chat->messages[at - 1] : NULL;
	char room[KB(4)];
	struct buf seed;

	buf_init_in(&seed, room, sizeof(room));
	buf_add_format(&seed, "%s %zu", conversation, at);
	for (size_t i = 0; m && i < m->block_count; i++) {
		struct span text = m->blocks[i].text;

		if (m->blocks[i].kind != BLOCK_TEXT)
			continue;
		buf_add_format(&seed, " %zu ", text.len);
		buf_add(&seed, text.at, text.len < SEED_TEXT ? text.len : SEED_TEXT);
	}
	ids_uuid_from(seed.at, out);
}

int up_request_write(const struct chat *chat, const struct model *model,
		     const struct up_request_options *options, struct tool_names *names,
		     struct arena *arena, struct buf *body, struct error *e)
{
	struct writer r = {
		.chat = up_wishes_add(chat, options->again, names, arena),
		.model = model,
		.options = options,
		.names = names,
		.arena = arena,
	};

	if (up_documents_check(chat, options->documents, e) || up_check_chat(r.chat, model, e) ||
	    up_turns_plan(&r.turns, r.chat, arena, e) ||
	    up_tools_plan(&r.tools, r.chat, &r.turns, names, arena, e))
		return -1;
	if (r.turns.image_count > LIMIT_IMAGES) {
		r.images_dropped = r.turns.image_count - LIMIT_IMAGES;
		log_line(LOG_INFO, "%zu oldest images left out: upstream takes %d",
			 r.images_dropped, LIMIT_IMAGES);
	}
	jsonw_init(&r.w, body);
	write_root(&r);
	if (body->failed)
		return error_set(e, ERR_TOO_LARGE, "Request exceeds the maximum size");
	return 0;
}
