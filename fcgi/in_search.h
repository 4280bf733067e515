/*
 * in_search.h - the server tool web_search of the Messages API: its definition, and what a history
 * tells of earlier searches.
 */
#ifndef FCGI_IN_SEARCH_H
#define FCGI_IN_SEARCH_H

#include "fcgi/in_common.h"

/* Is that tool type one of web_search's? */
bool in_search_is_type(const char *type);

/* Fills chat->search and the ordinary tool that the model sees. at: the tool's place. 0 or -1. */
int in_search_tool(struct in *in, const cJSON *json, const char *type, const struct json_at *at,
		   struct tool *tool);

/* A web_search_tool_result block becomes the result of a call. at: the block's place with its type.
 * 0 or -1. */
int in_search_result(struct in *in, const cJSON *json, const struct json_at *at, struct block *out);

#endif
