/*
 * {"id": "web_search_tooluse_<22>_<ms>_<8>", "jsonrpc": "2.0", "method": "tools/call",
 *  "params": {"name": "web_search", "arguments": {"query": "..."}}, "profileArn": awsJson only}
 *
 * {"jsonrpc": "2.0", "id", "result": {"content": [{"type": "text", "text": JSON}], "isError"},
 *  "error": {"code", "message"}}, where `result` may itself be JSON in a string, and the text is
 *
 * {"results": [{"title", "url", "snippet", "publishedDate": ms, ...}], "query", "error"}
 */
#include "common/base.h"
#include "fcgi/up_mcp.h"

#include "common/clock.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/log.h"
#include "common/up_error.h"
#include "common/up_profile.h"

#define WAIT_MS 60000 /* a search takes seconds */

struct search {
	const char *query;
	char id[96];		      /* the same in all tries */
	const struct up_sink *client; /* the waiting one's clock and watch */
	struct hits *hits;
	struct buf reply;
};

static void make_id(char *id, size_t size)
{
	char call[32], tail[16];

	ids_make(call, sizeof(call), "", 22);
	ids_make(tail, sizeof(tail), "", 8);
	for (char *c = tail; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
	snprintf(id, size, "web_search_tooluse_%s_%" PRId64 "_%s", call, clock_wall() * 1000, tail);
}

static void write_body(const struct search *s, const struct up_profile *profile,
		       const struct account *account, struct buf *body)
{
	const char *arn = up_profile_arn(profile, account);
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "id", s->id);
	jsonw_text_member(&w, "jsonrpc", "2.0");
	jsonw_text_member(&w, "method", "tools/call");
	jsonw_begin_object_member(&w, "params");
	jsonw_text_member(&w, "name", "web_search");
	jsonw_begin_object_member(&w, "arguments");
	jsonw_text_member(&w, "query", s->query);
	jsonw_end(&w);
	jsonw_end(&w);
	if (profile->mcp_target && arn)
		jsonw_text_member(&w, "profileArn", arn);
	jsonw_end(&w);
}

static const char *keep(struct arena *arena, const char *text)
{
	return arena_strndup(arena, text, strlen(text));
}

/* "April 30, 2026" of milliseconds since 1970; "" of nothing. */
static const char *age(struct arena *arena, double ms)
{
	time_t seconds = ms > 0 && ms < 1e15 ? (time_t)(ms / 1000) : 0;
	char text[64];
	struct tm day;

	if (!seconds || !gmtime_r(&seconds, &day) ||
	    !strftime(text, sizeof(text), "%B %d, %Y", &day))
		return "";
	return keep(arena, text);
}

static int read_results(struct hits *hits, const cJSON *found, struct arena *arena, struct error *e)
{
	const cJSON *list = json_member(found, "results"), *item;
	const cJSON *error = json_member(found, "error");

	hits->count = 0;
	if (error || !cJSON_IsArray(list))
		return error_set(e, ERR_UP_DAMAGED, "the search failed: %.200s",
				 cJSON_IsString(error) ? error->valuestring : "no results in it");
	cJSON_ArrayForEach (item, list) {
		const struct hit hit = {
			.title = keep(arena, json_text_or(item, "title", "")),
			.url = keep(arena, json_text_or(item, "url", "")),
			.snippet = keep(arena, json_text_or(item, "snippet", "")),
			.age = age(arena, json_number_or(item, "publishedDate", 0)),
		};

		hits_add(hits, &hit);
	}
	return 0;
}

/* The text of a tools/call result. */
static int read_result(struct hits *hits, const cJSON *result, struct arena *arena, struct error *e)
{
	const cJSON *part = json_member(result, "content");
	const char *text = json_text_or(cJSON_IsArray(part) ? part->child : NULL, "text", "");
	struct error why = { 0 };
	cJSON *found;
	int rc;

	if (cJSON_IsTrue(json_member(result, "isError")))
		return error_set(e, ERR_UP_DAMAGED, "the search failed: %.200s", text);
	found = json_parse(span_of(text), &why);
	rc = read_results(hits, found, arena, e);
	cJSON_Delete(found);
	return rc;
}

