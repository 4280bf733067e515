#include "common/base.h"
#include "fcgi/up_turns.h"

#include "common/ids.h"
#include "common/limits.h"

#define CALL_ID_MAX 64

static struct up_turn *last_turn(struct up_turns *t)
{
	return t->count ? &t->items[t->count - 1] : NULL;
}

static void open_turn(struct up_turns *t, enum role role)
{
	const struct up_turn *before = last_turn(t);
	struct up_turn turn = { .role = role,
				.block_first = t->block_count,
				.call_first = t->call_count };

	if (role == ROLE_USER && before) {
		turn.call_first = before->call_first;
		turn.call_count = before->call_count;
	}
	t->items[t->count++] = turn;
}

static bool id_fits(const char *id)
{
	size_t len = strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"0123456789_-");

	return len >= 1 && len <= CALL_ID_MAX && !id[len];
}

/* Some clients number their calls anew in each turn: later ones get another id upstream, the same
 * in every request of the conversation. */
static const char *make_id(struct up_turns *t, const char *client)
{
	char uuid[UUID_SIZE];
	const char *id = client;

	while (!id_fits(id) || text_map_get(&t->ids, id, NULL)) {
		ids_uuid_from(arena_format(t->arena, "%s %zu", client, t->call_count), uuid);
		id = arena_format(t->arena, "tooluse_%s", uuid);
	}
	text_map_put(&t->ids, id, 0);
	return id;
}

static int add_call(struct up_turns *t, const struct block *use, struct error *e)
{
	struct up_turn *turn = last_turn(t);
	size_t at;

	if (text_map_get(&t->client_ids, use->id, &at) && at >= turn->call_first)
		return error_field(e, "messages", "`tool_use` ids must be unique: %.64s", use->id);
	t->calls[t->call_count] = (struct up_call){ .use = use, .id = make_id(t, use->id) };
	text_map_put(&t->client_ids, use->id, t->call_count);
	t->call_count++;
	turn->call_count++;
	return 0;
}

/* Gives the result to its call; false: no call of the turn before waits for it. */
static bool answer_call(struct up_turns *t, const struct block *result)
{
	const struct up_turn *turn = last_turn(t);
	size_t at;

	if (!text_map_get(&t->client_ids, result->id, &at) || at < turn->call_first ||
	    at >= turn->call_first + turn->call_count || t->calls[at].result)
		return false;
	t->calls[at].result = result;
	return true;
}

static int add_block(struct up_turns *t, const struct block *block, struct error *e)
{
	if (block->kind == BLOCK_TOOL_USE)
		return add_call(t, block, e);
	if (block->kind == BLOCK_THINKING && !last_turn(t)->thinking)
		last_turn(t)->thinking = block;
	if (block->kind == BLOCK_THINKING ||
	    (block->kind == BLOCK_TOOL_RESULT && answer_call(t, block)))
		return 0;
	t->blocks[t->block_count++] = block;
	last_turn(t)->block_count++;
	return 0;
}

/* A turn of thinking alone is nothing that the upstream could be told. */
static bool says_nothing(const struct message *m)
{
	for (size_t i = 0; i < m->block_count; i++) {
		if (m->blocks[i].kind != BLOCK_THINKING)
			return false;
	}
	return true;
}

static size_t count_images(const struct block *block)
{
	size_t count = block->kind == BLOCK_IMAGE;

	for (size_t i = 0; i < block->block_count; i++)
		count += block->blocks[i].kind == BLOCK_IMAGE;
	return count;
}

static void number_images(struct up_turns *t)
{
	for (size_t i = 0; i < t->count; i++) {
		struct up_turn *turn = &t->items[i];

		turn->image_first = t->image_count;
		for (size_t k = 0; turn->role == ROLE_USER && k < turn->call_count; k++) {
			const struct block *result = t->calls[turn->call_first + k].result;

			turn->result_images += result ? count_images(result) : 0;
		}
		turn->image_count = turn->result_images;
		for (size_t k = 0; k < turn->block_count; k++)
			turn->image_count += count_images(t->blocks[turn->block_first + k]);
		t->image_count += turn->image_count;
	}
}

static bool has_result(const struct up_turns *t, const struct up_turn *turn)
{
	for (size_t i = 0; i < turn->call_count; i++) {
		if (t->calls[turn->call_first + i].result)
			return true;
	}
	return false;
}

/* Where the tool loop that goes on now began: the user's turn that started it. */
static size_t find_loop(const struct up_turns *t)
{
	size_t at = t->count - 1;

	while (at >= 2 && has_result(t, &t->items[at]))
		at -= 2;
	return at;
}

/* Room for the worst case, so that nothing moves later. */
static void make_room(struct up_turns *t, const struct chat *chat)
{
	size_t blocks = 0, calls = 0;

	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		blocks += m->block_count;
		for (size_t k = 0; k < m->block_count; k++)
			calls += m->blocks[k].kind == BLOCK_TOOL_USE;
	}
	/* one turn more for the user at the front */
	t->items = arena_array(t->arena, chat->message_count + 1, sizeof(*t->items));
	t->blocks = arena_array(t->arena, blocks, sizeof(*t->blocks));
	t->calls = arena_array(t->arena, calls, sizeof(*t->calls));
}

int up_turns_plan(struct up_turns *t, const struct chat *chat, struct arena *arena, struct error *e)
{
	*t = (struct up_turns){ .arena = arena };
	text_map_init(&t->client_ids, arena);
	text_map_init(&t->ids, arena);
	make_room(t, chat);
	open_turn(t, ROLE_USER);
	for (size_t i = 0; i < chat->message_count; i++) {
		const struct message *m = &chat->messages[i];

		if (says_nothing(m))
			continue;
		if (last_turn(t)->role != m->role)
			open_turn(t, m->role);
		for (size_t k = 0; k < m->block_count; k++) {
			if (add_block(t, &m->blocks[k], e))
				return -1;
		}
	}
	if (last_turn(t)->role != ROLE_USER)
		return error_field(e, "messages", "the conversation must end with a user message");
	number_images(t);
	t->loop_first = find_loop(t);
	return 0;
}

static bool begins_loop(const struct message *m)
{
	for (size_t i = 0; i < m->block_count; i++) {
		if (m->blocks[i].kind == BLOCK_TOOL_RESULT)
			return false;
	}
	return m->role == ROLE_USER;
}

size_t up_turns_loop(const struct chat *chat)
{
	size_t count = chat->message_count;

	while (count && !begins_loop(&chat->messages[count - 1]))
		count--;
	return count;
}
