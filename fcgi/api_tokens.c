#include "common/base.h"
#include "fcgi/api.h"

#include "common/calibration.h"
#include "common/jsonw.h"
#include "fcgi/fetch.h"
#include "fcgi/in.h"
#include "fcgi/tokens.h"

/* A model that nobody knows has none of its own. */
static double factor_of(struct request *r, const char *name)
{
	const struct model *model = api_find_model(r, name);
	struct calibration_view known;

	if (!model) {
		error_clear(&r->error);
		return 1;
	}
	calibration_look(r->site->calibration, model->id, &known);
	return known.factor;
}

int api_count_tokens(struct request *r)
{
	struct chat chat = { 0 };
	struct jsonw w;
	struct buf body;
	int rc;

	if (request_json(r) || in_anthropic_count(r->json, &r->arena, &chat, &r->error) ||
	    fetch_check(r->site->config, &chat, &r->error))
		return -1;
	buf_init(&body, KB(1));
	jsonw_init(&w, &body);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "input_tokens",
			 tokens_scaled(tokens_of_chat(&chat), factor_of(r, chat.model)));
	jsonw_null_member(&w, "context_management"); /* clients read it unseen */
	jsonw_end(&w);
	rc = response_whole(&r->response, 200, "application/json", buf_span(&body));
	buf_release(&body);
	return rc;
}
