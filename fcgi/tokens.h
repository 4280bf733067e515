/*
 * tokens.h - the estimate of tokens, for count_tokens and where upstream tells no number.
 * An estimate: documented with its error band in kiro.fcgi(8), never shown as measured.
 *
 * Each byte has a class; a run of one class costs a first price and a price per further byte
 * (the table in tokens.c), which follows how byte-pair tokenizers cut text. Deterministic, one
 * pass. What a model counts more or less than that is a factor of its own: calibration.h.
 */
#ifndef FCGI_TOKENS_H
#define FCGI_TOKENS_H

#include "fcgi/chat.h"

int64_t tokens_of_chat(const struct chat *chat); /* >= 1 */

/* An estimate times a model's factor (calibration.h). >= 1 where there is any. */
int64_t tokens_scaled(int64_t tokens, double factor);

/* Is all of it text, whose price says something of the next text's? Images and documents are
 * counted by rule of thumb, the reasoning of a tool loop not at all. */
bool tokens_are_of_text(const struct chat *chat);

/* A text that comes in pieces of whole characters: the same count wherever it is cut. { 0 } begins.
 */
struct token_count {
	int64_t price;
	int before; /* class of the last byte, plus one; 0: none */
};

int64_t token_count_value(const struct token_count *c);

/* Books the text as far as it fits into max tokens in all, and returns its bytes that do. A word is
 * not cut unless it runs two tokens beyond; the first character always fits. max 0: no limit. */
size_t token_count_add(struct token_count *c, struct span text, int64_t max);

#endif
