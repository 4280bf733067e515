#include "base.h"
#include "step.h"

/* What one compilation carries along. */
struct writer {
	struct code *code;
	enum header_order order;
	bool tool;  /* a tool was called: the trailer says TOOL_USE */
	bool ended; /* a step replaces the trailer, or makes one impossible */
	int nesting;
};

typedef char *(*step_reader)(struct writer *w, const cJSON *step, const cJSON *value);

static char *read_steps(struct writer *w, const cJSON *steps);

static struct op *add_op(struct writer *w, enum op_kind kind)
{
	struct code *code = w->code;

	if (code->count == code->size) {
		code->size = code->size ? code->size * 2 : 16;
		code->ops = xrealloc(code->ops, code->size * sizeof(*code->ops));
	}
	code->ops[code->count] = (struct op){ .kind = kind };
	return &code->ops[code->count++];
}

/* Everything appended to the bytes since start is one frame. */
static void add_frame_op(struct writer *w, size_t start)
{
	struct op *op = add_op(w, OP_FRAME);

	op->at = start;
	op->len = w->code->bytes.len - start;
}

static void add_event(struct writer *w, const char *type, const cJSON *payload)
{
	size_t start = w->code->bytes.len;
	char *text = cJSON_IsString(payload) ? xstrdup(payload->valuestring) : json_text(payload);

	frame_add_event(&w->code->bytes, w->order, type, text, strlen(text));
	free(text);
	add_frame_op(w, start);
}

static void add_member_event(struct writer *w, const char *type, const char *member,
			     const char *value)
{
	cJSON *payload = cJSON_CreateObject();

	cJSON_AddStringToObject(payload, member, value);
	add_event(w, type, payload);
	cJSON_Delete(payload);
}

/* The end of piece i of n: near len * i / n, moved off the middle of a UTF-8 sequence. */
static size_t piece_end(const char *text, size_t len, size_t i, size_t n)
{
	size_t end = len * i / n;

	while (end < len && ((unsigned char)text[end] & 0xc0) == 0x80)
		end++;
	return end;
}

static void add_pieces(struct writer *w, const char *type, const char *member, const char *text,
		       double pieces)
{
	size_t len = strlen(text), n = pieces >= 1 ? (size_t)pieces : 1, from = 0;

	for (size_t i = 1; i <= n; i++) {
		size_t to = piece_end(text, len, i, n);
		char *piece = xstrndup(text + from, to - from);

		if (n == 1 || to > from)
			add_member_event(w, type, member, piece);
		free(piece);
		from = to;
	}
}

static char *read_event(struct writer *w, const cJSON *step, const cJSON *value)
{
	const cJSON *payload = json_get(step, "payload");
	cJSON *none = payload ? NULL : cJSON_CreateObject();

	if (!cJSON_IsString(value) || strlen(value->valuestring) > 1000) {
		cJSON_Delete(none);
		return xstrdup("event: must be an event type");
	}
	add_event(w, value->valuestring, payload ? payload : none);
	cJSON_Delete(none);
	return NULL;
}

static char *read_text(struct writer *w, const cJSON *step, const cJSON *value)
{
	if (!cJSON_IsString(value))
		return xstrdup("text: must be a string");
	add_pieces(w, "assistantResponseEvent", "content", value->valuestring,
		   json_num(step, "pieces", 1));
	return NULL;
}

static char *read_thinking(struct writer *w, const cJSON *step, const cJSON *value)
{
	const char *signature = json_str(step, "signature");

	if (!cJSON_IsString(value))
		return xstrdup("thinking: must be a string");
	if (*value->valuestring)
		add_pieces(w, "reasoningContentEvent", "text", value->valuestring,
			   json_num(step, "pieces", 1));
	if (signature)
		add_member_event(w, "reasoningContentEvent", "signature", signature);
	return NULL;
}

/* One frame of a tool call: the order of members is the live service's. */
static void add_tool_frame(struct writer *w, const cJSON *tool, const char *input, int stop)
{
	cJSON *payload = cJSON_CreateObject();

	if (input)
		cJSON_AddStringToObject(payload, "input", input);
	cJSON_AddStringToObject(payload, "name", json_str(tool, "name"));
	if (stop >= 0)
		cJSON_AddBoolToObject(payload, "stop", stop);
	cJSON_AddStringToObject(payload, "toolUseId", json_str(tool, "id"));
	add_event(w, "toolUseEvent", payload);
	cJSON_Delete(payload);
}

