#include "base.h"
#include "validate.h"
#include "model.h"
#include "shape.h"

#define MAX_DEPTH	      128
#define MAX_HISTORY	      10000
#define MAX_HISTORY_OLD_AGENT 198 /* for a client whose version the service cannot read */
#define MAX_USER_CHARS	      600000
#define MAX_RESULT_CHARS      800000

const cJSON *exam_message(const struct exam *e, const cJSON *before)
{
	const cJSON *last = json_get(e->state, "currentMessage");

	if (before == last)
		return NULL;
	if (!before)
		return e->history && e->history->child ? e->history->child : last;
	return before->next ? before->next : last;
}

const cJSON *message_user(const cJSON *message)
{
	return json_object(message, "userInputMessage");
}

const cJSON *message_assistant(const cJSON *message)
{
	return json_object(message, "assistantResponseMessage");
}

static const cJSON *context_list(const cJSON *user, const char *name)
{
	const cJSON *list = json_array(json_get(user, "userInputMessageContext"), name);

	return list && list->child ? list : NULL;
}

const cJSON *message_tool_results(const cJSON *user)
{
	return context_list(user, "toolResults");
}

const cJSON *message_tools(const cJSON *user)
{
	return context_list(user, "tools");
}

static size_t characters(const char *utf8)
{
	size_t n = 0;

	for (; *utf8; utf8++)
		n += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return n;
}

static int check_size(const struct exam *e)
{
	if (e->x->body_size <= (size_t)e->x->app->max_body)
		return 0;
	return problem_malformed(e->problem, "the body has %zu bytes, above %d", e->x->body_size,
				 (int)e->x->app->max_body);
}

static int check_depth(const struct exam *e)
{
	if (e->x->body_depth <= MAX_DEPTH)
		return 0;
	return problem_malformed(e->problem, "the body nests %zu deep, above %d", e->x->body_depth,
				 MAX_DEPTH);
}

/* Since spring 2026 the new service wants awsJson from its own clients. */
static int check_protocol(const struct exam *e)
{
	if (e->x->rpc || e->x->app->profile != PROFILE_KRS)
		return 0;
	return problem_invalid(e->problem, "REQUEST_BODY_INVALID", "Improperly formed request.",
			       "restJson where the new service wants x-amz-target");
}

/* In the new service's model, and yet the live service refuses it. */
static int check_system_prompt(const struct exam *e)
{
	if (!e->x->krs || !json_get(e->x->body, "systemPrompt"))
		return 0;
	return problem_invalid(e->problem, "REQUEST_BODY_INVALID", "Improperly formed request.",
			       "systemPrompt is refused by the live service");
}

static int check_shape(const struct exam *e)
{
	if (shape_check_chat(e->x->body, e->x->krs, e->problem))
		return -1;
	if (!e->current)
		return problem_malformed(e->problem, "currentMessage must be a userInputMessage");
	return 0;
}

int validate_profile_arn(const struct exchange *x, const char *arn, struct problem *p)
{
	if (!arn && x->krs && x->who.kind != KIND_API_KEY)
		return problem_invalid(p, NULL, "profileArn is required for this request.",
				       "no profileArn");
	if (!arn || x->who.kind == KIND_API_KEY)
		return 0;
	if (strncmp(arn, "arn:aws:codewhisperer:", 22))
		return problem_invalid(p, "REQUEST_BODY_INVALID", "Invalid profileArn",
				       "profileArn is no ARN");
	if (!x->krs && x->who.kind == KIND_BUILDER_ID)
		return problem_set(p, 403, "AccessDeniedException", NULL,
				   "User is not authorized to make this call.",
				   "the old service takes no profileArn from a Builder ID");
	if (strcmp(arn, x->who.arn))
		return problem_set(p, 403, "AccessDeniedException", NULL,
				   "User is not authorized to make this call.",
				   "profileArn is not this account's");
	return 0;
}

static int check_profile_arn(const struct exam *e)
{
	return validate_profile_arn(e->x, json_str(e->x->body, "profileArn"), e->problem);
}

static int check_alternation(const struct exam *e)
{
	const cJSON *message;
	bool user_is_next = true;
	int index = 0;

	cJSON_ArrayForEach (message, e->history) {
		if (!message_user(message) == user_is_next)
			return problem_malformed(e->problem, "history/%d: the %s should speak here",
						 index, user_is_next ? "user" : "assistant");
		user_is_next = !user_is_next;
		index++;
	}
	if (!user_is_next)
		return problem_malformed(e->problem, "history must end with the assistant");
	return 0;
}

/* "KiroIDE-" and a version, as a word of either user agent header. */
static bool known_agent(const char *agent)
{
	for (const char *at = agent; at && (at = strstr(at, "KiroIDE-")); at++) {
		unsigned major, minor, patch;

		if ((at == agent || at[-1] == ' ') &&
		    sscanf(at, "KiroIDE-%u.%u.%u", &major, &minor, &patch) == 3)
			return major || minor >= 6;
	}
	return agent && strstr(agent, "KiroCLI/");
}

