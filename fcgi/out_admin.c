/*
 * Errors of the admin API: {"error": {"kind", "message", "field", "retry_after", "request_id"}}.
 */
#include "common/base.h"
#include "fcgi/out.h"

static void error_body(const struct error *failure, const char *request_id, struct buf *body)
{
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_begin_object_member(&w, "error");
	jsonw_text_member(&w, "kind", error_row(failure)->name);
	jsonw_text_member(&w, "message", failure->message);
	jsonw_text_member(&w, "field", *failure->field ? failure->field : NULL);
	if (failure->retry_after)
		jsonw_int_member(&w, "retry_after", failure->retry_after);
	jsonw_text_member(&w, "request_id", request_id);
	jsonw_end(&w);
	jsonw_end(&w);
}

const struct out_dialect out_admin = { .error_body = error_body };
