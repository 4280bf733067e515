#include "base.h"
#include "shape.h"

enum member_type {
	STRING,
	ENUM, /* values: space-separated */
	BOOLEAN,
	INTEGER,
	DOCUMENT, /* any JSON */
	NESTED,	  /* a structure or union: shape */
};

enum { REQUIRED = 1, LIST = 2, RTS_ONLY = 4, KRS_ONLY = 8 };

struct shape;

struct member {
	const char *name;
	enum member_type type;
	unsigned flags;
	const struct shape *shape;
	const char *values;
	size_t max; /* characters of a STRING; 0: any */
};

struct shape {
	bool is_union; /* exactly one member, and a known one */
	const struct member *members;
	size_t count;
};

/* clang-format off */
/* Rows of the model: a name, flags, and for some what stands behind it. */
#define PLAIN(name, type, flags) { name, type, flags, NULL, NULL, 0 }
#define WORDS(name, flags, values) { name, ENUM, flags, NULL, values, 0 }
#define PART(name, flags, shape) { name, NESTED, flags, &(shape), NULL, 0 }
#define SHORT(name, flags, max) { name, STRING, flags, NULL, NULL, max }

#define MEMBERS(...) \
	(const struct member[]){ __VA_ARGS__ }, \
		sizeof((const struct member[]){ __VA_ARGS__ }) / sizeof(struct member)
#define STRUCTURE(...) { false, MEMBERS(__VA_ARGS__) }
#define UNION(...) { true, MEMBERS(__VA_ARGS__) }

#define ORIGINS \
	"AI_EDITOR CHATBOT CLI CONSOLE DOCUMENTATION GITLAB IDE INLINE_CHAT KIRO_CLI KIRO_WEB " \
	"MARKETING MD MD_CE MD_IDE MOBILE OPENSEARCH_DASHBOARD Q_DEV_BEXT SAGE_MAKER " \
	"SERVICE_INTERNAL SM_AI_STUDIO_IDE UNIFIED_SEARCH UNKNOWN"

#define INTENTS \
	"APPLY_COMMON_BEST_PRACTICES CITE_SOURCES CODE_GENERATION EXPLAIN_CODE_SELECTION " \
	"EXPLAIN_LINE_BY_LINE GENERATE_CLOUDFORMATION_TEMPLATE GENERATE_UNIT_TESTS IMPROVE_CODE " \
	"SHOW_EXAMPLES SUGGEST_ALTERNATE_IMPLEMENTATION"

static const struct shape cache_point = STRUCTURE(
	WORDS("type", REQUIRED, "default"));

static const struct shape bytes_source = UNION(
	PLAIN("bytes", STRING, 0));

/* Formats are left to validate_media.c: a wrong one has a reason of its own. */
static const struct shape image = STRUCTURE(
	PLAIN("format", STRING, REQUIRED),
	PART("source", REQUIRED, bytes_source));

static const struct shape document = STRUCTURE(
	PLAIN("name", STRING, REQUIRED),
	PLAIN("format", STRING, REQUIRED),
	PART("source", REQUIRED, bytes_source));

static const struct shape result_content = UNION(
	PLAIN("text", STRING, 0),
	PLAIN("json", DOCUMENT, 0),
	PLAIN("image", DOCUMENT, RTS_ONLY));

static const struct shape tool_result = STRUCTURE(
	PLAIN("toolUseId", STRING, REQUIRED),
	PART("content", REQUIRED | LIST, result_content),
	WORDS("status", 0, "success error"));

static const struct shape input_schema = STRUCTURE(
	PLAIN("json", DOCUMENT, REQUIRED));

static const struct shape tool_specification = STRUCTURE(
	PLAIN("name", STRING, REQUIRED),
	PLAIN("description", STRING, 0),
	PART("inputSchema", REQUIRED, input_schema));

static const struct shape tool = UNION(
	PART("toolSpecification", 0, tool_specification),
	PART("cachePoint", RTS_ONLY, cache_point));

static const struct shape variable = STRUCTURE(
	PLAIN("key", STRING, 0),
	PLAIN("value", STRING, 0));

static const struct shape env_state = STRUCTURE(
	PLAIN("operatingSystem", STRING, 0),
	SHORT("currentWorkingDirectory", 0, 256),
	PART("environmentVariables", LIST, variable),
	PLAIN("timezoneOffset", INTEGER, 0));

