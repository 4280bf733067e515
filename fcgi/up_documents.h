/*
 * up_documents.h - the documents of a conversation in the upstream's JSON: at message level, like
 * images, also those of tool results, where a label stands instead.
 */
#ifndef FCGI_UP_DOCUMENTS_H
#define FCGI_UP_DOCUMENTS_H

#include "common/error.h"
#include "common/jsonw.h"
#include "fcgi/up_turns.h"

/* -1: there are documents, but the service takes none; the words make clients send something
 * else. */
int up_documents_check(const struct chat *chat, bool taken, struct error *e);

/* Only the latest LIMIT_DOCUMENTS go. */
bool up_documents_is_sent(const struct chat *chat, const struct block *document);

/* What stands in the text instead: "[document NAME attached]", or that it was left out. */
void up_documents_label(const struct chat *chat, const struct block *document, struct arena *arena,
			struct span *label);

/* The member "documents" of a user's turn; nothing when it has none. */
void up_documents_write(struct jsonw *w, const struct chat *chat, const struct up_turns *turns,
			const struct up_turn *turn);

#endif
