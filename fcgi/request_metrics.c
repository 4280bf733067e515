#include "common/base.h"
#include "fcgi/request_metrics.h"

#include "common/metrics.h"
#include "fcgi/app.h"

/* What the semantic conventions for generative AI want with each of their numbers. */
#define GENAI(model)                                                                               \
	"gen_ai_operation_name", "chat", "gen_ai_provider_name", "kiro", "gen_ai_request_model",   \
		model

/* Kinds stand in the order of whose failure they are (error.h); what the upstream holds against the
 * request's own content is the client's, and so is leaving. */
static bool is_ours(enum error_kind kind)
{
	return kind >= ERR_INTERNAL && kind != ERR_UP_INVALID && kind != ERR_GONE;
}

static void count_request(struct metrics *m, const struct ledger *l)
{
	const char *route = l->route ? l->route : "none";
	char status[16];

	snprintf(status, sizeof(status), "%d", l->status);
	metrics_add(m, METRIC_REQUESTS, 1, "route", route, "dialect", l->dialect, "status", status,
		    "kind", error_row(l->error)->name, NULL);
	if (is_ours(l->error->kind))
		metrics_add(m, METRIC_FAILED, 1, NULL);
	metrics_observe(m, METRIC_DURATION, (double)l->took / 1000, l->id, "route", route, NULL);
}

static void count_upstream(struct metrics *m, const struct ledger *l)
{
	for (size_t i = 0; i < ERR_KINDS; i++) {
		if (l->met[i])
			metrics_add(m, METRIC_UPSTREAM, l->met[i], "kind", error_kinds[i].name,
				    NULL);
	}
	if (l->connect_us > 0)
		metrics_observe(m, METRIC_UP_CONNECT, (double)l->connect_us / 1e6, l->id, NULL);
	if (l->first_byte_us > 0)
		metrics_observe(m, METRIC_UP_FIRST_BYTE, (double)l->first_byte_us / 1e6, l->id,
				NULL);
}

static void count_tokens(struct metrics *m, const struct ledger *l)
{
	const struct {
		const char *type;
		int64_t count;
	} kinds[] = { { "input", l->input },
		      { "output", l->output },
		      { "cache_read", l->cache_read },
		      { "cache_write", l->cache_write } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].count > 0)
			metrics_add(m, METRIC_TOKENS, (double)kinds[i].count, "model", l->served,
				    "type", kinds[i].type, "source",
				    l->measured ? "measured" : "estimated", NULL);
	}
	if (l->credits > 0)
		metrics_add(m, METRIC_CREDITS, l->credits, "model", l->served, NULL);
	if (l->input > 0 || l->output > 0) {
		metrics_observe(m, METRIC_GENAI_TOKENS, (double)l->input, l->id, GENAI(l->served),
				"gen_ai_token_type", "input", NULL);
		metrics_observe(m, METRIC_GENAI_TOKENS, (double)l->output, l->id, GENAI(l->served),
				"gen_ai_token_type", "output", NULL);
	}
}

static void count_genai(struct metrics *m, const struct ledger *l)
{
	double took = (double)l->took / 1000;

	if (l->error->kind != ERR_NONE) {
		metrics_observe(m, METRIC_GENAI_DURATION, took, l->id, GENAI(l->served),
				"error_type", error_row(l->error)->name, NULL);
		return;
	}
	metrics_observe(m, METRIC_GENAI_DURATION, took, l->id, GENAI(l->served), NULL);
	if (l->first_event >= 0)
		metrics_observe(m, METRIC_GENAI_FIRST_TOKEN, (double)l->first_event / 1000, l->id,
				GENAI(l->served), NULL);
}

void request_metrics_take(struct site *site, const struct ledger *l)
{
	struct metrics *m = site ? site->metrics : NULL;

	if (!m)
		return;
	count_request(m, l);
	count_upstream(m, l);
	if (l->first_event >= 0)
		metrics_observe(m, METRIC_FIRST_EVENT, (double)l->first_event / 1000, l->id,
				"dialect", l->dialect, NULL);
	if (!l->served)
		return; /* a client's own name for a model is no label */
	count_tokens(m, l);
	count_genai(m, l);
}
