#include "common/base.h"
#include "common/config.h"

#include "common/config_options.h"
#include "common/http.h"
#include "common/json.h"
#include "common/limits.h"

#define SYSTEM_FILE "/etc/kiro-fcgi/kiro.json"

static int parse_choice(const struct config_option *o, const char *value, int *out, struct error *e)
{
	char list[128] = "";

	for (int i = 0; o->choices[i]; i++) {
		size_t len = strlen(list);

		if (strcasecmp(o->choices[i], value) == 0) {
			*out = i;
			return 0;
		}
		snprintf(list + len, sizeof(list) - len, "%s%s", len ? ", " : "", o->choices[i]);
	}
	return error_set(e, ERR_CONFIG, "%s is not one of: %s", o->name, list);
}

static int parse_integer(const struct config_option *o, const char *value, int *out,
			 struct error *e)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || end == value || *end || number < o->min || number > o->max)
		return error_set(e, ERR_CONFIG,
				 "%s must be a whole number from %" PRId64 " to %" PRId64 " %s",
				 o->name, o->min, o->max, o->unit);
	*out = (int)number;
	return 0;
}

static int parse_boolean(const struct config_option *o, const char *value, bool *out,
			 struct error *e)
{
	static const char *const yes[] = { "true", "1", "yes", "on" };
	static const char *const no[] = { "false", "0", "no", "off" };

	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcasecmp(value, yes[i]) == 0 || strcasecmp(value, no[i]) == 0) {
			*out = strcasecmp(value, yes[i]) == 0;
			return 0;
		}
	}
	return error_set(e, ERR_CONFIG, "%s must be true or false", o->name);
}

static int parse_text(const struct config_option *o, const char *value, char **out, struct error *e)
{
	static const char *const proxies[] = { "http://", "https://", "socks5://", "socks5h://" };
	bool known_proxy = false;

	for (size_t i = 0; i < ARRAY_SIZE(proxies); i++)
		known_proxy |= strncasecmp(value, proxies[i], strlen(proxies[i])) == 0;
	if (o->type == PROXY && *value && !known_proxy)
		return error_set(e, ERR_CONFIG,
				 "%s must begin with http://, https://, socks5:// or socks5h://",
				 o->name);
	if (o->type == BASE_URL && *value) {
		struct error why = { 0 };

		if (http_check_base_url(value, &why))
			return error_set(e, ERR_CONFIG, "%s: %s", o->name, why.message);
	}
	if (strpbrk(value, "\r\n"))
		return error_set(e, ERR_CONFIG, "%s must be one line", o->name);
	free(*out);
	*out = xstrdup(value);
	return 0;
}

static int parse_secret(const struct config_option *o, const char *value, struct secret *out,
			struct error *e)
{
	const char *why;

	if (*value && !secret_is_strong(value, &why))
		return error_set(e, ERR_CONFIG, "%s %s: choose a random one", o->name, why);
	secret_set(out, value);
	return 0;
}

static int set_option(struct config *c, const struct config_option *o, const char *value,
		      struct error *e)
{
	switch (o->type) {
	case CHOICE:
		return parse_choice(o, value, config_field(c, o), e);
	case INTEGER:
		return parse_integer(o, value, config_field(c, o), e);
	case BOOLEAN:
		return parse_boolean(o, value, config_field(c, o), e);
	case SECRET:
		return parse_secret(o, value, config_field(c, o), e);
	default:
		return parse_text(o, value, config_field(c, o), e);
	}
}

static bool is_secret(const struct config_option *o)
{
	return o->type == SECRET || o->type == PROXY;
}

static int read_value_file(const struct config_option *o, const char *variable, const char *path,
			   struct buf *out, struct error *e)
{
	struct stat st;

	if (buf_read_file_seen(out, path, &st))
		return error_set(e, ERR_CONFIG, "%s: cannot read %s: %s", variable, path,
				 strerror(errno));
	if (is_secret(o) && (st.st_mode & S_IROTH))
		return error_set(e, ERR_CONFIG,
				 "%s: %s can be read by every user (mode %04o): chmod 600 %s, or "
				 "for a container's secret set its mode to 0400 and its owner to "
				 "this user",
				 variable, path, (unsigned)st.st_mode & 07777, path);
	while (out->len && strchr(" \t\r\n", out->at[out->len - 1]))
		out->at[--out->len] = '\0';
	return 0;
}

/* The value of NAME, else of the file that NAME_FILE points to, in `out`. Returns 1 when set. */
static int read_variable(const struct config_option *o, const char *name, struct buf *out,
			 struct error *e)
{
	char file_name[128];
	const char *value = getenv(name);

