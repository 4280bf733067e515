#include "common/base.h"
#include "fcgi/out_response.h"

#include "common/json.h"
#include "common/limits.h"

const struct ending in_progress = { .status = "in_progress" };
const struct ending still_in_progress = { .status = "in_progress", .brief = true };

static void write_usage(const struct answer_usage *usage, struct jsonw *w)
{
	int64_t input = usage->input + usage->cache_read + usage->cache_write;

	jsonw_begin_object_member(w, "usage");
	jsonw_int_member(w, "input_tokens", input);
	jsonw_begin_object_member(w, "input_tokens_details");
	jsonw_int_member(w, "cached_tokens", usage->cache_read);
	jsonw_int_member(w, "cache_write_tokens", usage->cache_write);
	jsonw_end(w);
	jsonw_int_member(w, "output_tokens", usage->output);
	/* Clients demand the member; the upstream does not tell reasoning tokens apart. */
	jsonw_begin_object_member(w, "output_tokens_details");
	jsonw_int_member(w, "reasoning_tokens", 0);
	jsonw_end(w);
	jsonw_int_member(w, "total_tokens", input + usage->output);
	jsonw_end(w);
}

/* Of these codes Codex stops for context_length_exceeded, insufficient_quota and invalid_prompt,
 * waits for rate_limit_exceeded with a time in its message, and tries again soon for others. */
static void write_failure(const struct error *failure, struct jsonw *w)
{
	const struct error_row *row = error_row(failure);
	const char *code = row->client_retries ? "server_error" : "invalid_prompt";
	char words[LIMIT_ERROR_TEXT], message[LIMIT_ERROR_TEXT + 64];

	snprintf(message, sizeof(message), "%s", out_openai_message(failure, words));
	if (failure->kind == ERR_CONTEXT || failure->kind == ERR_UP_QUOTA ||
	    failure->kind == ERR_UP_RATE)
		code = row->openai_code;
	if (failure->kind == ERR_UP_RATE && failure->retry_after)
		snprintf(message, sizeof(message), "%s Please try again in %ds.", failure->message,
			 failure->retry_after);
	jsonw_begin_object_member(w, "error");
	jsonw_text_member(w, "code", code);
	jsonw_text_member(w, "message", message);
	jsonw_end(w);
}

static void write_incomplete(const char *reason, struct jsonw *w)
{
	jsonw_begin_object_member(w, "incomplete_details");
	jsonw_text_member(w, "reason", reason);
	jsonw_end(w);
}

/* The members of the request that an answer repeats; otherwise NULL: only where it has them. */
static const struct {
	const char *name, *otherwise;
} echoed[] = {
	{ "instructions", "null" },
	{ "max_output_tokens", "null" },
	{ "max_tool_calls", "null" },
	{ "metadata", "{}" },
	{ "parallel_tool_calls", "true" },
	{ "prompt_cache_key", NULL },
	{ "reasoning", "{\"effort\":null,\"summary\":null}" },
	{ "safety_identifier", NULL },
	{ "temperature", "null" },
	{ "text", "{\"format\":{\"type\":\"text\"}}" },
	{ "tool_choice", "\"auto\"" },
	{ "tools", "[]" },
	{ "top_logprobs", NULL },
	{ "top_p", "null" },
	{ "truncation", "\"disabled\"" },
	{ "user", NULL },
};

static void write_request(const struct out *o, struct jsonw *w)
{
	const struct chat *chat = o->options.chat;

	for (size_t i = 0; i < ARRAY_SIZE(echoed); i++) {
		const cJSON *member = chat ? json_member(chat->echo, echoed[i].name) : NULL;

		if (!member && !echoed[i].otherwise)
			continue;
		jsonw_key(w, echoed[i].name);
		if (member)
			jsonw_tree(w, member);
		else
			jsonw_raw(w, span_of(echoed[i].otherwise));
	}
	jsonw_null_member(w, "previous_response_id"); /* nothing is kept here */
	jsonw_bool_member(w, "store", false);
	jsonw_bool_member(w, "background", false);
}

void out_response_write(const struct out *o, const struct ending *ending, struct jsonw *w)
{
	const bool over = strcmp(ending->status, in_progress.status) != 0;

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", o->id);
	jsonw_text_member(w, "object", "response");
	jsonw_int_member(w, "created_at", o->options.created);
	jsonw_text_member(w, "status", ending->status);
	jsonw_text_member(w, "model", o->options.model);
	if (ending->failure)
		write_failure(ending->failure, w);
	else
		jsonw_null_member(w, "error");
	if (ending->reason)
		write_incomplete(ending->reason, w);
	else
		jsonw_null_member(w, "incomplete_details");
	if (!ending->brief)
		write_request(o, w);
	jsonw_key(w, "output");
	jsonw_raw(w, over && !o->parts.failed ? buf_span(&o->parts) : span_of("[]"));
	if (ending->usage)
		write_usage(ending->usage, w);
	else
		jsonw_null_member(w, "usage");
	jsonw_end(w);
}
