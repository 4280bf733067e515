/*
 * validate.h - what the service refuses in a chat request, a function each, in a table.
 */
#ifndef STANDIN_VALIDATE_H
#define STANDIN_VALIDATE_H

#include "exchange.h"

struct exam {
	const struct exchange *x;
	const cJSON *state, *current, *history; /* current: its userInputMessage */
	struct problem *problem;
};

/* One rule: 0, or -1 with the problem set. Rules after the shape's may trust types. */
typedef int (*rule)(const struct exam *e);

/* All rules in order; the first problem wins. */
int validate_chat(const struct exchange *x, struct problem *p);

/* profileArn for this account and service: NULL means it was not sent. Also for MCP. */
int validate_profile_arn(const struct exchange *x, const char *arn, struct problem *p);

/* Parts of the table that have files of their own. */
int validate_tools(const struct exam *e);     /* validate_tools.c */
int validate_tool_uses(const struct exam *e); /* validate_tools.c */
int validate_images(const struct exam *e);    /* validate_media.c */
int validate_documents(const struct exam *e); /* validate_media.c */

/* Message i of the conversation, the current one last; NULL after it. */
const cJSON *exam_message(const struct exam *e, const cJSON *before);
const cJSON *message_user(const cJSON *message);      /* NULL if it is the assistant's */
const cJSON *message_assistant(const cJSON *message); /* NULL if it is the user's */

/* The user message's array, NULL if absent or empty. */
const cJSON *message_tool_results(const cJSON *user);
const cJSON *message_tools(const cJSON *user);

#endif
