#include "common/base.h"
#include "fcgi/api.h"

#include "common/limits.h"
#include "fcgi/models.h"

static int send(struct request *r, struct buf *body)
{
	int rc = body->failed ? error_set(&r->error, ERR_INTERNAL, "the model list is too long") :
				response_whole(&r->response, 200, "application/json",
					       buf_span(body));

	buf_release(body);
	return rc;
}

int api_models(struct request *r)
{
	struct buf body;

	buf_init(&body, LIMIT_UP_REPLY);
	models_write_list(&body);
	return send(r, &body);
}

int api_model(struct request *r)
{
	const struct model *model = models_find(r->rest);
	struct buf body;

	if (!model)
		return error_set(&r->error, ERR_MODEL, "model: %.100s", r->rest);
	buf_init(&body, LIMIT_UP_REPLY);
	models_write_one(model, &body);
	return send(r, &body);
}
