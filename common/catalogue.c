/*
 * Old service: GET {host}/ListAvailableModels?origin=AI_EDITOR&maxResults=50[&profileArn]
 *     [&nextToken]
 * New service: POST {host}/, target KiroControlPlaneBearerService.ListAvailableModels, the same
 * names in a JSON body. Answer of both:
 *
 *   {"models": [{"modelId": "claude-opus-4.8", "modelName": "Claude Opus 4.8",
 *      "supportedInputTypes": ["TEXT", "IMAGE"],
 *      "tokenLimits": {"maxInputTokens": 1000000, "maxOutputTokens": 64000},
 *      "additionalModelRequestFieldsSchema": {"properties": {
 *         "thinking": {"properties": {"type": {"enum": ["adaptive", "disabled"]}}},
 *         "output_config": {"properties": {"effort": {"enum": ["low", "high"]}}},
 *         "reasoning": {"properties": {"effort": {"enum": ["none", "low"]}}},
 *         "max_tokens": {"minimum": 1, "maximum": 64000}}}}],
 *    "nextToken": null}
 *
 * Record: {"v": 1, "rev": N, "fetched_at": S, "tried_at": S, "models": [{"id", "name", "input",
 * "output", "types": [], "thinking": [], "efforts": [], "reasoning": [], "limit": [min, max]}]};
 * the last five are left out where the upstream did not tell them.
 */
#include "common/base.h"
#include "common/catalogue.h"

#include "common/clock.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/management.h"
#include "common/rest.h"
#include "common/up_profile.h"

#define MODELS_MAX  256 /* of one account; some thirty exist */
#define PAGES_MAX   8
#define NAME_BYTES  96 /* longest id or display name that is kept */
#define TARGET	    "KiroControlPlaneBearerService.ListAvailableModels"
#define EPOCH	    "1970-01-01T00:00:00Z" /* the Messages API's word for an unknown date */
#define SOME_WINDOW 200000
#define SOME_OUTPUT 64000

void catalogue_init(struct catalogue *c)
{
	*c = (struct catalogue){ .count = 0 };
	arena_init(&c->arena);
}

void catalogue_release(struct catalogue *c)
{
	arena_release(&c->arena);
}

/* ---- the upstream's answer becomes the record's list ---- */

/* A list of texts below properties.A.properties.B.enum. */
static const cJSON *allowed(const cJSON *schema, const char *a, const char *b)
{
	const cJSON *inner = json_member(json_member(schema, "properties"), a);

	return json_member(json_member(json_member(inner, "properties"), b), "enum");
}

static void write_words(struct jsonw *w, const char *key, const cJSON *words)
{
	const cJSON *word;

	if (!cJSON_IsArray(words))
		return;
	jsonw_begin_array_member(w, key);
	cJSON_ArrayForEach (word, words) {
		if (cJSON_IsString(word) && strlen(word->valuestring) < NAME_BYTES)
			jsonw_text(w, word->valuestring);
	}
	jsonw_end(w);
}

/* A count of tokens; `otherwise` where it is none. */
static int64_t tokens_or(const cJSON *from, const char *key, int64_t otherwise)
{
	double number = json_number_or(from, key, 0);

	return number >= 1 && number <= INT32_MAX ? (int64_t)number : otherwise;
}

static void write_number(struct jsonw *w, const char *key, const cJSON *from, const char *name)
{
	int64_t number = tokens_or(from, name, 0);

	if (number)
		jsonw_int_member(w, key, number);
}

/* The range of the field max_tokens, where the schema has it. */
static void write_limit(struct jsonw *w, const cJSON *property, const cJSON *limits)
{
	const int64_t all = tokens_or(limits, "maxOutputTokens", SOME_OUTPUT);

	if (!cJSON_IsObject(property))
		return;
	jsonw_begin_array_member(w, "limit");
	jsonw_int(w, tokens_or(property, "minimum", 1));
	jsonw_int(w, tokens_or(property, "maximum", all));
	jsonw_end(w);
}

