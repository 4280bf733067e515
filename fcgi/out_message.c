#include "common/base.h"
#include "fcgi/out_message.h"

static const char *const stop_names[STOP_REASONS] = {
	[STOP_END_TURN] = "end_turn",
	[STOP_TOOL_USE] = "tool_use",
	[STOP_MAX_TOKENS] = "max_tokens",
	[STOP_SEQUENCE] = "stop_sequence",
	[STOP_REFUSAL] = "refusal",
	[STOP_PAUSE_TURN] = "pause_turn",
	[STOP_CONTEXT] = "model_context_window_exceeded",
};

static void write_nulls(const char *const *names, size_t count, struct jsonw *w)
{
	for (size_t i = 0; i < count; i++)
		jsonw_null_member(w, names[i]);
}

void out_message_head(const struct out *o, struct jsonw *w)
{
	static const char *const unknown[] = { "container", "context_management", "diagnostics" };

	jsonw_begin_object(w);
	jsonw_text_member(w, "id", o->id);
	jsonw_text_member(w, "type", "message");
	jsonw_text_member(w, "role", "assistant");
	jsonw_text_member(w, "model", o->options.model);
	write_nulls(unknown, ARRAY_SIZE(unknown), w);
}

void out_message_usage(const struct answer_usage *usage, struct jsonw *w)
{
	static const char *const unknown[] = { "cache_creation", "inference_geo",
					       "iterations",	 "output_tokens_details",
					       "service_tier",	 "speed" };

	jsonw_begin_object_member(w, "usage");
	jsonw_int_member(w, "input_tokens", usage->input);
	jsonw_int_member(w, "cache_creation_input_tokens", usage->cache_write);
	jsonw_int_member(w, "cache_read_input_tokens", usage->cache_read);
	jsonw_int_member(w, "output_tokens", usage->output);
	if (usage->searches) {
		jsonw_begin_object_member(w, "server_tool_use");
		jsonw_int_member(w, "web_search_requests", usage->searches);
		jsonw_int_member(w, "web_fetch_requests", 0);
		jsonw_end(w);
	} else {
		jsonw_null_member(w, "server_tool_use");
	}
	write_nulls(unknown, ARRAY_SIZE(unknown), w);
	jsonw_end(w);
}

static void write_refusal(struct span explanation, struct jsonw *w)
{
	static const char *const unknown[] = { "category", "fallback_credit_token",
					       "fallback_has_prefill_claim", "recommended_model" };

	jsonw_begin_object_member(w, "stop_details");
	jsonw_text_member(w, "type", "refusal");
	jsonw_key(w, "explanation");
	jsonw_span(w, explanation);
	write_nulls(unknown, ARRAY_SIZE(unknown), w);
	jsonw_end(w);
}

void out_message_stop(const struct event *stop, struct jsonw *w)
{
	const bool sequence = stop && stop->stop == STOP_SEQUENCE;

	jsonw_text_member(w, "stop_reason", stop ? stop_names[stop->stop] : NULL);
	jsonw_text_member(w, "stop_sequence", sequence ? stop->stop_sequence : NULL);
	if (stop && stop->stop == STOP_REFUSAL && stop->text.len)
		write_refusal(stop->text, w);
	else
		jsonw_null_member(w, "stop_details");
}

/* Nobody calls from inside of another tool here. */
static void write_caller(struct jsonw *w)
{
	jsonw_begin_object_member(w, "caller");
	jsonw_text_member(w, "type", "direct");
	jsonw_end(w);
}

void out_message_call(const struct event *call, struct jsonw *w)
{
	jsonw_text_member(w, "id", call->id);
	jsonw_text_member(w, "name", call->name);
	write_caller(w);
}

void out_message_result(const struct event *result, struct jsonw *w)
{
	jsonw_begin_object(w);
	jsonw_text_member(w, "type", "web_search_tool_result");
	jsonw_text_member(w, "tool_use_id", result->id);
	write_caller(w);
	jsonw_key(w, "content");
	jsonw_raw(w, result->text);
	jsonw_end(w);
}
