/*
 * answer: four bytes choose the client and its wishes, how the bytes are cut, and where they end;
 * then each line is a frame: "assistantResponseEvent {...}", "!throttlingError {...}" for an
 * exception, "#code message" for an error frame. The stream must keep its contract (contract.h), a
 * whole answer must be one JSON object, and how the bytes were cut changes nothing.
 *
 * eventstream: one byte: are the checksums to be mended. Frames are the same wherever the bytes are
 * cut, and lie within the input.
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
	void (*contract)(struct span wire, enum contract_end end);
	struct chat chat;
	bool stream, tags, last;
	enum thinking_format thinking_format;
	size_t piece; /* bytes at once */
	size_t cut;   /* bytes that are missing at the end */
};

static const struct {
	const struct out_dialect *out;
	void (*contract)(struct span wire, enum contract_end end);
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

static void make_bytes(struct span input, size_t cut, struct buf *bytes)
{
	struct span line;

	while (fuzz_line(&input, &line))
		add_line(bytes, line);
	bytes->len -= cut < bytes->len ? cut : 0;
}

struct answer {
	struct out out;
	struct buf wire;
};

static int write_event(void *context, const struct event *event, struct error *e)
{
	struct answer *a = context;

	return out_event(&a->out, event, &a->wire, e);
}

/* As turn.c carries it. 0: it came to its end; else *e. */
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
	return rc < 0 ? -1 : 0;
}

static void require_whole(const struct wishes *w, struct span wire, enum contract_end end)
{
	struct error e = { .kind = ERR_NONE };
	cJSON *tree;

	if (w->stream) {
		w->contract(wire, end);
		return;
	}
	if (end == CONTRACT_FAILED)
		return; /* turn.c sends nothing of it */
	tree = json_parse(wire, &e);
	fuzz_require(cJSON_IsObject(tree), "a whole answer: %s", e.message);
	cJSON_Delete(tree);
}

/* The length of what was written: ids differ, but not in length. */
static size_t answer_once(const struct wishes *w, struct span bytes)
{
	struct up_again again = { .words = { .max = 0 } };
	struct up_filters filters;
	struct answer a;
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
						   .context = &a };
	struct error e = { .kind = ERR_NONE };
	struct tool_names names;
	struct arena arena;
	size_t len;
	int rc;

	arena_init(&arena);
	tool_names_init(&names, &arena);
	buf_init(&again.answer, LIMIT_ANSWER);
	buf_init(&again.words, LIMIT_ERROR_TEXT);
	buf_init(&a.wire, LIMIT_ANSWER);
	out_init(&a.out, w->dialect, &options);
	if (w->stream)
		out_begin(&a.out, &a.wire);
	up_filters_init(&filters, &wanted);
	rc = carry(w, bytes, &filters, &names, &e);
	fuzz_require((rc != 0) == (e.kind != ERR_NONE), "%d with an error of %d", rc, e.kind);
	if (rc)
		out_fail(&a.out, &e, &a.wire);
	require_whole(w, buf_span(&a.wire), rc ? CONTRACT_FAILED : CONTRACT_GOOD);
	len = a.wire.len;
	up_filters_release(&filters);
	out_release(&a.out);
	buf_release(&a.wire);
	buf_release(&again.answer);
	buf_release(&again.words);
	arena_release(&arena);
	return len;
}

void fuzz_answer(struct span input)
{
	struct wishes w;
	struct buf bytes;
	size_t first;

	read_wishes(&w, &input);
	buf_init(&bytes, MB(8));
	make_bytes(input, w.cut, &bytes);
	first = answer_once(&w, buf_span(&bytes));
	w.piece = bytes.len + 1;
	fuzz_require(answer_once(&w, buf_span(&bytes)) == first, "50: it depends on the cuts");
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
