/*
 * fetch.h - images that a client names by URL. The step between in_* and up_*, and the only one
 * that talks to a host of a client's choice: by default it refuses.
 *
 * A host must be in fetch_urls.allow; only https, no redirects, no proxy, no private address
 * (unless fetch_urls.private), 5 MB, 10 seconds, at most 10 images a request. The first bytes must
 * be those of an image.
 */
#ifndef FCGI_FETCH_H
#define FCGI_FETCH_H

#include "common/arena.h"
#include "common/config.h"
#include "common/error.h"
#include "fcgi/app.h"
#include "fcgi/chat.h"

/* -1: an image may not be fetched; the error names its field. Nothing is sent. */
int fetch_check(const struct config *config, const struct chat *chat, struct error *e);

/* Checks, then fills text and format of every block with a url. */
int fetch_images(struct site *site, struct arena *arena, struct chat *chat, struct error *e);

#endif
