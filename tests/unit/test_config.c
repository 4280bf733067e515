#include "common/base.h"
#include "common/config.h"

#include <CUnit/CUnit.h>

/* Writes text to a file with that mode and loads it; the error's text in message. */
static struct config *load(const char *text, mode_t mode, char message[static LIMIT_ERROR_TEXT])
{
	char path[] = "/tmp/kiro-config-XXXXXX";
	int fd = mkstemp(path);
	struct config *c = NULL;
	struct error e = { 0 };

	CU_ASSERT_EQUAL(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	fchmod(fd, mode);
	close(fd);
	if (config_load(&c, path, NULL, &e)) {
		CU_ASSERT_EQUAL(e.kind, ERR_CONFIG);
		CU_ASSERT_PTR_NULL(c);
		CU_ASSERT_EQUAL(strncmp(e.message, path, e.message[0] == '/' ? strlen(path) : 0),
				0);
	}
	snprintf(message, LIMIT_ERROR_TEXT, "%s", e.message);
	unlink(path);
	return c;
}

static void file_sets_options_and_comments_are_skipped(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct config *c = load("// head\n{ /* a\n b */ \"state_dir\": \"/x//y\", // tail\n"
				"\"upstream\": {\"profile\": \"RTS\", \"idle_timeout\": 7,"
				"\"oidc_url\": \"http://127.0.0.1:9/base\"},\n\"auth\":\"none\"}\n",
				0644, message);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/x//y");
	CU_ASSERT_EQUAL(c->upstream_profile, 1);
	CU_ASSERT_EQUAL(c->idle_timeout, 7);
	CU_ASSERT_EQUAL(c->auth, AUTH_NONE);
	CU_ASSERT_STRING_EQUAL(c->oidc_url, "http://127.0.0.1:9/base");
	CU_ASSERT_EQUAL(c->connect_timeout, 10);
	config_free(c);
}

static void mistakes_are_refused_with_their_line(void)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{\n\n\"state_dirr\": 1}", ":3: unknown option \"state_dirr\"" },
		{ "{\"log\": {\"level\": \"info\",\n\"lavel\": 1}}",
		  ":2: unknown option \"log.lavel\"" },
		{ "{\"auth\": \"none\",\n\"auth\": \"key\"}", ":2: auth stands here twice" },
		{ "{\"log\": {\"level\": \"warn\"},\n\"log.level\": \"debug\"}",
		  ":2: log.level stands here twice" },
		{ "{\n\"upstream\": \"krs\"}", ":2: unknown option \"upstream\"" },
		{ "{\n\"auth\": \"maybe\"}", ":2: auth is not one of: key, none" },
		{ "{\n\n\"max_streams\": 0}",
		  ":3: max_streams must be a whole number from 1 to 16384" },
		{ "{\"activation_grace\": 299}", /* an answer holds 300 as it is */
		  "activation_grace must be a whole number from 300 to 604800 seconds" },
		{ "{\"max_streams\": 1.5}", ":1: max_streams must be a whole number" },
		{ "{\"max_streams\": true}", ":1: max_streams has a value of the wrong type" },
		{ "{\"state_on_network\": \"perhaps\"}",
		  ":1: state_on_network must be true or false" },
		{ "{\n\"auth\": \"key\"\n\"x\": 1}", ":3: not valid JSON" },
		{ "[]", ":1: must hold one JSON object" },
		{ "{\"upstream\": {\"oidc_url\": \"http://example.com\"}}", "https is required" },
		{ "{\"upstream\": {\"oidc_url\": \"http://127.evil.example\"}}",
		  "https is required" },
		{ "{\"upstream\": {\"oidc_url\": \"https://u:p@example.com\"}}", "no user" },
		{ "{\"upstream\": {\"proxy_url\": \"ftp://x\"}}", "must begin with http://" },
	};
	char message[LIMIT_ERROR_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		CU_ASSERT_PTR_NULL(load(rows[i].text, 0600, message));
		CU_ASSERT_PTR_NOT_NULL(strstr(message, rows[i].says));
		if (!strstr(message, rows[i].says))
			fprintf(stderr, "row %zu: %s\n", i, message);
	}
}

