#include "common/base.h"
#include "fcgi/api.h"

#include "common/catalogues.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/up_profile.h"
#include "fcgi/models.h"

#define LIST_LIMIT 1000 /* the Messages API's own */

static struct model_meaning resolve(struct request *r, const char *name)
{
	struct site *site = r->site;
	struct error e = { 0 };
	bool stores = !site_open_stores(site, &e);

	return catalogues_resolve(site->catalogues, stores ? &site->tokens : NULL,
				  stores ? &site->keys : NULL, site->config->gpt_aliases, name,
				  &r->arena);
}

bool api_asks_thinking(const struct request *r, const char *model, size_t *plain)
{
	const char *suffix = r->site->config->thinking_suffix;
	const size_t len = strlen(model), tail = strlen(suffix);

	*plain = len > tail ? len - tail : 0;
	return tail && *plain && strcmp(model + *plain, suffix) == 0;
}

/* A name that is known with its suffix, an alias perhaps, means itself. */
const struct model *api_find_model(struct request *r, const char *name)
{
	struct model_meaning meaning = resolve(r, name);
	size_t plain;

	if ((!meaning.model || meaning.by_default) && api_asks_thinking(r, name, &plain)) {
		struct model_meaning other = resolve(r, arena_strndup(&r->arena, name, plain));

		if (other.model && !other.by_default)
			meaning = other;
	}
	if (!meaning.model) {
		snprintf(r->error.field, sizeof(r->error.field), "model");
		error_set(&r->error, ERR_MODEL, "model: %.100s", name);
	} else if (meaning.by_default) {
		log_line(LOG_INFO, "nobody knows the model %.100s: the alias default serves it",
			 name);
	}
	return meaning.model;
}

static int send(struct request *r, struct buf *body)
{
	int rc = body->failed
			 ? error_set(&r->error, ERR_INTERNAL, "the model list is too long")
			 : response_whole(&r->response, 200, "application/json", buf_span(body));

	buf_release(body);
	return rc;
}

/* The configured generation of the service; accounts that are set to the other one are exceptions,
 * whom the list does not know. */
static bool takes_documents(const struct request *r)
{
	const struct account any = { .upstream = NULL };

	return up_profile_of(r->site->config, &any)->documents;
}

static int read_page(struct request *r, struct models_page *page)
{
	const char *limit = request_query(r, "limit");
	char *end;
	long number;

	*page = (struct models_page){ .after_id = request_query(r, "after_id"),
				      .before_id = request_query(r, "before_id") };
	if (!limit)
		return 0;
	errno = 0;
	number = strtol(limit, &end, 10);
	if (errno || end == limit || *end)
		return error_field(&r->error, "limit", "Input should be a valid integer");
	if (number < 1 || number > LIST_LIMIT)
		return error_field(&r->error, "limit", "Input should be from 1 to %d", LIST_LIMIT);
	page->limit = (size_t)number;
	return 0;
}

int api_models(struct request *r)
{
	const struct model *const *list;
	struct models_page page;
	struct error e = { 0 };
	size_t count = 0;
	struct buf body;

	if (read_page(r, &page))
		return -1;
	if (!site_open_stores(r->site, &e)) /* without stores: models[] */
		site_look_for_models(r->site);
	list = catalogues_list(r->site->catalogues, e.kind ? NULL : &r->site->tokens, &r->arena,
			       &count);
	buf_init(&body, LIMIT_UP_REPLY);
	models_write_list(list, count, &page, takes_documents(r), &r->arena, &body);
	return send(r, &body);
}

int api_model(struct request *r)
{
	const struct model *model = api_find_model(r, r->rest);
	struct buf body;

	if (!model)
		return -1;
	buf_init(&body, LIMIT_UP_REPLY);
	models_write_one(model, takes_documents(r), &body);
	return send(r, &body);
}
