/*
 * catalogues.h - the catalogues of all accounts together, kept parsed and read again when the
 * store's file was replaced. Answers: what a client's name means, who offers a model, and as what.
 *
 * Any number of threads may ask. What is handed out is copied into the caller's arena. `tokens` may
 * be NULL where there is no store yet.
 */
#ifndef COMMON_CATALOGUES_H
#define COMMON_CATALOGUES_H

#include "common/arena.h"
#include "common/catalogue.h"
#include "common/models.h"
#include "common/store.h"

struct catalogues;

struct catalogues *catalogues_new(void);
void catalogues_free(struct catalogues *c); /* NULL is fine */

/* By the rules of models.h, first among what any account is offered, then in models[]. NULL:
 * unknown. A store that cannot be read counts as one without catalogues. */
const struct model *catalogues_search(struct catalogues *c, const struct store *tokens,
				      const char *name, struct arena *arena);

/* What a client's name means. */
struct model_meaning {
	const struct model *model; /* NULL: nothing */
	const char *through;	   /* the alias that led there, NULL: none */
	bool by_default; /* nobody knows the name: the owner's alias "default" serves it */
};

/* In this order: the owner's alias of that name (keys may be NULL), catalogues_search(), the gpt
 * aliases of models.h where gpt_aliases says so, the owner's alias "default". */
struct model_meaning catalogues_resolve(struct catalogues *c, const struct store *tokens,
					const struct store *keys, bool gpt_aliases,
					const char *name, struct arena *arena);

/* The model as it is for this account: NULL when its catalogue lacks it, `model` itself when there
 * is no catalogue. *due: it is time to look again. */
const struct model *catalogues_model(struct catalogues *c, const struct store *tokens,
				     const char *account_id, const struct model *model,
				     struct arena *arena, bool *due);

/* Does the account's catalogue lack the model? Not when there is none. Of what was loaded last. */
bool catalogues_lack(struct catalogues *c, const char *account_id, const char *model_id);

/* Has any account a list? */
bool catalogues_any(struct catalogues *c, const struct store *tokens);
/* Is it time to look what this account is offered? Of what was loaded last. */
bool catalogues_due(struct catalogues *c, const char *account_id, int64_t now);

/* The union, those of models[] first and in its order; models[] itself when no account has a
 * catalogue. */
const struct model *const *catalogues_list(struct catalogues *c, const struct store *tokens,
					   struct arena *arena, size_t *count);

#endif
