/*
 * scene.h - an installation whose upstream says what a test wants, for the tests of up_call.
 */
#ifndef TESTS_UNIT_SCENE_H
#define TESTS_UNIT_SCENE_H

#include "fcgi/up_call.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#define NOW	1800000000 /* when a scene begins */
#define ENDLESS 100

/* What the upstream says to the next tries, in order; then it answers. */
struct step {
	enum error_kind kind;
	int retry_after;
	int times;
};

/* An installation of its own. */
struct scene {
	char dir[SCRATCH_SIZE];
	struct fake_login login;
	struct app app;
	struct site *site;
	const struct step *steps;
	int left; /* of the first step */
	int sent;
	char last[64];			    /* account that was tried last */
	bool shown;			    /* the client has seen a part */
	bool leaves;			    /* while it waits */
	int64_t takes_ms;		    /* each try, as it seems */
	void (*meanwhile)(struct scene *s); /* during the next try; NULL: nothing */
};

void scene_begin(struct scene *s);
void scene_end(struct scene *s);

/* One request of a client. Returns what it is told. */
struct error scene_request(struct scene *s);
/* One that meets these steps. */
struct error scene_request_met(struct scene *s, const struct step *steps);

/* Stores an account with usable credentials, and looks at a stored one. */
void scene_put(struct scene *s, const char *id, enum account_kind kind, int64_t expires_at);
void scene_is(struct scene *s, const char *id, enum account_state state, int64_t until);

#endif