int up_mcp_read(struct hits *hits, struct span reply, struct arena *arena, struct error *e)
{
	struct error why = { 0 };
	cJSON *root = json_parse(reply, &why), *inner = NULL;
	const cJSON *result = json_member(root, "result"), *error = json_member(root, "error");
	int rc;

	if (cJSON_IsString(result))
		result = inner = json_parse(span_of(result->valuestring), &why);
	if (error)
		rc = error_set(e, ERR_UP_DAMAGED, "the search failed: %.200s",
			       json_text_or(error, "message", "no reason given"));
	else
		rc = read_result(hits, result, arena, e);
	cJSON_Delete(inner);
	cJSON_Delete(root);
	return rc;
}

static int on_bytes(void *context, const struct http_reply *reply, struct span bytes,
		    struct error *e)
{
	struct search *s = context;

	(void)reply;
	if (buf_add(&s->reply, bytes.at, bytes.len))
		return error_set(e, ERR_UP_DAMAGED, "the search's answer is too long");
	return 0;
}

static int on_tick(void *context, struct error *e)
{
	const struct up_sink *client = ((struct search *)context)->client;

	return client->tick(client->context, e);
}

static int on_watch(void *context, struct error *e)
{
	const struct up_sink *client = ((struct search *)context)->client;

	return client->watch(client->context, e);
}

static int exchange(struct up_call *call, const struct account *account, const struct buf *body,
		    const struct up_wire *wire, struct error *e)
{
	struct search *s = call->context;
	struct http_reply reply = { 0 };
	const struct http_request request = {
		.method = "POST",
		.url = wire->url,
		.headers = wire->headers,
		.header_count = wire->header_count,
		.body = buf_span(body),
		.connect_ms = call->site->config->connect_timeout * 1000,
		.first_byte_ms = WAIT_MS,
		.idle_ms = WAIT_MS,
		.total_ms = WAIT_MS,
		.proxy = account->proxy_url,
		.on_bytes = on_bytes,
		.on_tick = on_tick,
		.watch_fd = s->client->watch_fd,
		.on_watch = on_watch,
		.context = s,
	};
	int rc;

	rc = http_run(call->site->http, &request, &reply, e);
	if (!rc && reply.status == 200)
		rc = up_mcp_read(s->hits, buf_span(&s->reply), call->arena, e);
	else if (!rc)
		rc = up_error_set(&(const struct up_refusal){ reply.status, reply.error_type,
							      reply.retry_after,
							      buf_span(&s->reply) },
				  e);
	ledger_exchange(call->ledger, account->id, &reply, rc ? e->kind : ERR_NONE);
	return rc;
}

static int send_search(struct up_call *call, const struct account *account, struct error *e)
{
	const struct config *config = call->site->config;
	const struct up_profile *profile = up_profile_of(config, account);
	struct search *s = call->context;
	struct up_wire wire;
	struct buf body;
	int rc;

	buf_reset(&s->reply);
	buf_init(&body, LIMIT_UP_BODY);
	write_body(s, profile, account, &body);
	rc = up_profile_mcp_wire(profile, config, account, call->invocation, call->attempt,
				 call->arena, &wire, e);
	if (!rc)
		rc = exchange(call, account, &body, &wire, e);
	account_scrub(account, e->message);
	log_line(rc ? LOG_WARN : LOG_DEBUG, "web search account=%s%s%s", account->id,
		 rc ? ": " : "", rc ? e->message : "");
	buf_release(&body);
	return rc;
}

static bool never(void *context)
{
	(void)context;
	return false;
}

int up_mcp_search(const struct up_call *like, const char *query, struct hits *out, struct error *e)
{
	struct search s = { .query = query, .client = like->sink, .hits = out };
	/* Nothing of a search is shown before it is complete: another account may always try. */
	struct up_sink sink = *like->sink;
	struct up_call call = { .site = like->site,
				.model = like->model,
				.own = like->own,
				.key = like->key,
				.chat = like->chat, /* its account serves the search too */
				.arena = like->arena,
				.sink = &sink,
				.ledger = like->ledger,
				.send = send_search,
				.context = &s,
				.aside = true };
	int rc;

	sink.committed = never;
	out->count = 0;
	make_id(s.id, sizeof(s.id));
	buf_init(&s.reply, LIMIT_UP_REPLY);
	rc = up_call_run(&call, e);
	buf_release(&s.reply);
	return rc;
}
