#include "common/base.h"
#include "fcgi/tool_names.h"

#include "common/hex.h"
#include "common/limits.h"

#include <openssl/evp.h>

#define HASH_BYTES  32
#define HASH_DIGITS 8 /* shown at first; two more for each collision */
#define MAX_DIGITS  60

void tool_names_init(struct tool_names *n, struct arena *arena)
{
	*n = (struct tool_names){ .arena = arena };
	text_map_init(&n->by_client, arena);
	text_map_init(&n->by_upstream, arena);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool may_stand(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool fits(const char *name)
{
	size_t len = 0;

	if (!is_letter(name[0]))
		return false;
	while (len <= LIMIT_UP_TOOL_NAME && may_stand(name[len]))
		len++;
	return !name[len] && len <= LIMIT_UP_TOOL_NAME;
}

/* "prefix_hexdigits": the name's own characters as far as they may stand, "_" for others. */
static void shorten(const char *name, const char *hex, size_t digits,
		    char out[static LIMIT_UP_TOOL_NAME + 1])
{
	const size_t prefix_max = LIMIT_UP_TOOL_NAME - 1 - digits;
	size_t len = 0;

	if (!is_letter(name[0]))
		out[len++] = 't';
	for (; *name && len < prefix_max; name++) {
		/* one "_" for a whole character of several bytes */
		if (((unsigned char)*name & 0xC0) != 0x80)
			out[len++] = may_stand(*name) ? *name : '_';
	}
	snprintf(out + len, LIMIT_UP_TOOL_NAME + 1 - len, "_%.*s", (int)digits, hex);
}

static void hash_hex(const char *text, char hex[static HASH_BYTES * 2 + 1])
{
	unsigned char hash[EVP_MAX_MD_SIZE];

	if (!EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL))
		abort();
	hex_write(hash, HASH_BYTES, hex);
}

static const char *make_short(struct tool_names *n, const char *client)
{
	char hex[HASH_BYTES * 2 + 1], again[HASH_BYTES * 2 + 1], name[LIMIT_UP_TOOL_NAME + 1];
	size_t digits = HASH_DIGITS;

	hash_hex(client, hex);
	shorten(client, hex, digits, name);
	while (text_map_get(&n->by_upstream, name, NULL)) {
		digits += 2;
		if (digits > MAX_DIGITS) { /* a client that took all of them on purpose */
			hash_hex(hex, again);
			memcpy(hex, again, sizeof(hex));
			digits = HASH_DIGITS;
		}
		shorten(client, hex, digits, name);
	}
	return arena_strndup(n->arena, name, strlen(name));
}

const char *tool_names_add(struct tool_names *n, const char *client)
{
	struct tool_name *item;
	size_t at;

	if (text_map_get(&n->by_client, client, &at))
		return n->items[at].upstream;
	if (n->count == n->room) {
		struct tool_name *items;

		n->room = n->room ? n->room * 2 : 32;
		items = arena_array(n->arena, n->room, sizeof(*items));
		if (n->count)
			memcpy(items, n->items, n->count * sizeof(*items));
		n->items = items;
	}
	item = &n->items[n->count];
	item->client = client;
	item->upstream = fits(client) && !text_map_get(&n->by_upstream, client, NULL)
				 ? client
				 : make_short(n, client);
	text_map_put(&n->by_client, item->client, n->count);
	text_map_put(&n->by_upstream, item->upstream, n->count);
	n->count++;
	return item->upstream;
}

const char *tool_names_client(const struct tool_names *n, const char *upstream)
{
	size_t at;

	return text_map_get(&n->by_upstream, upstream, &at) ? n->items[at].client : upstream;
}