static void weak_client_tokens_are_refused(void)
{
	char message[LIMIT_ERROR_TEXT];

	CU_ASSERT_PTR_NULL(load("{\"client_token\": \"123456\"}", 0600, message));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "published example"));
	CU_ASSERT_PTR_NULL(strstr(message, "123456"));
	CU_ASSERT_PTR_NULL(load("{\"client_token\": \"changeme\"}", 0600, message));
	CU_ASSERT_PTR_NULL(load("{\"client_token\": \"tooshort-secret\"}", 0600, message));
	CU_ASSERT_PTR_NULL(strstr(message, "tooshort"));
}

static void readable_secrets_are_refused(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct config *c;

	CU_ASSERT_PTR_NULL(load("{\"client_token\": \"a-long-enough-secret\"}", 0644, message));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "chmod 600"));
	c = load("{\"client_token\": \"a-long-enough-secret\"}", 0640, message);
	CU_ASSERT_PTR_NOT_NULL(c);
	config_free(c);
}

static void readable_files_of_secrets_are_refused(void)
{
	static const struct {
		const char *variable;
		mode_t mode;
		const char *refusal;
	} rows[] = {
		{ "KIRO_CLIENT_TOKEN_FILE", 0604, "(mode 0604): chmod 600 /tmp/kiro-value-" },
		{ "KIRO_CLIENT_TOKEN_FILE", 0444, "KIRO_CLIENT_TOKEN_FILE: /tmp/kiro-value-" },
		{ "KIRO_CLIENT_TOKEN_FILE", 0440, NULL },
		{ "KIRO_UPSTREAM_PROXY_URL_FILE", 0644, "(mode 0644)" },
		{ "KIRO_UPSTREAM_PROXY_URL_FILE", 0640, NULL },
		{ "KIRO_ADMIN_HOSTS_FILE", 0644, NULL }, /* no secret */
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char path[] = "/tmp/kiro-value-XXXXXX", message[LIMIT_ERROR_TEXT];
		int fd = mkstemp(path);
		struct config *c;

		CU_ASSERT_EQUAL(write(fd, "http://a-long-enough.example\n", 29), 29);
		CU_ASSERT_EQUAL(fchmod(fd, rows[i].mode), 0);
		close(fd);
		setenv(rows[i].variable, path, 1);
		c = load("{}", 0600, message);
		unsetenv(rows[i].variable);
		unlink(path);
		CU_ASSERT_EQUAL(c != NULL, !rows[i].refusal);
		if (!c && rows[i].refusal)
			CU_ASSERT_PTR_NOT_NULL(strstr(message, rows[i].refusal));
		config_free(c);
	}
}

static void environment_is_stronger_and_files_hold_secrets(void)
{
	char path[] = "/tmp/kiro-secret-XXXXXX", message[LIMIT_ERROR_TEXT];
	int fd = mkstemp(path);
	struct config *c;

	CU_ASSERT_EQUAL(write(fd, "the-secret-of-a-file\n", 21), 21);
	close(fd);
	setenv("KIRO_CLIENT_TOKEN_FILE", path, 1);
	setenv("LOG_LEVEL", "DEBUG", 1);
	setenv("KIRO_UPSTREAM_IDLE_TIMEOUT", "9", 1);
	setenv("REQUEST_TIMEOUT_MINUTES", "3", 1);
	c = load("{\"log\": {\"level\": \"error\"}, \"upstream\": {\"idle_timeout\": 5}}", 0600,
		 message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(secret_reveal(&c->client_token), "the-secret-of-a-file");
	CU_ASSERT_EQUAL(c->log_level, 3);
	CU_ASSERT_EQUAL(c->idle_timeout, 9);
	CU_ASSERT_EQUAL(c->request_timeout, 3);
	config_free(c);
	setenv("KIRO_UPSTREAM_IDLE_TIMEOUT", "soon", 1);
	CU_ASSERT_PTR_NULL(load("{}", 0600, message));
	CU_ASSERT_PTR_NOT_NULL(strstr(message, "environment KIRO_UPSTREAM_IDLE_TIMEOUT"));
	unsetenv("KIRO_CLIENT_TOKEN_FILE");
	unsetenv("LOG_LEVEL");
	unsetenv("KIRO_UPSTREAM_IDLE_TIMEOUT");
	unsetenv("REQUEST_TIMEOUT_MINUTES");
	unlink(path);
}

static void example_is_a_valid_file_of_defaults(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct config *c, *plain;
	struct buf text, from_example, from_nothing;

	buf_init(&text, LIMIT_CONFIG_FILE);
	buf_init(&from_example, LIMIT_CONFIG_FILE);
	buf_init(&from_nothing, LIMIT_CONFIG_FILE);
	config_write_example(&text);
	c = load(text.at, 0600, message);
	plain = load("{}", 0600, message);
	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->state_dir, plain->state_dir);
	CU_ASSERT_EQUAL(c->max_streams, plain->max_streams);
	CU_ASSERT_FALSE(secret_present(&c->client_token));
	config_free(c);
	config_free(plain);
	buf_release(&text);
}

