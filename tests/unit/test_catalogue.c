#include "common/base.h"
#include "common/alias.h"
#include "common/catalogues.h"
#include "common/clock.h"
#include "common/limits.h"
#include "common/log.h"
#include "fcgi/up_pool.h"
#include "tests/unit/fake_login.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

#define NOW 1800000000
#define ARN "arn:aws:codewhisperer:eu-central-1:123456789012:profile/ABC"

static char dir[SCRATCH_SIZE], keys_dir[SCRATCH_SIZE];
static struct store s, keys;
static struct fake_login upstream;
static struct config config;
static struct http_client *http;
static struct account a;
static struct catalogues *all;
static struct arena arena;
static struct error e;

static void begin(void)
{
	static const struct log_options quiet = { .file = "/dev/null" };
	static char version[] = "9.8.7";

	log_open(&quiet);
	scratch_store(dir, "tokens", &s);
	scratch_store(keys_dir, "keys", &keys);
	error_clear(&e);
	fake_login_start(&upstream);
	config = (struct config){ .management_url = upstream.url,
				  .upstream_region = version,
				  .connect_timeout = 5,
				  .kiro_version = version,
				  .node_version = version,
				  .system_version = version };
	CU_ASSERT_EQUAL_FATAL(http_client_new(&http, &(struct http_options){ 0 }, &e), 0);
	clock_set_wall(NOW);
	account_init(&a);
	a.id = xstrdup("acc_1");
	a.label = xstrdup("one");
	a.kind = KIND_SOCIAL;
	secret_set(&a.access_token, "access-0");
	secret_set(&a.refresh_token, "refresh-0");
	account_set_profile(&a, ARN);
	all = catalogues_new();
	arena_init(&arena);
}

static void end(void)
{
	static const struct log_options loud = { .level = LOG_INFO };

	arena_release(&arena);
	catalogues_free(all);
	http_client_free(http);
	fake_login_stop(&upstream);
	account_release(&a);
	store_close(&s);
	store_close(&keys);
	scratch_remove(dir);
	scratch_remove(keys_dir);
	clock_set_wall(0);
	log_open(&loud);
}

static int fetch(int status, const char *answer)
{
	upstream.status = status;
	upstream.answer = answer;
	error_clear(&e);
	return catalogue_fetch(http, &config, &s, &a, &e);
}

static void read_stored(struct catalogue *c)
{
	struct error why = { 0 };
	struct buf json;

	catalogue_init(c);
	buf_init(&json, LIMIT_RECORD);
	CU_ASSERT_EQUAL_FATAL(store_get(&s, "c/acc_1", &json, &why), 1);
	CU_ASSERT_EQUAL_FATAL(catalogue_read(c, buf_span(&json), &why), 0);
	buf_release(&json);
}

/* Two models as the service describes them. */
#define EFFORT(words) "{\"properties\":{\"effort\":{\"enum\":[" words "]}}}"
#define OPUS                                                                                       \
	"{\"modelId\":\"claude-opus-4.8\",\"modelName\":\"Claude Opus "                            \
	"4.8\",\"rateMultiplier\":2.2,"                                                            \
	"\"supportedInputTypes\":[\"TEXT\",\"IMAGE\"],"                                            \
	"\"tokenLimits\":{\"maxInputTokens\":500000,\"maxOutputTokens\":32000},"                   \
	"\"additionalModelRequestFieldsSchema\":{\"properties\":{\"thinking\":{\"properties\":"    \
	"{\"type\":{\"enum\":[\"adaptive\"]}}},\"max_tokens\":{\"minimum\":16,\"maximum\":31000}," \
	"\"output_config\":" EFFORT("\"low\",\"high\"") "}}}"
#define NEW                                                                                        \
	"{\"modelId\":\"claude-opus-7\",\"supportedInputTypes\":[\"TEXT\"],"                       \
	"\"tokenLimits\":{\"maxInputTokens\":2000000,\"maxOutputTokens\":128000}}"