/*
 * {"id","name","input":object or verbatim text,"pieces":N,"stop":true|false|"last"}:
 * start frame, pieces of the input, stop frame. "last" puts stop:true on the last piece and
 * stop:false on the others; false leaves the call open.
 */
static char *read_tool(struct writer *w, const cJSON *step, const cJSON *tool)
{
	const cJSON *input = json_get(tool, "input");
	const char *stop = json_str(tool, "stop");
	bool with_last = stop && !strcmp(stop, "last");
	double pieces = json_num(tool, "pieces", 1);
	size_t n = pieces >= 1 ? (size_t)pieces : 1, from = 0, len;
	char *text;

	(void)step;
	if (!json_str(tool, "id") || !json_str(tool, "name"))
		return xstrdup("tool: needs id and name");
	text = cJSON_IsString(input) ? xstrdup(input->valuestring)
	       : input		     ? json_text(input)
				     : xstrdup("");
	len = strlen(text);
	add_tool_frame(w, tool, NULL, -1);
	for (size_t i = 1; i <= n && len; i++) {
		size_t to = piece_end(text, len, i, n);
		char *piece = xstrndup(text + from, to - from);

		if (to > from || (with_last && i == n))
			add_tool_frame(w, tool, piece, with_last ? i == n : -1);
		free(piece);
		from = to;
	}
	if (json_bool(tool, "stop", !with_last) || (with_last && !len))
		add_tool_frame(w, tool, NULL, 1);
	free(text);
	w->tool = true;
	return NULL;
}

static char *read_sleep(struct writer *w, const cJSON *step, const cJSON *value)
{
	(void)step;
	if (!cJSON_IsNumber(value) || value->valuedouble < 0 || value->valuedouble > 1e9)
		return xstrdup("sleep_ms: must be a number of milliseconds");
	add_op(w, OP_SLEEP)->ns = (int64_t)(value->valuedouble * 1e6);
	return NULL;
}

static char *read_exception(struct writer *w, const cJSON *step, const cJSON *value)
{
	const cJSON *payload = json_get(value, "payload");
	const char *type = json_str(value, "type");
	size_t start = w->code->bytes.len;
	char *text;

	(void)step;
	if (!type || strlen(type) > 1000)
		return xstrdup("exception: needs a type");
	text = cJSON_IsString(payload) ? xstrdup(payload->valuestring)
	       : payload	       ? json_text(payload)
				       : xstrdup("{}");
	frame_add_exception(&w->code->bytes, w->order, type, text, strlen(text));
	free(text);
	add_frame_op(w, start);
	w->ended = true;
	return NULL;
}

static char *read_error(struct writer *w, const cJSON *step, const cJSON *value)
{
	const char *code = json_str(value, "code"), *message = json_str(value, "message");
	size_t start = w->code->bytes.len;

	(void)step;
	if (!code || strlen(code) > 1000 || (message && strlen(message) > 30000))
		return xstrdup("error: needs a code");
	frame_add_error(&w->code->bytes, code, message ? message : "");
	add_frame_op(w, start);
	w->ended = true;
	return NULL;
}

static char *read_raw(struct writer *w, const cJSON *step, const cJSON *value)
{
	const char *hex = cJSON_GetStringValue(value);
	size_t start = w->code->bytes.len;
	char pair[3] = "", *end;

	(void)step;
	for (; hex && *hex; hex += hex[0] == ' ' ? 1 : 2) {
		unsigned char byte;

		if (*hex == ' ')
			continue;
		memcpy(pair, hex, strnlen(hex, 2));
		byte = (unsigned char)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return xstrdup("raw_hex: must be pairs of hex digits");
		text_add(&w->code->bytes, &byte, 1);
	}
	if (!hex || w->code->bytes.len == start)
		return xstrdup("raw_hex: must be pairs of hex digits");
	add_frame_op(w, start);
	return NULL;
}

