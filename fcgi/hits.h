/*
 * hits.h - what a web search found: from the upstream, to the model as text, to the client as
 * blocks of the Messages API, and back from a client's history.
 *
 * The Messages API has no open member for a result's text: clients hand "encrypted_content" back as
 * they got it. Ours is base64 of a mark and the text, so that the history keeps what was found.
 */
#ifndef FCGI_HITS_H
#define FCGI_HITS_H

#include "common/arena.h"
#include "common/base.h"
#include "common/jsonw.h"

#include <cjson/cJSON.h>

#define HITS_MAX 32 /* of one search; more are left out */

struct hit {
	const char *title, *url;
	const char *snippet, *age; /* "" unknown */
};

struct hits {
	struct hit items[HITS_MAX];
	size_t count;
};

/* Texts are borrowed. False: there is no room, or no url. */
bool hits_add(struct hits *h, const struct hit *hit);

/* An entry of a list of domains: a * stands once at most, and not in the host's name. */
bool hits_is_domain(const char *domain);

/* "example.com" stands for the host and those below it; "example.com/blog" only for what begins so
 * there, a * in it for anything. keep: only those listed stay; else those are dropped. */
void hits_filter(struct hits *h, const char *const *domains, size_t count, bool keep);

/* The content of a web_search_tool_result block: as it is written, and as a client brings it. */
void hits_write(const struct hits *h, struct arena *arena, struct jsonw *w);
void hits_read(struct hits *h, const cJSON *content, struct arena *arena);

/* For the model. */
struct span hits_text(const struct hits *h, struct arena *arena);

#endif
