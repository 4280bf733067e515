/*
 * tokens.h - the estimate of tokens, for count_tokens and where upstream tells no number.
 * An estimate: documented with its error band in the README, never shown as measured.
 *
 * Each byte has a class; a run of one class costs a first price and a price per further byte
 * (the table in tokens.c), which follows how byte-pair tokenizers cut text. Deterministic, one
 * pass.
 */
#ifndef FCGI_TOKENS_H
#define FCGI_TOKENS_H

#include "fcgi/chat.h"

int64_t tokens_of_text(struct span text);
int64_t tokens_of_chat(const struct chat *chat); /* >= 1 */

#endif