static const struct shape position = STRUCTURE(
	PLAIN("line", INTEGER, REQUIRED),
	PLAIN("character", INTEGER, REQUIRED));

static const struct shape range = STRUCTURE(
	PART("start", REQUIRED, position),
	PART("end", REQUIRED, position));

static const struct shape cursor = UNION(
	PART("position", 0, position),
	PART("range", 0, range));

static const struct shape language = STRUCTURE(
	PLAIN("languageName", STRING, REQUIRED));

static const struct shape symbol = STRUCTURE(
	PLAIN("name", STRING, REQUIRED),
	WORDS("type", REQUIRED, "DECLARATION USAGE"),
	PLAIN("source", STRING, 0));

static const struct shape text_document = STRUCTURE(
	PLAIN("relativeFilePath", STRING, REQUIRED),
	PART("programmingLanguage", 0, language),
	PLAIN("text", STRING, 0),
	PART("documentSymbols", LIST, symbol));

static const struct shape editor_state = STRUCTURE(
	PART("document", 0, text_document),
	PART("cursorState", 0, cursor),
	PLAIN("relevantDocuments", DOCUMENT, LIST),
	PLAIN("useRelevantDocuments", BOOLEAN, 0),
	PLAIN("workspaceFolders", STRING, LIST));

static const struct shape context_entry = STRUCTURE(
	PLAIN("name", STRING, REQUIRED),
	PLAIN("description", STRING, REQUIRED),
	PLAIN("innerContext", STRING, 0));

static const struct shape message_context = STRUCTURE(
	PART("toolResults", LIST, tool_result),
	PART("tools", LIST, tool),
	PART("envState", 0, env_state),
	PART("editorState", 0, editor_state),
	PART("additionalContext", LIST, context_entry));

static const struct shape client_cache = STRUCTURE(
	PLAIN("useClientCachingOnly", BOOLEAN, 0));

static const struct shape user_message = STRUCTURE(
	PLAIN("content", STRING, REQUIRED),
	PART("userInputMessageContext", 0, message_context),
	WORDS("origin", 0, ORIGINS),
	PART("images", LIST, image),
	PART("documents", LIST, document),
	PLAIN("modelId", STRING, 0),
	WORDS("userIntent", RTS_ONLY, INTENTS),
	PART("cachePoint", RTS_ONLY, cache_point),
	PART("clientCacheConfig", RTS_ONLY, client_cache));

static const struct shape tool_use = STRUCTURE(
	PLAIN("toolUseId", STRING, REQUIRED),
	PLAIN("name", STRING, REQUIRED),
	PLAIN("input", DOCUMENT, REQUIRED));

static const struct shape reasoning_text = STRUCTURE(
	PLAIN("text", STRING, REQUIRED),
	PLAIN("signature", STRING, 0));

static const struct shape reasoning = UNION(
	PART("reasoningText", 0, reasoning_text),
	PLAIN("redactedContent", STRING, 0));

static const struct shape assistant_message = STRUCTURE(
	PLAIN("content", STRING, REQUIRED),
	PLAIN("messageId", STRING, 0),
	PART("toolUses", LIST, tool_use),
	PART("reasoningContent", 0, reasoning),
	PLAIN("modelTag", STRING, KRS_ONLY));

static const struct shape message = UNION(
	PART("userInputMessage", 0, user_message),
	PART("assistantResponseMessage", 0, assistant_message));

static const struct shape conversation = STRUCTURE(
	PART("currentMessage", REQUIRED, message),
	WORDS("chatTriggerType", REQUIRED, "MANUAL DIAGNOSTIC INLINE_CHAT"),
	PLAIN("conversationId", STRING, 0),
	PART("history", LIST, message),
	PLAIN("agentContinuationId", STRING, 0),
	WORDS("agentTaskType", 0, "vibe spectask"),
	PLAIN("rootConversationId", STRING, 0),
	PLAIN("workspaceId", STRING, RTS_ONLY),
	PLAIN("customizationArn", STRING, RTS_ONLY));

static const struct shape chat_request = STRUCTURE(
	PART("conversationState", REQUIRED, conversation),
	PLAIN("profileArn", STRING, 0),
	PLAIN("agentMode", STRING, 0),
	PLAIN("additionalModelRequestFields", DOCUMENT, 0),
	WORDS("source", RTS_ONLY, ORIGINS),
	PLAIN("dryRun", BOOLEAN, RTS_ONLY));