#define GPT                                                                                        \
	"{\"modelId\":\"gpt-9\",\"additionalModelRequestFieldsSchema\":{\"properties\":"           \
	"{\"reasoning\":" EFFORT("\"none\",\"low\"") "}}}"
#define PLAIN	     "{\"modelId\":\"claude-opus-4.8\"}"
#define LIST(models) "{\"models\":[" models "],\"defaultModel\":" NEW ",\"nextToken\":null}"

static void catalogue_asks_the_new_service_by_its_target(void)
{
	begin();
	CU_ASSERT_EQUAL(fetch(200, LIST(OPUS)), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(upstream.request, "POST / HTTP/1.1"));
	CU_ASSERT_PTR_NOT_NULL(
		strcasestr(upstream.request,
			   "x-amz-target: KiroControlPlaneBearerService.ListAvailableModels\r\n"));
	CU_ASSERT_PTR_NOT_NULL(
		strcasestr(upstream.request, "content-type: application/x-amz-json-1.0\r\n"));
	CU_ASSERT_PTR_NOT_NULL(strcasestr(upstream.request, "authorization: Bearer access-0\r\n"));
	CU_ASSERT_STRING_EQUAL(upstream.body,
			       "{\"origin\":\"AI_EDITOR\",\"profileArn\":\"" ARN "\"}");
	end();
}

static void catalogue_asks_the_old_service_by_its_path(void)
{
	begin();
	a.upstream = xstrdup("rts");
	CU_ASSERT_EQUAL(fetch(200, LIST(OPUS)), 0);
	CU_ASSERT_PTR_NOT_NULL(
		strstr(upstream.request,
		       "GET /ListAvailableModels?origin=AI_EDITOR&maxResults=50&profileArn="
		       "arn%3Aaws%3Acodewhisperer%3Aeu-central-1%3A123456789012%3Aprofile%2FABC "));
	CU_ASSERT_PTR_NULL(strcasestr(upstream.request, "x-amz-target"));
	end();
}

static void catalogue_keeps_what_is_used_of_a_model(void)
{
	const struct model *m;
	struct catalogue c;

	begin();
	CU_ASSERT_EQUAL(fetch(200, LIST(OPUS "," NEW "," GPT)), 0);
	read_stored(&c);
	CU_ASSERT_EQUAL(c.count, 3);
	CU_ASSERT_EQUAL(c.fetched_at, NOW);
	m = catalogue_find(&c, "claude-opus-4.8");
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->display, "Claude Opus 4.8");
	CU_ASSERT_EQUAL(m->window, 500000);
	CU_ASSERT_EQUAL(m->max_output, 32000);
	CU_ASSERT_EQUAL(m->reasoning, REASONING_CLAUDE);
	CU_ASSERT_EQUAL(m->efforts, 1u << MODEL_EFFORT_LOW | 1u << MODEL_EFFORT_HIGH);
	CU_ASSERT_TRUE(m->always_thinks);
	CU_ASSERT_TRUE(m->images);
	CU_ASSERT_EQUAL(m->limit_min, 16);
	CU_ASSERT_EQUAL(m->limit_max, 31000);
	m = catalogue_find(&c, "claude-opus-7");
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->display, "claude-opus-7");
	CU_ASSERT_STRING_EQUAL(m->line, "opus");
	CU_ASSERT_STRING_EQUAL(m->created, "1970-01-01T00:00:00Z");
	CU_ASSERT_EQUAL(m->window, 2000000);
	CU_ASSERT_EQUAL(m->reasoning, REASONING_NONE);
	CU_ASSERT_FALSE(m->images);
	CU_ASSERT_EQUAL(m->limit_max, 0);
	m = catalogue_find(&c, "gpt-9");
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(m->reasoning, REASONING_GPT);
	CU_ASSERT_EQUAL(m->efforts, 1u << MODEL_EFFORT_NONE | 1u << MODEL_EFFORT_LOW);
	catalogue_release(&c);
	end();
}

