#include "base.h"
#include "model.h"

#define MILLION 1000000
#define K	1000

#define EFFORT_46  "low medium high max"
#define EFFORT	   "low medium high xhigh max"
#define EFFORT_GPT "none low medium high xhigh"
#define THINK	   "adaptive disabled"

/* A schema is what thinking, effort and reasoning accept; the legacy ids are at the end. */
static const struct model models[] = {
	{ "auto", "Auto", 1.0, MILLION, 64 * K, NULL, NULL, NULL, false },
	{ "claude-sonnet-4", "Claude Sonnet 4", 1.3, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "claude-sonnet-4.5", "Claude Sonnet 4.5", 1.3, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "claude-sonnet-4.5-1m", "Claude Sonnet 4.5 (1M)", 1.3, MILLION, 64 * K, NULL, NULL, NULL,
	  false },
	{ "claude-sonnet-4.6", "Claude Sonnet 4.6", 1.3, MILLION, 64 * K, THINK, EFFORT_46, NULL,
	  false },
	{ "claude-sonnet-5", "Claude Sonnet 5", 1.3, MILLION, 64 * K, THINK, EFFORT, NULL, false },
	{ "claude-sonnet-5.5", "Claude Sonnet 5.5", 1.3, MILLION, 64 * K, "adaptive between_tools",
	  EFFORT, NULL, false },
	{ "claude-haiku-4.5", "Claude Haiku 4.5", 0.4, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "claude-opus-4.5", "Claude Opus 4.5", 2.2, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "claude-opus-4.6", "Claude Opus 4.6", 2.2, MILLION, 64 * K, THINK, EFFORT_46, NULL,
	  false },
	{ "claude-opus-4.7", "Claude Opus 4.7", 2.2, MILLION, 64 * K, THINK, EFFORT, NULL, false },
	{ "claude-opus-4.8", "Claude Opus 4.8", 2.2, MILLION, 64 * K, THINK, EFFORT, NULL, false },
	{ "claude-opus-5", "Claude Opus 5", 2.2, MILLION, 64 * K, THINK, EFFORT, NULL, false },
	{ "claude-opus-5.5", "Claude Opus 5.5", 2.2, MILLION, 64 * K, "adaptive", EFFORT, NULL,
	  false },
	{ "claude-3.7-sonnet", "Claude 3.7 Sonnet", 1.0, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "deepseek-3.2", "DeepSeek 3.2", 0.25, 164 * K, 64 * K, NULL, NULL, NULL, false },
	{ "minimax-m2.1", "MiniMax M2.1", 0.15, 196 * K, 64 * K, NULL, NULL, NULL, false },
	{ "minimax-m2.5", "MiniMax M2.5", 0.25, 196 * K, 64 * K, NULL, NULL, NULL, false },
	{ "glm-5", "GLM 5", 0.5, 200 * K, 64 * K, NULL, NULL, NULL, false },
	{ "qwen3-coder-next", "Qwen3 Coder Next", 0.05, 256 * K, 64 * K, NULL, NULL, NULL, false },
	{ "gpt-5.6-sol", "GPT 5.6 Sol", 1.0, 272 * K, 128 * K, NULL, NULL, EFFORT_GPT, false },
	{ "gpt-5.6-terra", "GPT 5.6 Terra", 1.0, 272 * K, 128 * K, NULL, NULL, EFFORT_GPT, false },
	{ "gpt-5.6-luna", "GPT 5.6 Luna", 1.0, 272 * K, 128 * K, NULL, NULL, EFFORT_GPT, false },
	{ "CLAUDE_SONNET_4_5_20250929_V1_0", "", 1.3, 200 * K, 64 * K, NULL, NULL, NULL, true },
	{ "CLAUDE_SONNET_4_20250514_V1_0", "", 1.3, 200 * K, 64 * K, NULL, NULL, NULL, true },
	{ "CLAUDE_3_7_SONNET_20250219_V1_0", "", 1.0, 200 * K, 64 * K, NULL, NULL, NULL, true },
	{ "CLAUDE_3_5_HAIKU_20241022_V1_0", "", 0.4, 200 * K, 64 * K, NULL, NULL, NULL, true },
	{ "OPENAI_GPT_OSS_120B_1_0", "", 0.1, 128 * K, 32 * K, NULL, NULL, NULL, true },
};

const struct model *model_find(const char *id, bool legacy)
{
	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (!strcmp(models[i].id, id) && (legacy || !models[i].legacy))
			return &models[i];
	}
	return NULL;
}

/* Is word one of the space-separated ones? */
static bool has_word(const char *words, const char *word)
{
	size_t len = word ? strlen(word) : 0;

	while (words && *words && len) {
		size_t next = strcspn(words, " ");

		if (next == len && !strncmp(words, word, len))
			return true;
		words += next + (words[next] == ' ');
	}
	return false;
}

/* An object of known members whose strings are each among the words given for them. */
static char *check_object(const cJSON *object, const char *at, const char *const names[2],
			  const char *const words[2])
{
	const cJSON *member;

	if (!cJSON_IsObject(object))
		return xformat("%s: must be an object", at);
	cJSON_ArrayForEach (member, object) {
		size_t i = 0;

		while (i < 2 && (!names[i] || strcmp(names[i], member->string)))
			i++;
		if (i == 2)
			return xformat("%s.%s: not in the schema", at, member->string);
		if (!has_word(words[i], cJSON_GetStringValue(member)))
			return xformat("%s.%s: must be one of: %s", at, member->string, words[i]);
	}
	return NULL;
}

