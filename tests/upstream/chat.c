/*
 * chat.c - GenerateAssistantResponse: check, choose the script, play it.
 */
#include "base.h"
#include "handlers.h"
#include "player.h"
#include "reply.h"
#include "validate.h"

/* What a mark may stand in: the current text and the results of tools. */
static bool find_mark(struct exchange *x, const cJSON *user, char name[LIMIT_NAME + 1])
{
	struct library *library = &x->app->library;
	const cJSON *result, *part;

	if (library_find_mark(library, json_str(user, "content"), name))
		return true;
	cJSON_ArrayForEach (result, message_tool_results(user)) {
		cJSON_ArrayForEach (part, json_array(result, "content")) {
			const char *text = json_str(part, "text");

			if (text && library_find_mark(library, text, name))
				return true;
		}
	}
	return false;
}

/* The account's script, else the marked one, else "default"; used-up ones are passed over. */
static const struct script *choose(struct exchange *x, const cJSON *user)
{
	struct library *library = &x->app->library;
	const struct script *script = library_take(library, x->who.script);
	char name[LIMIT_NAME + 1];

	if (!script && find_mark(x, user, name))
		script = library_take(library, name);
	return script ? script : library_take(library, "default");
}

static char *stream_head(const struct exchange *x, const struct script *script)
{
	const char *type = script->content_type;
	const char *conversation =
		json_str(json_get(x->body, "conversationState"), "conversationId");
	bool safe = conversation && !strpbrk(conversation, "\r\n");

	if (!type)
		type = x->rpc ? "application/x-amz-json-1.0" : "application/vnd.amazon.eventstream";
	return xformat("HTTP/1.1 200 OK\r\ncontent-type: %s\r\nx-amzn-requestid: %s\r\n%s%s%s%s",
		       type, x->request_id,
		       !safe	? ""
		       : x->krs ? "x-amzn-kiro-conversation-id: "
				: "x-amzn-codewhisperer-conversation-id: ",
		       safe ? conversation : "", safe ? "\r\n" : "",
		       script->until_close || x->request.keep_alive ? "" : "connection: close\r\n");
}

static void perform(struct exchange *x, const struct script *script)
{
	int order = script->order >= 0 ? script->order : x->krs ? ORDER_KRS : ORDER_RTS;
	enum played played;

	if (conn_wait(x->conn, script->first_byte_ns))
		return;
	if (script->status) {
		exchange_answer_text(x, script->status, script->content_type, script->http_headers,
				     script->http_body);
		return;
	}
	x->status = 200;
	journal_status(&x->app->journal, x->entry, x->status);
	played = play(script, (enum header_order)order, x->conn, stream_head(x, script), &x->sent);
	x->close = played != PLAYED_WHOLE;
}

static void perform_unscripted(struct exchange *x, const cJSON *user)
{
	struct problem problem;
	struct script *script;

	if (x->app->strict) {
		problem_set(&problem, 500, "InternalServerException", NULL,
			    "No script for this call: the stand-in never invents an answer.",
			    "unscripted chat, and --default strict");
		exchange_refuse(x, &problem);
		return;
	}
	script = reply_new(x, user);
	perform(x, script);
	script_free(script);
}

void chat_answer(struct exchange *x)
{
	const struct script *script;
	const cJSON *user;
	struct problem problem;

	if (validate_chat(x, &problem)) {
		exchange_refuse(x, &problem);
		return;
	}
	user = message_user(json_get(json_get(x->body, "conversationState"), "currentMessage"));
	script = choose(x, user);
	journal_note(&x->app->journal, x->entry, NULL, script ? script->name : "");
	if (!script) {
		perform_unscripted(x, user);
		return;
	}
	perform(x, script);
	library_done(&x->app->library, script);
}
