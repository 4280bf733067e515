/*
 * {"v":1,"key_id":"key_0123456789abcdef","key":"laptop","account":"acc_1","model":"claude-sonnet-4.5",
 *  "requests":3,"input_tokens":120, ...} under "d/20261121/<map id>/<hash of the four names>".
 */
#include "common/base.h"
#include "common/tally.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/statedir.h"
#include "common/store.h"
#include "common/tally_map.h"

#include <dirent.h>

#define STORE_NAME "usage"
#define FOLDS	   2 /* of a map after its day, before it goes */
#define SECONDS	   86400

static int open_store(const struct config *config, struct store *s, struct error *e)
{
	return store_open_sealed(s, config->state_dir, STORE_NAME,
				 config->state_on_network ? STORE_ANY_FS : 0,
				 config->state_key_file, e);
}

/* ---- the maps that there are ---- */

struct days {
	int days[512]; /* what stays when nothing folds for a year */
	uint64_t ids[512];
	size_t count;
};

static int list_maps(const char *dir, int first, int last, struct days *out, struct error *e)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int day;

	out->count = 0;
	if (!d)
		return error_set(e, ERR_STORE, "cannot read %s: %s", dir, strerror(errno));
	while ((entry = readdir(d)) && out->count < ARRAY_SIZE(out->days)) {
		if (tally_map_day(entry->d_name, &day) && day >= first && day <= last)
			out->days[out->count++] = day;
	}
	closedir(d);
	return 0;
}

static bool is_listed(const struct days *days, int day, uint64_t id)
{
	for (size_t i = 0; i < days->count; i++) {
		if (days->days[i] == day && days->ids[i] == id)
			return true;
	}
	return false;
}

static int each_of_map(const struct mapfile *map, int day,
		       int (*each)(void *context, const struct tally_row *row), void *context)
{
	struct tally_row row = { .day = day };
	int rc = 0;

	for (size_t i = 0; !rc && i < tally_map_slots(map); i++) {
		if (tally_map_row(map, i, &row))
			rc = each(context, &row);
	}
	return rc;
}

/* ---- reading ---- */

static bool read_names(const cJSON *tree, struct tally_row *row)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} fields[] = { { "key_id", row->key_id, sizeof(row->key_id) },
		       { "key", row->key, sizeof(row->key) },
		       { "account", row->account, sizeof(row->account) },
		       { "model", row->model, sizeof(row->model) } };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *text = json_text_or(tree, fields[i].name, NULL);

		if (!text || strlen(text) >= fields[i].size)
			return false;
		snprintf(fields[i].out, fields[i].size, "%s", text);
	}
	return true;
}

static int read_row(const char *key, struct span json, struct tally_row *row, struct error *e)
{
	struct error why = { 0 };
	cJSON *tree = json_parse(json, &why);
	int rc = tree && read_names(tree, row) ? 0 : -1;

	for (int i = 0; !rc && i < TALLY_COUNTS; i++) {
		row->counts[i] = 0;
		rc = json_int(tree, tally_count_names[i], NULL, 0, INT64_MAX, &row->counts[i],
			      &why) < 0
			     ? -1
			     : 0;
	}
	cJSON_Delete(tree);
	return rc ? error_set(e, ERR_STORE, "record %s: %s", key,
			      why.kind ? why.message : "a name is missing")
		  : 0;
}

struct reading {
	int first, last;
	const struct days *maps;
	int (*each)(void *context, const struct tally_row *row);
	void *context;
	struct error *e;
};

static int read_stored(void *context, const char *key, struct span json)
{
	struct reading *r = context;
	struct tally_row row;
	uint64_t id;

	if (sscanf(key, "d/%8d/%" SCNx64, &row.day, &id) != 2 || row.day < r->first ||
	    row.day > r->last || is_listed(r->maps, row.day, id))
		return 0;
	return read_row(key, json, &row, r->e) ? -1 : r->each(r->context, &row);
}

static bool has_store(const char *dir)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s.gdbm", dir, STORE_NAME);
	return access(path, F_OK) == 0;
}

/* Keys of the days' common beginning: a month's reader opens no other month's records. */
static void common_prefix(int first, int last, char out[static 16])
{
	char a[16], b[16];
	size_t same = 0;

	snprintf(a, sizeof(a), "%08d", first);
	snprintf(b, sizeof(b), "%08d", last);
	while (a[same] && a[same] == b[same])
		same++;
	snprintf(out, 16, "d/%.*s", (int)same, a);
}