static void catalogue_without_any_schema_says_nothing_of_fields(void)
{
	const struct model *m;
	struct catalogue c;

	begin();
	CU_ASSERT_EQUAL(fetch(200, LIST(PLAIN)), 0);
	read_stored(&c);
	m = catalogue_find(&c, "claude-opus-4.8");
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(m->reasoning, models_row("claude-opus-4.8")->reasoning);
	CU_ASSERT_EQUAL(m->efforts, models_row("claude-opus-4.8")->efforts);
	CU_ASSERT_EQUAL(m->window, models_row("claude-opus-4.8")->window);
	catalogue_release(&c);
	end();
}

static void catalogue_follows_the_next_token(void)
{
	static const char page[] = "{\"models\":[" NEW "],\"nextToken\":\"t&1\"}";
	struct catalogue c;

	begin();
	/* The fake gives the same page for ever: asking ends, and a model counts once an answer. */
	CU_ASSERT_EQUAL(fetch(200, page), 0);
	CU_ASSERT_EQUAL(upstream.count, 8);
	CU_ASSERT_PTR_NOT_NULL(strstr(upstream.body, "\"nextToken\":\"t&1\""));
	read_stored(&c);
	CU_ASSERT_PTR_NOT_NULL(catalogue_find(&c, "claude-opus-7"));
	catalogue_release(&c);
	end();
}

static void catalogue_keeps_the_last_good_one_when_a_look_fails(void)
{
	static const struct {
		int status;
		const char *answer;
		enum error_kind kind;
	} rows[] = {
		{ 403, "{\"message\":\"The bearer token included in the request is invalid.\"}",
		  ERR_UP_TOKEN },
		{ 500, "{}", ERR_UP_OVERLOAD },
		{ 200, "{\"models\":[]}", ERR_UP_DAMAGED },
		{ 200, "{}", ERR_UP_DAMAGED },
		{ 200, "<html>", ERR_UP_DAMAGED },
		{ 200, "{\"models\":[{\"modelId\":7},{},3]}", ERR_UP_DAMAGED },
	};
	struct catalogue c;

	begin();
	CU_ASSERT_EQUAL(fetch(200, LIST(OPUS)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		clock_set_wall(NOW + 10 + (int64_t)i);
		CU_ASSERT_EQUAL(fetch(rows[i].status, rows[i].answer), -1);
		CU_ASSERT_EQUAL(e.kind, rows[i].kind);
		read_stored(&c);
		CU_ASSERT_EQUAL(c.count, 1);
		CU_ASSERT_EQUAL(c.fetched_at, NOW);
		CU_ASSERT_EQUAL(c.tried_at, NOW + 10 + (int64_t)i);
		catalogue_release(&c);
	}
	end();
}

static void catalogue_is_looked_up_once_an_hour_even_if_that_fails(void)
{
	begin();
	upstream.status = 403;
	upstream.answer = "{\"message\":\"no\"}";
	CU_ASSERT_EQUAL(catalogue_fetch_due(http, &config, &s, &a, &e), -1);
	error_clear(&e);
	clock_set_wall(NOW + CATALOGUE_AGE - 1);
	CU_ASSERT_EQUAL(catalogue_fetch_due(http, &config, &s, &a, &e), 1);
	CU_ASSERT_EQUAL(upstream.count, 1);
	clock_set_wall(NOW + CATALOGUE_AGE);
	upstream.status = 200;
	upstream.answer = LIST(OPUS);
	CU_ASSERT_EQUAL(catalogue_fetch_due(http, &config, &s, &a, &e), 0);
	CU_ASSERT_EQUAL(upstream.count, 2);
	end();
}

/* Whom the upstream has locked or refused it hears of by the one request that finds out. */
static void catalogue_of_an_account_that_is_refused_is_not_looked_up(void)
{
	static const enum account_state states[] = { STATE_SUSPENDED, STATE_REFUSED };

	begin();
	upstream.status = 200;
	upstream.answer = LIST(OPUS);
	for (size_t i = 0; i < ARRAY_SIZE(states); i++) {
		account_set_state(&a, states[i], "the upstream's words", NOW - 60, NOW - 1);
		CU_ASSERT_EQUAL(catalogue_fetch_due(http, &config, &s, &a, &e), 1);
	}
	CU_ASSERT_EQUAL(upstream.count, 0);
	account_set_state(&a, STATE_EXHAUSTED, "the upstream's words", NOW - 60, NOW + 60);
	CU_ASSERT_EQUAL(catalogue_fetch_due(http, &config, &s, &a, &e), 0);
	CU_ASSERT_EQUAL(upstream.count, 1);
	end();
}

static void put(const char *key, const char *record)
{
	CU_ASSERT_EQUAL_FATAL(store_put(&s, key, span_of(record), &e), 0);
}

#define RECORD(models)                                                                             \
	"{\"v\":1,\"rev\":1,\"fetched_at\":1800000000,\"tried_at\":1800000000,\"models\":[" models \
	"]}"

static void catalogues_know_more_names_than_the_table(void)
{
	const struct model *m;

	begin();
	put("c/acc_1", RECORD("{\"id\":\"claude-opus-7.5\",\"input\":3000000}"));
	m = catalogues_search(all, &s, "claude-opus-7-5-20270101", &arena);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->id, "claude-opus-7.5");
	CU_ASSERT_EQUAL(m->window, 3000000);
	m = catalogues_search(all, &s, "claude-haiku-4-5", &arena);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->id, "claude-haiku-4.5");
	CU_ASSERT_PTR_NULL(catalogues_search(all, &s, "claude-opus-8", &arena));
	CU_ASSERT_PTR_NULL(catalogues_search(all, &s, "gpt-4o", &arena));
	CU_ASSERT_PTR_NOT_NULL(catalogues_search(all, NULL, "claude-haiku-4-5", &arena));
	end();
}