/* True: a model was written. */
static bool reduce_one(struct jsonw *w, const cJSON *from)
{
	const cJSON *schema = json_member(from, "additionalModelRequestFieldsSchema");
	const cJSON *limits = json_member(from, "tokenLimits");
	const char *id = json_text_or(from, "modelId", "");
	const char *name = json_text_or(from, "modelName", "");

	if (!*id || strlen(id) > NAME_BYTES)
		return false;
	jsonw_begin_object(w);
	jsonw_text_member(w, "id", id);
	if (*name && strlen(name) <= NAME_BYTES)
		jsonw_text_member(w, "name", name);
	write_number(w, "input", limits, "maxInputTokens");
	write_number(w, "output", limits, "maxOutputTokens");
	write_words(w, "types", json_member(from, "supportedInputTypes"));
	write_words(w, "thinking", allowed(schema, "thinking", "type"));
	write_words(w, "efforts", allowed(schema, "output_config", "effort"));
	write_words(w, "reasoning", allowed(schema, "reasoning", "effort"));
	write_limit(w, json_member(json_member(schema, "properties"), "max_tokens"), limits);
	jsonw_end(w);
	return true;
}

/* Adds a page's models to the list; *next becomes the token of the following page, "" for none. */
static int reduce_page(struct jsonw *w, size_t *count, struct span body,
		       char next[static LIMIT_URL], struct error *e)
{
	struct error why = { 0 };
	cJSON *root = json_parse(body, &why);
	const cJSON *models = json_member(root, "models"), *item;

	*next = '\0';
	if (!cJSON_IsArray(models)) {
		cJSON_Delete(root);
		return error_set(e, ERR_UP_DAMAGED, "the upstream's model list is no such list%s%s",
				 why.kind ? ": " : "", why.message);
	}
	cJSON_ArrayForEach (item, models) {
		if (*count < MODELS_MAX)
			*count += reduce_one(w, item);
	}
	snprintf(next, LIMIT_URL, "%s", json_text_or(root, "nextToken", ""));
	cJSON_Delete(root);
	return 0;
}

static void write_get(struct buf *path, const char *arn, const char *token)
{
	buf_add_text(path, "/ListAvailableModels?origin=" UP_ORIGIN "&maxResults=50");
	management_add_query(path, "profileArn", arn);
	management_add_query(path, "nextToken", token);
}

static void write_post(struct buf *body, const char *arn, const char *token)
{
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "origin", UP_ORIGIN);
	if (arn)
		jsonw_text_member(&w, "profileArn", arn);
	if (token)
		jsonw_text_member(&w, "nextToken", token);
	jsonw_end(&w);
}

static int fetch_page(struct http_client *http, const struct config *config,
		      const struct account *a, const char *token, int timeout_ms, struct buf *reply,
		      struct error *e)
{
	const struct up_profile *profile = up_profile_of(config, a);
	const char *arn = up_profile_arn(profile, a);
	struct management_request request = { .path = "/", .timeout_ms = timeout_ms };
	struct buf path, body;
	int rc;

	buf_init(&path, LIMIT_URL);
	buf_init(&body, KB(8));
	if (profile->target) {
		request.target = TARGET;
		write_post(&body, arn, *token ? token : NULL);
		request.body = buf_span(&body);
	} else {
		write_get(&path, arn, *token ? token : NULL);
		request.path = path.at;
	}
	rc = management_call(http, config, a, &request, reply, e);
	buf_release(&body);
	buf_release(&path);
	return rc;
}

/* What is left of the time for all pages, at least a little; 0: there is no limit. */
static int time_left(int timeout_ms, int64_t began)
{
	const int64_t left = timeout_ms - (clock_ticks() - began);

	return timeout_ms ? (int)(left > 1 ? left : 1) : 0;
}

/* The list of all pages as JSON. */
static int fetch_list(struct http_client *http, const struct config *config,
		      const struct account *a, int timeout_ms, struct buf *list, struct error *e)
{
	const int64_t began = clock_ticks();
	char next[LIMIT_URL] = "";
	struct jsonw w;
	size_t count = 0;
	int rc = 0;

	jsonw_init(&w, list);
	jsonw_begin_array(&w);
	for (int page = 0; !rc && page < PAGES_MAX && (!page || *next); page++) {
		struct buf reply;

		buf_init(&reply, LIMIT_UP_REPLY);
		rc = fetch_page(http, config, a, next, time_left(timeout_ms, began), &reply, e);
		if (!rc)
			rc = reduce_page(&w, &count, buf_span(&reply), next, e);
		buf_release(&reply);
	}
	jsonw_end(&w);
	if (!rc && (!count || list->failed))
		rc = error_set(e, ERR_UP_DAMAGED,
			       count ? "the upstream's model list is too long"
				     : "the upstream's model list is empty");
	return rc;
}

