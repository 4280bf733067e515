/*
 * up_check.h - what the upstream refuses and up_request cannot repair, told by its name before
 * anything is sent; and what we know of a request that it refused without a reason.
 */
#ifndef FCGI_UP_CHECK_H
#define FCGI_UP_CHECK_H

#include "common/error.h"
#include "fcgi/chat.h"
#include "fcgi/models.h"

/* ERR_REQUEST, or ERR_CONTEXT where less text would help, naming message, tool or image. */
int up_check_chat(const struct chat *chat, const struct model *model, struct error *e);

/* *failure is the upstream's refusal of such a body (ERR_UP_INVALID): "Improperly formed request."
 * gets sizes, counts and the largest suspects, tools that it counts get their names. A body beyond
 * the size that it is known to take becomes ERR_CONTEXT: clients then send less. */
void up_check_explain(const struct chat *chat, size_t body_bytes, struct error *failure);

#endif