	if (value)
		return buf_add_text(out, value) ? error_set(e, ERR_CONFIG, "%s is too long", name)
						: 1;
	snprintf(file_name, sizeof(file_name), "%s_FILE", name);
	value = getenv(file_name);
	if (!value)
		return 0;
	return read_value_file(o, file_name, value, out, e) ? -1 : 1;
}

static int apply_variable(struct config *c, const struct config_option *o, const char *name,
			  struct error *e)
{
	struct buf value;
	struct error why = { 0 };
	int rc;

	buf_init(&value, LIMIT_SECRET_FILE);
	rc = read_variable(o, name, &value, e);
	if (rc > 0) {
		rc = set_option(c, o, value.at, &why);
		if (rc)
			error_set(e, ERR_CONFIG, "environment %s: %s", name, why.message);
		c->origins[o - config_options] = CONFIG_FROM_ENVIRONMENT;
	}
	buf_wipe(&value);
	return rc;
}

static int apply_environment(struct config *c, struct error *e)
{
	for (size_t i = 0; i < config_option_count; i++) {
		const struct config_option *o = &config_options[i];
		char name[CONFIG_VARIABLE_SIZE];

		if (o->alias && apply_variable(c, o, o->alias, e))
			return -1;
		config_variable(o, name);
		if (apply_variable(c, o, name, e))
			return -1;
	}
	return 0;
}

/* Blanks comments in place; line ends stay, so that positions keep their lines. */
static void blank_comments(char *text)
{
	bool quoted = false;

	for (char *at = text; *at; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (quoted && *at == '\\' && at[1])
			at++;
		else if (!quoted && at[0] == '/' && at[1] == '/')
			for (; at[1] && at[1] != '\n'; at++)
				at[0] = at[1] = ' ';
		else if (!quoted && at[0] == '/' && at[1] == '*') {
			const char *end = strstr(at + 2, "*/");
			char *stop = end ? at + (end - at) + 2 : at + strlen(at);

			for (; at < stop; at++)
				*at = *at == '\n' ? '\n' : ' ';
			at--;
		}
	}
}

static int line_at(const char *text, size_t offset)
{
	int line = 1;

	for (size_t i = 0; i < offset && text[i]; i++)
		line += text[i] == '\n';
	return line;
}

/* Line of the n-th key (from 0) in document order: cJSON keeps the order but no positions. */
static int line_of_key(const char *text, size_t n)
{
	for (const char *at = text; *at; at++) {
		const char *start = at, *next;

		if (*at != '"')
			continue;
		for (at++; *at && *at != '"'; at++)
			at += *at == '\\' && at[1];
		if (!*at)
			break;
		next = at + 1 + strspn(at + 1, " \t\r\n");
		if (*next == ':' && n-- == 0)
			return line_at(text, (size_t)(start - text));
	}
	return 1;
}

struct reading { /* one kiro.json on its way into a config */
	struct config *config;
	const char *path, *text;
	size_t keys; /* seen so far, for line_of_key() */
	bool has_secret;
	struct error *error;
};

static const struct config_option *find_option(const char *name)
{
	for (size_t i = 0; i < config_option_count; i++) {
		if (strcmp(config_options[i].name, name) == 0)
			return &config_options[i];
	}
	return NULL;
}

static bool is_group(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < config_option_count; i++) {
		if (strncmp(config_options[i].name, name, len) == 0 &&
		    config_options[i].name[len] == '.')
			return true;
	}
	return false;
}

/* A relative path in the file is meant from where the file lies, whoever reads it; NULL: it is not
 * one. The caller frees it. */
static char *beside_file(const struct reading *r, const struct config_option *o, const char *value)
{
	const char *slash = strrchr(r->path, '/');
	char *path;

	if (o->type != PATH || !*value || *value == '/' || !slash)
		return NULL;
	return asprintf(&path, "%.*s/%s", (int)(slash - r->path), r->path, value) < 0 ? NULL : path;
}

static int apply_value(struct reading *r, const struct config_option *o, const cJSON *item,
		       int line)
{
	struct error why = { 0 };
	char number[32], *path;
	const char *value = NULL;
	int rc;

	if (cJSON_IsString(item)) {
		value = item->valuestring;
	} else if (cJSON_IsBool(item) && o->type == BOOLEAN) {
		value = cJSON_IsTrue(item) ? "true" : "false";
	} else if (cJSON_IsNumber(item) && o->type == INTEGER) {
		snprintf(number, sizeof(number), "%.15g", item->valuedouble);
		value = number;
	}
	r->has_secret |= is_secret(o);
	if (!value)
		return error_set(r->error, ERR_CONFIG, "%s:%d: %s has a value of the wrong type",
				 r->path, line, o->name);
	path = beside_file(r, o, value);
	rc = set_option(r->config, o, path ? path : value, &why);
	free(path);
	if (rc)
		return error_set(r->error, ERR_CONFIG, "%s:%d: %s", r->path, line, why.message);
	r->config->origins[o - config_options] = CONFIG_FROM_FILE;
	return 0;
}

