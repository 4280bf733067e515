/*
 * up_request.h - the house shape in, the upstream's JSON out.
 *
 * What is added to the client's own words, and nothing else: the system text stands in front of the
 * first user turn; images and documents of results are labelled "[image N attached]"; calls without
 * a result and results without a call are told as such; tools that only the history knows get a
 * placeholder specification; the rest of an overlong tool description moves behind the system text;
 * thinking tags, where up_request_uses_tags(). At the end of the current turn, and only where the
 * request asks for it (up_wishes.c has the words):
 * - tool_choice any, tool: what must be called now; of tool, only that one is offered;
 * - one call only: that at most one tool, or exactly one, is to be called;
 * - JSON output: that the answer is to be one JSON object, or a value of this schema;
 * - prefill: to continue the last message exactly where it ends (a turn of its own);
 * - second try of one of these: the model's first answer, and what is wrong with it.
 */
#ifndef FCGI_UP_REQUEST_H
#define FCGI_UP_REQUEST_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/ids.h"
#include "fcgi/chat.h"
#include "fcgi/models.h"
#include "fcgi/tool_names.h"
#include "fcgi/up_again.h"

/* What depends on the account and the service generation, not on the conversation. */
struct up_request_options {
	const char *origin;	 /* "AI_EDITOR" */
	const char *agent_mode;	 /* root member; NULL: it travels in a header, or not at all */
	const char *profile_arn; /* root member; NULL: left out */
	const char *conversation_id, *continuation_id; /* uuids */
	const struct up_again
		*again;	      /* the answer before that missed a wish; NULL or empty: none */
	bool documents;	      /* the service takes documents; else they are refused by name */
	bool reasoning;	      /* send the reasoning of the running tool loop again */
	bool *sent_reasoning; /* set when there was some; may be NULL */
};

/* Checks pairing, names and sizes, repairs what clients are known to send (same-role turns are
 * merged, orphaned results become text), writes the body. names receives every tool name.
 * ERR_REQUEST names the field of the house shape, which is the Messages API's. */
int up_request_write(const struct chat *chat, const struct model *model,
		     const struct up_request_options *options, struct tool_names *names,
		     struct arena *arena, struct buf *body, struct error *e);

/* An id of the user's turn that the tool loop which goes on now began with: the same in all
 * requests of that loop that have the same conversation. */
void up_request_continuation(const struct chat *chat, const char *conversation,
			     char out[static UUID_SIZE]);

/* The request asks for thinking by tags in the prompt, so that the answer's text begins with
 * <thinking>...</thinking>: the model has no reasoning of its own. */
bool up_request_uses_tags(const struct chat *chat, const struct model *model);

#endif
