#include "common/base.h"
#include "common/capture.h"

#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/statedir.h"

#include <ctype.h>

#define ORDER	    "capture.json"
#define WAIT_MS	    1000
#define WORD_LEAST  16 /* a secret of a known form is at least so long */
#define NAMED_LEAST 6  /* one with a name in front of it */

static void path_of(const char *dir, const char *name, char out[static PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/%s", dir, name);
}

static int refuse(const char *dir, const char *name, struct error *e)
{
	return error_set(e, ERR_STORE, "%s/%s: %s", dir, name, strerror(errno));
}

/* ---- the order ---- */

static void order_text(const struct capture *c, struct buf *out)
{
	struct jsonw w;

	jsonw_init(&w, out);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "key", c->key);
	jsonw_int_member(&w, "since", c->since);
	jsonw_int_member(&w, "until", c->until);
	jsonw_end(&w);
}

int capture_start(const char *dir, const struct capture *c, struct error *e)
{
	char path[PATH_MAX];
	struct buf text;
	int fd, rc;

	path_of(dir, ORDER, path);
	fd = statedir_open(dir, path, e);
	if (fd < 0)
		return -1;
	buf_init(&text, LIMIT_SECRET_FILE);
	order_text(c, &text);
	rc = statedir_rewrite(fd, &text);
	if (rc)
		refuse(dir, ORDER, e);
	buf_release(&text);
	close(fd);
	return rc;
}

int capture_stop(const char *dir, struct error *e)
{
	static const char *const names[] = { ORDER, CAPTURE_LOG };
	char path[PATH_MAX];
	int rc = 1;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_of(dir, names[i], path);
		if (!unlink(path))
			rc = 0;
		else if (errno != ENOENT)
			return refuse(dir, names[i], e);
	}
	return rc;
}

int capture_read(const char *dir, struct capture *c, struct error *e)
{
	char path[PATH_MAX];
	struct error why = { 0 };
	struct buf text;
	cJSON *tree;

	*c = (struct capture){ .until = 0 };
	path_of(dir, ORDER, path);
	buf_init(&text, LIMIT_SECRET_FILE);
	if (buf_read_file(&text, path)) {
		buf_release(&text);
		return errno == ENOENT ? 0 : refuse(dir, ORDER, e);
	}
	tree = json_parse(buf_span(&text), &why);
	buf_release(&text);
	if (!tree)
		return error_set(e, ERR_STORE, "%s/" ORDER " is %s", dir, why.message);
	snprintf(c->key, sizeof(c->key), "%s", json_text_or(tree, "key", ""));
	c->since = (int64_t)json_number_or(tree, "since", 0);
	c->until = (int64_t)json_number_or(tree, "until", 0);
	cJSON_Delete(tree);
	return 1;
}

bool capture_wants(const char *dir, const char *key, int64_t now)
{
	struct error ignored = { 0 };
	struct capture c;

	return *key && capture_read(dir, &c, &ignored) == 1 && c.until > now &&
	       strcmp(c.key, key) == 0;
}

/* ---- secrets ---- */

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.+/=~", c));
}

static size_t word_length(const struct buf *text, size_t at)
{
	size_t end = at;

	while (end < text->len && is_word(text->at[end]))
		end++;
	return end - at;
}

/* May a word begin there? Behind a name and its =, in a path, and behind JSON's \n too: its letter
 * is none of the word's. */
static bool word_begins(const struct buf *text, size_t at)
{
	char before = at ? text->at[at - 1] : ' ';

	return !is_word(before) || strchr("=/", before) ||
	       (at > 1 && strchr("nrtbf", before) && text->at[at - 2] == '\\');
}

/* What a name tells to be a secret: to the end of its quotes, with whatever is in it. */
static size_t value_length(const struct buf *text, size_t at)
{
	const char quote = text->at[at - 1];
	size_t end = at;

	if (quote != '"' && quote != '\'')
		return word_length(text, at);
	while (end < text->len && text->at[end] != quote && text->at[end] != '\\')
		end++;
	return end - at;
}

/* How keys and tokens of this gateway, of its upstream and of others begin. 0: as none of them. */
static size_t secret_length(const struct buf *text, size_t at)
{
	static const char *const heads[] = { "kiro-", "ksk_", "creds-", "act-", "aoa",
					     "aor",   "sk-",  "eyJ",	"AKIA", "ASIA",
					     "ghp_",  "gho_", "xox",	"AIza", "glpat-" };
	size_t len = 0;

	for (size_t i = 0; i < ARRAY_SIZE(heads) && !len; i++) {
		if (strncmp(text->at + at, heads[i], strlen(heads[i])) == 0)
			len = word_length(text, at);
	}
	return len >= WORD_LEAST ? len : 0;
}

/* Where the value begins that a name at `at` tells to be a secret; 0: it tells none. In JSON, in
 * JSON inside of a string, and as a header or variable has it. */
static size_t named_value(const struct buf *text, size_t at)
{
	/* Of two that begin alike the longer one first. */
	static const char *const names[] = {
		"secret_access_key", "secretaccesskey", "secret_key", "secretkey", "private_key",
		"privatekey",	     "token",		"secret",     "password",  "passwd",
		"authorization",     "api_key",		"apikey",     "api-key"
	};
	size_t end = 0;
	bool assigned = false;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !end; i++) {
		if (strncasecmp(text->at + at, names[i], strlen(names[i])) == 0)
			end = at + strlen(names[i]);
	}
	if (!end)
		return 0;
	for (; end < text->len && strchr("\"'\\ \t:=", text->at[end]); end++)
		assigned |= text->at[end] == ':' || text->at[end] == '=';
	return assigned ? end : 0;
}

/* What stands in front of the secret in a header. */
static size_t scheme_length(const char *value)
{
	static const char *const schemes[] = { "Bearer ", "Basic ", "Token " };

	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		if (strncasecmp(value, schemes[i], strlen(schemes[i])) == 0)
			return strlen(schemes[i]);
	}
	return 0;
}

void capture_scrub(struct buf *text)
{
	for (size_t at = 0; at < text->len; at++) {
		size_t value = named_value(text, at);
		size_t len = value ? value_length(text, value) : 0;
		size_t scheme = value ? scheme_length(text->at + value) : 0;

		if (scheme) {
			value += scheme;
			len = word_length(text, value);
		}
		if (len >= NAMED_LEAST) {
			memset(text->at + value, '*', len);
			at = value + len - 1;
		} else if (word_begins(text, at)) {
			memset(text->at + at, '*', secret_length(text, at));
		}
	}
}

void capture_scrub_word(struct buf *text, const char *secret)
{
	size_t len = strlen(secret);
	char *found = text->at;

	while (len && text->len &&
	       (found = memmem(found, (size_t)(text->at + text->len - found), secret, len)))
		memset(found, '*', len);
}

/* ---- what was captured ---- */

int capture_append(const char *dir, struct span line, struct error *e)
{
	char path[PATH_MAX];
	off_t end;
	bool good;
	int fd;

	path_of(dir, CAPTURE_LOG, path);
	fd = statedir_open(dir, path, e);
	if (fd < 0)
		return -1;
	good = lock_file(fd, WAIT_MS) == 1 && (end = lseek(fd, 0, SEEK_END)) >= 0;
	if (good && (uint64_t)end + line.len < LIMIT_CAPTURE)
		good = !statedir_write(fd, line, end) &&
		       !statedir_write(fd, span_of("\n"), end + (off_t)line.len);
	close(fd);
	return good ? 0 : refuse(dir, CAPTURE_LOG, e);
}