/* group: "" at the root, else "log." or "upstream.". Two levels, so no deep recursion. */
static int apply_members(struct reading *r, const cJSON *object, const char *group)
{
	const cJSON *item;

	cJSON_ArrayForEach (item, object) {
		char name[128];
		int line = line_of_key(r->text, r->keys++);
		const struct config_option *o;

		snprintf(name, sizeof(name), "%s%s", group, item->string);
		o = find_option(name);
		if (cJSON_GetObjectItemCaseSensitive(object, item->string) != item ||
		    (o && r->config->origins[o - config_options] == CONFIG_FROM_FILE))
			return error_set(r->error, ERR_CONFIG, "%s:%d: %s stands here twice",
					 r->path, line, name);
		if (o) {
			if (apply_value(r, o, item, line))
				return -1;
		} else if (!*group && is_group(name) && cJSON_IsObject(item)) {
			snprintf(name, sizeof(name), "%s.", item->string);
			if (apply_members(r, item, name))
				return -1;
		} else {
			return error_set(
				r->error, ERR_CONFIG,
				"%s:%d: unknown option \"%s\" (see kiroctl config example)",
				r->path, line, name);
		}
	}
	return 0;
}

/* A cut at a byte offset in json_parse()'s message is told as a line. */
static int syntax_error(struct reading *r, const struct error *why)
{
	const char *number = strstr(why->message, "at byte ");
	size_t offset = number ? strtoul(number + strlen("at byte "), NULL, 10) : 0;

	return error_set(r->error, ERR_CONFIG, "%s:%d: %s", r->path, line_at(r->text, offset),
			 why->message);
}

static int apply_text(struct reading *r, struct span text)
{
	struct error why = { 0 };
	cJSON *tree = json_parse(text, &why);
	int rc;

	if (!tree)
		return syntax_error(r, &why);
	if (cJSON_IsObject(tree))
		rc = apply_members(r, tree, "");
	else
		rc = error_set(r->error, ERR_CONFIG, "%s:1: must hold one JSON object", r->path);
	cJSON_Delete(tree);
	return rc;
}

static int apply_file(struct config *c, const char *path, bool beside_program, struct error *e)
{
	struct reading r = { .config = c, .path = path, .error = e };
	struct buf text;
	int rc;

	buf_init(&text, LIMIT_CONFIG_FILE);
	if (buf_read_file_seen(&text, path, &c->seen)) {
		error_set(e, ERR_CONFIG, "cannot read %s: %s", path, strerror(errno));
		buf_wipe(&text);
		return -1;
	}
	blank_comments(text.at);
	r.text = text.at;
	rc = apply_text(&r, buf_span(&text));
	if (!rc && (c->seen.st_mode & S_IROTH) && (beside_program || r.has_secret))
		rc = error_set(e, ERR_CONFIG, "%s can be read by every user: chmod 600 %s", path,
			       path);
	buf_wipe(&text);
	return rc;
}

/* The path to read, NULL for none; the caller frees it. */
static char *choose_file(const char *file, const char *program_path, bool *beside_program)
{
	const char *slash = program_path ? strrchr(program_path, '/') : NULL;
	char *beside;

	if (!file || !*file)
		file = getenv("KIRO_CONFIG");
	if (file && *file)
		return xstrdup(file);
	if (slash &&
	    asprintf(&beside, "%.*s/kiro.json", (int)(slash - program_path), program_path) > 0) {
		*beside_program = access(beside, F_OK) == 0;
		if (*beside_program)
			return beside;
		free(beside);
	}
	return access(SYSTEM_FILE, F_OK) == 0 ? xstrdup(SYSTEM_FILE) : NULL;
}

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < config_option_count; i++) {
		const struct config_option *o = &config_options[i];

		if (config_is_text(o->type))
			free(*(char **)config_field(c, o));
		else if (o->type == SECRET)
			secret_release(config_field(c, o));
	}
	free(c->file);
	free(c);
}

int config_load(struct config **out, const char *file, const char *program_path, struct error *e)
{
	struct config *c = xcalloc(1, sizeof(*c));
	bool beside_program = false;
	int rc = 0;

	for (size_t i = 0; i < config_option_count; i++) {
		if (set_option(c, &config_options[i], config_options[i].initial, e))
			abort(); /* a wrong default is our own mistake */
	}
	c->file = choose_file(file, program_path, &beside_program);
	if (c->file)
		rc = apply_file(c, c->file, beside_program, e);
	if (!rc)
		rc = apply_environment(c, e);
	if (rc) {
		config_free(c);
		return -1;
	}
	*out = c;
	return 0;
}
