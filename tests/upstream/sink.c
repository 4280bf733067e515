#include "base.h"
#include "sink.h"

#define RANDOM_PIECE_MAX 97 /* smaller than any frame with headers, larger than a prelude */

/* How many bytes the next write takes. */
static void choose_limit(struct sink *s)
{
	s->limit = s->piece && s->piece < SINK_BYTES ? s->piece : SINK_BYTES;
	if (!s->random)
		return;
	s->random ^= s->random << 13; /* xorshift32: the same seed gives the same cuts */
	s->random ^= s->random >> 17;
	s->random ^= s->random << 5;
	s->limit = 1 + s->random % RANDOM_PIECE_MAX;
}

void sink_init(struct sink *s, struct conn *c, char *head, const struct script *script)
{
	s->conn = c;
	s->head = head;
	s->chunked = !script->until_close;
	s->piece = script->piece;
	s->random = script->random ? script->seed : 0;
	s->cut_after = script->cut_after;
	s->sent = 0;
	s->cut = false;
	s->used = 0;
	choose_limit(s);
}

static int send_out(struct sink *s, bool last)
{
	char size[24] = "";
	bool chunk = s->chunked && s->used;
	struct iovec parts[5] = {
		{ .iov_base = s->head, .iov_len = s->head ? strlen(s->head) : 0 },
		{ .iov_base = size },
		{ .iov_base = s->bytes, .iov_len = s->used },
		{ .iov_base = "\r\n", .iov_len = chunk ? 2 : 0 },
		{ .iov_base = "0\r\n\r\n", .iov_len = last && s->chunked ? 5 : 0 },
	};
	int rc;

	if (chunk)
		parts[1].iov_len = (size_t)snprintf(size, sizeof(size), "%zx\r\n", s->used);
	rc = conn_write(s->conn, parts, ARRAY_SIZE(parts));
	free(s->head);
	s->head = NULL;
	s->sent += s->used;
	s->used = 0;
	choose_limit(s);
	return rc;
}

int sink_flush(struct sink *s)
{
	return s->used || s->head ? send_out(s, false) : 0;
}

int sink_put(struct sink *s, const void *bytes, size_t len)
{
	const char *from = bytes;

	while (len) {
		uint64_t allowed = s->cut_after - s->sent - s->used;
		size_t step = s->limit - s->used;

		if (step > len)
			step = len;
		if (step > allowed)
			step = (size_t)allowed;
		memcpy(s->bytes + s->used, from, step);
		s->used += step;
		from += step;
		len -= step;
		if (s->used == s->limit && sink_flush(s))
			return -1;
		if (s->sent + s->used == s->cut_after) {
			sink_flush(s);
			s->cut = true;
			return -1;
		}
	}
	return 0;
}

int sink_end(struct sink *s)
{
	return send_out(s, true);
}

void sink_release(struct sink *s)
{
	free(s->head);
	s->head = NULL;
}
