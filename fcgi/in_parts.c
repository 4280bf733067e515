#include "common/base.h"
#include "fcgi/in_parts.h"

#include "common/jsonw.h"
#include "common/limits.h"
#include "common/utf8.h"
#include "fcgi/base64.h"
#include "fcgi/in_blocks.h"
#include "fcgi/in_document.h"
#include "fcgi/in_hints.h"

int in_parts_missing(struct in *in, const char *name)
{
	error_field(in->e, name, "Missing required parameter");
	snprintf(in->e->message, sizeof(in->e->message), "Missing required parameter: '%s'.", name);
	return -1;
}

/* ---- parts: 1: a block, 0: it says nothing, -1 ---- */

typedef int part_reader(struct in *in, const cJSON *part, const char *member,
			const struct json_at *at, struct block *out);

static int read_text(struct in *in, const cJSON *part, const char *member, const struct json_at *at,
		     struct block *out)
{
	const char *text;

	if (json_need_text(part, member, at, &text, in->e))
		return -1;
	*out = (struct block){ .kind = BLOCK_TEXT, .text = span_of(text) };
	return out->text.len > 0;
}

/* "data:TYPE;base64,DATA" in its parts; false: it is no such URL. */
static bool split_data_url(struct in *in, const char *url, const char **media_type,
			   struct span *base64)
{
	static const char head[] = "data:", mark[] = ";base64";
	const char *type = url + strlen(head), *data = strchr(url, ',');

	if (strncasecmp(url, head, strlen(head)) != 0 || !data ||
	    data - type < (ptrdiff_t)strlen(mark) ||
	    strncasecmp(data - strlen(mark), mark, strlen(mark)) != 0)
		return false;
	data -= strlen(mark);
	*media_type = data > type ? arena_strndup(in->arena, type, (size_t)(data - type)) : NULL;
	*base64 = span_of(data + strlen(mark) + 1);
	return true;
}

/* The object that holds a part's members: Chat Completions has one of the part's name, Responses
 * keeps them in the part itself. */
static int find_members(struct in *in, const cJSON *part, const char *member,
			const struct json_at *at, const cJSON **members, struct json_at *inside)
{
	int rc;

	*members = part;
	*inside = *at;
	if (!member)
		return 0;
	*inside = (struct json_at){ .up = at, .key = member };
	rc = json_object(part, member, at, members, in->e);
	if (!rc)
		return json_error(at, member, in->e, "Field required");
	return rc < 0 ? -1 : 0;
}

static int refuse_member(struct in *in, const cJSON *members, const char *name,
			 const struct json_at *at, const char *instead)
{
	if (!json_member(members, name))
		return 0;
	return json_error(at, name, in->e, "it is " UNSUPPORTED ", send %s", instead);
}

/* Whether a URL may be fetched, and from where, is for fetch.c to say. */
static int read_image(struct in *in, const cJSON *part, const char *member,
		      const struct json_at *at, struct block *out)
{
	static const char instead[] = "a base64 data URL";
	const bool nested = cJSON_IsObject(json_member(part, member));
	const char *url, *media_type;
	const cJSON *members;
	struct json_at inside;
	struct span data;

	if (find_members(in, part, nested ? member : NULL, at, &members, &inside))
		return -1;
	member = nested ? "url" : member;
	if (in_shape_check(in, members, &inside, in_hints_image) ||
	    refuse_member(in, members, "file_id", &inside, instead) ||
	    json_need_text(members, member, &inside, &url, in->e))
		return -1;
	if (strncasecmp(url, "data:", strlen("data:")) != 0)
		return in_image_url(in, url, &inside, member, out), 1;
	if (!split_data_url(in, url, &media_type, &data))
		return json_error(&inside, member, in->e, "Input should be %s", instead);
	return in_image(in, data, &inside, member, out) ? -1 : 1;
}

/* Is it text? Then *out is that. The bytes decide, for clients call many a text something else. */
static bool file_is_text(struct in *in, struct span base64, struct span *out)
{
	static const char pdf[] = "%PDF";

	for (size_t i = 0; pdf[i] == (char)base64_byte(base64, i); i++) {
		if (!pdf[i + 1])
			return false; /* often megabytes: not worth decoding */
	}
	if (!base64_decode(base64, in->arena, out) || !out->len ||
	    utf8_valid_prefix(*out) != out->len)
		return false;
	for (size_t i = 0; i < out->len; i++) {
		const char c = out->at[i];

		if ((unsigned char)c < ' ' && (!c || !strchr("\t\n\v\f\r\b\x1B", c)))
			return false;
	}
	return true;
}

/* A text file stands in the conversation as text, under its name; others are documents. */
static int read_file(struct in *in, const cJSON *part, const char *member, const struct json_at *at,
		     struct block *out)
{
	static const char instead[] = "file_data";
	struct in_attribute title = { "title", "file" };
	const char *data, *media_type = NULL;
	const cJSON *members;
	struct json_at inside;
	struct span base64, text;

	if (find_members(in, part, member, at, &members, &inside) ||
	    refuse_member(in, members, "file_id", &inside, instead) ||
	    refuse_member(in, members, "file_url", &inside, instead) ||
	    json_text(members, "filename", &inside, &title.value, in->e) < 0 ||
	    json_need_text(members, "file_data", &inside, &data, in->e))
		return -1;
	if (!split_data_url(in, data, &media_type, &base64))
		base64 = span_of(data);
	if (!file_is_text(in, base64, &text))
		return in_document_file(in, base64, media_type, title.value, &inside, "file_data",
					out)
			       ? -1
			       : 1;
	in_document_text(in, "document", &title, 1, text, out);
	return 1;
}

