/*
 * api.h - the handlers of routes[]. Each answers the request: with a response, or by leaving
 * r->error filled and returning -1, which the router turns into the dialect's envelope.
 */
#ifndef FCGI_API_H
#define FCGI_API_H

#include "fcgi/request.h"

int api_chat(struct request *r);
int api_count_tokens(struct request *r);
int api_models(struct request *r);
int api_model(struct request *r);
int api_live(struct request *r);
int api_ready(struct request *r);
int api_ignore(struct request *r);
int api_root(struct request *r);

#endif
