#include "base.h"
#include "validate.h"

#define MAX_IMAGES	10
#define MAX_IMAGE_BYTES (10u * 1024 * 1024)
#define MAX_DOCUMENTS	5

#define HEAD_BYTES 12 /* enough of a file to tell its kind */

static int base64_value(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				       "0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

/* Bytes that the text stands for, -1 if it is no padded base64; head gets the first of them. */
static ssize_t base64_measure(const char *text, unsigned char head[HEAD_BYTES])
{
	size_t len = strlen(text), body = len;
	uint32_t bits = 0;
	size_t out = 0;

	if (len % 4)
		return -1;
	while (body && len - body < 2 && text[body - 1] == '=')
		body--;
	for (size_t i = 0; i < body; i++) {
		int value = base64_value(text[i]);

		if (value < 0)
			return -1;
		bits = bits << 6 | (uint32_t)value;
		if (i % 4 == 0)
			continue;
		if (out < HEAD_BYTES)
			head[out] = (unsigned char)(bits >> (6 - 2 * (i % 4)));
		out++;
	}
	return (ssize_t)out;
}

static const struct image_kind {
	const char *format;
	const char *start;
	size_t len;
	const char *at_8; /* webp: a RIFF file that says so */
} image_kinds[] = {
	{ "png", "\x89PNG\r\n\x1a\n", 8, NULL },
	{ "jpeg", "\xff\xd8\xff", 3, NULL },
	{ "gif", "GIF8", 4, NULL },
	{ "webp", "RIFF", 4, "WEBP" },
};

static int check_image(const struct exam *e, const cJSON *image)
{
	const char *format = json_str(image, "format");
	const char *bytes = json_str(json_get(image, "source"), "bytes");
	const struct image_kind *kind = NULL;
	unsigned char head[HEAD_BYTES] = { 0 };
	ssize_t size = base64_measure(bytes, head);

	for (size_t i = 0; i < ARRAY_SIZE(image_kinds); i++) {
		if (!strcmp(image_kinds[i].format, format))
			kind = &image_kinds[i];
	}
	if (!kind)
		return problem_invalid(e->problem, "IMAGE_FORMAT_UNSUPPORTED",
				       "The image format is not supported.", "format %s", format);
	if (size <= 0)
		return problem_malformed(e->problem, "an image's bytes are not base64");
	if (size > (ssize_t)MAX_IMAGE_BYTES)
		return problem_invalid(e->problem, "IMAGE_SIZE_EXCEEDED",
				       "The image exceeds the size limit.", "%zd bytes", size);
	if (memcmp(head, kind->start, kind->len) || (kind->at_8 && memcmp(head + 8, kind->at_8, 4)))
		return problem_invalid(e->problem, "IMAGE_MIME_MISMATCH",
				       "The image's content does not match its format.",
				       "the bytes are no %s", format);
	return 0;
}

int validate_images(const struct exam *e)
{
	const cJSON *image;
	int count = 0;

	for (const cJSON *m = NULL; (m = exam_message(e, m));) {
		cJSON_ArrayForEach (image, json_array(message_user(m), "images")) {
			if (++count > MAX_IMAGES)
				return problem_invalid(e->problem, "IMAGE_COUNT_EXCEEDED",
						       "Too many images in the request.",
						       "more than %d images", MAX_IMAGES);
			if (check_image(e, image))
				return -1;
		}
	}
	return 0;
}

static int check_document(const struct exam *e, const cJSON *document, const char *const *names,
			  int count)
{
	static const char *const formats[] = { "csv", "doc", "docx", "html", "md",
					       "pdf", "txt", "xls",  "xlsx" };
	const char *format = json_str(document, "format"), *name = json_str(document, "name");
	unsigned char head[HEAD_BYTES];
	size_t i = 0;

	while (i < ARRAY_SIZE(formats) && strcmp(formats[i], format))
		i++;
	if (i == ARRAY_SIZE(formats))
		return problem_invalid(e->problem, "DISALLOWED_FILE_TYPE",
				       "The document's format is not supported.", "format %s",
				       format);
	for (int n = 0; n < count; n++) {
		if (!strcmp(names[n], name))
			return problem_invalid(e->problem, "DOCUMENT_DUPLICATE_NAME",
					       "The documents must have different names.",
					       "document %s is there twice", name);
	}
	if (base64_measure(json_str(json_get(document, "source"), "bytes"), head) <= 0)
		return problem_malformed(e->problem, "a document's bytes are not base64");
	return 0;
}

int validate_documents(const struct exam *e)
{
	const char *names[MAX_DOCUMENTS];
	const cJSON *document;
	int count = 0;

	for (const cJSON *m = NULL; (m = exam_message(e, m));) {
		cJSON_ArrayForEach (document, json_array(message_user(m), "documents")) {
			if (count == MAX_DOCUMENTS)
				return problem_invalid(e->problem, "DOCUMENT_COUNT_EXCEEDED",
						       "Too many documents in the request.",
						       "more than %d documents", MAX_DOCUMENTS);
			if (check_document(e, document, names, count))
				return -1;
			names[count++] = json_str(document, "name");
		}
	}
	return 0;
}
