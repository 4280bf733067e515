#include "common/base.h"
#include "fcgi/in_common.h"

#include "common/limits.h"
#include "common/log.h"
#include "fcgi/base64.h"
#include "fcgi/in_shape.h"

void in_init(struct in *in, struct arena *arena, struct chat *chat, struct error *e)
{
	*chat = (struct chat){ .system = { "", 0 } };
	*in = (struct in){ .arena = arena, .chat = chat, .e = e };
	text_map_init(&in->mentioned, arena);
	text_map_init(&in->said_spaces, arena);
	text_map_init(&in->document_names, arena);
}

/* `items` with room for one more; the old array stays behind in the arena. */
static void *grown(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
	void *bigger;

	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 4;
	bigger = arena_array(arena, *room, size);
	if (count)
		memcpy(bigger, items, count * size);
	return bigger;
}

void in_texts_add(struct in *in, struct in_texts *texts, struct span text)
{
	texts->at = grown(in->arena, texts->at, texts->count, &texts->room, sizeof(*texts->at));
	texts->at[texts->count++] = text;
}

struct span in_texts_join(const struct in *in, const struct in_texts *texts, const char *separator)
{
	const size_t gap = strlen(separator);
	struct span all = { "", 0 };
	char *at;

	if (texts->count == 1)
		return texts->at[0];
	if (!texts->count)
		return all;
	for (size_t i = 0; i < texts->count; i++)
		all.len += texts->at[i].len + (i ? gap : 0);
	all.at = at = arena_alloc(in->arena, all.len + 1);
	for (size_t i = 0; i < texts->count; i++) {
		if (i)
			at = mempcpy(at, separator, gap);
		at = mempcpy(at, texts->at[i].at, texts->at[i].len);
	}
	return all;
}

struct block *in_add(struct in *in, enum role role, size_t client_index)
{
	struct chat *chat = in->chat;

	if (!chat->message_count || chat->messages[chat->message_count - 1].role != role) {
		chat->messages = grown(in->arena, chat->messages, chat->message_count,
				       &in->message_room, sizeof(*chat->messages));
		chat->messages[chat->message_count++] =
			(struct message){ .role = role, .client_index = client_index };
	}
	in->blocks =
		grown(in->arena, in->blocks, in->block_count, &in->block_room, sizeof(*in->blocks));
	chat->messages[chat->message_count - 1].block_count++;
	in->last_index = client_index;
	return &in->blocks[in->block_count++];
}

void in_add_text(struct in *in, enum role role, size_t client_index, struct span text)
{
	*in_add(in, role, client_index) = (struct block){ .kind = BLOCK_TEXT, .text = text };
}

void in_add_reminder(struct in *in, size_t client_index, const struct in_texts *texts)
{
	struct in_texts wrapped = { .count = 0 };

	if (!texts->count)
		return;
	in_texts_add(in, &wrapped, span_of("<system-reminder>"));
	in_texts_add(in, &wrapped, in_texts_join(in, texts, "\n\n"));
	in_texts_add(in, &wrapped, span_of("</system-reminder>"));
	in_add_text(in, ROLE_USER, client_index, in_texts_join(in, &wrapped, "\n"));
}

struct tool *in_add_tool(struct in *in, const struct json_at *at)
{
	struct chat *chat = in->chat;

	if (chat->tool_count == LIMIT_TOOLS) {
		json_error(at, NULL, in->e, "at most %d tools are taken", LIMIT_TOOLS);
		return NULL;
	}
	chat->tools = grown(in->arena, chat->tools, chat->tool_count, &in->tool_room,
			    sizeof(*chat->tools));
	chat->tools[chat->tool_count] = (struct tool){ .description = "" };
	return &chat->tools[chat->tool_count++];
}

static bool has_ink(struct span text)
{
	while (text.len && strchr(" \t\r\n\v\f", text.at[text.len - 1]))
		text.len--;
	return text.len;
}

/* The last turn is the assistant's: the answer is to continue its text. */
static int read_prefill(struct in *in, const struct message *last)
{
	struct json_at messages = { .key = "messages" };
	struct json_at at = { .up = &messages, .index = in->last_index };
	struct in_texts texts = { .count = 0 };

	for (size_t i = 0; i < last->block_count; i++) {
		const struct block *block = &last->blocks[i];

		if (block->kind == BLOCK_TOOL_USE)
			return json_error(
				&at, NULL, in->e,
				"`tool_use` ids were found without `tool_result` blocks "
				"immediately after: %.64s. Each `tool_use` block must have "
				"a corresponding `tool_result` block in the next message.",
				block->id);
		if (block->kind == BLOCK_TEXT)
			in_texts_add(in, &texts, block->text);
	}
	in->chat->prefill = in_texts_join(in, &texts, "\n\n");
	if (!has_ink(in->chat->prefill))
		return json_error(&at, NULL, in->e,
				  "the final assistant message has no text to continue");
	if (in->chat->format != FORMAT_TEXT)
		return json_error(&at, NULL, in->e,
				  "a final assistant message cannot be continued in an output "
				  "format");
	return 0;
}

