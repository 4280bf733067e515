/*
 * in_document.h - documents of all dialects into the house shape: files as DOCUMENT blocks with a
 * name that the upstream takes, texts as TEXT blocks in <document> tags.
 */
#ifndef FCGI_IN_DOCUMENT_H
#define FCGI_IN_DOCUMENT_H

#include "fcgi/in_common.h"

/* title: a file name or any text, may be NULL. at and key name the field of the base64 text. The
 * first bytes decide what it is; media_type (may be NULL) only among formats that are plain text.
 * Fills *out; 0 or -1. */
int in_document_file(struct in *in, struct span base64, const char *media_type, const char *title,
		     const struct json_at *at, const char *key, struct block *out);

/* <tag NAME="value" ...>\ntext\n</tag> as a TEXT block; attributes whose value is NULL are left
 * out. */
struct in_attribute {
	const char *name, *value;
};

void in_document_text(struct in *in, const char *tag, const struct in_attribute *attributes,
		      size_t count, struct span text, struct block *out);

#endif
