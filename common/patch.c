#include "common/base.h"
#include "common/patch.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/secret.h"

static cJSON *parse_object(struct span json, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(json, &why);

	if (tree && cJSON_IsObject(tree))
		return tree;
	error_set(e, ERR_STORE, "not a record: %.200s", tree ? "no object" : why.message);
	cJSON_Delete(tree);
	return NULL;
}

static void apply(cJSON *record, cJSON *patch)
{
	cJSON *member = patch->child, *next;

	for (; member; member = next) {
		next = member->next;
		cJSON_DeleteItemFromObjectCaseSensitive(record, member->string);
		if (cJSON_IsNull(member))
			continue;
		cJSON_DetachItemViaPointer(patch, member);
		cJSON_AddItemToObject(record, member->string, member);
	}
}

/* Takes the condition out of the patch. */
static bool holds(const cJSON *record, cJSON *patch)
{
	cJSON *condition = cJSON_DetachItemFromObjectCaseSensitive(patch, "if");
	bool all = true;
	const cJSON *want;

	cJSON_ArrayForEach (want, condition) {
		const char *is = json_text_or(record, want->string, NULL);

		all = all && is && cJSON_IsString(want) && secret_equal(is, want->valuestring);
	}
	cJSON_Delete(condition);
	return all;
}

static void count_up(cJSON *record)
{
	double rev = json_number_or(record, "rev", 0);

	cJSON_DeleteItemFromObjectCaseSensitive(record, "rev");
	cJSON_AddNumberToObject(record, "rev", rev + 1);
}

int patch_apply(struct span record, struct span patch, struct buf *out, struct error *e)
{
	cJSON *to = parse_object(record, e), *from = to ? parse_object(patch, e) : NULL;
	struct jsonw w;
	int rc = -1;

	if (from) {
		if (holds(to, from)) {
			apply(to, from);
			count_up(to);
		}
		jsonw_init(&w, out);
		jsonw_tree(&w, to);
		rc = out->failed ? error_set(e, ERR_STORE, "the changed record is too long") : 0;
	}
	cJSON_Delete(to);
	cJSON_Delete(from);
	return rc;
}

int64_t patch_rev(struct span record)
{
	struct error ignored = { .kind = ERR_NONE };
	cJSON *tree = json_parse(record, &ignored);
	double rev = tree ? json_number_or(tree, "rev", 0) : 0;

	cJSON_Delete(tree);
	return rev > 0 && rev < 9e15 ? (int64_t)rev : 0;
}
