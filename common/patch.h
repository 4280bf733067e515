/*
 * patch.h - changes of single members of a record, as JSON: a member of the patch replaces the
 * record's of that name, null removes it (RFC 7396, top level only). What a patch does not name
 * stays, whoever has changed it in the meantime. "if" in the patch is no member but a condition: an
 * object of texts that the record must have, else the patch is void and the record stays as it is.
 */
#ifndef COMMON_PATCH_H
#define COMMON_PATCH_H

#include "common/base.h"
#include "common/buf.h"
#include "common/error.h"

/* Appends the changed record to out; its "rev" counts up by one. -1: ERR_STORE, one of the two is
 * no JSON object. */
int patch_apply(struct span record, struct span patch, struct buf *out, struct error *e);

/* "rev" of a record, 0 where there is none. */
int64_t patch_rev(struct span record);

#endif
