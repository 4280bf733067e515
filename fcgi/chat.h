/*
 * chat.h - one conversation with its wishes, in the house shape: the Messages API's own shape as
 * plain data. Every in_* file produces it, up_request.c alone reads it.
 *
 * All texts and trees are borrowed from the request (its arena and its JSON tree).
 */
#ifndef FCGI_CHAT_H
#define FCGI_CHAT_H

#include "common/base.h"

#include <cjson/cJSON.h>

enum role { ROLE_USER, ROLE_ASSISTANT };

enum block_kind {
	BLOCK_TEXT,
	BLOCK_IMAGE,
	BLOCK_DOCUMENT,
	BLOCK_THINKING,
	BLOCK_TOOL_USE,
	BLOCK_TOOL_RESULT
};

struct block {
	enum block_kind kind;
	struct span text;	/* TEXT, THINKING; IMAGE, DOCUMENT: base64 data */
	const char *format;	/* IMAGE: png, jpeg, gif, webp; DOCUMENT: pdf, txt, csv, ... */
	const char *url;	/* IMAGE: fetch.c is to fill text and format from there, or NULL */
	const char *path;	/* IMAGE, DOCUMENT: the client's name of the field, for errors */
	const char *context;	/* DOCUMENT: what the client says of it, or NULL */
	size_t number;		/* DOCUMENT: 1, 2, ... in this conversation */
	const char *signature;	/* THINKING, or NULL */
	const char *id;		/* TOOL_USE, TOOL_RESULT: the call's id */
	const char *name;	/* TOOL_USE: the client's name for the tool; DOCUMENT: unique */
	const cJSON *input;	/* TOOL_USE: an object, or NULL: see input_json */
	struct span input_json; /* TOOL_USE without input: the object as JSON text, "" for {} */
	bool is_error;		/* TOOL_RESULT */
	struct block *blocks;	/* TOOL_RESULT: TEXT, IMAGE and DOCUMENT */
	size_t block_count;
};

struct message {
	enum role role;
	size_t client_index; /* of the client's messages, the first that became part of this one */
	struct block *blocks;
	size_t block_count;
};

/* How the client wants to be told of a call; for the upstream all are functions. CUSTOM: its one
 * parameter is the text "input". LEGACY: Chat Completions' function_call. SEARCH: Responses' search
 * for further tools, which the client runs. */
enum tool_kind { TOOL_FUNCTION, TOOL_CUSTOM, TOOL_LEGACY, TOOL_SEARCH };

struct tool {
	const char *name;	 /* unique in the request: "space__name" of a tool in a namespace */
	const char *description; /* "" when absent */
	const cJSON *schema;	 /* an object, or NULL: takes no parameters, or see schema_json */
	const char *schema_json; /* without schema: the object as JSON text, or NULL */
	enum tool_kind kind;
	const char *space;	/* its namespace, NULL: none */
	const char *short_name; /* its name within the namespace, NULL without one */
};

/* The server tool web_search. The model sees an ordinary tool of that name, which is in
 * chat.tools; search.c answers its calls. */
struct chat_search {
	const char *name;
	int64_t max_uses;		 /* 0: no limit */
	const char **allowed, **blocked; /* domains; one of the lists is empty */
	size_t allowed_count, blocked_count;
};

/* ANY: at least one call; TOOL: a call of chat.forced_tool. */
enum tool_choice { CHOICE_AUTO, CHOICE_NONE, CHOICE_ANY, CHOICE_TOOL };

/* What the answer's text is to be. JSON: one object; SCHEMA: a value that chat.schema describes. */
enum format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

enum thinking { THINKING_DEFAULT, THINKING_OFF, THINKING_ON };

enum effort { EFFORT_DEFAULT, EFFORT_LOW, EFFORT_MEDIUM, EFFORT_HIGH, EFFORT_XHIGH, EFFORT_MAX };

struct chat {
	const char *model; /* as the client wrote it */
	bool stream;
	bool include_usage; /* Chat Completions: stream_options.include_usage */
	int64_t max_tokens; /* 0: not given */
	struct span system; /* joined system text */
	struct message *messages;
	size_t message_count;
	size_t document_count; /* in all messages */
	struct tool *tools;
	size_t tool_count;
	const struct chat_search *search; /* NULL: not offered */
	enum tool_choice tool_choice;
	const char *forced_tool;     /* CHOICE_TOOL: the client's name of it */
	bool one_call;		     /* at most one tool call in the answer */
	const char **stop_sequences; /* the answer's text ends before the first match */
	size_t stop_count;
	enum format format;
	const cJSON *schema; /* FORMAT_SCHEMA */
	struct span prefill; /* the last message's text, when that is the assistant's: the answer
			      * continues it */
	enum thinking thinking;
	int64_t thinking_budget; /* tokens, 0: not given */
	bool thinking_omitted;	 /* display "omitted": the client wants no reasoning text */
	enum effort effort;
	const char *conversation; /* what identifies the client's conversation, NULL: unknown; from
				   * api_chat.c on with its key */
	const cJSON *echo;	  /* Responses: the request, which an answer repeats; or NULL */
};

#endif