/* ---- the record ---- */

static void key_of(const char *account_id, char out[static STORE_KEY_SIZE])
{
	snprintf(out, STORE_KEY_SIZE, CATALOGUE_PREFIX "%s", account_id);
}

struct change {
	const struct buf *list; /* NULL: the look failed */
	int64_t now;
};

/* 0: never, or a number that is no time. */
static int64_t seconds_of(const cJSON *root, const char *key)
{
	double seconds = json_number_or(root, key, 0);

	return seconds > 0 && seconds < 1e12 ? (int64_t)seconds : 0;
}

static int change_record(void *context, struct buf *json, struct error *e)
{
	const struct change *change = context;
	struct error ignored = { 0 };
	cJSON *old = json->len ? json_parse(buf_span(json), &ignored) : NULL;
	const cJSON *models = json_member(old, "models");
	int64_t fetched_at = seconds_of(old, "fetched_at");
	struct jsonw w;

	buf_reset(json);
	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_int_member(&w, "rev", (int64_t)json_number_or(old, "rev", 0) + 1);
	jsonw_int_member(&w, "fetched_at", change->list ? change->now : fetched_at);
	jsonw_int_member(&w, "tried_at", change->now);
	jsonw_key(&w, "models");
	if (change->list)
		jsonw_raw(&w, buf_span(change->list));
	else if (cJSON_IsArray(models))
		jsonw_tree(&w, models);
	else
		jsonw_raw(&w, span_of("[]"));
	jsonw_end(&w);
	cJSON_Delete(old);
	return json->failed ? error_set(e, ERR_STORE, "the model list is too long to be stored")
			    : 0;
}

static bool has_word(const cJSON *words, const char *wanted)
{
	const cJSON *word;

	cJSON_ArrayForEach (word, words) {
		if (cJSON_IsString(word) && strcmp(word->valuestring, wanted) == 0)
			return true;
	}
	return false;
}

static unsigned effort_bits(const cJSON *words)
{
	unsigned bits = 0;

	for (int i = 0; i < MODEL_EFFORTS; i++) {
		if (has_word(words, model_effort_names[i]))
			bits |= 1u << i;
	}
	return bits;
}

static bool has_schema(const cJSON *from)
{
	return json_member(from, "thinking") || json_member(from, "efforts") ||
	       json_member(from, "reasoning");
}

/* "opus" of claude-opus-4.8, "glm" of glm-5. */
static const char *line_of(struct arena *arena, const char *id)
{
	const char *from = strncmp(id, "claude-", 7) == 0 ? id + 7 : id;

	return arena_strndup(arena, from, strcspn(from, "-"));
}

static void read_limit(struct model *m, const cJSON *limit)
{
	const cJSON *min = cJSON_GetArrayItem(limit, 0), *max = cJSON_GetArrayItem(limit, 1);

	if (!cJSON_IsNumber(min) || !cJSON_IsNumber(max) || !(min->valuedouble >= 1) ||
	    !(max->valuedouble >= min->valuedouble) || !(max->valuedouble <= INT32_MAX))
		return;
	m->limit_min = (int64_t)min->valuedouble;
	m->limit_max = (int64_t)max->valuedouble;
}

static void read_reasoning(struct model *m, const cJSON *from)
{
	const cJSON *thinking = json_member(from, "thinking");
	const cJSON *efforts = json_member(from, "efforts"), *gpt = json_member(from, "reasoning");
	bool spared = m->reasoning == REASONING_SPARED;

	m->reasoning = REASONING_NONE;
	m->efforts = effort_bits(gpt ? gpt : efforts);
	m->always_thinks = cJSON_IsArray(thinking) && !has_word(thinking, "disabled");
	read_limit(m, json_member(from, "limit"));
	if (gpt)
		m->reasoning = REASONING_GPT;
	else if (has_word(thinking, "adaptive"))
		m->reasoning = spared ? REASONING_SPARED : REASONING_CLAUDE;
}

