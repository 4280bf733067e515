/*
 * models.h - models as clients are shown them: bodies of GET /v1/models and /v1/models/{id}, one
 * superset that both client APIs' users read.
 */
#ifndef FCGI_MODELS_H
#define FCGI_MODELS_H

#include "common/arena.h"
#include "common/buf.h"
#include "common/models.h"

/* Which part of the list is asked for. */
struct models_page {
	size_t limit;	       /* entries, 0: all */
	const char *after_id;  /* those behind this one, NULL: from the start */
	const char *before_id; /* those in front of this one, NULL */
};

/* Claude models are listed by their dashed names too, which pickers of Anthropic clients know. An
 * id that is not in the list gives an empty page. documents: the service takes them. */
void models_write_list(const struct model *const *list, size_t count,
		       const struct models_page *page, bool documents, struct arena *arena,
		       struct buf *body);
void models_write_one(const struct model *model, bool documents, struct buf *body);

#endif