int in_finish(struct in *in)
{
	struct chat *chat = in->chat;
	struct block *at = in->blocks;
	const struct message *last;

	for (size_t i = 0; i < in->spaces.count && chat->tool_choice != CHOICE_NONE; i++)
		in_texts_add(in, &in->system, in->spaces.at[i]);
	chat->system = in_texts_join(in, &in->system, "\n\n");
	for (size_t i = 0; i < chat->message_count; i++) {
		chat->messages[i].blocks = at;
		at += chat->messages[i].block_count;
	}
	last = chat->message_count ? &chat->messages[chat->message_count - 1] : NULL;
	if (!in->count_only && last && last->role == ROLE_ASSISTANT)
		return read_prefill(in, last);
	return 0;
}

int in_stop_sequences(struct in *in, const cJSON *body, const char *key, bool blank_ok)
{
	const cJSON *list = json_member(body, key), *item;
	const struct json_at inside = { .key = key };
	struct json_at at = { .up = &inside };
	struct chat *chat = in->chat;

	if (!list)
		return 0;
	if (in_shape_type(in, list, &inside, IN_TEXT | IN_ARRAY))
		return -1;
	item = cJSON_IsString(list) ? list : list->child;
	chat->stop_sequences =
		arena_array(in->arena, LIMIT_STOP_SEQUENCES, sizeof(*chat->stop_sequences));
	for (; item; item = item == list ? NULL : item->next, at.index++) {
		if (in_shape_type(in, item, &at, IN_TEXT))
			return -1;
		if (!*item->valuestring || (!blank_ok && !has_ink(span_of(item->valuestring))))
			return json_error(NULL, key, in->e,
					  "each stop sequence must contain non-whitespace");
		if (strlen(item->valuestring) > LIMIT_STOP_SEQUENCE)
			return json_error(NULL, key, in->e,
					  "each stop sequence should have at most %d bytes",
					  LIMIT_STOP_SEQUENCE);
		if (chat->stop_count == LIMIT_STOP_SEQUENCES)
			return json_error(NULL, key, in->e, "List should have at most %d items",
					  LIMIT_STOP_SEQUENCES);
		chat->stop_sequences[chat->stop_count++] = item->valuestring;
	}
	return 0;
}

int in_schema(struct in *in, const cJSON *schema, const struct json_at *at, const char *key)
{
	if (!schema)
		return json_error(at, key, in->e, "Field required");
	if (!cJSON_IsObject(schema))
		return json_error(at, key, in->e, "Input should be a valid object");
	in->chat->format = FORMAT_SCHEMA;
	in->chat->schema = schema;
	return 0;
}

int in_each(struct in *in, const cJSON *list, const struct json_at *at, in_item_reader *read)
{
	struct json_at item_at = { .up = at };
	const cJSON *item;

	cJSON_ArrayForEach (item, list) {
		if (item_at.index == LIMIT_MESSAGES)
			return json_error(at, NULL, in->e, "List should have at most %d items",
					  LIMIT_MESSAGES);
		if (in_shape_type(in, item, &item_at, IN_OBJECT) || read(in, item, &item_at))
			return -1;
		item_at.index++;
	}
	return 0;
}

const struct tool *in_find_tool(const struct in *in, const char *name, size_t count)
{
	const struct tool *tools = in->chat->tools;

	for (size_t i = 0; i < count; i++) {
		if (strcmp(tools[i].name, name) == 0)
			return &tools[i];
	}
	return NULL;
}

int in_forced_tool(struct in *in, const char *name, const struct json_at *at, const char *key)
{
	struct chat *chat = in->chat;
	const struct tool *tool = in_find_tool(in, name, chat->tool_count);

	if (!tool)
		return json_error(at, key, in->e, "Tool '%.128s' not found in provided tools",
				  name);
	chat->tool_choice = CHOICE_TOOL;
	chat->forced_tool = tool->name;
	return 0;
}

/* The words are those that make clients shrink or drop images and go on. */
#define TOO_WIDE                                                                                   \
	"image exceeds the limit: at least one of the image dimensions exceed max allowed "        \
	"size%s: "                                                                                 \
	"%d pixels (%u x %u)"

static unsigned wider_side(const struct picture *p)
{
	return p->width > p->height ? p->width : p->height;
}

static int check_picture(struct in *in, struct span base64, const struct json_at *at,
			 const char *key, struct block *image)
{
	const struct picture p = picture_read(base64);
	char path[JSON_PATH_SIZE];

	if (!p.format)
		return json_error(at, key, in->e,
				  "Could not process image: neither PNG, JPEG, GIF nor WebP");
	if (wider_side(&p) > LIMIT_IMAGE_SIDE)
		return json_error(at, key, in->e, TOO_WIDE, "", LIMIT_IMAGE_SIDE, p.width,
				  p.height);
	json_path(at, key, path);
	image->path = arena_strndup(in->arena, path, strlen(path));
	image->format = p.format;
	in->image_count++;
	if (wider_side(&p) > wider_side(&in->widest)) {
		in->widest = p;
		in->widest_path = image->path;
	}
	return 0;
}

