#include "common/base.h"
#include "tests/fuzz/contract.h"

#include "common/json.h"
#include "tests/fuzz/fuzz.h"

/* One event of a stream: "event: NAME" where there is one, then one line of data. */
struct sse {
	struct span name, data;
};

static bool take_prefix(struct span *line, const char *prefix)
{
	size_t len = strlen(prefix);

	if (line->len < len || memcmp(line->at, prefix, len) != 0)
		return false;
	line->at += len;
	line->len -= len;
	return true;
}

/* False at the end. Comments are skipped. */
static bool next_event(struct span *wire, struct sse *out)
{
	struct span line;

	*out = (struct sse){ .name = span_of("") };
	while (fuzz_line(wire, &line)) {
		if (take_prefix(&line, "event: ")) {
			out->name = line;
		} else if (take_prefix(&line, "data: ")) {
			fuzz_require(!out->data.at, "4: data in two lines");
			out->data = line;
		} else if (line.len && *line.at != ':') {
			fuzz_require(false, "a line that is no SSE: %.*s", (int)line.len, line.at);
		} else if (!line.len && out->data.at) {
			return true;
		}
	}
	fuzz_require(!out->data.at, "an event that is not ended");
	return false;
}

/* Of one line and strict JSON; the caller deletes it. */
static cJSON *parse(const struct sse *event)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *tree = json_parse(event->data, &e);

	fuzz_require(cJSON_IsObject(tree), "4: %s: %.*s", e.message, (int)event->data.len,
		     event->data.at);
	return tree;
}

static const cJSON *at(const cJSON *from, const char *a, const char *b)
{
	return json_member(json_member(from, a), b);
}

static const char *text_at(const cJSON *from, const char *a, const char *b)
{
	const cJSON *found = at(from, a, b);

	return cJSON_IsString(found) ? found->valuestring : "";
}

static void require_object(struct buf *input, const char *what)
{
	struct span text = input->len ? buf_span(input) : span_of("{}");

	fuzz_require(json_is_object(text), "%s: arguments %s", what, input->at);
	buf_reset(input);
}

/* ---- Messages ---- */

struct messages {
	int next, open;	 /* block numbers; open -1: none */
	char kind[32];	 /* of the open block */
	struct buf text; /* its deltas */
	struct buf *said;
	bool started, visible, called, signed_off, delta, stopped, failed;
};

static void on_block_start(struct messages *m, const cJSON *json)
{
	const cJSON *block = json_member(json, "content_block");
	const char *kind = json_text_or(block, "type", "");

	fuzz_require(m->open < 0, "18: a block inside a block");
	fuzz_require((int)json_number_or(json, "index", -1) == m->next, "18: block numbers");
	m->open = m->next++;
	snprintf(m->kind, sizeof(m->kind), "%s", kind);
	m->signed_off = false;
	buf_reset(&m->text);
	if (strcmp(kind, "thinking") == 0)
		fuzz_require(!m->visible, "24, 25: thinking behind text or a call");
	else if (strcmp(kind, "redacted_thinking") != 0)
		m->visible = true;
	if (strcmp(kind, "tool_use") == 0) {
		const cJSON *input = json_member(block, "input");
		const char *id = json_text_or(block, "id", "");

		fuzz_require(cJSON_IsObject(input) && !input->child, "20: input at the start");
		fuzz_require(*json_text_or(block, "name", ""), "20: name");
		fuzz_require(*id && strlen(id) <= 64 &&
				     strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrst"
						"uvwxyz0123456789_-") == strlen(id),
			     "30: id %s", id);
	} else if (strcmp(kind, "text") == 0) {
		fuzz_require(!*json_text_or(block, "text", "?"), "20: text at the start");
	} else {
		fuzz_require(strcmp(kind, "thinking") == 0, "22: block %s", kind);
		fuzz_require(!*json_text_or(block, "thinking", "?"), "20: thinking at the start");
	}
}

static void on_block_delta(struct messages *m, const cJSON *json)
{
	static const struct {
		const char *kind, *delta, *member;
	} known[] = {
		{ "text", "text_delta", "text" },
		{ "thinking", "thinking_delta", "thinking" },
		{ "thinking", "signature_delta", "signature" },
		{ "tool_use", "input_json_delta", "partial_json" },
	};
	const char *type = text_at(json, "delta", "type");

	fuzz_require((int)json_number_or(json, "index", -1) == m->open, "18: delta of no block");
	fuzz_require(!m->signed_off, "24: the signature is last");
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		const char *text = text_at(json, "delta", known[i].member);

		if (strcmp(type, known[i].delta) != 0 || strcmp(m->kind, known[i].kind) != 0)
			continue;
		fuzz_require(*text || i == 3, "23: an empty %s", type);
		m->signed_off = i == 2;
		if (i != 2)
			buf_add_text(&m->text, text);
		if (i == 0)
			buf_add_text(m->said, text);
		return;
	}
	fuzz_require(false, "22: %s in a block of %s", type, m->kind);
}