static int each_stored(const struct config *config, struct reading *r, struct error *e)
{
	char prefix[16];
	struct store s;
	int rc;

	if (!has_store(config->state_dir)) /* nothing was folded yet */
		return 0;
	if (open_store(config, &s, e))
		return -1;
	common_prefix(r->first, r->last, prefix);
	rc = store_each(&s, prefix, read_stored, r, NULL, e);
	store_close(&s);
	return rc;
}

int tally_each(const struct config *config, int first, int last,
	       int (*each)(void *context, const struct tally_row *row), void *context,
	       struct error *e)
{
	struct days *maps = xcalloc(1, sizeof(*maps));
	struct reading r = { first, last, maps, each, context, e };
	int rc = list_maps(config->state_dir, first, last, maps, e);

	for (size_t i = 0; !rc && i < maps->count; i++) {
		struct mapfile map;

		rc = tally_map_open(&map, config->state_dir, maps->days[i], e);
		if (rc)
			break;
		maps->ids[i] = tally_map_id(&map);
		rc = each_of_map(&map, maps->days[i], each, context);
		mapfile_close(&map);
	}
	if (!rc)
		rc = each_stored(config, &r, e);
	free(maps);
	return rc;
}

/* ---- folding ---- */

/* Records to be written, and the maps that are over by then. */
struct fold {
	const struct config *config;
	struct store *store;
	struct record *records;
	char (*keys)[STORE_KEY_SIZE];
	struct buf *jsons;
	size_t count, room, changed;
	int day, today; /* day: of the map under way */
	uint64_t id;
	int oldest; /* what is older goes */
	struct days done;
	const struct days *maps;
};

/* The json of a further record; empty: it is to go. */
static struct buf *add_record(struct fold *f, const char *format, ...) PRINTF_LIKE(2, 3);

static struct buf *add_record(struct fold *f, const char *format, ...)
{
	va_list args;

	if (f->count == f->room) {
		f->room = f->room ? 2 * f->room : 64;
		f->keys = xrealloc(f->keys, f->room * sizeof(*f->keys));
		f->jsons = xrealloc(f->jsons, f->room * sizeof(*f->jsons));
	}
	va_start(args, format);
	vsnprintf(f->keys[f->count], sizeof(*f->keys), format, args);
	va_end(args);
	buf_init(&f->jsons[f->count], LIMIT_RECORD);
	return &f->jsons[f->count++];
}

static void write_row(const struct tally_row *row, struct buf *json)
{
	struct jsonw w;

	jsonw_init(&w, json);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_text_member(&w, "key_id", row->key_id);
	jsonw_text_member(&w, "key", row->key);
	jsonw_text_member(&w, "account", row->account);
	jsonw_text_member(&w, "model", row->model);
	for (int i = 0; i < TALLY_COUNTS; i++)
		jsonw_int_member(&w, tally_count_names[i], row->counts[i]);
	jsonw_end(&w);
}

static int fold_row(void *context, const struct tally_row *row)
{
	struct fold *f = context;
	char names[512];
	struct buf *json;

	snprintf(names, sizeof(names), "%s\t%s\t%s\t%s", row->key_id, row->key, row->account,
		 row->model);
	json = add_record(f, "d/%08d/%016" PRIx64 "/%016" PRIx64, row->day, f->id,
			  mapfile_key(names));
	write_row(row, json);
	return 0;
}

/* How often the map was folded after its day, this time included; 0: its day is not over. */
static int note_fold(struct fold *f, struct error *e)
{
	char key[STORE_KEY_SIZE];
	struct buf json;
	int folds = 0, rc;

	if (f->day >= f->today)
		return 0;
	snprintf(key, sizeof(key), "f/%08d/%016" PRIx64, f->day, f->id);
	buf_init(&json, LIMIT_RECORD);
	rc = store_get(f->store, key, &json, e);
	if (rc == 1 && sscanf(json.at, "{\"folds\":%d}", &folds) != 1)
		folds = 0;
	buf_release(&json);
	if (rc < 0)
		return -1;
	if (folds < FOLDS)
		buf_add_format(add_record(f, "%s", key), "{\"folds\":%d}", folds + 1);
	return folds + 1;
}

