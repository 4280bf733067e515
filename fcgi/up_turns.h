/*
 * up_turns.h - the conversation as the upstream wants it: turns that alternate and begin and end
 * with the user, each call answered by at most one result in the turn right behind it, each call id
 * once. A plan only: it borrows everything from the chat.
 */
#ifndef FCGI_UP_TURNS_H
#define FCGI_UP_TURNS_H

#include "common/arena.h"
#include "common/error.h"
#include "fcgi/chat.h"
#include "fcgi/text_map.h"

struct up_call {
	const struct block *use;
	const struct block *result; /* NULL: the client sent none */
	const char *id;		    /* the client's where it fits and is new in this conversation */
};

struct up_turn {
	enum role role;
	size_t block_first, block_count; /* texts, images and results that answer no call */
	size_t call_first, call_count;	 /* assistant: its calls; user: the calls that it answers */
	size_t image_first;		 /* number of images in all turns before */
	size_t result_images;		 /* images in the results; they come first */
	size_t image_count;		 /* all images of this turn */
	const struct block *thinking;	 /* assistant: its first reasoning, or NULL */
};

struct up_turns {
	struct arena *arena;
	struct up_turn *items; /* at least one; the last is the user's */
	const struct block **blocks;
	struct up_call *calls;
	size_t count, block_count, call_count;
	size_t image_count;
	size_t loop_first; /* from this turn on, results answer calls up to the last turn */
	struct text_map client_ids; /* client's id: index of its latest call */
	struct text_map ids;	    /* upstream ids that are taken */
};

int up_turns_plan(struct up_turns *t, const struct chat *chat, struct arena *arena,
		  struct error *e);

/* So many messages lead to the tool loop that goes on now, with the user's that began it; 0: no
 * user did. */
size_t up_turns_loop(const struct chat *chat);

#endif
