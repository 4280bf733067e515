/*
 * answer: four bytes choose the client and its wishes, how the bytes are cut, and where they end;
 * then each line is a frame: "assistantResponseEvent {...}", "!throttlingError {...}" for an
 * exception, "#code message" for an error frame. The stream must keep its contract (contract.h), a
 * whole answer must be one JSON object, and how the bytes were cut changes nothing. An answer that
 * ends inside a frame, without its final marker or by an exception is a failure; where nothing but
 * text was said, the client reads this text, of a failure its beginning.
 *
 * eventstream: one byte: are the checksums to be mended. Frames are the same wherever the bytes are
 * cut, and lie within the input; what was good is not with any one bit changed.
 *
 * up_think: one byte: the size of the pieces. No thinking behind text, and no text is lost.
 */
#include "common/base.h"
#include "tests/fuzz/fuzz.h"

#include "common/json.h"
#include "fcgi/dialect.h"
#include "fcgi/eventstream.h"
#include "fcgi/up_filters.h"
#include "tests/fuzz/contract.h"
#include "tests/unit/frames.h"

struct wishes {
	const struct out_dialect *dialect;
	void (*contract)(struct span wire, enum contract_end end, struct buf *said);
	struct chat chat;
	bool stream, tags, last;
	enum thinking_format thinking_format;
	size_t piece; /* bytes at once */
	size_t cut;   /* bytes that are missing at the end */
};

static const struct {
	const struct out_dialect *out;
	void (*contract)(struct span wire, enum contract_end end, struct buf *said);
} dialects[] = {
	{ &out_anthropic, contract_messages },
	{ &out_openai, contract_chat },
	{ &out_responses, contract_responses },
};

static struct tool tools[] = { { .name = "Read", .description = "" },
			       { .name = "custom", .description = "", .kind = TOOL_CUSTOM } };
static const char *stops[] = { "END", "\n\n" };

static void read_wishes(struct wishes *w, struct span *input)
{
	const unsigned a = fuzz_byte(input), b = fuzz_byte(input), c = fuzz_byte(input);

	*w = (struct wishes){
		.dialect = dialects[a % 3].out,
		.contract = dialects[a % 3].contract,
		.stream = !(a & 64),
		.tags = a & 32,
		.last = a & 16,
		.thinking_format = (enum thinking_format)(b & 3),
		.piece = 1 + c % 32 * 7,
		.cut = fuzz_byte(input) % 64,
	};
	w->chat = (struct chat){
		.model = "m",
		.stream = w->stream,
		.include_usage = b & 4,
		.tools = tools,
		.tool_count = a % 3 ? ARRAY_SIZE(tools) : 1, /* Messages know no custom tools */
		.one_call = b & 8,
		.stop_sequences = stops,
		.stop_count = b & 16 ? ARRAY_SIZE(stops) : 0,
		.format = b & 32 ? FORMAT_JSON : FORMAT_TEXT,
		.max_tokens = b & 64 ? 5 : 0,
		.tool_choice = b & 128 ? CHOICE_ANY : CHOICE_AUTO,
		.prefill = span_of(c & 64 ? "{" : ""),
		.thinking_omitted = c & 128,
	};
}

static void add_error_frame(struct buf *bytes, const char *code, const char *message)
{
	struct buf headers;

	buf_init(&headers, 4096);
	add_text_header(&headers, ":message-type", "error");
	add_text_header(&headers, ":error-code", code);
	add_text_header(&headers, ":error-message", message);
	add_frame(bytes, buf_span(&headers), span_of(""));
	buf_release(&headers);
}

/* One line as a frame. */
static void add_line(struct buf *bytes, struct span line)
{
	const char *kind = line.len && *line.at == '!' ? "exception" : "event";
	char *text = xstrndup(line.at, line.len);
	char *name = text + (*text == '!' || *text == '#');
	char *rest = strchr(name, ' ');

	if (rest)
		*rest++ = '\0';
	if (strlen(name) > 100)
		name[100] = '\0';
	if (*text == '#')
		add_error_frame(bytes, name, rest && strlen(rest) < 1000 ? rest : "");
	else
		add_message(bytes, kind, name, rest ? rest : "");
	free(text);
}

/* What the upstream said, by the lines whose frames are whole. */
struct told {
	bool torn, failed; /* inside a frame, by an exception */
	bool marked;	   /* the last that says something is a marker of the end */
	bool plain;	   /* nothing but `text` */
	struct buf text;
};

