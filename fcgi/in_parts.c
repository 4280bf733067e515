#include "common/base.h"
#include "fcgi/in_parts.h"

#include "common/jsonw.h"
#include "common/limits.h"
#include "common/utf8.h"

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

/* The base64 text of "data:TYPE;base64,..."; false: it is no such URL. */
static bool data_of_url(const char *url, struct span *out)
{
	static const char mark[] = ";base64,";
	const char *data = strchr(url, ',');

	if (strncasecmp(url, "data:", 5) != 0 || !data || data - url < (ptrdiff_t)strlen(mark) ||
	    memcmp(data + 1 - strlen(mark), mark, strlen(mark)) != 0)
		return false;
	*out = span_of(data + 1);
	return true;
}

/* Only data URLs: fetching what a client names would open this host's network to it. */
static int read_image(struct in *in, const cJSON *part, const char *member,
		      const struct json_at *at, struct block *out)
{
	const cJSON *image = json_member(part, member);
	const char *url =
		cJSON_IsString(image) ? image->valuestring : json_text_or(image, "url", NULL);
	struct span data;

	if (!url && json_member(part, "file_id"))
		return json_error(at, "file_id", in->e,
				  "image files are not supported, send a base64 data URL");
	if (!url)
		return json_error(at, member, in->e, "Field required");
	if (strncasecmp(url, "data:", 5) != 0)
		return json_error(at, member, in->e,
				  "URL images are not supported, send a base64 data URL");
	if (!data_of_url(url, &data))
		return json_error(at, member, in->e, "Input should be a base64 data URL");
	return in_image(in, data, at, member, out) ? -1 : 1;
}

/* A text file stands in the conversation as text, under its name. */
static struct span write_document(struct in *in, const char *name, struct span text)
{
	struct in_texts pieces = { .count = 0 };

	in_texts_add(in, &pieces, span_of("<document title=\""));
	in_texts_add(in, &pieces, span_of(name));
	in_texts_add(in, &pieces, span_of("\">\n"));
	in_texts_add(in, &pieces, text);
	in_texts_add(in, &pieces, span_of("\n</document>"));
	return in_texts_join(in, &pieces, "");
}

/* What a file's members hold; -1 names what cannot be had. */
static int read_file_data(struct in *in, const cJSON *file, const char *member,
			  const struct json_at *at, struct span *content)
{
	const char *data = NULL;
	struct span base64;

	if (json_text(file, "file_data", at, &data, in->e) < 0)
		return -1;
	if (!data)
		return json_error(at, member, in->e,
				  "files by id or URL are " UNSUPPORTED ", send file_data");
	if (!data_of_url(data, &base64))
		base64 = span_of(data);
	if (!in_base64_decode(in, base64, content))
		return json_error(at, member, in->e, "file_data should be a base64 data URL");
	return 0;
}

static int read_file(struct in *in, const cJSON *part, const char *member, const struct json_at *at,
		     struct block *out)
{
	static const char pdf[] = "%PDF-";
	const cJSON *file = json_member(part, member);
	struct json_at inside = { .up = at, .key = member };
	const char *name = "file";
	struct span content;

	if (!cJSON_IsObject(file)) { /* Responses */
		file = part;
		inside = *at;
	}
	if (json_text(file, "filename", &inside, &name, in->e) < 0 ||
	    read_file_data(in, file, member, at, &content))
		return -1;
	if (content.len >= strlen(pdf) && memcmp(content.at, pdf, strlen(pdf)) == 0)
		return json_error(at, member, in->e, "this model does not support PDF input");
	if (!content.len || memchr(content.at, '\0', content.len) ||
	    utf8_valid_prefix(content) != content.len)
		return json_error(at, member, in->e, "files other than text are " UNSUPPORTED);
	*out = (struct block){ .kind = BLOCK_TEXT, .text = write_document(in, name, content) };
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
	{ "input_file", "file_data", read_file },
	{ "input_audio", "input_audio", refuse_audio },
};

static int read_part(struct in *in, const cJSON *part, enum in_parts_kind kind,
		     const struct json_at *at, struct block *out)
{
	const char *type;

	if (!cJSON_IsObject(part))
		return json_error(at, NULL, in->e, "Input should be an object");
	if (json_need_text(part, "type", at, &type, in->e))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(part_rows); i++) {
		const struct part_row *row = &part_rows[i];

		if (strcmp(type, row->type) == 0 &&
		    (kind == IN_ALL_PARTS || row->read == read_text))
			return row->read(in, part, row->member, at, out);
	}
	if (kind == IN_TEXT_PARTS)
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
	if (!cJSON_IsString(content) && !cJSON_IsArray(content))
		return json_error(at, NULL, in->e, "Input should be a string or an array of parts");
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
		return json_error(at, "content", in->e,
				  "Input should be a string or an array of parts");
	if (in_parts_read(in, content, IN_ALL_PARTS, &content_at, &parts))
		return -1;
	if (!parts.count)
		return json_error(at, "content", in->e, "user messages must not be empty");
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
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree;
	bool good;

	if (!arguments[strspn(arguments, " \t\r\n")])
		return (struct span){ "", 0 };
	tree = json_parse(span_of(arguments), &ignored);
	good = cJSON_IsObject(tree);
	cJSON_Delete(tree);
	return good ? span_of(arguments) : wrap(in, "__raw_arguments", arguments);
}

struct span in_parts_input(struct in *in, const char *input)
{
	return wrap(in, "input", input);
}
