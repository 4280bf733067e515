#include "common/base.h"
#include "common/record.h"

#include "common/envelope.h"
#include "common/limits.h"
#include "common/seal.h"

#define PLACE_SIZE (STORE_KEY_SIZE + 64)

int record_damaged(const struct store *s, const char *key, struct error *e)
{
	return error_set(e, ERR_STORE, "record %s in %s is damaged: see kiroctl repair", key,
			 s->path);
}

int record_check_version(const cJSON *record, int newest, struct error *e)
{
	int64_t version = 1;

	if (json_int(record, "v", NULL, 1, INT32_MAX, &version, e) < 0)
		return -1;
	if (version <= newest)
		return 0;
	return error_set(e, ERR_STORE,
			 "it is of version %" PRId64 " and this program knows %d: use the newer "
			 "program that wrote it",
			 version, newest);
}

/* "tokens\0a/acc_1". Returns what is used of out. */
static struct span place_of(const struct store *s, const char *key, char out[static PLACE_SIZE])
{
	int len = snprintf(out, PLACE_SIZE, "%s%c%s", s->name, '\0', key);

	return (struct span){ out, (size_t)len };
}

static int fail_sealed(const struct store *s, const char *key, struct span value, struct error *e)
{
	char id[SEAL_ID_SIZE];

	seal_id_of(value, id);
	if (s->seal && seal_has(s->seal, id))
		return record_damaged(s, key, e);
	return error_set(e, ERR_STORE, "record %s in %s is encrypted with key %s, which %s", key,
			 s->path, id,
			 s->seal ? "state_key_file does not hold: put it back"
				 : "needs the option state_key_file");
}

int record_seal(const struct store *s, const char *key, struct span json, struct buf *out)
{
	char place[PLACE_SIZE];

	if (!s->seal)
		return buf_add(out, json.at, json.len);
	return seal_write(s->seal, place_of(s, key, place), json, out);
}

int record_unseal(const struct store *s, const char *key, struct span value, struct buf *json,
		  struct error *e)
{
	char place[PLACE_SIZE];

	if (!seal_is(value))
		return buf_add(json, value.at, value.len);
	if (s->seal && seal_read(s->seal, place_of(s, key, place), value, json) == 0)
		return 0;
	return fail_sealed(s, key, value, e);
}

int record_encode(const struct store *s, const char *key, struct span json, bool plain,
		  struct buf *out, struct error *e)
{
	struct buf enveloped;
	int rc;

	buf_init(&enveloped, LIMIT_RECORD);
	rc = envelope_write(json, &enveloped);
	if (!rc)
		rc = plain ? buf_add(out, enveloped.at, enveloped.len)
			   : record_seal(s, key, buf_span(&enveloped), out);
	buf_wipe(&enveloped);
	return rc ? error_set(e, ERR_STORE, "record %s is too long: %zu bytes", key, json.len) : 0;
}

int record_decode(const struct store *s, const char *key, struct span value, struct buf *json,
		  struct error *e)
{
	struct buf enveloped;
	struct span text;
	int rc;

	buf_init(&enveloped, LIMIT_RECORD + SEAL_OVERHEAD);
	rc = record_unseal(s, key, value, &enveloped, e);
	if (rc && e->kind == ERR_NONE)
		rc = record_damaged(s, key, e); /* longer than any record */
	if (!rc && envelope_read(buf_span(&enveloped), &text) != 0)
		rc = record_damaged(s, key, e);
	if (!rc && buf_add(json, text.at, text.len) != 0)
		rc = error_set(e, ERR_STORE, "record %s in %s is too long", key, s->path);
	buf_wipe(&enveloped);
	return rc;
}