static bool begins_with(struct span line, const char *name)
{
	size_t len = strlen(name);

	return line.len > len && memcmp(line.at, name, len) == 0 && line.at[len] == ' ';
}

static void note_text(struct told *t, struct span json)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &ignored);
	const cJSON *content = tree ? tree->child : NULL;

	if (!cJSON_IsString(content) || content->next || strcmp(content->string, "content") != 0)
		t->plain = false;
	else
		buf_add_text(&t->text, content->valuestring);
	if (t->plain && *content->valuestring)
		t->marked = false;
	cJSON_Delete(tree);
}

static void note_line(struct told *t, struct span line)
{
	static const char *const texts[] = { "assistantResponseEvent", "codeEvent" };
	static const char *const markers[] = { "metadataEvent", "contextUsageEvent",
					       "meteringEvent" };

	t->failed |= line.len && (*line.at == '!' || *line.at == '#');
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t len = strlen(texts[i]);

		if (!begins_with(line, texts[i]))
			continue;
		note_text(t, (struct span){ line.at + len + 1, line.len - len - 1 });
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(markers); i++) {
		if (!begins_with(line, markers[i]))
			continue;
		t->marked = true;
		/* A refusal has words of its own. */
		t->plain &= !memmem(line.at, line.len, "stopDetails", 11) &&
			    !memmem(line.at, line.len, "\\u", 2);
		return;
	}
	t->plain = false;
}

static void make_bytes(struct span input, size_t cut, struct buf *bytes, struct told *told)
{
	struct span rest = input, line;
	size_t end = 0;

	*told = (struct told){ .plain = true };
	buf_init(&told->text, MB(8));
	while (fuzz_line(&rest, &line))
		add_line(bytes, line);
	bytes->len -= cut < bytes->len ? cut : 0;
	while (end + 4 <= bytes->len && fuzz_line(&input, &line)) {
		const unsigned char *p = (const unsigned char *)bytes->at + end;
		size_t size = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

		if (end + size > bytes->len)
			break;
		end += size;
		note_line(told, line);
	}
	told->torn = end < bytes->len;
}

struct answer {
	struct out out;
	struct buf wire;
	struct buf said;  /* of a stream */
	bool good, early; /* early: before the upstream's end */
};

static int write_event(void *context, const struct event *event, struct error *e)
{
	struct answer *a = context;

	return out_event(&a->out, event, &a->wire, e);
}

/* As turn.c carries it. 0: it came to its end, 1: before upstream's did; -1: *e. */
static int carry(const struct wishes *w, struct span bytes, struct up_filters *filters,
		 const struct tool_names *names, struct error *e)
{
	const struct up_event_options options = { .names = names,
						  .input_estimate = 10,
						  .input_floor = 5,
						  .window = 200000,
						  .handler = filters->handler,
						  .context = filters->context };
	struct eventstream frames;
	struct up_event events;
	struct frame frame;
	int rc = 0;

	eventstream_init(&frames);
	up_event_init(&events, &options);
	while (bytes.len && !rc) {
		size_t len = bytes.len < w->piece ? bytes.len : w->piece;

		rc = eventstream_feed(&frames, (struct span){ bytes.at, len }, e);
		while (!rc && (rc = eventstream_next(&frames, &frame, e)) > 0)
			rc = up_event_frame(&events, &frame, e);
		bytes.at += len;
		bytes.len -= len;
	}
	if (!rc)
		rc = eventstream_finish(&frames, e);
	if (!rc)
		rc = up_event_finish(&events, e);
	up_event_release(&events);
	eventstream_release(&frames);
	return rc;
}

static void require_whole(const struct wishes *w, struct span wire, enum contract_end end,
			  struct buf *said)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *tree;

	if (w->stream) {
		w->contract(wire, end, said);
		return;
	}
	if (end == CONTRACT_FAILED)
		return; /* turn.c sends nothing of it */
	tree = json_parse(wire, &e);
	fuzz_require(cJSON_IsObject(tree), "a whole answer: %s", e.message);
	cJSON_Delete(tree);
}