static char *read_empty(struct writer *w, const cJSON *step, const cJSON *value)
{
	size_t start = w->code->bytes.len;

	(void)step;
	(void)value;
	frame_add_empty(&w->code->bytes);
	add_frame_op(w, start);
	return NULL;
}

static char *read_repeat(struct writer *w, const cJSON *step, const cJSON *value)
{
	size_t loop = w->code->count;
	struct op *op;
	char *wrong;

	if (!cJSON_IsNumber(value) || value->valuedouble < 0 || !json_array(step, "steps"))
		return xstrdup("repeat: needs a number and steps");
	if (w->nesting >= LIMIT_SCRIPT_NESTING)
		return xstrdup("repeat: nested too deep");
	op = add_op(w, OP_LOOP);
	op->count = (uint64_t)value->valuedouble;
	w->nesting++;
	wrong = read_steps(w, json_array(step, "steps"));
	w->nesting--;
	w->code->ops[loop].body = w->code->count - loop - 1;
	return wrong;
}

static void add_number_event(struct writer *w, const char *type, const char *member, double value)
{
	cJSON *payload = cJSON_CreateObject();

	cJSON_AddNumberToObject(payload, member, value);
	add_event(w, type, payload);
	cJSON_Delete(payload);
}

static void add_metering(struct writer *w, const cJSON *metering)
{
	cJSON *payload;

	if (cJSON_IsObject(metering)) {
		add_event(w, "meteringEvent", metering);
		return;
	}
	payload = cJSON_CreateObject();
	cJSON_AddStringToObject(payload, "unit", "credit");
	cJSON_AddStringToObject(payload, "unitPlural", "credits");
	cJSON_AddNumberToObject(payload, "usage",
				cJSON_IsNumber(metering) ? metering->valuedouble : 0.0125);
	add_event(w, "meteringEvent", payload);
	cJSON_Delete(payload);
}

/* Each of the three is there unless it is false; trailer may be NULL for the usual one. */
static void add_trailer(struct writer *w, const cJSON *trailer)
{
	const cJSON *metering = json_get(trailer, "metering");
	const cJSON *context = json_get(trailer, "contextUsagePercentage");
	const cJSON *usage = json_object(trailer, "tokenUsage");
	const cJSON *details = json_object(trailer, "stopDetails");
	const cJSON *stop = json_get(trailer, "stopReason");
	cJSON *metadata = cJSON_CreateObject();

	if (cJSON_IsString(stop))
		cJSON_AddStringToObject(metadata, "stopReason", stop->valuestring);
	else if (!cJSON_IsFalse(stop))
		cJSON_AddStringToObject(metadata, "stopReason", w->tool ? "TOOL_USE" : "END_TURN");
	if (details)
		cJSON_AddItemToObject(metadata, "stopDetails", cJSON_Duplicate(details, true));
	if (usage)
		cJSON_AddItemToObject(metadata, "tokenUsage", cJSON_Duplicate(usage, true));
	add_event(w, "metadataEvent", metadata);
	cJSON_Delete(metadata);
	if (!cJSON_IsFalse(context))
		add_number_event(w, "contextUsageEvent", "contextUsagePercentage",
				 cJSON_IsNumber(context) ? context->valuedouble : 1.5);
	if (!cJSON_IsFalse(metering))
		add_metering(w, metering);
}

static char *read_trailer(struct writer *w, const cJSON *step, const cJSON *value)
{
	(void)step;
	if (!cJSON_IsObject(value))
		return xstrdup("trailer: must be an object");
	add_trailer(w, value);
	w->ended = true;
	return NULL;
}

static char *read_cut(struct writer *w, const cJSON *step, const cJSON *value)
{
	(void)step;
	(void)value;
	add_op(w, OP_CUT);
	w->ended = true;
	return NULL;
}

static char *read_stall(struct writer *w, const cJSON *step, const cJSON *value)
{
	(void)step;
	(void)value;
	add_op(w, OP_STALL);
	w->ended = true;
	return NULL;
}