static int fold_map(struct fold *f, int day, uint64_t *id, struct error *e)
{
	struct mapfile map;
	int folds;

	if (tally_map_open(&map, f->config->state_dir, day, e))
		return -1;
	f->day = day;
	f->id = *id = tally_map_id(&map);
	each_of_map(&map, day, fold_row, f);
	mapfile_close(&map);
	folds = note_fold(f, e);
	if (folds > FOLDS)
		f->done.days[f->done.count++] = day;
	return folds < 0 ? -1 : 0;
}

/* Days that are kept no longer, and notes of maps that are gone. */
static int find_old(void *context, const char *key, struct span json)
{
	struct fold *f = context;
	uint64_t id = 0;
	int day;

	(void)json;
	if (sscanf(key, "%*1[df]/%8d/%" SCNx64, &day, &id) != 2)
		return 0;
	if (key[0] == 'd' ? day < f->oldest : !is_listed(f->maps, day, id))
		add_record(f, "%s", key);
	return 0;
}

static bool is_new(void *context, size_t index, struct span now)
{
	struct fold *f = context;
	const struct buf *json = &f->jsons[index];
	bool is = now.len != json->len || memcmp(now.at, json->at, now.len) != 0;

	f->changed += is;
	return is;
}

static int write_all(struct fold *f, struct error *e)
{
	int rc;

	f->records = xcalloc(f->count + 1, sizeof(*f->records));
	for (size_t i = 0; i < f->count; i++)
		f->records[i] = (struct record){ f->keys[i], buf_span(&f->jsons[i]) };
	rc = f->count ? store_merge(f->store, f->records, f->count, is_new, f, e) : 0;
	free(f->records);
	return rc;
}

static void remove_maps(const struct fold *f)
{
	char path[PATH_MAX], name[TALLY_MAP_NAME_SIZE];

	for (size_t i = 0; i < f->done.count; i++) {
		tally_map_name(f->done.days[i], name);
		snprintf(path, sizeof(path), "%s/%s", f->config->state_dir, name);
		unlink(path);
	}
}

static int fold_all(struct fold *f, struct days *maps, struct error *e)
{
	int rc = list_maps(f->config->state_dir, 0, INT_MAX, maps, e);

	f->maps = maps;
	for (size_t i = 0; !rc && i < maps->count; i++)
		rc = fold_map(f, maps->days[i], &maps->ids[i], e);
	if (!rc && store_each(f->store, "", find_old, f, NULL, e) < 0)
		rc = -1;
	if (!rc)
		rc = write_all(f, e);
	if (!rc)
		remove_maps(f);
	return rc;
}

static int fold_locked(const struct config *config, int64_t now, size_t *changed, struct error *e)
{
	const unsigned flags = config->state_on_network ? STORE_ANY_FS : 0;
	struct fold *f = xcalloc(1, sizeof(*f));
	struct days *maps = xcalloc(1, sizeof(*maps));
	struct store s;
	int rc = -1;

	f->config = config;
	f->store = &s;
	f->today = tally_day(now);
	f->oldest = tally_day(now - (int64_t)config->usage_retention * SECONDS);
	if (!store_create(config->state_dir, STORE_NAME, flags, e) && !open_store(config, &s, e)) {
		rc = fold_all(f, maps, e);
		store_close(&s);
	}
	*changed = f->changed;
	for (size_t i = 0; i < f->count; i++)
		buf_release(&f->jsons[i]);
	free(f->keys);
	free(f->jsons);
	free(f);
	free(maps);
	return rc;
}

/* One at a time: numbers of an older look must not replace newer ones. */
int tally_fold(const struct config *config, int64_t now, size_t *changed, struct error *e)
{
	char path[PATH_MAX];
	int fd, rc;

	*changed = 0;
	snprintf(path, sizeof(path), "%s/fold.lock", config->state_dir);
	fd = statedir_open(config->state_dir, path, e);
	if (fd < 0)
		return -1;
	rc = lock_file(fd, 0);
	if (rc == 1)
		rc = fold_locked(config, now, changed, e);
	else
		rc = rc == 0 ? 1 : error_set(e, ERR_STORE, "cannot lock %s", path);
	close(fd);
	return rc;
}
