#include "common/base.h"
#include "fcgi/in_source.h"

#include "fcgi/base64.h"
#include "fcgi/in_document.h"
#include "fcgi/in_text.h"

static int read_base64_image(struct in *in, const cJSON *source, const struct json_at *at,
			     struct block *out)
{
	struct json_at inside = { .up = at, .key = "base64" };
	const char *media_type, *data;

	if (json_need_text(source, "media_type", &inside, &media_type, in->e) ||
	    json_need_text(source, "data", &inside, &data, in->e))
		return -1;
	/* The first bytes decide; the declared type only where they say nothing. */
	if (data[0] && base64_size(span_of(data)) >= 0 && !picture_read(span_of(data)).format &&
	    strcmp(media_type, "image/png") != 0 && strcmp(media_type, "image/jpeg") != 0 &&
	    strcmp(media_type, "image/gif") != 0 && strcmp(media_type, "image/webp") != 0)
		return json_error(&inside, "media_type", in->e,
				  "Input should be 'image/jpeg', 'image/png', 'image/gif' or "
				  "'image/webp'");
	return in_image(in, span_of(data), &inside, NULL, out) ? -1 : 0;
}

/* The member "source" and its type. */
static int need_source(struct in *in, const cJSON *json, const struct json_at *at,
		       const cJSON **source, const char **type)
{
	struct json_at inside = { .up = at, .key = "source" };
	int rc = json_object(json, "source", at, source, in->e);

	if (rc == 0)
		json_error(at, "source", in->e, "Field required");
	return rc == 1 ? json_need_text(*source, "type", &inside, type, in->e) : -1;
}

/* Whether it may be fetched, and from where, is for fetch.c to say. */
static int read_image_url(struct in *in, const cJSON *source, const struct json_at *at,
			  struct block *out)
{
	const char *url;

	if (json_need_text(source, "url", at, &url, in->e))
		return -1;
	in_image_url(in, url, at, NULL, out);
	return 0;
}

int in_source_image(struct in *in, const cJSON *json, const struct json_at *at, struct block *out)
{
	struct json_at inside = { .up = at, .key = "source" };
	const cJSON *source;
	const char *type;

	if (need_source(in, json, at, &source, &type))
		return -1;
	if (strcmp(type, "base64") == 0)
		return read_base64_image(in, source, &inside, out);
	if (strcmp(type, "url") == 0)
		return read_image_url(in, source, &inside, out);
	if (strcmp(type, "file") == 0)
		return json_error(at, "source", in->e,
				  "file images are not supported, send base64");
	return json_error(at, "source", in->e,
			  "Input tag '%.64s' found using 'type' does not match any of the expected "
			  "tags: 'base64'",
			  type);
}

/* A document is one text here. The words make Claude Code go on without the image. */
static int refuse_images(struct in *in, const cJSON *content, const struct json_at *at)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	cJSON_ArrayForEach (item, content) {
		if (strcmp(json_text_or(item, "type", ""), "image") == 0)
			return json_error(&item_at, NULL, in->e,
					  "Could not process image: images inside a document are "
					  "not supported, send them as blocks beside it");
		item_at.index++;
	}
	return 0;
}

/* source.content of a document: a text, or an array of text blocks. */
static int read_document_content(struct in *in, const cJSON *source, const struct json_at *at,
				 struct span *text)
{
	struct json_at inside = { .up = at, .key = "content" };
	const cJSON *content = json_member(source, "content");
	struct in_texts texts = { .count = 0 };

	if (!content)
		return json_error(at, "content", in->e, "Field required");
	if (refuse_images(in, content, &inside) || in_text_all(in, content, &inside, &texts))
		return -1;
	*text = in_texts_join(in, &texts, "\n");
	return 0;
}

static int read_document_text(struct in *in, const cJSON *source, const struct json_at *at,
			      struct span *text)
{
	struct json_at inside = { .up = at, .key = "text" };
	const char *media_type = "text/plain", *data;

	if (json_text(source, "media_type", &inside, &media_type, in->e) < 0 ||
	    json_need_text(source, "data", &inside, &data, in->e))
		return -1;
	if (strcmp(media_type, "text/plain") != 0)
		return json_error(&inside, "media_type", in->e, "Input should be 'text/plain'");
	*text = span_of(data);
	return 0;
}

static int read_document_file(struct in *in, const cJSON *source, const struct json_at *at,
			      const char *title, struct block *out)
{
	struct json_at inside = { .up = at, .key = "base64" };
	const char *media_type, *data;

	if (json_need_text(source, "media_type", &inside, &media_type, in->e) ||
	    json_need_text(source, "data", &inside, &data, in->e))
		return -1;
	return in_document_file(in, span_of(data), media_type, title, &inside, NULL, out);
}

static int read_document_source(struct in *in, const cJSON *source, const char *type,
				const struct json_at *at, const struct in_attribute about[static 2],
				struct block *out)
{
	struct span text = { NULL, 0 };
	int rc;

	if (strcmp(type, "base64") == 0) {
		rc = read_document_file(in, source, at, about[0].value, out);
		if (!rc)
			out->context = about[1].value;
		return rc;
	}
	if (strcmp(type, "text") == 0)
		rc = read_document_text(in, source, at, &text);
	else if (strcmp(type, "content") == 0)
		rc = read_document_content(in, source, at, &text);
	else if (strcmp(type, "url") == 0 || strcmp(type, "file") == 0)
		rc = json_error(at, NULL, in->e, "%s documents are not supported, send base64",
				type[0] == 'u' ? "URL" : "file");
	else
		rc = json_error(at, NULL, in->e,
				"Input tag '%.64s' found using 'type' does not match any of the "
				"expected tags: 'base64', 'text', 'content'",
				type);
	if (!rc)
		in_document_text(in, "document", about, 2, text, out);
	return rc;
}

int in_source_document(struct in *in, const cJSON *json, const struct json_at *at,
		       struct block *out)
{
	struct json_at inside = { .up = at, .key = "source" };
	struct in_attribute about[2] = { { "title", NULL }, { "context", NULL } };
	const cJSON *source;
	const char *type;

	if (need_source(in, json, at, &source, &type) ||
	    json_text(json, "title", at, &about[0].value, in->e) < 0 ||
	    json_text(json, "context", at, &about[1].value, in->e) < 0)
		return -1;
	return read_document_source(in, source, type, &inside, about, out) ? -1 : 0;
}

int in_source_search_result(struct in *in, const cJSON *json, const struct json_at *at,
			    struct block *out)
{
	struct json_at inside = { .up = at, .key = "content" };
	struct in_attribute about[2] = { { "source", NULL }, { "title", NULL } };
	const cJSON *content = NULL;
	struct in_texts texts = { .count = 0 };

	if (json_need_text(json, "source", at, &about[0].value, in->e) ||
	    json_need_text(json, "title", at, &about[1].value, in->e) ||
	    json_array(json, "content", at, &content, in->e) < 0)
		return -1;
	if (!content)
		return json_error(at, "content", in->e, "Field required");
	if (in_text_all(in, content, &inside, &texts))
		return -1;
	in_document_text(in, "search_result", about, 2, in_texts_join(in, &texts, "\n"), out);
	return 0;
}