static const struct step {
	const char *key;
	step_reader read;
	const char *also[2]; /* further members this step reads */
} steps[] = {
	{ "event", read_event, { "payload" } },
	{ "text", read_text, { "pieces" } },
	{ "thinking", read_thinking, { "signature", "pieces" } },
	{ "tool", read_tool, { NULL } },
	{ "sleep_ms", read_sleep, { NULL } },
	{ "exception", read_exception, { NULL } },
	{ "error", read_error, { NULL } },
	{ "raw_hex", read_raw, { NULL } },
	{ "empty_frame", read_empty, { NULL } },
	{ "repeat", read_repeat, { "steps" } },
	{ "trailer", read_trailer, { NULL } },
	{ "cut_here", read_cut, { NULL } },
	{ "stall", read_stall, { NULL } },
};

static const struct step *find_step(const cJSON *step)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (json_get(step, steps[i].key))
			return &steps[i];
	}
	return NULL;
}

/* "bad_crc" spoils the first frame of its step, "cut_after_bytes" ends the answer inside it. */
static char *apply_modifiers(struct writer *w, const cJSON *step, size_t first)
{
	const cJSON *crc = json_get(step, "bad_crc"), *cut = json_get(step, "cut_after_bytes");
	const char *which = cJSON_GetStringValue(crc);
	struct code *code = w->code;
	double left = cJSON_IsNumber(cut) ? cut->valuedouble : -1;

	if (crc) {
		if (!which || (strcmp(which, "message") && strcmp(which, "prelude")) ||
		    first == code->count || code->ops[first].kind != OP_FRAME)
			return xstrdup("bad_crc: \"message\" or \"prelude\", beside a frame");
		frame_damage(code->bytes.at + code->ops[first].at, code->ops[first].len,
			     *which == 'p' ? DAMAGE_PRELUDE_CRC : DAMAGE_MESSAGE_CRC);
	}
	if (!cut)
		return NULL;
	if (left < 0)
		return xstrdup("cut_after_bytes: must be a number of bytes");
	for (size_t i = first; i < code->count; i++) {
		if (code->ops[i].kind == OP_LOOP)
			return xstrdup("cut_after_bytes: not beside repeat; use the script's own");
		if (code->ops[i].kind == OP_FRAME && (double)code->ops[i].len > left)
			code->ops[i].len = (size_t)left;
		if (code->ops[i].kind == OP_FRAME)
			left -= (double)code->ops[i].len;
	}
	add_op(w, OP_CUT);
	w->ended = true;
	return NULL;
}

static char *check_members(const struct step *kind, const cJSON *step)
{
	const cJSON *member;

	cJSON_ArrayForEach (member, step) {
		const char *name = member->string;

		if (strcmp(name, kind->key) && strcmp(name, "bad_crc") &&
		    strcmp(name, "cut_after_bytes") &&
		    !(kind->also[0] && !strcmp(name, kind->also[0])) &&
		    !(kind->also[1] && !strcmp(name, kind->also[1])))
			return xformat("%s: does not belong to a %s step", name, kind->key);
	}
	return NULL;
}

static char *read_steps(struct writer *w, const cJSON *list)
{
	const cJSON *step;
	char *wrong = NULL;

	cJSON_ArrayForEach (step, list) {
		const struct step *kind = find_step(step);
		size_t first = w->code->count;

		if (!kind)
			return xstrdup("steps: there is a step of no known kind");
		wrong = check_members(kind, step);
		if (!wrong)
			wrong = kind->read(w, step,
					   cJSON_GetObjectItemCaseSensitive(step, kind->key));
		if (!wrong)
			wrong = apply_modifiers(w, step, first);
		if (!wrong && w->code->bytes.len > LIMIT_SCRIPT_BYTES)
			wrong = xstrdup("steps: too many bytes; use repeat");
		if (wrong)
			break;
	}
	return wrong;
}

char *steps_compile(struct code *code, enum header_order order, const cJSON *json)
{
	struct writer w = { .code = code, .order = order };
	const cJSON *trailer = json_get(json, "trailer");
	char *wrong;

	if (json_get(json, "steps") && !json_array(json, "steps"))
		return xstrdup("steps: must be an array");
	wrong = read_steps(&w, json_array(json, "steps"));
	if (!wrong && trailer && !cJSON_IsObject(trailer) && !cJSON_IsBool(trailer))
		wrong = xstrdup("trailer: must be an object, true or false");
	if (!wrong && !cJSON_IsFalse(trailer) && (!w.ended || trailer))
		add_trailer(&w, trailer);
	return wrong;
}
