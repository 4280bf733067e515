/*
 * operation.h - which operation a request asks for, in either protocol, and what all need.
 */
#ifndef STANDIN_OPERATION_H
#define STANDIN_OPERATION_H

#include "exchange.h"

enum plane {
	PLANE_CHAT,    /* bearer; the service and its generation matter */
	PLANE_CONTROL, /* bearer; either generation's clients ask it */
	PLANE_AUTH,    /* no bearer: tokens are what it hands out */
	PLANE_FORM,    /* the same, and the body is a form: handlers see an object of texts */
};

struct operation {
	const char *name;
	const char *method, *path; /* restJson form, NULL if there is none */
	enum plane plane;
	void (*handle)(struct exchange *x);
};

/* Serves the connection until it ends (a server_handler; context is the struct standin). */
void operation_serve(void *context, struct conn *c);

#endif