static char *check_field(const struct model *m, const cJSON *field)
{
	if (m->thinking && !strcmp(field->string, "thinking")) {
		if (!json_str(field, "type"))
			return xstrdup("thinking.type: is required");
		return check_object(field, "thinking", (const char *const[2]){ "type", "display" },
				    (const char *const[2]){ m->thinking, "summarized omitted" });
	}
	if (m->effort && !strcmp(field->string, "output_config"))
		return check_object(field, "output_config", (const char *const[2]){ "effort" },
				    (const char *const[2]){ m->effort });
	if (m->reasoning && !strcmp(field->string, "reasoning"))
		return check_object(field, "reasoning", (const char *const[2]){ "effort" },
				    (const char *const[2]){ m->reasoning });
	if (m->thinking && !strcmp(field->string, "max_tokens")) {
		double n = cJSON_IsNumber(field) ? field->valuedouble : 0;

		if (n >= 1 && n <= m->max_output && n == (double)(int)n)
			return NULL;
		return xformat("max_tokens: must be an integer from 1 to %d", m->max_output);
	}
	return xformat("%s: not in the schema of %s", field->string, m->id);
}

char *model_check_fields(const struct model *m, const cJSON *fields)
{
	const cJSON *field;
	char *wrong = NULL;

	if (!fields)
		return NULL;
	if (!m->thinking && !m->reasoning)
		return xformat("%s takes no additionalModelRequestFields", m->id);
	if (!cJSON_IsObject(fields))
		return xstrdup("must be an object");
	cJSON_ArrayForEach (field, fields) {
		wrong = check_field(m, field);
		if (wrong)
			break;
	}
	return wrong;
}

static cJSON *schema_object(void)
{
	cJSON *schema = cJSON_CreateObject();

	cJSON_AddStringToObject(schema, "type", "object");
	cJSON_AddObjectToObject(schema, "properties");
	cJSON_AddFalseToObject(schema, "additionalProperties");
	return schema;
}

static void add_property(cJSON *schema, const char *name, cJSON *property)
{
	cJSON_AddItemToObject(cJSON_GetObjectItem(schema, "properties"), name, property);
}

static cJSON *schema_enum(const char *words)
{
	cJSON *schema = cJSON_CreateObject(), *values;

	cJSON_AddStringToObject(schema, "type", "string");
	values = cJSON_AddArrayToObject(schema, "enum");
	for (const char *at = words; *at;) {
		size_t len = strcspn(at, " ");
		char *word = xstrndup(at, len);

		cJSON_AddItemToArray(values, cJSON_CreateString(word));
		free(word);
		at += len + (at[len] == ' ');
	}
	return schema;
}

static cJSON *fields_schema(const struct model *m)
{
	cJSON *schema = schema_object(), *part;

	if (m->thinking) {
		part = schema_object();
		add_property(part, "type", schema_enum(m->thinking));
		add_property(part, "display", schema_enum("summarized omitted"));
		add_property(schema, "thinking", part);
		part = cJSON_CreateObject();
		cJSON_AddStringToObject(part, "type", "integer");
		cJSON_AddNumberToObject(part, "minimum", 1);
		cJSON_AddNumberToObject(part, "maximum", m->max_output);
		add_property(schema, "max_tokens", part);
	}
	if (m->effort || m->reasoning) {
		part = schema_object();
		add_property(part, "effort", schema_enum(m->effort ? m->effort : m->reasoning));
		add_property(schema, m->effort ? "output_config" : "reasoning", part);
	}
	return schema;
}

static cJSON *describe(const struct model *m)
{
	cJSON *out = cJSON_CreateObject(), *part;

	cJSON_AddStringToObject(out, "modelId", m->id);
	cJSON_AddStringToObject(out, "modelName", m->name);
	cJSON_AddStringToObject(out, "description", "A model of the stand-in upstream");
	cJSON_AddStringToObject(out, "status", "Active");
	cJSON_AddStringToObject(out, "modelProvider", "DEFAULT");
	cJSON_AddNumberToObject(out, "rateMultiplier", m->rate);
	cJSON_AddStringToObject(out, "rateUnit", "Credit");
	part = cJSON_AddArrayToObject(out, "supportedInputTypes");
	cJSON_AddItemToArray(part, cJSON_CreateString("TEXT"));
	cJSON_AddItemToArray(part, cJSON_CreateString("IMAGE"));
	part = cJSON_AddObjectToObject(out, "tokenLimits");
	cJSON_AddNumberToObject(part, "maxInputTokens", m->max_input);
	cJSON_AddNumberToObject(part, "maxOutputTokens", m->max_output);
	part = cJSON_AddObjectToObject(out, "promptCaching");
	cJSON_AddTrueToObject(part, "supportsPromptCaching");
	cJSON_AddNumberToObject(part, "maximumCacheCheckpointsPerRequest", 4);
	cJSON_AddNumberToObject(part, "minimumTokensPerCacheCheckpoint", 1024);
	if (m->thinking || m->reasoning)
		cJSON_AddItemToObject(out, "additionalModelRequestFieldsSchema", fields_schema(m));
	return out;
}

cJSON *model_list(void)
{
	cJSON *body = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(body, "models");

	for (size_t i = 0; i < ARRAY_SIZE(models); i++) {
		if (!models[i].legacy)
			cJSON_AddItemToArray(list, describe(&models[i]));
	}
	cJSON_AddItemToObject(body, "defaultModel", describe(&models[0]));
	cJSON_AddNullToObject(body, "nextToken");
	return body;
}
