/*
 * key_names.h - the names of all keys with the hashes of their secrets, read once for many
 * look-ups.
 */
#ifndef COMMON_KEY_NAMES_H
#define COMMON_KEY_NAMES_H

#include "common/base.h"
#include "common/key.h"

struct key_name {
	char name[KEY_NAME_SIZE];
	char hash[SECRET_HASH_SIZE];
	struct key_name *same; /* another secret of that name */
	struct key_name *next;
};

struct key_names {
	struct key_name *all;
	void *index; /* tsearch(3): one of each name */
	size_t count;
};

/* {0}: none yet; keys_names() adds those of a store. */
void key_names_add(struct key_names *names, const char *name, const char *hash);
void key_names_release(struct key_names *names);

/* A secret of that name, the others behind it; NULL: there is none. */
const struct key_name *key_names_find(const struct key_names *names, const char *name);

#endif
