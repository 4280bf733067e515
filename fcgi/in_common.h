/*
 * in_common.h - what the readers of all dialects share: building the list of turns, joining texts,
 * checking images, tools and plain fields. Only in_*.c include it.
 */
#ifndef FCGI_IN_COMMON_H
#define FCGI_IN_COMMON_H

#include "common/arena.h"
#include "common/error.h"
#include "common/json.h"
#include "fcgi/chat.h"
#include "fcgi/picture.h"
#include "fcgi/text_map.h"

/* Texts to be joined. */
struct in_texts {
	struct span *at;
	size_t count, room;
};

/* One request being read. The blocks of all messages lie behind each other in one array, so that
 * turns of the same role merge by themselves; in_finish() gives each message its part. */
struct in {
	struct arena *arena;
	struct chat *chat;
	struct error *e;
	struct in_texts system;
	struct in_texts spaces; /* what namespaces say of their tools: the end of the system text */
	struct text_map said_spaces; /* these, for a namespace may come again */
	struct block *blocks;
	size_t block_count, block_room, message_room;
	size_t last_index;		/* the client's message that the last block came from */
	size_t last_user;		/* Messages API: index of the last user message */
	struct text_map mentioned;	/* tools that the history names */
	bool count_only;		/* nothing will be generated */
	size_t tool_room;		/* of chat.tools, where in_add_tool() fills it */
	bool flat_tools;		/* Responses: a tool's members stand beside its type */
	const char *search_description; /* OpenAI APIs: of the search that is offered last */
	const char *function_id;	/* of the latest legacy function_call, NULL: none */
	struct text_map document_names; /* taken */
	size_t image_count;
	struct picture widest;	 /* of the images so far, the one with the longest side */
	const char *widest_path; /* its field */
};

void in_init(struct in *in, struct arena *arena, struct chat *chat, struct error *e);

/* A new block at the end of the conversation. A turn begins where the role changes. */
struct block *in_add(struct in *in, enum role role, size_t client_index);
void in_add_text(struct in *in, enum role role, size_t client_index, struct span text);

/* A system message amid the conversation becomes text of the user's turn, in its place. */
void in_add_reminder(struct in *in, size_t client_index, const struct in_texts *texts);

/* A new tool behind the others; NULL: more than LIMIT_TOOLS, *in->e says so. */
struct tool *in_add_tool(struct in *in, const struct json_at *at);

/* Joins the system text and hands out the messages. A conversation that ends with the assistant's
 * turn has chat.prefill then; one that ends with calls is refused. */
int in_finish(struct in *in);

void in_texts_add(struct in *in, struct in_texts *texts, struct span text);
struct span in_texts_join(const struct in *in, const struct in_texts *texts, const char *separator);

/* Fills an image block; errors name at and key. */
int in_image(struct in *in, struct span base64, const struct json_at *at, const char *key,
	     struct block *image);
/* An image that fetch.c gets, or refuses, later. */
void in_image_url(struct in *in, const char *url, const struct json_at *at, const char *key,
		  struct block *image);
/* Messages API: requests with more than 20 images take smaller ones only. */
int in_check_many_images(struct in *in);

/* chat.stop_sequences: a list of texts, or one text; null and absent are fine. Empty ones are
 * refused, and where !blank_ok those of white space alone. */
int in_stop_sequences(struct in *in, const cJSON *body, const char *key, bool blank_ok);

/* FORMAT_SCHEMA: the answer is to be JSON that this schema describes. */
int in_schema(struct in *in, const cJSON *schema, const struct json_at *at, const char *key);

/* Every item of a list (NULL is fine) through `read`; at: the list's place. More than
 * LIMIT_MESSAGES are an error. 0 or -1. */
typedef int in_item_reader(struct in *in, const cJSON *item, const struct json_at *at);

int in_each(struct in *in, const cJSON *list, const struct json_at *at, in_item_reader *read);

/* The tool of that name among the first `count`; NULL: none. */
const struct tool *in_find_tool(const struct in *in, const char *name, size_t count);

/* CHOICE_TOOL for a tool of this name, which tools[] must have (call it after tools[] was read). */
int in_forced_tool(struct in *in, const char *name, const struct json_at *at, const char *key);

/* The root rules of the upstream for a tool's schema (may be NULL). */
int in_check_schema(struct in *in, const cJSON *schema, const struct json_at *at, const char *key);

/* chat.effort, from 'low' to 'max'; false: it is none of these words. */
bool in_effort(struct in *in, const char *word);

/* A member that must be there and must not be empty. 0 or -1. */
int in_need_name(struct in *in, const cJSON *json, const char *key, const struct json_at *at,
		 const char **out);

/* Plain members: absent and null are fine. 0 or -1. */
int in_check_number(struct in *in, const cJSON *body, const char *key, double min, double max);

/* One row per top-level field that the client API knows. */
struct in_field {
	const char *name;
	int (*read)(struct in *in, const cJSON *body, const char *name); /* NULL: no effect here */
};

int in_read_fields(struct in *in, const cJSON *body, const struct in_field *fields, size_t count);

#endif
