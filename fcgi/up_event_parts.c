#include "common/base.h"
#include "fcgi/up_event_parts.h"

#include "common/json.h"
#include "common/limits.h"

int up_event_damaged(struct error *e, const char *what)
{
	return error_set(e, ERR_UP_DAMAGED, "damaged answer of the upstream: %s", what);
}

int up_event_text(const cJSON *body, const char *key, const char **out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };

	return json_text(body, key, NULL, out, &why) < 0 ? up_event_damaged(e, why.message) : 0;
}

int up_event_bool(const cJSON *body, const char *key, bool *out, struct error *e)
{
	struct error why = { .kind = ERR_NONE };

	return json_bool(body, key, NULL, out, &why) < 0 ? up_event_damaged(e, why.message) : 0;
}

int up_event_count(struct up_event *u, struct span text, struct error *e)
{
	u->output_bytes += text.len;
	if (u->output_bytes > LIMIT_ANSWER)
		return up_event_damaged(e, "it is larger than an answer can be");
	token_count_add(&u->output, text, 0);
	return 0;
}

int up_event_hand_out(struct up_event *u, const struct event *event, struct error *e)
{
	return u->options.handler(u->options.context, event, e);
}

int up_event_hand_out_text(struct up_event *u, enum event_kind kind, struct span text,
			   struct error *e)
{
	const struct event event = { .kind = kind, .text = text };

	return text.len ? up_event_hand_out(u, &event, e) : 0;
}
