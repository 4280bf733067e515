#include "base.h"
#include "reply.h"
#include "validate.h"

#define ECHO_MAX 2000 /* bytes of the request that are said back */

struct call {
	char *name;
	cJSON *input;
};

static bool offered(const cJSON *user, const char *name)
{
	const cJSON *tool;

	cJSON_ArrayForEach (tool, message_tools(user)) {
		const char *known = json_str(json_get(tool, "toolSpecification"), "name");

		if (known && !strcmp(known, name))
			return true;
	}
	return false;
}

/* "@call NAME {json}@"; the JSON may hold an '@', so cJSON finds its end. */
static bool find_call(const char *text, struct call *call)
{
	const char *at = strstr(text, "@call "), *end;
	size_t len;

	*call = (struct call){ 0 };
	if (!at)
		return false;
	at += 6;
	len = strcspn(at, " @\n");
	if (!len)
		return false;
	call->name = xstrndup(at, len);
	call->input = cJSON_ParseWithOpts(at + len, &end, false);
	if (!cJSON_IsObject(call->input)) {
		cJSON_Delete(call->input);
		call->input = cJSON_CreateObject();
	}
	return true;
}

static void add_text(cJSON *steps, const char *text)
{
	/* A piece a word or so, as a model streams. */
	size_t pieces = strlen(text) / 6 + 1;
	cJSON *step = cJSON_CreateObject();

	cJSON_AddStringToObject(step, "text", text);
	cJSON_AddNumberToObject(step, "pieces", (double)pieces);
	cJSON_AddItemToArray(steps, step);
}

static void add_call(cJSON *steps, struct call *call)
{
	cJSON *step = cJSON_CreateObject(), *tool = cJSON_AddObjectToObject(step, "tool");
	char id[32], hex[23];

	random_hex(hex, 11);
	snprintf(id, sizeof(id), "tooluse_%.22s", hex);
	cJSON_AddStringToObject(tool, "id", id);
	cJSON_AddStringToObject(tool, "name", call->name);
	cJSON_AddItemToObject(tool, "input", call->input);
	cJSON_AddNumberToObject(tool, "pieces", 3);
	call->input = NULL;
	cJSON_AddItemToArray(steps, step);
}

static void quote(struct text *out, const char *what, const char *text)
{
	size_t len = strnlen(text, ECHO_MAX);

	while (len < strlen(text) && len && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	text_addf(out, "%s: \"", what);
	text_add(out, text, len);
	text_add_str(out, text[len] ? "\" (shortened).\n" : "\".\n");
}

static void quote_results(struct text *out, const cJSON *user)
{
	const cJSON *result, *part;

	cJSON_ArrayForEach (result, message_tool_results(user)) {
		cJSON_ArrayForEach (part, json_array(result, "content")) {
			const char *text = json_str(part, "text");
			char *json = text ? NULL : json_text(json_get(part, "json"));

			quote(out, "A tool answered", text ? text : json);
			free(json);
		}
	}
}

static void describe(struct text *out, const struct exchange *x, const cJSON *user)
{
	const cJSON *state = json_get(x->body, "conversationState");
	const char *model = json_str(user, "modelId"), *content = json_str(user, "content");
	int images = cJSON_GetArraySize(json_array(user, "images"));

	text_addf(out,
		  "This is the stand-in upstream, a test peer, not a model: no request left this "
		  "machine.\nYou asked %s; there are %d earlier messages, %d tools, %d images.\n",
		  model ? model : "auto", cJSON_GetArraySize(json_array(state, "history")),
		  cJSON_GetArraySize(message_tools(user)), images);
	quote_results(out, user);
	if (*content)
		quote(out, "You said", content);
}

struct script *reply_new(const struct exchange *x, const cJSON *user)
{
	cJSON *json = cJSON_CreateObject(), *steps = cJSON_AddArrayToObject(json, "steps");
	struct text text = { 0 };
	struct script *script;
	struct call call;
	char *why;
	bool wanted = find_call(json_str(user, "content"), &call);

	if (wanted && offered(user, call.name)) {
		add_text(steps, "The stand-in upstream calls the tool it was told to call.");
		add_call(steps, &call);
	} else {
		describe(&text, x, user);
		if (wanted)
			text_addf(&text, "The tool %s was not offered.\n", call.name);
		add_text(steps, text.at);
	}
	if (x->app->reply_pace_ns)
		cJSON_AddNumberToObject(json, "pace_ms", (double)x->app->reply_pace_ns / 1e6);
	script = script_new("(reply)", json, &why);
	free(why);
	free(call.name);
	cJSON_Delete(call.input);
	text_release(&text);
	cJSON_Delete(json);
	return script;
}