static void catalogues_see_a_new_record(void)
{
	begin();
	CU_ASSERT_PTR_NULL(catalogues_search(all, &s, "glm-9", &arena));
	put("c/acc_1", RECORD("{\"id\":\"glm-9\"}"));
	CU_ASSERT_PTR_NOT_NULL(catalogues_search(all, &s, "glm-9", &arena));
	put("c/acc_1", "{\"damaged\":1}");
	CU_ASSERT_PTR_NULL(catalogues_search(all, &s, "glm-9", &arena));
	end();
}

static void catalogues_that_could_not_be_opened_are_read_later(void)
{
	begin();
	put("c/acc_1", RECORD("{\"id\":\"glm-9\"}"));
	scratch_take_descriptors(true);
	CU_ASSERT_PTR_NULL(catalogues_search(all, &s, "glm-9", &arena));
	scratch_take_descriptors(false);
	CU_ASSERT_PTR_NOT_NULL(catalogues_search(all, &s, "glm-9", &arena));
	end();
}

static void catalogues_give_the_model_as_the_account_has_it(void)
{
	const struct model *table = models_row("claude-opus-4.8"), *m;
	bool due;

	begin();
	put("c/acc_1", RECORD("{\"id\":\"claude-opus-4.8\",\"input\":250000}"));
	put("c/acc_2", RECORD("{\"id\":\"claude-haiku-4.5\"}"));
	put("c/acc_3", RECORD(""));
	m = catalogues_model(all, &s, "acc_1", table, &arena, &due);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL(m->window, 250000);
	CU_ASSERT_FALSE(due);
	CU_ASSERT_PTR_NULL(catalogues_model(all, &s, "acc_2", table, &arena, &due));
	CU_ASSERT_PTR_EQUAL(catalogues_model(all, &s, "acc_3", table, &arena, &due), table);
	CU_ASSERT_FALSE(due);
	CU_ASSERT_PTR_EQUAL(catalogues_model(all, &s, "acc_4", table, &arena, &due), table);
	CU_ASSERT_TRUE(due);
	CU_ASSERT_FALSE(catalogues_lack(all, "acc_1", table->id));
	CU_ASSERT_TRUE(catalogues_lack(all, "acc_2", table->id));
	CU_ASSERT_FALSE(catalogues_lack(all, "acc_3", table->id));
	CU_ASSERT_FALSE(catalogues_lack(all, "acc_4", table->id));
	end();
}

