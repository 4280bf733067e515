/*
 *   {"v":1,"salt":"...","options":{"log.level":"16 hex digits"}}
 */
#include "common/base.h"
#include "common/settings_seen.h"

#include "common/audit.h"
#include "common/config_options.h"
#include "common/ids.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/statedir.h"

#define WAIT_MS	  5000
#define SALT_SIZE 33
#define DIGEST	  16 /* hex digits */

static void digest_of(const char *salt, const char *name, const char *value,
		      char out[static SECRET_HASH_SIZE])
{
	char *text;

	if (asprintf(&text, "%s:%s:%s", salt, name, value) < 0)
		abort();
	secret_hash(text, out);
	out[DIGEST] = '\0';
	secret_free(text);
}

static void path_of(const struct config *c, char out[static PATH_MAX])
{
	char digest[SECRET_HASH_SIZE];

	secret_hash(c->file, digest);
	snprintf(out, PATH_MAX, "%s/settings-%.12s.seen", c->state_dir, digest);
}

static void option_digest(const struct config *c, size_t i, const char *salt,
			  char out[static SECRET_HASH_SIZE])
{
	const struct config_option *o = &config_options[i];
	const void *at = config_field(c, o);
	char number[16];

	if (o->type == SECRET) {
		digest_of(salt, o->name, secret_reveal(at), out);
	} else if (config_is_text(o->type)) {
		digest_of(salt, o->name, *(char *const *)at, out);
	} else {
		snprintf(number, sizeof(number), "%d",
			 o->type == BOOLEAN ? *(const bool *)at : *(const int *)at);
		digest_of(salt, o->name, number, out);
	}
}

/* The names of options whose values are others than those of `seen`. */
static void compare(const struct config *c, const cJSON *seen, struct buf *names)
{
	const char *salt = json_text_or(seen, "salt", "");
	const cJSON *options = json_member(seen, "options");
	char digest[SECRET_HASH_SIZE];

	for (size_t i = 0; i < config_option_count; i++) {
		const char *name = config_options[i].name;
		const char *before = json_text_or(options, name, "");

		if (c->origins[i] == CONFIG_FROM_ENVIRONMENT)
			continue;
		*digest = '\0';
		if (c->origins[i] == CONFIG_FROM_FILE)
			option_digest(c, i, salt, digest);
		if (strcmp(before, digest) != 0)
			buf_add_format(names, "%s%s", names->len ? ", " : "", name);
	}
}

/* What the file said of options that the environment gives now stays known. */
static void write_seen(const struct config *c, const cJSON *seen, struct buf *out)
{
	const cJSON *options = json_member(seen, "options");
	char salt[SALT_SIZE], digest[SECRET_HASH_SIZE];
	struct jsonw w;

	if (*json_text_or(seen, "salt", ""))
		snprintf(salt, sizeof(salt), "%s", json_text_or(seen, "salt", ""));
	else
		ids_make(salt, sizeof(salt), "", SALT_SIZE - 1);
	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_int_member(&w, "v", 1);
	jsonw_text_member(&w, "salt", salt);
	jsonw_begin_object_member(&w, "options");
	for (size_t i = 0; i < config_option_count; i++) {
		const char *name = config_options[i].name;

		snprintf(digest, sizeof(digest), "%s", json_text_or(options, name, ""));
		if (c->origins[i] == CONFIG_FROM_FILE)
			option_digest(c, i, salt, digest);
		if (c->origins[i] != CONFIG_FROM_DEFAULT && *digest)
			jsonw_text_member(&w, name, digest);
	}
	jsonw_end(&w);
	jsonw_end(&w);
	buf_add_char(out, '\n');
}

/* NULL: there is none yet, or what a crash left of it. The caller deletes it. */
static cJSON *read_seen(int fd)
{
	struct error ignored = { .kind = ERR_NONE };
	char text[KB(8)];
	ssize_t len = pread(fd, text, sizeof(text), 0);

	return len > 0 ? json_parse((struct span){ text, (size_t)len }, &ignored) : NULL;
}

static int keep(const struct config *c, int fd, const char *path, const cJSON *seen,
		struct error *e)
{
	struct buf text;
	int rc;

	buf_init(&text, KB(8));
	write_seen(c, seen, &text);
	rc = statedir_rewrite(fd, &text);
	if (rc)
		error_set(e, ERR_STORE, "%s: cannot be written: %s", path, strerror(errno));
	buf_release(&text);
	return rc;
}

/* What was seen, as read_seen() has it, and the names of the options that differ. */
static cJSON *look(const struct config *c, int fd, struct buf *names)
{
	cJSON *seen = read_seen(fd);

	buf_init(names, KB(4));
	if (seen)
		compare(c, seen, names);
	return seen;
}

/* Under the lock. */
static int note(const struct config *c, int fd, const char *path, struct error *e)
{
	struct buf names;
	cJSON *seen = look(c, fd, &names);
	int rc = 0;

	if (!seen || names.len)
		rc = audit_write(c->state_dir,
				 &(const struct audit_entry){
					 .action = "settings.change",
					 .target = c->file,
					 .detail = seen ? names.at : "seen for the first time",
					 .result = "ok" },
				 e);
	if (!rc && (!seen || names.len))
		rc = keep(c, fd, path, seen, e);
	buf_release(&names);
	cJSON_Delete(seen);
	return rc;
}

/* Most starts find what is known, and take no lock. */
static bool is_known(const struct config *c, int fd)
{
	struct buf names;
	cJSON *seen = look(c, fd, &names);
	const bool known = seen && !names.len;

	buf_release(&names);
	cJSON_Delete(seen);
	return known;
}

int settings_seen(const struct config *c, struct error *e)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	if (!c->file || access(c->state_dir, F_OK))
		return 0;
	path_of(c, path);
	fd = statedir_open(c->state_dir, path, e);
	if (fd < 0)
		return -1;
	if (!is_known(c, fd)) {
		if (lock_file(fd, WAIT_MS) != 1)
			rc = error_set(e, ERR_STORE, "%s: cannot be locked: %s", path,
				       strerror(errno));
		else
			rc = note(c, fd, path, e);
	}
	close(fd);
	return rc;
}
