/*
 * auth_code.h - a client that came with an activation code (code.h), behind the checks that all
 * keys have: its machine, the outer service (activation.h), its first use.
 */
#ifndef FCGI_AUTH_CODE_H
#define FCGI_AUTH_CODE_H

#include "fcgi/request.h"

/* r->key is the code of that text. 0: it may come in. -1: ERR_FORBIDDEN with the reason,
 * ERR_KEY_UNSURE (the service is down), ERR_STORE. */
int auth_code(struct request *r, const char *text);

#endif