static void on_block_stop(struct messages *m, const cJSON *json)
{
	fuzz_require((int)json_number_or(json, "index", -1) == m->open, "18: stop of no block");
	if (strcmp(m->kind, "text") == 0)
		fuzz_require(m->text.len, "23: an empty text block");
	if (strcmp(m->kind, "thinking") == 0)
		fuzz_require(m->signed_off, "24: no signature");
	if (strcmp(m->kind, "tool_use") == 0) {
		require_object(&m->text, "21");
		m->called = true;
	}
	m->open = -1;
}

static void on_message_delta(struct messages *m, const cJSON *json)
{
	const char *reason = text_at(json, "delta", "stop_reason");

	fuzz_require(m->open < 0, "19: an open block");
	fuzz_require(!m->delta, "26: message_delta twice");
	fuzz_require(*reason, "26: no stop_reason");
	fuzz_require(cJSON_GetObjectItemCaseSensitive(json_member(json, "delta"), "stop_sequence"),
		     "26: no stop_sequence");
	fuzz_require(json_number_or(json_member(json, "usage"), "output_tokens", 0) >= 1,
		     "26: output_tokens");
	if (strcmp(reason, "tool_use") == 0)
		fuzz_require(m->called, "28: tool_use without a call");
	else if (m->called)
		fuzz_require(strcmp(reason, "max_tokens") == 0, "28: %s with a call", reason);
	m->delta = true;
}

static void on_message_event(struct messages *m, const char *type, const cJSON *json)
{
	fuzz_require(!m->stopped && !m->failed, "%s behind the end", type);
	fuzz_require(m->started == (strcmp(type, "message_start") != 0), "17: %s first", type);
	if (strcmp(type, "message_start") == 0) {
		const cJSON *usage = at(json, "message", "usage");

		m->started = true;
		fuzz_require(json_number_or(usage, "input_tokens", -1) >= 0, "17: input_tokens");
	} else if (strcmp(type, "content_block_start") == 0) {
		on_block_start(m, json);
	} else if (strcmp(type, "content_block_delta") == 0) {
		on_block_delta(m, json);
	} else if (strcmp(type, "content_block_stop") == 0) {
		on_block_stop(m, json);
	} else if (strcmp(type, "message_delta") == 0) {
		on_message_delta(m, json);
	} else if (strcmp(type, "message_stop") == 0) {
		fuzz_require(m->delta, "26: message_stop without message_delta");
		m->stopped = true;
	} else if (strcmp(type, "error") == 0) {
		fuzz_require(!m->delta, "11: an error behind a good ending");
		fuzz_require(*text_at(json, "error", "type") && *text_at(json, "error", "message"),
			     "33: error");
		m->failed = true;
	} else {
		fuzz_require(strcmp(type, "ping") == 0, "22: event %s", type);
	}
}

void contract_messages(struct span wire, enum contract_end end, struct buf *said)
{
	struct messages m = { .open = -1, .said = said };
	struct sse event;

	buf_init(&m.text, wire.len + 1);
	while (next_event(&wire, &event)) {
		cJSON *json = parse(&event);
		const char *type = json_text_or(json, "type", "");

		fuzz_require(span_is(event.name, type), "16: %.*s over %s", (int)event.name.len,
			     event.name.at, type);
		on_message_event(&m, type, json);
		cJSON_Delete(json);
	}
	fuzz_require(m.stopped == (end == CONTRACT_GOOD), "26: message_stop");
	fuzz_require(m.failed == (end == CONTRACT_FAILED), "11: error event");
	buf_release(&m.text);
}

/* ---- Chat Completions ---- */

struct completion {
	int calls; /* so far */
	struct buf arguments, *said;
	bool begun, finished, done, failed, content;
	char id[64];
};

static void on_calls(struct completion *c, const cJSON *calls)
{
	const cJSON *call;

	cJSON_ArrayForEach (call, calls) {
		int index = (int)json_number_or(call, "index", -1);
		const cJSON *what = json_member(call, "function");

		fuzz_require(index == c->calls || index == c->calls - 1, "38: index %d", index);
		if (index == c->calls) {
			if (c->calls++)
				require_object(&c->arguments, "38");
			fuzz_require(*json_text_or(call, "id", "") &&
					     *json_text_or(call, "type", "") &&
					     *json_text_or(what, "name", ""),
				     "38: the first piece of a call");
		}
		buf_add_text(&c->arguments, json_text_or(what, "arguments", ""));
	}
	c->content = true;
}

static void on_choice(struct completion *c, const cJSON *choice)
{
	const cJSON *delta = json_member(choice, "delta");
	const char *finish = json_text_or(choice, "finish_reason", "");

	if (!c->begun)
		fuzz_require(strcmp(json_text_or(delta, "role", ""), "assistant") == 0, "36: role");
	c->begun = true;
	fuzz_require(!c->finished, "39: a choice behind finish_reason");
	if (*json_text_or(delta, "reasoning_content", ""))
		fuzz_require(!c->content, "42: reasoning behind content");
	if (*json_text_or(delta, "content", ""))
		c->content = true;
	buf_add_text(c->said, json_text_or(delta, "content", ""));
	if (json_member(delta, "tool_calls"))
		on_calls(c, json_member(delta, "tool_calls"));
	if (!*finish)
		return;
	c->finished = true;
	fuzz_require(!delta || !delta->child, "39: finish_reason beside content");
	if (c->calls)
		require_object(&c->arguments, "38");
	if (strcmp(finish, "tool_calls") == 0)
		fuzz_require(c->calls, "39: tool_calls without calls");
	else
		fuzz_require(!c->calls || strcmp(finish, "length") == 0, "39: %s with calls",
			     finish);
}

