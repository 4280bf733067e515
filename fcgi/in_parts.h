/*
 * in_parts.h - what the messages of Chat Completions and Responses have in common: content parts,
 * system texts, the arguments of calls. Either API's name for a part is taken in both, because
 * clients mix them up; and blocks of the Messages API, which Cursor sends for models called claude.
 */
#ifndef FCGI_IN_PARTS_H
#define FCGI_IN_PARTS_H

#include "fcgi/in_common.h"

#define UNSUPPORTED "not supported by this gateway"

/* What a message says: blocks in the arena. TEXT, IMAGE, DOCUMENT; by the Messages API's blocks
 * also TOOL_USE, TOOL_RESULT and THINKING. */
struct in_parts {
	struct block *blocks;
	size_t count;
};

/* What may stand there: texts; anything to look at; that and the blocks of a role. */
enum in_parts_kind { IN_TEXT_PARTS, IN_ALL_PARTS, IN_USER_PARTS, IN_ASSISTANT_PARTS };

/* A string, an array of parts, or nothing; empty texts are left out. */
int in_parts_read(struct in *in, const cJSON *content, enum in_parts_kind kind,
		  const struct json_at *at, struct in_parts *out);

/* The parts as blocks of a message. */
void in_parts_add(struct in *in, enum role role, size_t client_index, const struct in_parts *parts);

/* A system or developer message: before the conversation the system text, later a reminder in the
 * user's turn. */
void in_parts_add_system(struct in *in, size_t client_index, const struct in_parts *parts);

/* A user's message: a turn even when it says nothing. */
int in_parts_user(struct in *in, const cJSON *message, const struct json_at *at);

/* A result of the call `id`, as a block of the user's turn. */
void in_parts_add_result(struct in *in, const char *id, size_t client_index,
			 const struct in_parts *parts);

/* A call's arguments as JSON text: "" is {}, an object's text stays as it is, anything else the
 * model sees as {"__raw_arguments": "..."}. */
struct span in_parts_arguments(struct in *in, const char *arguments);
/* A custom tool's input as the arguments of the function that stands for it. */
struct span in_parts_input(struct in *in, const char *input);

/* The API's own words for an absent field, which name it in quotes. Always -1. */
int in_parts_missing(struct in *in, const char *name);

#endif
