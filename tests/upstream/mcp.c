/*
 * mcp.c - InvokeMCP: JSON-RPC whose one tool is web_search.
 */
#include "base.h"
#include "handlers.h"
#include "validate.h"

/* The query comes back in the snippet, so that a test sees it reach the model. */
static cJSON *search_hit(const char *query, const char *domain, const char *path)
{
	char *url = xformat("https://%s/%s", domain, path);
	char *snippet = xformat("Nothing was searched for \"%s\": this is a test peer.", query);
	cJSON *hit = cJSON_CreateObject();

	cJSON_AddStringToObject(hit, "title", "A page of the stand-in upstream");
	cJSON_AddStringToObject(hit, "url", url);
	cJSON_AddStringToObject(hit, "snippet", snippet);
	cJSON_AddNumberToObject(hit, "publishedDate", 1700000000000.0);
	cJSON_AddStringToObject(hit, "id", domain);
	cJSON_AddStringToObject(hit, "domain", domain);
	cJSON_AddNumberToObject(hit, "maxVerbatimWordLimit", 30);
	cJSON_AddFalseToObject(hit, "publicDomain");
	free(snippet);
	free(url);
	return hit;
}

static cJSON *search_results(const char *query)
{
	cJSON *out = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(out, "results");

	cJSON_AddItemToArray(list, search_hit(query, "example.invalid", "page"));
	cJSON_AddItemToArray(list, search_hit(query, "www.example.org", "blog/1"));
	cJSON_AddNumberToObject(out, "totalResults", 2);
	cJSON_AddStringToObject(out, "query", query);
	cJSON_AddNullToObject(out, "error");
	return out;
}

/* The tool's answer is JSON as text inside JSON, as the service has it. */
static cJSON *call_tool(const cJSON *params)
{
	const char *name = json_str(params, "name");
	const char *query = json_str(json_get(params, "arguments"), "query");
	cJSON *result, *part, *hits;
	char *text;

	if (!name || strcmp(name, "web_search") || !query)
		return NULL;
	hits = search_results(query);
	text = json_text(hits);
	cJSON_Delete(hits);
	part = cJSON_CreateObject();
	cJSON_AddStringToObject(part, "type", "text");
	cJSON_AddStringToObject(part, "text", text);
	free(text);
	result = cJSON_CreateObject();
	cJSON_AddItemToArray(cJSON_AddArrayToObject(result, "content"), part);
	cJSON_AddFalseToObject(result, "isError");
	return result;
}

static cJSON *list_tools(const cJSON *params)
{
	cJSON *out = cJSON_CreateObject(), *tool = cJSON_CreateObject();

	(void)params;
	cJSON_AddStringToObject(tool, "name", "web_search");
	cJSON_AddItemToArray(cJSON_AddArrayToObject(out, "tools"), tool);
	return out;
}

static cJSON *nothing(const cJSON *params)
{
	(void)params;
	return cJSON_CreateObject();
}

static const struct {
	const char *name;
	cJSON *(*call)(const cJSON *params); /* NULL: invalid parameters */
} methods[] = {
	{ "initialize", nothing },
	{ "notifications/initialized", nothing },
	{ "tools/list", list_tools },
	{ "tools/call", call_tool },
};

static void add_error(cJSON *out, int code, const char *message)
{
	cJSON *error = cJSON_AddObjectToObject(out, "error");

	cJSON_AddNumberToObject(error, "code", code);
	cJSON_AddStringToObject(error, "message", message);
}

static int check(const struct exchange *x, struct problem *p)
{
	const char *version = json_str(x->body, "jsonrpc");
	const char *arn = x->rpc ? json_str(x->body, "profileArn")
				 : http_header(&x->request, "x-amzn-kiro-profile-arn");

	if (validate_profile_arn(x, arn, p))
		return -1;
	if (!version || strcmp(version, "2.0") || !json_str(x->body, "method") ||
	    !json_get(x->body, "id"))
		return problem_malformed(p, "no JSON-RPC 2.0 request: jsonrpc, id or method");
	return 0;
}

void mcp_answer(struct exchange *x)
{
	const char *method = json_str(x->body, "method");
	const cJSON *params = json_get(x->body, "params");
	struct problem problem;
	cJSON *out, *result = NULL;
	size_t i = 0;

	if (check(x, &problem)) {
		exchange_refuse(x, &problem);
		return;
	}
	out = cJSON_CreateObject();
	cJSON_AddStringToObject(out, "jsonrpc", "2.0");
	cJSON_AddItemToObject(out, "id", cJSON_Duplicate(json_get(x->body, "id"), true));
	while (i < ARRAY_SIZE(methods) && strcmp(methods[i].name, method))
		i++;
	if (i < ARRAY_SIZE(methods))
		result = methods[i].call(params);
	if (result)
		cJSON_AddItemToObject(out, "result", result);
	else if (i < ARRAY_SIZE(methods))
		add_error(out, -32602, "Invalid params");
	else
		add_error(out, -32601, "Method not found");
	exchange_answer(x, 200, out);
}
