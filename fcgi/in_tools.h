/*
 * in_tools.h - tools and tool choices of both OpenAI APIs. Chat Completions keeps a tool's members
 * in a member named by its type, Responses beside the type (in->flat_tools).
 *
 * Tools and choices of the Messages API are taken too, because Cursor sends them.
 *
 * Tools of a namespace are "space__name" for the upstream, which knows no namespaces. A custom tool
 * is a function with one text, its grammar told in the description. The web search that the
 * service would run is run by the gateway (search.h).
 */
#ifndef FCGI_IN_TOOLS_H
#define FCGI_IN_TOOLS_H

#include "fcgi/in_common.h"

/* A list of tools behind those already read. */
int in_tools_read(struct in *in, const cJSON *tools, const struct json_at *at);

/* Fields of a body. A choice comes behind the tools. */
int in_tools_field(struct in *in, const cJSON *body, const char *name);
int in_tools_search_options(struct in *in, const cJSON *body, const char *name);
/* Behind all other tools: the web search, where it was asked for. */
int in_tools_search(struct in *in, const cJSON *body, const char *name);
int in_tools_functions(struct in *in, const cJSON *body, const char *name); /* legacy */
int in_tools_choice(struct in *in, const cJSON *body, const char *name);
int in_tools_function_call(struct in *in, const cJSON *body, const char *name); /* legacy */

/* The name of a tool within all of the request; space may be NULL. */
const char *in_tools_name(struct in *in, const char *space, const char *name);

#endif
