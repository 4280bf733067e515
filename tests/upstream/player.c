#include "base.h"
#include "player.h"
#include "sink.h"

enum outcome { GO_ON, STOP_CUT, STOP_GONE };

struct player {
	const struct script *script;
	const struct code *code;
	struct sink *sink;
	struct conn *conn;
	int64_t due_ns; /* when the next paced frame starts; 0: no frame was sent yet */
};

static enum outcome put_frame(struct player *p, const struct op *op)
{
	const struct script *script = p->script;

	if (script->pace_ns) {
		if (p->due_ns && conn_wait_until(p->conn, p->due_ns))
			return STOP_GONE;
		p->due_ns = (p->due_ns ? p->due_ns : clock_mono_ns()) + script->pace_ns;
	}
	if (sink_put(p->sink, p->code->bytes.at + op->at, op->len))
		return p->sink->cut ? STOP_CUT : STOP_GONE;
	if ((script->pace_ns || script->by_frame) && sink_flush(p->sink))
		return STOP_GONE;
	return GO_ON;
}

static enum outcome wait_for(struct player *p, int64_t ns)
{
	if (sink_flush(p->sink))
		return STOP_GONE;
	if (ns < 0 ? conn_wait_until(p->conn, -1) : conn_wait(p->conn, ns))
		return STOP_GONE;
	if (p->due_ns)
		p->due_ns += ns; /* a pause moves the beat, it is not made up for */
	return GO_ON;
}

static enum outcome run(struct player *p, size_t from, size_t count)
{
	enum outcome outcome = GO_ON;

	for (size_t i = from; i < from + count && outcome == GO_ON; i++) {
		const struct op *op = &p->code->ops[i];

		switch (op->kind) {
		case OP_FRAME:
			outcome = put_frame(p, op);
			break;
		case OP_SLEEP:
			outcome = wait_for(p, op->ns);
			break;
		case OP_STALL:
			outcome = wait_for(p, -1);
			break;
		case OP_CUT:
			sink_flush(p->sink);
			outcome = STOP_CUT;
			break;
		case OP_LOOP:
			for (uint64_t n = 0; n < op->count && outcome == GO_ON; n++)
				outcome = run(p, i + 1, op->body);
			i += op->body;
			break;
		}
	}
	return outcome;
}

static enum played finish(struct player *p, enum outcome outcome)
{
	bool end = outcome == GO_ON || (outcome == STOP_CUT && p->script->cut_as == CUT_CLEAN);

	if (outcome == STOP_GONE || (end && sink_end(p->sink)) || p->conn->gone)
		return PLAYED_CLIENT_GONE;
	if (end)
		return p->script->until_close ? PLAYED_AND_CLOSE : PLAYED_WHOLE;
	if (p->script->cut_as == CUT_RESET)
		conn_reset(p->conn);
	return PLAYED_CUT;
}

enum played play(const struct script *script, enum header_order order, struct conn *c, char *head,
		 uint64_t *sent)
{
	struct sink *sink = xmalloc(sizeof(*sink));
	struct player p = {
		.script = script, .code = &script->code[order], .sink = sink, .conn = c
	};
	char *whole = xformat("%s%s\r\n", head,
			      script->until_close ? "connection: close\r\n"
						  : "transfer-encoding: chunked\r\n");
	enum outcome outcome;
	enum played played;

	free(head);
	sink_init(sink, c, whole, script);
	outcome = script->cut_after ? run(&p, 0, p.code->count) : STOP_CUT;
	if (!script->cut_after)
		sink_flush(sink);
	played = finish(&p, outcome);
	*sent = sink->sent;
	sink_release(sink);
	free(sink);
	return played;
}
