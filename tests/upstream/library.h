/*
 * library.h - the scripts by name, and which one answers a call.
 */
#ifndef STANDIN_LIBRARY_H
#define STANDIN_LIBRARY_H

#include "script.h"

struct library {
	pthread_mutex_t lock;
	struct shelf *shelves; /* a list */
};

void library_init(struct library *l);
void library_reset(struct library *l);
void library_release(struct library *l);

/* Compiles and files it under the name, in place of an older one. 0, or *why (to be freed). */
int library_put(struct library *l, const char *name, const cJSON *json, char **why);
bool library_remove(struct library *l, const char *name);

/*
 * The script of that name, or, where its times are used up, the one its "next" names, and so
 * on; a use is counted. NULL if there is none left. To be given back with library_done().
 */
const struct script *library_take(struct library *l, const char *name);
void library_done(struct library *l, const struct script *s);

/* The first @NAME@ in the text that names a script, copied to name. */
bool library_find_mark(struct library *l, const char *text, char name[LIMIT_NAME + 1]);

#endif