static int check_history_length(const struct exam *e)
{
	bool known = known_agent(http_header(&e->x->request, "user-agent")) ||
		     known_agent(http_header(&e->x->request, "x-amz-user-agent"));
	int length = cJSON_GetArraySize(e->history);

	if (length <= (known ? MAX_HISTORY : MAX_HISTORY_OLD_AGENT))
		return 0;
	return problem_malformed(e->problem,
				 "history has %d messages, above %d for this user agent", length,
				 known ? MAX_HISTORY : MAX_HISTORY_OLD_AGENT);
}

static int check_user_content(const struct exam *e, const cJSON *user)
{
	const char *content = json_str(user, "content");

	if (!*content && !message_tool_results(user))
		return problem_malformed(e->problem, "a plain user message has empty content");
	if (characters(content) > MAX_USER_CHARS)
		return problem_invalid(e->problem, "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
				       "Input is too long.",
				       "a user message is above %d characters", MAX_USER_CHARS);
	return 0;
}

static int check_assistant_content(const struct exam *e, const cJSON *assistant)
{
	const cJSON *uses = json_array(assistant, "toolUses");

	if (*json_str(assistant, "content") || (uses && uses->child))
		return 0;
	return problem_malformed(e->problem,
				 "an assistant message has neither content nor toolUses");
}

static int check_content(const struct exam *e)
{
	int rc = 0;

	for (const cJSON *m = NULL; !rc && (m = exam_message(e, m));) {
		rc = message_user(m) ? check_user_content(e, message_user(m))
				     : check_assistant_content(e, message_assistant(m));
	}
	return rc;
}

static int check_result(const struct exam *e, const cJSON *result)
{
	const char *status = json_str(result, "status");
	const cJSON *part;
	size_t text = 0;
	bool other = false;

	cJSON_ArrayForEach (part, json_array(result, "content")) {
		text += json_str(part, "text") ? characters(json_str(part, "text")) : 0;
		other = other || !json_str(part, "text");
	}
	if (text > MAX_RESULT_CHARS)
		return problem_invalid(e->problem, "CONTENT_LENGTH_EXCEEDS_THRESHOLD",
				       "Input is too long.", "a tool result is above %d characters",
				       MAX_RESULT_CHARS);
	if (status && !strcmp(status, "error") && !text && !other)
		return problem_malformed(e->problem,
					 "a tool result of status error has no content");
	return 0;
}

static int check_results(const struct exam *e)
{
	const cJSON *result;

	for (const cJSON *m = NULL; (m = exam_message(e, m));) {
		cJSON_ArrayForEach (result, message_tool_results(message_user(m))) {
			if (check_result(e, result))
				return -1;
		}
	}
	return 0;
}

/* Whether a signature is genuine cannot be known here; that it is there can. */
static int check_signatures(const struct exam *e)
{
	const cJSON *m;

	cJSON_ArrayForEach (m, e->history) {
		const cJSON *reasoning = json_get(message_assistant(m), "reasoningContent");
		const cJSON *text = json_get(reasoning, "reasoningText");
		const char *signature = json_str(text, "signature");

		if (text && (!signature || !*signature))
			return problem_invalid(e->problem, "THINKING_SIGNATURE_INVALID",
					       "Invalid signature in thinking block",
					       "reasoningText without a signature");
	}
	return 0;
}

static int check_model(const struct exam *e)
{
	const char *id = json_str(e->current, "modelId");
	const cJSON *fields = json_get(e->x->body, "additionalModelRequestFields");
	const struct model *model = model_find(id ? id : "auto", !e->x->krs);
	char *wrong;

	if (!model)
		return problem_invalid(
			e->problem, "INVALID_MODEL_ID",
			"Invalid model ID. Please select a different model to continue.",
			"unknown modelId %s", id);
	wrong = model_check_fields(model, fields);
	if (!wrong)
		return 0;
	problem_invalid(e->problem, NULL, "", "additionalModelRequestFields: %s", wrong);
	snprintf(e->problem->message, sizeof(e->problem->message),
		 "additionalModelRequestFields do not match the model's schema: %s", wrong);
	free(wrong);
	return -1;
}

static const rule rules[] = {
	check_size,	 check_depth,	     check_protocol,	 check_system_prompt,
	check_shape,	 check_profile_arn,  check_alternation,	 check_history_length,
	check_content,	 validate_tools,     validate_tool_uses, check_results,
	validate_images, validate_documents, check_signatures,	 check_model,
};

int validate_chat(const struct exchange *x, struct problem *p)
{
	struct exam e = { .x = x, .problem = p };
	int rc = 0;

	e.state = json_object(x->body, "conversationState");
	e.current = message_user(json_get(e.state, "currentMessage"));
	e.history = json_array(e.state, "history");
	for (size_t i = 0; i < ARRAY_SIZE(rules) && !rc; i++)
		rc = rules[i](&e);
	return rc;
}