static int refuse_audio(struct in *in, const cJSON *part, const char *member,
			const struct json_at *at, struct block *out)
{
	(void)part;
	(void)out;
	return json_error(at, member, in->e, "audio input is " UNSUPPORTED);
}

static const struct part_row {
	const char *type, *member;
	part_reader *read;
} part_rows[] = {
	{ "text", "text", read_text },
	{ "input_text", "text", read_text },
	{ "output_text", "text", read_text },
	{ "summary_text", "text", read_text },
	{ "reasoning_text", "text", read_text },
	{ "refusal", "refusal", read_text },
	{ "image_url", "image_url", read_image },
	{ "input_image", "image_url", read_image },
	{ "file", "file", read_file },
	{ "input_file", NULL, read_file },
	{ "input_audio", "input_audio", refuse_audio },
};

static int read_part(struct in *in, const cJSON *part, enum in_parts_kind kind,
		     const struct json_at *at, struct block *out)
{
	const bool texts_only = kind == IN_TEXT_PARTS || kind == IN_ASSISTANT_PARTS;
	const enum role role = kind == IN_ASSISTANT_PARTS ? ROLE_ASSISTANT : ROLE_USER;
	const char *type;

	if (in_shape_type(in, part, at, IN_OBJECT) ||
	    json_need_text(part, "type", at, &type, in->e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(part_rows); i++) {
		const struct part_row *row = &part_rows[i];

		if (strcmp(type, row->type) == 0 && (!texts_only || row->read == read_text))
			return row->read(in, part, row->member, at, out);
	}
	if ((kind == IN_USER_PARTS || kind == IN_ASSISTANT_PARTS) && in_blocks_knows(type, role))
		return in_blocks_read(in, part, role, at, out);
	if (texts_only)
		return json_error(at, "type", in->e, "Input should be a text part");
	return json_error(at, "type", in->e, "'%.64s' parts are " UNSUPPORTED, type);
}

int in_parts_read(struct in *in, const cJSON *content, enum in_parts_kind kind,
		  const struct json_at *at, struct in_parts *out)
{
	struct json_at item_at = { .up = at };
	const cJSON *part;
	int rc = 0;

	*out = (struct in_parts){ .count = 0 };
	if (!content || cJSON_IsNull(content))
		return 0;
	if (in_shape_type(in, content, at, IN_TEXT | IN_ARRAY))
		return -1;
	out->blocks = arena_array(in->arena, (size_t)cJSON_GetArraySize(content) + 1,
				  sizeof(*out->blocks));
	if (cJSON_IsString(content) && content->valuestring[0])
		out->blocks[out->count++] =
			(struct block){ .kind = BLOCK_TEXT, .text = span_of(content->valuestring) };
	cJSON_ArrayForEach (part, content) {
		rc = read_part(in, part, kind, &item_at, &out->blocks[out->count]);
		if (rc < 0)
			return -1;
		out->count += (size_t)rc;
		item_at.index++;
	}
	return 0;
}

/* ---- messages ---- */

void in_parts_add(struct in *in, enum role role, size_t client_index, const struct in_parts *parts)
{
	for (size_t i = 0; i < parts->count; i++)
		*in_add(in, role, client_index) = parts->blocks[i];
}

void in_parts_add_system(struct in *in, size_t client_index, const struct in_parts *parts)
{
	struct in_texts late = { .count = 0 };

	for (size_t i = 0; i < parts->count; i++)
		in_texts_add(in, in->block_count ? &late : &in->system, parts->blocks[i].text);
	in_add_reminder(in, client_index, &late);
}

int in_parts_user(struct in *in, const cJSON *message, const struct json_at *at)
{
	struct json_at content_at = { .up = at, .key = "content" };
	const cJSON *content = json_member(message, "content");
	struct in_parts parts;

	if (!content)
		return json_error(at, "content", in->e, "Field required");
	if (in_parts_read(in, content, IN_USER_PARTS, &content_at, &parts))
		return -1;
	if (!parts.count) /* agents send such turns, and the API answers them */
		in_add_text(in, ROLE_USER, at->index, span_of(""));
	in_parts_add(in, ROLE_USER, at->index, &parts);
	return 0;
}

void in_parts_add_result(struct in *in, const char *id, size_t client_index,
			 const struct in_parts *parts)
{
	*in_add(in, ROLE_USER, client_index) = (struct block){ .kind = BLOCK_TOOL_RESULT,
							       .id = id,
							       .blocks = parts->blocks,
							       .block_count = parts->count };
}

/* ---- arguments ---- */

/* {"member": "text"} as JSON text. */
static struct span wrap(struct in *in, const char *member, const char *text)
{
	struct span copy;
	struct jsonw w;
	struct buf out;

	buf_init(&out, LIMIT_UP_BODY * 4); /* escaping grows a byte to six at most */
	jsonw_init(&w, &out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, member, text);
	jsonw_end(&w);
	copy.at = arena_strndup(in->arena, out.at, out.len);
	copy.len = out.len;
	buf_release(&out);
	return copy;
}

struct span in_parts_arguments(struct in *in, const char *arguments)
{
	if (!arguments[strspn(arguments, " \t\r\n")])
		return (struct span){ "", 0 };
	return json_is_object(span_of(arguments)) ? span_of(arguments)
						  : wrap(in, "__raw_arguments", arguments);
}

struct span in_parts_input(struct in *in, const char *input)
{
	return wrap(in, "input", input);
}
