/*
 * up_exchange.h - a chat is sent to one account, once: its body and head are written, the answer
 * goes to the call's sink as it comes, a refusal is judged.
 */
#ifndef FCGI_UP_EXCHANGE_H
#define FCGI_UP_EXCHANGE_H

#include "fcgi/up_call.h"

/* -1: ERR_UP_*, ERR_GONE or ERR_REQUEST; the ledger has it, the account does not. */
int up_exchange(struct up_call *call, const struct account *account, struct error *e);

#endif
