#include "common/base.h"
#include "fcgi/out.h"

#include "common/ids.h"
#include "common/limits.h"

#include <openssl/evp.h>

void out_init(struct out *o, const struct out_dialect *dialect, const struct out_options *options)
{
	*o = (struct out){ .dialect = dialect, .options = *options, .begun = options->late };
	ids_make(o->id, sizeof(o->id), dialect->id_prefix, 24);
	buf_init(&o->text, LIMIT_ANSWER);
	buf_init(&o->reasoning, LIMIT_ANSWER);
	buf_init(&o->arguments, LIMIT_TOOL_INPUT);
	buf_init(&o->parts, LIMIT_ANSWER);
}

void out_release(struct out *o)
{
	EVP_MD_CTX_free(o->digest);
	buf_release(&o->text);
	buf_release(&o->reasoning);
	buf_release(&o->arguments);
	buf_release(&o->parts);
}

void out_begin_late(struct out *o, int64_t input, struct buf *wire)
{
	o->options.input_estimate = input;
	o->begun = false;
	o->dialect->begin(o, wire);
}

int out_check_parts(const struct out *o, struct error *e)
{
	if (o->text.failed || o->reasoning.failed || o->arguments.failed || o->parts.failed)
		return error_set(e, ERR_UP_DAMAGED,
				 "the upstream's answer is larger than %zu bytes", LIMIT_ANSWER);
	return 0;
}
