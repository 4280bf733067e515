#include "common/base.h"
#include "fcgi/in_text.h"

#include "fcgi/in_shape.h"

/* Members without effect here. */
static const struct in_member citation_members[] = {
	{ .name = "type", .types = IN_TEXT, .required = true },
	{ .name = NULL },
};

const struct in_member in_text_members[] = {
	{ .name = "citations", .types = IN_ARRAY, .items = IN_OBJECT, .members = citation_members },
	{ .name = NULL },
};

int in_text_add(struct in *in, const cJSON *block, const struct json_at *at, struct in_texts *texts)
{
	const char *type, *text;

	if (in_shape_type(in, block, at, IN_OBJECT) ||
	    json_need_text(block, "type", at, &type, in->e))
		return -1;
	if (strcmp(type, "text") != 0)
		return json_error(at, "type", in->e, "Input should be 'text'");
	if (json_need_text(block, "text", at, &text, in->e) ||
	    in_shape_check(in, block, at, in_shape_cache_control) ||
	    in_shape_check(in, block, at, in_text_members))
		return -1;
	if (text[0])
		in_texts_add(in, texts, span_of(text));
	return 0;
}

int in_text_all(struct in *in, const cJSON *content, const struct json_at *at,
		struct in_texts *texts)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	if (cJSON_IsString(content)) {
		if (content->valuestring[0])
			in_texts_add(in, texts, span_of(content->valuestring));
		return 0;
	}
	if (in_shape_type(in, content, at, IN_TEXT | IN_ARRAY))
		return -1;
	cJSON_ArrayForEach (item, content) {
		if (in_text_add(in, item, &item_at, texts))
			return -1;
		item_at.index++;
	}
	return 0;
}
