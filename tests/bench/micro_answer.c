/*
 * An answer on its way: frames in, events of a client API out, without the network.
 */
#include "common/base.h"
#include "tests/bench/subjects.h"

#include "common/arena.h"
#include "common/buf.h"
#include "common/limits.h"
#include "fcgi/eventstream.h"
#include "fcgi/out.h"
#include "fcgi/up_event.h"
#include "fcgi/up_filters.h"
#include "tests/unit/frames.h"

#define FRAMES 1000
#define READ   KB(16) /* libcurl hands out at most so much at once */
#define FLUSH  KB(16) /* as turn.c */

/* 78 bytes make a frame of 200 together with its headers. */
#define LONG_TEXT                                                                                  \
	"{\"content\":\"The quick brown fox jumps over the lazy dog, then it sits down; so it "    \
	"goes on.\"}"
#define SHORT_TEXT "{\"content\":\" jumps over the lazy\"}"
#define CODE_TEXT  "{\"content\":\"if (a == \\\"b\\\") {\\n\\treturn 0;\\n}\"}"
#define TOOL_PIECE                                                                                 \
	"{\"toolUseId\":\"tooluse_0123456789abcdef\",\"name\":\"Write\",\"input\":\"line of a "    \
	"file\"}"
#define TRAILER "{\"stopReason\":\"END_TURN\"}"

struct play {
	struct buf bytes; /* of one answer */
	struct eventstream frames;
	struct up_event up;
	struct arena arena;
	struct tool_names names;
	struct out out;
	struct buf wire;
	const struct out_dialect *dialect;
};

static int to_wire(void *context, const struct event *event, struct error *e)
{
	struct play *p = context;

	if (out_event(&p->out, event, &p->wire, e))
		return -1;
	if (p->wire.len >= FLUSH)
		buf_reset(&p->wire); /* sent */
	return 0;
}

static struct play *play_new(const struct out_dialect *dialect, const char *type, const char *json)
{
	struct play *p = xcalloc(1, sizeof(*p));

	p->dialect = dialect;
	buf_init(&p->bytes, MB(4));
	for (unsigned i = 0; i < FRAMES; i++)
		add_message(&p->bytes, "event", type, json);
	buf_init(&p->wire, LIMIT_EVENT);
	eventstream_init(&p->frames);
	arena_init(&p->arena);
	tool_names_init(&p->names, &p->arena);
	return p;
}

static void play_end(void *state)
{
	struct play *p = state;

	eventstream_release(&p->frames);
	buf_release(&p->wire);
	buf_release(&p->bytes);
	arena_release(&p->arena);
	free(p);
}

static void take_frames(struct play *p, bool convert)
{
	struct error e = { 0 };
	struct frame frame;
	int rc;

	while ((rc = eventstream_next(&p->frames, &frame, &e)) > 0) {
		if (convert && up_event_frame(&p->up, &frame, &e))
			bench_die("convert: %s", e.message);
	}
	if (rc)
		bench_die("decode: %s", e.message);
}

static size_t feed(struct play *p, bool convert)
{
	struct error e = { 0 };

	for (size_t at = 0; at < p->bytes.len; at += READ) {
		size_t left = p->bytes.len - at;
		struct span part = { p->bytes.at + at, left < READ ? left : READ };

		if (eventstream_feed(&p->frames, part, &e))
			bench_die("decode: %s", e.message);
		take_frames(p, convert);
	}
	return p->bytes.len;
}

static size_t decode(void *state)
{
	return feed(state, false);
}

/* One whole stream; its few allocations are those of a stream, not of an event. */
static size_t play(struct play *p, event_handler *handler, void *context)
{
	const struct out_options options = { .stream = true, .model = "claude-sonnet-4-5" };
	const struct up_event_options up = { .names = &p->names,
					     .handler = handler,
					     .context = context };
	size_t bytes;

	out_init(&p->out, p->dialect, &options);
	up_event_init(&p->up, &up);
	bytes = feed(p, true);
	up_event_release(&p->up);
	out_release(&p->out);
	buf_reset(&p->wire);
	return bytes;
}

static size_t convert(void *state)
{
	return play(state, to_wire, state);
}

/* What a client's max_tokens and stop sequences put in between, and a model that thinks in tags. */
static size_t filter(void *state)
{
	static const char *stops[] = { "\n\nHuman:", "</answer>" };
	static const struct chat chat = { .max_tokens = 32000,
					  .stop_sequences = stops,
					  .stop_count = ARRAY_SIZE(stops) };
	const struct up_filters_options options = {
		.chat = &chat, .tags = true, .handler = to_wire, .context = state
	};
	struct up_filters filters;
	size_t bytes;

	up_filters_init(&filters, &options);
	bytes = play(state, filters.handler, filters.context);
	up_filters_release(&filters);
	return bytes;
}

/* The writer alone. */
static size_t write_events(void *state)
{
	struct play *p = state;
	const struct out_options options = { .stream = true, .model = "claude-sonnet-4-5" };
	const struct event event = { .kind = EVENT_TEXT, .text = span_of(" jumps over the lazy") };
	struct error e = { 0 };
	size_t bytes = 0;

	out_init(&p->out, p->dialect, &options);
	for (unsigned i = 0; i < FRAMES; i++) {
		to_wire(p, &event, &e);
		bytes += event.text.len;
	}
	out_release(&p->out);
	buf_reset(&p->wire);
	return bytes;
}

static void *decode_begin(void)
{
	return play_new(NULL, "assistantResponseEvent", LONG_TEXT);
}

static void *messages_begin(void)
{
	return play_new(&out_anthropic, "assistantResponseEvent", SHORT_TEXT);
}

static void *code_begin(void)
{
	return play_new(&out_anthropic, "assistantResponseEvent", CODE_TEXT);
}

static void *chat_begin(void)
{
	return play_new(&out_openai, "assistantResponseEvent", SHORT_TEXT);
}

static void *responses_begin(void)
{
	return play_new(&out_responses, "assistantResponseEvent", SHORT_TEXT);
}

static void *thinking_begin(void)
{
	return play_new(&out_anthropic, "reasoningContentEvent",
			"{\"text\":\" jumps over the lazy\"}");
}

static void *tool_begin(void)
{
	return play_new(&out_anthropic, "toolUseEvent", TOOL_PIECE);
}

const struct subject answer_subjects[] = {
	{ "decode", "frame", FRAMES, decode_begin, decode, play_end },
	{ "messages text", "event", FRAMES, messages_begin, convert, play_end },
	{ "messages code", "event", FRAMES, code_begin, convert, play_end },
	{ "messages thinking", "event", FRAMES, thinking_begin, convert, play_end },
	{ "messages tool", "event", FRAMES, tool_begin, convert, play_end },
	{ "chat text", "event", FRAMES, chat_begin, convert, play_end },
	{ "responses text", "event", FRAMES, responses_begin, convert, play_end },
	{ "messages filters", "event", FRAMES, messages_begin, filter, play_end },
	{ "messages writer", "event", FRAMES, messages_begin, write_events, play_end },
};
const size_t answer_subject_count = ARRAY_SIZE(answer_subjects);
