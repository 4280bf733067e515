/*
 * up_rules.h - for tests: does an upstream request keep the upstream's rules, whatever it says?
 * The numbers are those of the list of invariants that the rules come from.
 */
#ifndef TESTS_UP_RULES_H
#define TESTS_UP_RULES_H

#include "common/base.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/utf8.h"

/* The member or element at a dotted path, NULL: not there. */
static inline const cJSON *down(const cJSON *from, const char *path)
{
	char key[64];

	while (from && *path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		from = cJSON_IsArray(from) ? cJSON_GetArrayItem(from, atoi(key))
					   : cJSON_GetObjectItemCaseSensitive(from, key);
		path += len + (path[len] == '.');
	}
	return from;
}

struct check {
	const char *wrong; /* the first broken rule, NULL: none */
	const cJSON *specs;
	const char *ids[4096];
	size_t id_count, images;
};

static inline void expect(struct check *c, bool holds, const char *rule)
{
	if (!holds && !c->wrong)
		c->wrong = rule;
}

static inline void check_nothing_empty(struct check *c, const cJSON *tree)
{
	const cJSON *child;

	expect(c, !cJSON_IsNull(tree), "10: null");
	expect(c, !cJSON_IsArray(tree) || tree->child, "10: empty array");
	cJSON_ArrayForEach (child, tree) {
		if (!child->string ||
		    (strcmp(child->string, "input") != 0 && strcmp(child->string, "json") != 0))
			check_nothing_empty(c, child);
	}
}

static inline bool has_spec(const struct check *c, const char *name)
{
	const cJSON *spec;

	cJSON_ArrayForEach (spec, c->specs) {
		if (strcasecmp(json_text_or(down(spec, "toolSpecification"), "name", ""), name) ==
		    0)
			return true;
	}
	return false;
}

static inline void check_assistant(struct check *c, const cJSON *message)
{
	const cJSON *uses = json_member(message, "toolUses"), *use;

	expect(c, uses || json_text_or(message, "content", "")[0], "an answer that says nothing");
	cJSON_ArrayForEach (use, uses) {
		const char *id = json_text_or(use, "toolUseId", "");

		expect(c, id[0] && strlen(id) <= 64, "7: call id");
		for (size_t i = 0; i < c->id_count; i++)
			expect(c, strcmp(c->ids[i], id) != 0, "7: ids are unique");
		if (c->id_count < ARRAY_SIZE(c->ids))
			c->ids[c->id_count++] = id;
		expect(c, cJSON_IsObject(json_member(use, "input")), "input is an object");
		expect(c, has_spec(c, json_text_or(use, "name", "")), "5: every name has a spec");
	}
}

/* calls: the toolUses of the turn before, or NULL. */
static inline void check_user(struct check *c, const cJSON *message, const cJSON *calls,
			      bool current)
{
	const cJSON *results = down(message, "userInputMessageContext.toolResults");
	const cJSON *call = calls ? calls->child : NULL, *result, *image;

	expect(c, current || !down(message, "userInputMessageContext.tools"),
	       "2: tools only in the current message");
	expect(c, results || json_text_or(message, "content", "")[0], "6: content");
	expect(c, utf8_count(span_of(json_text_or(message, "content", ""))) <= LIMIT_UP_TEXT,
	       "2.3: user message");
	cJSON_ArrayForEach (result, results) {
		expect(c,
		       call && strcmp(json_text_or(call, "toolUseId", "?"),
				      json_text_or(result, "toolUseId", "")) == 0,
		       "3, 4, 8, 9: one result per call, in the order of the calls");
		expect(c, json_text_or(down(result, "content.0"), "text", "")[0], "6: result text");
		expect(c,
		       strcmp(json_text_or(result, "status", ""), "success") == 0 ||
			       strcmp(json_text_or(result, "status", ""), "error") == 0,
		       "status");
		call = call ? call->next : NULL;
	}
	expect(c, !call, "3: every call is answered");
	cJSON_ArrayForEach (image, json_member(message, "images")) {
		expect(c, json_text_or(json_member(image, "source"), "bytes", "")[0], "9: image");
		c->images++;
	}
}

/* 1 to 64 of [A-Za-z0-9_-], a letter first. */
static inline bool is_up_name(const char *name)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	size_t len = strlen(name);

	return len && len <= LIMIT_UP_TOOL_NAME && strchr(letters, name[0]) &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
		       len;
}

/* What the model host takes as a tool's schema. */
static inline void check_schema_root(struct check *c, const cJSON *schema)
{
	const cJSON *required = cJSON_GetObjectItemCaseSensitive(schema, "required");
	const cJSON *properties = cJSON_GetObjectItemCaseSensitive(schema, "properties");
	const cJSON *more = cJSON_GetObjectItemCaseSensitive(schema, "additionalProperties");

	expect(c, strcmp(json_text_or(schema, "type", ""), "object") == 0, "2.4: root type");
	expect(c, !down(schema, "oneOf") && !down(schema, "anyOf") && !down(schema, "allOf"),
	       "2.4: no choice at the root");
	expect(c, !required || cJSON_IsArray(required), "2.4: required");
	expect(c, !properties || cJSON_IsObject(properties), "2.4: properties");
	expect(c, !more || cJSON_IsBool(more) || cJSON_IsObject(more), "2.4: additionalProperties");
}

static inline void check_specs(struct check *c)
{
	const cJSON *item, *other;

	cJSON_ArrayForEach (item, c->specs) {
		const cJSON *spec = json_member(item, "toolSpecification");
		const char *name = json_text_or(spec, "name", "");
		const char *description = json_text_or(spec, "description", "");

		expect(c, is_up_name(name), "2.3: tool name");
		expect(c, *description && utf8_count(span_of(description)) <= LIMIT_TOOL_DESC,
		       "2.3: tool description");
		check_schema_root(c, down(spec, "inputSchema.json"));
		for (other = c->specs->child; other != item; other = other->next)
			expect(c,
			       strcmp(name, json_text_or(down(other, "toolSpecification"), "name",
							 "")) != 0,
			       "2.4: no tool twice");
	}
}

static inline size_t nesting(const cJSON *tree)
{
	size_t deepest = 0;
	const cJSON *child;

	cJSON_ArrayForEach (child, tree) {
		size_t depth = nesting(child);

		deepest = depth > deepest ? depth : deepest;
	}
	return cJSON_IsObject(tree) || cJSON_IsArray(tree) ? deepest + 1 : 0;
}

/* The first broken rule, NULL: none. */
static inline const char *broken_rule(const cJSON *out)
{
	const cJSON *state = json_member(out, "conversationState"), *entry, *calls = NULL;
	const cJSON *current = down(state, "currentMessage.userInputMessage");
	struct check c = { .specs = down(current, "userInputMessageContext.tools") };
	bool user = true;

	expect(&c, cJSON_IsObject(current), "1: the current message is the user's");
	check_nothing_empty(&c, out);
	cJSON_ArrayForEach (entry, json_member(state, "history")) {
		const cJSON *message =
			json_member(entry, user ? "userInputMessage" : "assistantResponseMessage");

		expect(&c, message && !entry->child->next, "1: history alternates");
		if (user)
			check_user(&c, message, calls, false);
		else
			check_assistant(&c, message);
		calls = user ? NULL : json_member(message, "toolUses");
		user = !user;
	}
	expect(&c, user, "1: history ends with the assistant");
	check_user(&c, current, calls, true);
	check_specs(&c);
	expect(&c, nesting(out) <= LIMIT_JSON_DEPTH, "nesting");
	expect(&c, c.images <= LIMIT_IMAGES, "image limit");
	return c.wrong;
}

#endif