/* *a is the caller's: answer_release(). */
static void answer_once(const struct wishes *w, struct span bytes, struct answer *a)
{
	struct up_again again = { .words = { .max = 0 } };
	struct up_filters filters;
	const struct out_options options = { .stream = w->stream,
					     .include_usage = w->chat.include_usage,
					     .chat = &w->chat,
					     .thinking_format = w->thinking_format,
					     .model = "m",
					     .input_estimate = 5,
					     .created = 1 };
	const struct up_filters_options wanted = { .chat = &w->chat,
						   .tags = w->tags,
						   .input_estimate = 10,
						   .again = w->last ? NULL : &again,
						   .handler = write_event,
						   .context = a };
	struct error e = { .kind = ERR_NONE };
	struct tool_names names;
	struct arena arena;
	int rc;

	arena_init(&arena);
	tool_names_init(&names, &arena);
	buf_init(&again.answer, LIMIT_ANSWER);
	buf_init(&again.words, LIMIT_ERROR_TEXT);
	buf_init(&a->wire, LIMIT_ANSWER);
	buf_init(&a->said, LIMIT_ANSWER);
	out_init(&a->out, w->dialect, &options);
	if (w->stream)
		out_begin(&a->out, &a->wire);
	up_filters_init(&filters, &wanted);
	rc = carry(w, bytes, &filters, &names, &e);
	fuzz_require((rc < 0) == (e.kind != ERR_NONE), "%d with an error of %d", rc, e.kind);
	a->good = rc >= 0;
	a->early = rc > 0;
	if (!a->good)
		out_fail(&a->out, &e, &a->wire);
	require_whole(w, buf_span(&a->wire), a->good ? CONTRACT_GOOD : CONTRACT_FAILED, &a->said);
	up_filters_release(&filters);
	out_release(&a->out);
	buf_release(&again.answer);
	buf_release(&again.words);
	arena_release(&arena);
}

static void answer_release(struct answer *a)
{
	buf_release(&a->wire);
	buf_release(&a->said);
}

/* Wishes that leave a text as it is. */
static bool keeps_text(const struct wishes *w)
{
	const struct chat *chat = &w->chat;

	return w->stream && !w->tags && !chat->stop_count && !chat->max_tokens &&
	       !chat->prefill.len && chat->format == FORMAT_TEXT &&
	       chat->tool_choice == CHOICE_AUTO;
}

static void require_truth(const struct wishes *w, const struct told *told, const struct answer *a)
{
	if (!a->early)
		fuzz_require(!a->good || (told->marked && !told->torn && !told->failed),
			     "12: a good end of an answer that has none");
	if (!told->plain || !keeps_text(w))
		return;
	fuzz_require(
		a->said.len <= told->text.len &&
			(!a->said.len || memcmp(a->said.at, told->text.at, a->said.len) == 0) &&
			(!a->good || a->said.len == told->text.len),
		"6: %.*s, upstream said %.*s", (int)a->said.len, a->said.at, (int)told->text.len,
		told->text.at);
}

void fuzz_answer(struct span input)
{
	struct answer pieces, once;
	struct wishes w;
	struct told told;
	struct buf bytes;

	read_wishes(&w, &input);
	buf_init(&bytes, MB(8));
	make_bytes(input, w.cut, &bytes, &told);
	answer_once(&w, buf_span(&bytes), &pieces);
	w.piece = bytes.len + 1;
	answer_once(&w, buf_span(&bytes), &once);
	require_truth(&w, &told, &once);
	/* ids differ, but not in length */
	fuzz_require(pieces.wire.len == once.wire.len && pieces.said.len == once.said.len &&
			     (!once.said.len ||
			      memcmp(pieces.said.at, once.said.at, once.said.len) == 0),
		     "50: it depends on the cuts");
	answer_release(&pieces);
	answer_release(&once);
	buf_release(&told.text);
	buf_release(&bytes);
}

/* ---- eventstream ---- */

/* Makes both checksums right wherever the lengths are possible. */
static void mend(char *bytes, size_t len)
{
	while (len >= 16) {
		const unsigned char *p = (const unsigned char *)bytes;
		size_t total = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
		struct buf sum;

		if (total < 16 || total > len)
			return;
		buf_init(&sum, 16);
		add_u32(&sum, crc32(0, (const Bytef *)bytes, 8));
		memcpy(bytes + 8, sum.at, 4);
		buf_reset(&sum);
		add_u32(&sum, crc32(0, (const Bytef *)bytes, (uInt)total - 4));
		memcpy(bytes + total - 4, sum.at, 4);
		buf_release(&sum);
		bytes += total;
		len -= total;
	}
}