static void catalogues_list_their_union(void)
{
	const struct model *const *list;
	size_t count, rows;

	begin();
	catalogues_list(all, &s, &arena, &count);
	models_all(&rows);
	CU_ASSERT_EQUAL(count, rows);
	put("c/acc_1", RECORD("{\"id\":\"glm-9\"},{\"id\":\"claude-haiku-4.5\"}"));
	put("c/acc_2", RECORD("{\"id\":\"claude-opus-5.5\"},{\"id\":\"glm-9\"}"));
	list = catalogues_list(all, &s, &arena, &count);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_STRING_EQUAL(list[0]->id, "claude-opus-5.5");
	CU_ASSERT_STRING_EQUAL(list[1]->id, "claude-haiku-4.5");
	CU_ASSERT_STRING_EQUAL(list[2]->id, "glm-9");
	end();
}

static void catalogues_list_so_many_models(void)
{
	size_t count;

	for (size_t n = LIMIT_MODELS; n <= LIMIT_MODELS + 1; n++) {
		struct buf record;

		begin();
		buf_init(&record, LIMIT_RECORD);
		buf_add_text(&record, "{\"v\":1,\"read_at\":1,\"models\":[");
		for (size_t i = 0; i < n; i++)
			buf_add_format(&record, "%s{\"id\":\"m%zu\"}", i ? "," : "", i);
		buf_add_text(&record, "]}");
		put("c/acc_1", record.at);
		catalogues_list(all, &s, &arena, &count);
		CU_ASSERT_EQUAL(count, LIMIT_MODELS);
		buf_release(&record);
		end();
	}
}

static const char *meaning(const char *name, bool gpt_aliases)
{
	struct model_meaning m = catalogues_resolve(all, &s, &keys, gpt_aliases, name, &arena);

	return m.model ? m.model->id : NONE;
}

static void catalogues_resolve_aliases_first_and_the_default_last(void)
{
	begin();
	CU_ASSERT_EQUAL_FATAL(alias_set(&keys, "gpt-4", "claude-opus-4-8", &e), 0);
	CU_ASSERT_EQUAL_FATAL(alias_set(&keys, "claude-haiku-4.5", "glm-5", &e), 0);
	CU_ASSERT_EQUAL_FATAL(alias_set(&keys, "wrong", "no-such-model", &e), 0);
	CU_ASSERT_STRING_EQUAL(meaning("gpt-4", true), "claude-opus-4.8");
	CU_ASSERT_STRING_EQUAL(meaning("claude-haiku-4.5", false), "glm-5");
	CU_ASSERT_STRING_EQUAL(meaning("claude-haiku-4-5", false), "claude-haiku-4.5");
	CU_ASSERT_STRING_EQUAL(meaning("gpt-4o", false), NONE);
	CU_ASSERT_STRING_EQUAL(meaning("gpt-4o", true), "claude-sonnet-4.5");
	CU_ASSERT_STRING_EQUAL(meaning("gpt-5.6-sol", true), "gpt-5.6-sol");
	CU_ASSERT_STRING_EQUAL(meaning("default", false), NONE);
	CU_ASSERT_EQUAL_FATAL(alias_set(&keys, "default", "auto", &e), 0);
	CU_ASSERT_STRING_EQUAL(meaning("gpt-4o", false), "auto");
	CU_ASSERT_STRING_EQUAL(meaning("gpt-4o", true), "claude-sonnet-4.5");
	CU_ASSERT_STRING_EQUAL(meaning("default", false), "auto");
	/* A broken alias of the owner is his to mend, not the default's to hide. */
	CU_ASSERT_STRING_EQUAL(meaning("wrong", false), NONE);
	end();
}