/* clang-format on */

/* Where the walk stands: the path is cut back after each member. */
struct walk {
	bool krs;
	char path[256];
	struct problem *problem;
};

static int check_shape(struct walk *w, const struct shape *s, const cJSON *value);

static size_t path_push(struct walk *w, const char *name, int index)
{
	size_t len = strlen(w->path);

	if (name)
		snprintf(w->path + len, sizeof(w->path) - len, "/%s", name);
	else
		snprintf(w->path + len, sizeof(w->path) - len, "/%d", index);
	return len;
}

static bool among(const char *values, const char *value)
{
	size_t len = strlen(value);
	const char *at = values;

	while (len && (at = strstr(at, value))) {
		if ((at == values || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

static int wrong_type(struct walk *w, const char *wanted)
{
	return problem_malformed(w->problem, "%s: must be %s", w->path, wanted);
}

static int check_string(struct walk *w, const struct member *m, const cJSON *value)
{
	char constraint[1024];

	if (!cJSON_IsString(value))
		return wrong_type(w, "a string");
	if (m->type == ENUM && !among(m->values, value->valuestring)) {
		snprintf(constraint, sizeof(constraint), "Member must satisfy enum value set: [%s]",
			 m->values);
		return problem_constraint(w->problem, w->path, constraint);
	}
	if (m->max && strlen(value->valuestring) > m->max) {
		snprintf(constraint, sizeof(constraint),
			 "Member must have length less than or equal to %zu", m->max);
		return problem_constraint(w->problem, w->path, constraint);
	}
	return 0;
}

static int check_value(struct walk *w, const struct member *m, const cJSON *value)
{
	switch (m->type) {
	case STRING:
	case ENUM:
		return check_string(w, m, value);
	case BOOLEAN:
		return cJSON_IsBool(value) ? 0 : wrong_type(w, "a boolean");
	case INTEGER:
		if (!cJSON_IsNumber(value) || value->valuedouble != (double)value->valueint)
			return wrong_type(w, "an integer");
		return 0;
	case NESTED:
		return check_shape(w, m->shape, value);
	case DOCUMENT:
		break;
	}
	return 0;
}

static int check_member(struct walk *w, const struct member *m, const cJSON *value)
{
	const cJSON *item;
	int index = 0, rc = 0;

	if (!(m->flags & LIST))
		return check_value(w, m, value);
	if (!cJSON_IsArray(value))
		return wrong_type(w, "an array");
	cJSON_ArrayForEach (item, value) {
		size_t len = path_push(w, NULL, index++);

		rc = check_value(w, m, item);
		if (rc)
			break;
		w->path[len] = 0;
	}
	return rc;
}

static bool has_member(const struct walk *w, const struct member *m)
{
	return !(m->flags & (w->krs ? RTS_ONLY : KRS_ONLY));
}

static int check_union(struct walk *w, const struct shape *s, const cJSON *value)
{
	const cJSON *item;
	int set = 0;

	cJSON_ArrayForEach (item, value) {
		size_t i = 0;

		if (cJSON_IsNull(item))
			continue;
		while (i < s->count &&
		       (strcmp(s->members[i].name, item->string) || !has_member(w, &s->members[i])))
			i++;
		if (i == s->count)
			return problem_malformed(w->problem, "%s: unknown union member %s", w->path,
						 item->string);
		set++;
	}
	if (set != 1)
		return problem_malformed(w->problem, "%s: a union needs exactly one member, has %d",
					 w->path, set);
	return 0;
}

static int check_shape(struct walk *w, const struct shape *s, const cJSON *value)
{
	int rc = 0;

	if (!cJSON_IsObject(value))
		return wrong_type(w, "an object");
	if (s->is_union)
		rc = check_union(w, s, value);
	for (size_t i = 0; i < s->count && !rc; i++) {
		const struct member *m = &s->members[i];
		const cJSON *item = json_get(value, m->name);
		size_t len = path_push(w, m->name, 0);

		if (item && has_member(w, m))
			rc = check_member(w, m, item);
		else if (!item && (m->flags & REQUIRED))
			rc = problem_constraint(w->problem, w->path, "Member must not be null");
		if (!rc)
			w->path[len] = 0;
	}
	return rc;
}

int shape_check_chat(const cJSON *body, bool krs, struct problem *p)
{
	struct walk w = { .krs = krs, .problem = p };

	return check_shape(&w, &chat_request, body);
}