/* Everything that was decoded, one after the other. */
static int decode(struct span bytes, size_t piece, struct buf *out, struct error *e)
{
	struct eventstream frames;
	struct frame frame;
	struct frame_header header;
	int rc = 0;

	eventstream_init(&frames);
	while (bytes.len && !rc) {
		size_t len = bytes.len < piece ? bytes.len : piece, at;

		rc = eventstream_feed(&frames, (struct span){ bytes.at, len }, e);
		while (!rc && (rc = eventstream_next(&frames, &frame, e)) > 0) {
			for (at = 0; eventstream_header(&frame, &at, &header) > 0;) {
				buf_add(out, header.name.at, header.name.len);
				buf_add_format(out, "|%d|%" PRId64 "|", header.type, header.number);
				buf_add(out, header.bytes.at, header.bytes.len);
			}
			buf_add(out, frame.message_type.at, frame.message_type.len);
			buf_add(out, frame.event_type.at, frame.event_type.len);
			buf_add(out, frame.error_message.at, frame.error_message.len);
			buf_add(out, frame.payload.at, frame.payload.len);
			rc = 0;
		}
		bytes.at += len;
		bytes.len -= len;
	}
	if (!rc)
		rc = eventstream_finish(&frames, e);
	eventstream_release(&frames);
	return rc;
}

/* Checksums find any one bit. */
static void require_bits_count(char *bytes, size_t len, unsigned choices)
{
	const size_t bit = choices * 2654435761u % (8 * len);
	struct error e = { .kind = ERR_NONE };
	struct buf out;

	bytes[bit / 8] ^= (char)(1 << bit % 8);
	buf_init(&out, 4 * len + KB(64));
	fuzz_require(decode((struct span){ bytes, len }, len, &out, &e) < 0,
		     "byte %zu may be another", bit / 8);
	buf_release(&out);
}

void fuzz_eventstream(struct span input)
{
	const unsigned choices = fuzz_byte(&input);
	char *bytes = xmalloc(input.len + 1);
	struct span all = { bytes, input.len };
	struct error first = { .kind = ERR_NONE }, second = { .kind = ERR_NONE };
	struct buf whole, pieces;
	int rc;

	memcpy(bytes, input.at, input.len);
	if (choices & 1)
		mend(bytes, input.len);
	buf_init(&whole, 4 * input.len + KB(64));
	buf_init(&pieces, 4 * input.len + KB(64));
	rc = decode(all, all.len + 1, &whole, &first);
	fuzz_require(rc == decode(all, 1 + choices / 2 % 16, &pieces, &second),
		     "one ends well, the other does not");
	fuzz_require(first.kind == second.kind && strcmp(first.message, second.message) == 0,
		     "%s, in pieces %s", first.message, second.message);
	fuzz_require(whole.len == pieces.len && memcmp(whole.at, pieces.at, whole.len) == 0,
		     "other frames in pieces");
	if (!rc && all.len)
		require_bits_count(bytes, all.len, choices);
	buf_release(&whole);
	buf_release(&pieces);
	free(bytes);
}

/* ---- up_think ---- */

struct heard {
	bool text;
	size_t bytes;
};

static int hear(void *context, const struct event *event, struct error *e)
{
	struct heard *h = context;

	(void)e;
	fuzz_require(event->kind != EVENT_THINKING || !h->text, "thinking behind text");
	if (event->kind == EVENT_TEXT)
		h->text = true;
	if (event->kind == EVENT_TEXT || event->kind == EVENT_THINKING)
		h->bytes += event->text.len;
	return 0;
}

void fuzz_up_think(struct span input)
{
	const size_t piece = 1 + fuzz_byte(&input) % 16;
	const struct event stop = { .kind = EVENT_STOP, .text = span_of("") };
	struct heard heard = { .text = false };
	struct error e = { .kind = ERR_NONE };
	struct up_think think;
	size_t given = input.len;

	up_think_init(&think, false, hear, &heard);
	while (input.len) {
		size_t len = input.len < piece ? input.len : piece;
		const struct event text = { .kind = EVENT_TEXT, .text = { input.at, len } };

		fuzz_require(up_think_event(&think, &text, &e) == 0, "text is refused");
		input.at += len;
		input.len -= len;
	}
	if (!up_think_event(&think, &stop, &e))
		/* The two tags, blanks around them, three line ends. */
		fuzz_require(heard.bytes <= given && heard.bytes + 160 >= given, "%zu bytes of %zu",
			     heard.bytes, given);
	up_think_release(&think);
}