/* Where the upstream is silent, models[] speaks. */
static bool read_model(struct arena *arena, struct model *m, const cJSON *from, bool schemas)
{
	const char *id = json_text_or(from, "id", "");
	const char *name = json_text_or(from, "name", "");
	const struct model *row = models_row(id);
	const cJSON *types = json_member(from, "types");

	if (!*id)
		return false;
	*m = row ? *row
		 : (struct model){ .id = arena_strndup(arena, id, strlen(id)),
				   .line = line_of(arena, id),
				   .window = SOME_WINDOW,
				   .max_output = SOME_OUTPUT,
				   .created = EPOCH };
	if (*name)
		m->display = arena_strndup(arena, name, strlen(name));
	else if (!row)
		m->display = m->id;
	m->window = tokens_or(from, "input", m->window);
	m->max_output = tokens_or(from, "output", m->max_output);
	if (types)
		m->images = has_word(types, "IMAGE");
	if (schemas)
		read_reasoning(m, from);
	return true;
}

int catalogue_read(struct catalogue *c, struct span record, struct error *e)
{
	struct error why = { 0 };
	cJSON *root = json_parse(record, &why);
	const cJSON *models = json_member(root, "models"), *item;
	bool schemas = false;

	if (!cJSON_IsArray(models)) {
		cJSON_Delete(root);
		return error_set(e, ERR_STORE, "no model list in the record%s%s",
				 why.kind ? ": " : "", why.message);
	}
	c->fetched_at = seconds_of(root, "fetched_at");
	c->tried_at = seconds_of(root, "tried_at");
	c->models = arena_array(&c->arena, (size_t)cJSON_GetArraySize(models), sizeof(*c->models));
	/* A list without a single schema comes from a service that tells none: that says nothing of
	 * what its models take. */
	cJSON_ArrayForEach (item, models) {
		schemas = schemas || has_schema(item);
	}
	cJSON_ArrayForEach (item, models) {
		c->count += read_model(&c->arena, &c->models[c->count], item, schemas);
	}
	cJSON_Delete(root);
	return 0;
}

const struct model *catalogue_find(const struct catalogue *c, const char *id)
{
	for (size_t i = 0; i < c->count; i++) {
		if (strcmp(c->models[i].id, id) == 0)
			return &c->models[i];
	}
	return NULL;
}

bool catalogue_is_due(const struct catalogue *c, int64_t now)
{
	return now - c->tried_at >= CATALOGUE_AGE || c->tried_at > now;
}

int catalogue_fetch_within(struct http_client *http, const struct config *config,
			   const struct store *tokens, const struct account *a, int timeout_ms,
			   struct error *e)
{
	struct change change = { .now = clock_wall() };
	struct error storing = { 0 };
	char key[STORE_KEY_SIZE];
	struct buf list;
	int rc;

	key_of(a->id, key);
	buf_init(&list, LIMIT_RECORD);
	rc = fetch_list(http, config, a, timeout_ms, &list, e);
	change.list = rc ? NULL : &list;
	if (rc && timeout_ms) {
		buf_release(&list);
		return rc;
	}
	if (store_update(tokens, key, change_record, &change, &storing) && !rc) {
		*e = storing;
		rc = -1;
	}
	buf_release(&list);
	return rc;
}

int catalogue_fetch(struct http_client *http, const struct config *config,
		    const struct store *tokens, const struct account *a, struct error *e)
{
	return catalogue_fetch_within(http, config, tokens, a, 0, e);
}

int catalogue_fetch_due(struct http_client *http, const struct config *config,
			const struct store *tokens, const struct account *a, struct error *e)
{
	struct error unread = { 0 };
	struct catalogue c;
	char key[STORE_KEY_SIZE];
	struct buf json;
	bool due = true;

	if (rest_needs_claim(a))
		return 1;
	key_of(a->id, key);
	catalogue_init(&c);
	buf_init(&json, LIMIT_RECORD);
	if (store_get(tokens, key, &json, &unread) == 1 &&
	    !catalogue_read(&c, buf_span(&json), &unread))
		due = catalogue_is_due(&c, clock_wall());
	buf_release(&json);
	catalogue_release(&c);
	return due ? catalogue_fetch(http, config, tokens, a, e) : 1;
}