static void effective_view_masks_secrets_and_names_origins(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct config *c = load("{\"client_token\": \"a-long-enough-secret\",\"upstream\":"
				"{\"proxy_url\":\"socks5://me:pw@127.0.0.1:1\"}}",
				0600, message);
	struct buf text;

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	buf_init(&text, LIMIT_CONFIG_FILE);
	config_write_effective(c, &text);
	CU_ASSERT_PTR_NULL(strstr(text.at, "enough"));
	CU_ASSERT_PTR_NULL(strstr(text.at, "pw@"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "a-lo...(20)  (file)"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text.at, "key  (default)"));
	config_free(c);
	buf_release(&text);
}

static void relative_paths_of_the_file_are_meant_from_its_directory(void)
{
	char message[LIMIT_ERROR_TEXT];
	struct config *c =
		load("{\"state_dir\": \"a/b\", \"log\": {\"file\": \"/x/y\"}}", 0600, message);

	CU_ASSERT_PTR_NOT_NULL_FATAL(c);
	CU_ASSERT_STRING_EQUAL(c->state_dir, "/tmp/a/b"); /* where load() puts its files */
	CU_ASSERT_STRING_EQUAL(c->log_file, "/x/y");
	CU_ASSERT_STRING_EQUAL(c->ca_file, "");
	config_free(c);
}

/* By that a responder tells whether the file was changed since. */
static void what_was_read_is_told_from_what_came_after(void)
{
	char path[] = "/tmp/kiro-config-XXXXXX";
	int fd = mkstemp(path);
	struct config *c = NULL;
	struct error e = { 0 };
	struct stat now;

	CU_ASSERT_EQUAL(write(fd, "{}", 2), 2);
	CU_ASSERT_EQUAL_FATAL(config_load(&c, path, NULL, &e), 0);
	CU_ASSERT_EQUAL(fstat(fd, &now), 0);
	CU_ASSERT_EQUAL(c->seen.st_ino, now.st_ino);
	CU_ASSERT_EQUAL(c->seen.st_size, 2);
	CU_ASSERT_EQUAL(write(fd, "\n", 1), 1);
	CU_ASSERT_EQUAL(fstat(fd, &now), 0);
	CU_ASSERT_NOT_EQUAL(c->seen.st_size, now.st_size);
	config_free(c);
	close(fd);
	unlink(path);
}

CU_TestInfo config_tests[] = {
	{ "what_was_read_is_told_from_what_came_after",
	  what_was_read_is_told_from_what_came_after },
	{ "relative_paths_of_the_file_are_meant_from_its_directory",
	  relative_paths_of_the_file_are_meant_from_its_directory },
	{ "file_sets_options_and_comments_are_skipped",
	  file_sets_options_and_comments_are_skipped },
	{ "mistakes_are_refused_with_their_line", mistakes_are_refused_with_their_line },
	{ "weak_client_tokens_are_refused", weak_client_tokens_are_refused },
	{ "readable_secrets_are_refused", readable_secrets_are_refused },
	{ "readable_files_of_secrets_are_refused", readable_files_of_secrets_are_refused },
	{ "environment_is_stronger_and_files_hold_secrets",
	  environment_is_stronger_and_files_hold_secrets },
	{ "example_is_a_valid_file_of_defaults", example_is_a_valid_file_of_defaults },
	{ "effective_view_masks_secrets_and_names_origins",
	  effective_view_masks_secrets_and_names_origins },
	CU_TEST_INFO_NULL,
};