int in_image(struct in *in, struct span base64, const struct json_at *at, const char *key,
	     struct block *image)
{
	int64_t size = base64_size(base64);

	*image = (struct block){ .kind = BLOCK_IMAGE, .text = base64 };
	if (!base64.len)
		return json_error(at, key, in->e, "image cannot be empty");
	if (size < 0)
		return json_error(at, key, in->e, "invalid base64 data");
	if (size > LIMIT_IMAGE)
		return json_error(at, key, in->e,
				  "image exceeds 5 MB maximum: %" PRId64 " bytes > %d bytes", size,
				  LIMIT_IMAGE);
	return check_picture(in, base64, at, key, image);
}

void in_image_url(struct in *in, const char *url, const struct json_at *at, const char *key,
		  struct block *image)
{
	char path[JSON_PATH_SIZE];

	json_path(at, key, path);
	*image = (struct block){ .kind = BLOCK_IMAGE,
				 .url = url,
				 .path = arena_strndup(in->arena, path, strlen(path)) };
	in->image_count++;
}

int in_check_many_images(struct in *in)
{
	if (in->image_count <= LIMIT_FEW_IMAGES || wider_side(&in->widest) <= LIMIT_MANY_IMAGE_SIDE)
		return 0;
	return error_field(in->e, in->widest_path, TOO_WIDE, " for many-image requests",
			   LIMIT_MANY_IMAGE_SIDE, in->widest.width, in->widest.height);
}

static bool is_object_type(const cJSON *type)
{
	const cJSON *one;

	if (!cJSON_IsArray(type))
		return cJSON_IsString(type) && strcmp(type->valuestring, "object") == 0;
	cJSON_ArrayForEach (one, type) {
		if (is_object_type(one))
			return true;
	}
	return false;
}

int in_check_schema(struct in *in, const cJSON *schema, const struct json_at *at, const char *key)
{
	static const char *const unions[] = { "oneOf", "allOf", "anyOf" };
	struct json_at inside = { .up = at, .key = key };
	const cJSON *type, *member = NULL;

	if (!schema)
		return 0;
	if (!cJSON_IsObject(schema))
		return json_error(at, key, in->e, "Input should be a valid object");
	type = json_member(schema, "type");
	if (type && !is_object_type(type))
		return json_error(&inside, "type", in->e, "Input should be 'object'");
	for (size_t i = 0; i < ARRAY_SIZE(unions); i++) {
		if (json_member(schema, unions[i]))
			return json_error(at, key, in->e,
					  "input_schema does not support oneOf, allOf, or anyOf at "
					  "the top level");
	}
	if (json_object(schema, "properties", &inside, &member, in->e) < 0)
		return -1;
	return json_array(schema, "required", &inside, &member, in->e) < 0 ? -1 : 0;
}

bool in_effort(struct in *in, const char *word)
{
	static const char *const words[] = { "low", "medium", "high", "xhigh", "max" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(word, words[i]) == 0) {
			in->chat->effort = (enum effort)(EFFORT_LOW + i);
			return true;
		}
	}
	return false;
}

int in_need_name(struct in *in, const cJSON *json, const char *key, const struct json_at *at,
		 const char **out)
{
	if (json_need_text(json, key, at, out, in->e))
		return -1;
	if (!**out)
		return json_error(at, key, in->e, "String should have at least 1 character");
	return 0;
}

int in_check_number(struct in *in, const cJSON *body, const char *key, double min, double max)
{
	const cJSON *item = json_member(body, key);

	if (!item)
		return 0;
	if (!cJSON_IsNumber(item))
		return json_error(NULL, key, in->e, "Input should be a valid number");
	if (item->valuedouble < min)
		return json_error(NULL, key, in->e, "Input should be greater than or equal to %g",
				  min);
	if (!(item->valuedouble <= max))
		return json_error(NULL, key, in->e, "Input should be less than or equal to %g",
				  max);
	return 0;
}

static void log_unknown(const cJSON *body, const struct in_field *fields, size_t count)
{
	const cJSON *member;

	if (!log_wants(LOG_DEBUG))
		return;
	cJSON_ArrayForEach (member, body) {
		size_t i = 0;

		while (i < count && strcmp(fields[i].name, member->string) != 0)
			i++;
		if (i == count)
			log_line(LOG_DEBUG, "unknown field %.64s ignored", member->string);
		else if (!fields[i].read && !cJSON_IsNull(member))
			log_line(LOG_DEBUG, "field %s has no effect here", fields[i].name);
	}
}

int in_read_fields(struct in *in, const cJSON *body, const struct in_field *fields, size_t count)
{
	if (!cJSON_IsObject(body))
		return error_set(in->e, ERR_REQUEST, "the request body must be a JSON object");
	log_unknown(body, fields, count);
	for (size_t i = 0; i < count; i++) {
		if (fields[i].read && fields[i].read(in, body, fields[i].name))
			return -1;
	}
	return 0;
}
