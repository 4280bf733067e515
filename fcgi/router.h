/*
 * router.h - routes[]: path, method, who may come in, how long a body may be, which handler.
 */
#ifndef FCGI_ROUTER_H
#define FCGI_ROUTER_H

#include "fcgi/auth.h"
#include "fcgi/request.h"

/* Serves one request from routing to the last byte, log line included. */
void router_serve(struct app *app, struct conn *conn);

/* Full: answers 529 at once, after reading the body; but open doors and probes as ever. */
void router_refuse(struct app *app, struct conn *conn);

/* Without any site, because the settings are wrong: answers with that error. */
void router_fail(struct conn *conn, const struct error *why);

/* For tests: the path of the matching row for a full path and PATH_INFO ("" absent), NULL: none. */
const char *router_match(const char *path, const char *info);

/* For tests: the rows of routes[], false behind the last. */
struct router_row {
	const char *method, *path;
	enum guard guard;
};
bool router_row(size_t index, struct router_row *out);

#endif