static void on_chunk(struct completion *c, const cJSON *json)
{
	const char *id = json_text_or(json, "id", "");
	const cJSON *choice;

	if (json_member(json, "error")) {
		fuzz_require(!c->finished, "11: an error behind a good ending");
		fuzz_require(*text_at(json, "error", "message"), "an error that says nothing");
		c->failed = true;
		return;
	}
	fuzz_require(!c->failed, "11: a chunk behind the error");
	fuzz_require(strcmp(json_text_or(json, "object", ""), "chat.completion.chunk") == 0,
		     "37: object");
	if (!*c->id)
		snprintf(c->id, sizeof(c->id), "%s", id);
	fuzz_require(*id && strcmp(id, c->id) == 0, "37: id %s", id);
	fuzz_require(cJSON_IsArray(json_member(json, "choices")), "36: choices");
	cJSON_ArrayForEach (choice, json_member(json, "choices"))
		on_choice(c, choice);
}

void contract_chat(struct span wire, enum contract_end end, struct buf *said)
{
	struct completion c = { .said = said };
	struct sse event;

	buf_init(&c.arguments, wire.len + 1);
	while (next_event(&wire, &event)) {
		cJSON *json;

		fuzz_require(!event.name.len, "41: an event line");
		fuzz_require(!c.done, "41: data behind [DONE]");
		if (span_is(event.data, "[DONE]")) {
			c.done = true;
			continue;
		}
		json = parse(&event);
		on_chunk(&c, json);
		cJSON_Delete(json);
	}
	fuzz_require(c.done == (end == CONTRACT_GOOD), "41: [DONE]");
	fuzz_require(c.finished == (end == CONTRACT_GOOD), "39: finish_reason");
	fuzz_require(c.failed == (end == CONTRACT_FAILED), "11: error");
	buf_release(&c.arguments);
}

/* ---- Responses ---- */

struct responses {
	int sequence, next, open, done;
	const char *terminal;
};

static void on_terminal(const struct responses *r, const cJSON *json)
{
	const cJSON *usage = at(json, "response", "usage");

	fuzz_require(cJSON_GetArraySize(at(json, "response", "output")) == r->done,
		     "45: output is not the done items");
	if (strcmp(r->terminal, "response.failed") == 0) {
		const cJSON *error = at(json, "response", "error");

		fuzz_require(*json_text_or(error, "code", "") &&
				     *json_text_or(error, "message", ""),
			     "49: error");
		return;
	}
	fuzz_require(r->open < 0, "45: an open item");
	fuzz_require(json_number_or(usage, "input_tokens", -1) +
				     json_number_or(usage, "output_tokens", -1) ==
			     json_number_or(usage, "total_tokens", -3),
		     "47: usage");
}

static void on_response_event(struct responses *r, const char *type, const cJSON *json)
{
	static const char *const terminals[] = { "response.completed", "response.incomplete",
						 "response.failed" };
	const int index = (int)json_number_or(json, "output_index", -1);

	fuzz_require(!r->terminal, "44: %s behind the end", type);
	fuzz_require((int)json_number_or(json, "sequence_number", -1) == r->sequence++,
		     "43: sequence_number");
	fuzz_require((r->sequence == 1) == (strcmp(type, "response.created") == 0),
		     "44: response.created first and once");
	if (strcmp(type, "response.output_item.added") == 0) {
		fuzz_require(r->open < 0 && index == r->next, "45: item %d", index);
		r->open = r->next++;
	} else if (index >= 0) {
		fuzz_require(index == r->open, "45: %s of item %d", type, index);
	}
	if (strcmp(type, "response.output_item.done") == 0) {
		r->open = -1;
		r->done++;
	}
	for (size_t i = 0; i < ARRAY_SIZE(terminals); i++) {
		if (strcmp(type, terminals[i]) == 0)
			r->terminal = terminals[i];
	}
	if (r->terminal)
		on_terminal(r, json);
}

void contract_responses(struct span wire, enum contract_end end, struct buf *said)
{
	struct responses r = { .open = -1 };
	struct sse event;

	while (next_event(&wire, &event)) {
		cJSON *json = parse(&event);
		const char *type = json_text_or(json, "type", "");

		fuzz_require(span_is(event.name, type), "43: %.*s over %s", (int)event.name.len,
			     event.name.at, type);
		on_response_event(&r, type, json);
		if (strcmp(type, "response.output_text.delta") == 0)
			buf_add_text(said, json_text_or(json, "delta", ""));
		cJSON_Delete(json);
	}
	fuzz_require(r.terminal, "44: no end");
	fuzz_require((strcmp(r.terminal, "response.failed") == 0) == (end == CONTRACT_FAILED),
		     "49: ended as %s", r.terminal);
}
