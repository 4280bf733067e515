/*
 * in_search.h - the server tool web_search: its definition in the Messages API and in the OpenAI
 * APIs, and what a history tells of earlier searches.
 */
#ifndef FCGI_IN_SEARCH_H
#define FCGI_IN_SEARCH_H

#include "fcgi/in_common.h"

/* Is that tool type one of web_search's? */
bool in_search_is_type(const char *type);

/* Fills chat->search and the ordinary tool that the model sees. at: the tool's place. 0 or -1. */
int in_search_tool(struct in *in, const cJSON *json, const char *type, const struct json_at *at,
		   struct tool *tool);

/* The OpenAI APIs: web_search and web_search_preview, in all versions. */
bool in_search_is_hosted(const char *type);
/* Such a tool, or web_search_options. Reads the wish only: in_search_offer() adds the tool behind
 * all others, unless the client has one of that name. */
int in_search_hosted(struct in *in, const cJSON *json, const struct json_at *at);
int in_search_offer(struct in *in, int64_t max_uses, const struct json_at *at);

/* A web_search_tool_result block becomes the result of a call. at: the block's place with its type.
 * 0 or -1. */
int in_search_result(struct in *in, const cJSON *json, const struct json_at *at, struct block *out);

#endif