static void put_account(const char *id, int priority)
{
	char key[64];
	struct buf json;

	free(a.id);
	a.id = xstrdup(id);
	a.priority = priority;
	snprintf(key, sizeof(key), "a/%s", id);
	buf_init(&json, LIMIT_RECORD);
	account_write(&a, &json);
	CU_ASSERT_EQUAL_FATAL(store_put(&s, key, buf_span(&json), &e), 0);
	buf_release(&json);
}

/* The id of the account that is picked, or the name of the failure's kind. */
static const char *pick(struct up_pool *pool, const char *model)
{
	const struct up_pool_wish wish = { .model = model, .catalogues = all };
	static char id[64];
	struct account out;
	int rc, place;

	account_init(&out);
	error_clear(&e);
	catalogues_search(all, &s, model, &arena);
	rc = up_pool_pick(pool, &s, &wish, NOW * INT64_C(1000), &out, &place, &e);
	if (place >= 0)
		close(place);
	snprintf(id, sizeof(id), "%s", rc ? error_row(&e)->name : out.id);
	account_release(&out);
	return id;
}

static void pool_passes_over_accounts_whose_catalogue_lacks_the_model(void)
{
	struct config settings = { .state_dir = dir };
	struct up_pool *pool;

	begin();
	pool = up_pool_new(&settings);
	put_account("acc_1", 0);
	put("c/acc_1", RECORD("{\"id\":\"auto\"}"));
	put_account("acc_2", 1);
	put("c/acc_2", RECORD("{\"id\":\"claude-opus-5.5\"}"));
	CU_ASSERT_STRING_EQUAL(pick(pool, "auto"), "acc_1");
	CU_ASSERT_STRING_EQUAL(pick(pool, "claude-opus-5.5"), "acc_2");
	CU_ASSERT_STRING_EQUAL(pick(pool, "glm-5"), "model");
	put_account("acc_3", 2);
	CU_ASSERT_STRING_EQUAL(pick(pool, "glm-5"), "acc_3");
	account_set_state(&a, STATE_DISABLED, "by hand", NOW, 0);
	put_account("acc_3", 2);
	CU_ASSERT_STRING_EQUAL(pick(pool, "glm-5"), "no_account");
	up_pool_free(pool);
	end();
}

CU_TestInfo catalogue_tests[] = {
	{ "asks the new service by its target", catalogue_asks_the_new_service_by_its_target },
	{ "asks the old service by its path", catalogue_asks_the_old_service_by_its_path },
	{ "keeps what is used of a model", catalogue_keeps_what_is_used_of_a_model },
	{ "without any schema says nothing of fields",
	  catalogue_without_any_schema_says_nothing_of_fields },
	{ "follows the next token", catalogue_follows_the_next_token },
	{ "keeps the last good one when a look fails",
	  catalogue_keeps_the_last_good_one_when_a_look_fails },
	{ "is looked up once an hour even if that fails",
	  catalogue_is_looked_up_once_an_hour_even_if_that_fails },
	{ "of an account that is refused is not looked up",
	  catalogue_of_an_account_that_is_refused_is_not_looked_up },
	{ "catalogues know more names than the table", catalogues_know_more_names_than_the_table },
	{ "catalogues see a new record", catalogues_see_a_new_record },
	{ "catalogues that could not be opened are read later",
	  catalogues_that_could_not_be_opened_are_read_later },
	{ "catalogues give the model as the account has it",
	  catalogues_give_the_model_as_the_account_has_it },
	{ "catalogues list their union", catalogues_list_their_union },
	{ "catalogues list so many models", catalogues_list_so_many_models },
	{ "catalogues resolve aliases first and the default last",
	  catalogues_resolve_aliases_first_and_the_default_last },
	{ "pool passes over accounts whose catalogue lacks the model",
	  pool_passes_over_accounts_whose_catalogue_lacks_the_model },
	CU_TEST_INFO_NULL,
};
