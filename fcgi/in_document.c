#include "common/base.h"
#include "fcgi/in_document.h"

#include "common/limits.h"
#include "fcgi/base64.h"

/* For these Claude Code looks for its contract with gateways: it goes on without the document. */
#define REJECTED "capability_rejected: document_block"

#define OFFICE "application/vnd.openxmlformats-officedocument."

/* What the upstream takes. magic NULL: plain text. */
static const struct file_format {
	const char *name, *media_type;
	const char *magic;
	size_t within; /* bytes from the start where the magic may begin */
} formats[] = {
	{ "pdf", "application/pdf", "%PDF-", 1024 },
	{ "docx", OFFICE "wordprocessingml.document", "PK\x03\x04", 1 },
	{ "xlsx", OFFICE "spreadsheetml.sheet", "PK\x03\x04", 1 },
	{ "doc", "application/msword", "\xD0\xCF\x11\xE0", 1 },
	{ "xls", "application/vnd.ms-excel", "\xD0\xCF\x11\xE0", 1 },
	{ "csv", "text/csv", NULL, 0 },
	{ "html", "text/html", NULL, 0 },
	{ "md", "text/markdown", NULL, 0 },
	{ "txt", "text/plain", NULL, 0 },
};

static bool has_magic(const struct file_format *f, struct span base64)
{
	for (size_t at = 0; f->magic && at < f->within; at++) {
		size_t i = 0;

		while (f->magic[i] && base64_byte(base64, at + i) == (unsigned char)f->magic[i])
			i++;
		if (!f->magic[i])
			return true;
	}
	return false;
}

/* "text/csv; charset=utf-8" is text/csv. */
static bool is_media_type(const char *media_type, const char *wanted)
{
	size_t len = strlen(wanted);

	return media_type && strncasecmp(media_type, wanted, len) == 0 &&
	       (!media_type[len] || strchr("; ", media_type[len]));
}

static const struct file_format *format_of(const char *media_type)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (is_media_type(media_type, formats[i].media_type))
			return &formats[i];
	}
	return NULL;
}

/* A PDF is known by its bytes, whatever the client calls it; NULL: *e says what is wrong. */
static const struct file_format *find_format(struct in *in, struct span base64,
					     const char *media_type, const struct json_at *at,
					     const char *key)
{
	const struct file_format *f = format_of(media_type);

	if (has_magic(&formats[0], base64))
		return &formats[0];
	if (!f)
		json_error(at, media_type && !key ? "media_type" : key, in->e,
			   "documents of type %.64s are not supported (" REJECTED "): send "
			   "application/pdf, text/plain, text/csv, text/html, text/markdown or an "
			   "office file",
			   media_type ? media_type : "unknown");
	else if (f == formats)
		json_error(at, key, in->e, "The PDF specified was not valid: no %%PDF- header");
	else if (f->magic && !has_magic(f, base64))
		json_error(at, key, in->e,
			   "Could not process document (" REJECTED "): it is no %s file", f->name);
	else
		return f;
	return NULL;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("()[]", c));
}

/* A file name without its ending, in the characters that the model host allows: letters, digits,
 * brackets, single spaces and hyphens. */
static char *plain_name(struct in *in, const char *title, const char *format)
{
	char *name = arena_alloc(in->arena, LIMIT_DOCUMENT_NAME + 1);
	size_t end = strlen(title), len = 0;
	const char *ending = strrchr(title, '.');

	if (ending && strcasecmp(ending + 1, format) == 0)
		end = (size_t)(ending - title);
	for (size_t i = 0; i < end && len < LIMIT_DOCUMENT_NAME; i++) {
		char c = is_plain(title[i]) ? title[i] : title[i] == ' ' ? ' ' : '-';

		if (is_plain(c) || (len && is_plain(name[len - 1])))
			name[len++] = c;
	}
	while (len && !is_plain(name[len - 1]))
		len--;
	name[len] = '\0';
	return len ? name : arena_strndup(in->arena, "document", 8);
}

static const char *unique_name(struct in *in, const char *title, const char *format)
{
	const char *base = plain_name(in, title ? title : "", format), *name = base;
	size_t number = 1;

	/* The number of the last of that name, so that a thousand of them cost a thousand steps. */
	if (text_map_get(&in->document_names, base, &number)) {
		do
			name = arena_format(in->arena, "%s (%zu)", base, ++number);
		while (text_map_get(&in->document_names, name, NULL));
		text_map_put(&in->document_names, base, number);
	}
	text_map_put(&in->document_names, name, 1);
	return name;
}

int in_document_file(struct in *in, struct span base64, const char *media_type, const char *title,
		     const struct json_at *at, const char *key, struct block *out)
{
	const struct file_format *f;
	char path[JSON_PATH_SIZE];

	if (!base64.len)
		return json_error(at, key, in->e, "document cannot be empty");
	if (base64_size(base64) < 0)
		return json_error(at, key, in->e, "invalid base64 data");
	f = find_format(in, base64, media_type, at, key);
	if (!f)
		return -1;
	json_path(at, key, path);
	*out = (struct block){
		.kind = BLOCK_DOCUMENT,
		.text = base64,
		.format = f->name,
		.name = unique_name(in, title, f->name),
		.path = arena_strndup(in->arena, path, strlen(path)),
		.number = ++in->chat->document_count,
	};
	return 0;
}

/* Quotes must not end the attribute. */
static struct span attribute_value(struct in *in, const char *value)
{
	struct in_texts parts = { .count = 0 };

	for (const char *quote; (quote = strchr(value, '"')); value = quote + 1)
		in_texts_add(in, &parts, (struct span){ value, (size_t)(quote - value) });
	in_texts_add(in, &parts, span_of(value));
	return in_texts_join(in, &parts, "&quot;");
}

void in_document_text(struct in *in, const char *tag, const struct in_attribute *attributes,
		      size_t count, struct span text, struct block *out)
{
	struct in_texts all = { .count = 0 };

	in_texts_add(in, &all, span_of("<"));
	in_texts_add(in, &all, span_of(tag));
	for (size_t i = 0; i < count; i++) {
		if (!attributes[i].value)
			continue;
		in_texts_add(in, &all, span_of(" "));
		in_texts_add(in, &all, span_of(attributes[i].name));
		in_texts_add(in, &all, span_of("=\""));
		in_texts_add(in, &all, attribute_value(in, attributes[i].value));
		in_texts_add(in, &all, span_of("\""));
	}
	in_texts_add(in, &all, span_of(">\n"));
	in_texts_add(in, &all, text);
	in_texts_add(in, &all, span_of("\n</"));
	in_texts_add(in, &all, span_of(tag));
	in_texts_add(in, &all, span_of(">"));
	*out = (struct block){ .kind = BLOCK_TEXT, .text = in_texts_join(in, &all, "") };
}
