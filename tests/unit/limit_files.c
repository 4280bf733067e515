#include "common/base.h"
#include "tests/unit/limit_probes.h"

#include "common/capture.h"
#include "common/config.h"
#include "common/http.h"
#include "common/import.h"
#include "common/log.h"
#include "common/roster.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>

/* A file in a directory of its own; the caller removes the directory. */
static const char *write_file(char dir[static SCRATCH_SIZE], char path[static 256],
			      const struct buf *text)
{
	snprintf(path, 256, "%s/file", scratch_make(dir));
	scratch_write(path, text->at, text->len);
	return path;
}

bool loads_config(size_t n)
{
	static const char settings[] = "{\"state_dir\":\"/nonexistent\"}";
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256];
	struct config *c = NULL;
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	add_char_many(&text, ' ', n - strlen(settings));
	buf_add_text(&text, settings);
	good = config_load(&c, write_file(dir, path, &text), NULL, &e) == 0;
	CU_ASSERT_TRUE(good || e.kind == ERR_CONFIG);
	config_free(c);
	scratch_remove(dir);
	buf_release(&text);
	return good;
}

/* The value of an option from a file that the environment names. */
bool loads_secret(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256], settings[256];
	struct config *c = NULL;
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	add_char_many(&text, 's', n);
	setenv("KIRO_WEBHOOK_SECRET_FILE", write_file(dir, path, &text), 1);
	snprintf(settings, sizeof(settings), "%s/kiro.json", dir);
	scratch_write(settings, "{}", 2);
	good = config_load(&c, settings, NULL, &e) == 0;
	unsetenv("KIRO_WEBHOOK_SECRET_FILE");
	CU_ASSERT_TRUE(good || e.kind == ERR_CONFIG);
	config_free(c);
	scratch_remove(dir);
	buf_release(&text);
	return good;
}

/* n bytes with the end of an envelope: a line with the checksum. */
bool stores_record(size_t n)
{
	const size_t json_len = n - strlen("\n#crc32=00000000\n");
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE];
	struct store s;
	struct buf json, back;
	bool good;

	scratch_store(dir, "tokens", &s);
	buf_init(&json, ANY);
	buf_init(&back, ANY);
	buf_add_text(&json, "{\"a\":\"");
	add_char_many(&json, 'x', json_len - strlen("{\"a\":\"\"}"));
	buf_add_text(&json, "\"}");
	good = store_put(&s, "k", buf_span(&json), &e) >= 0;
	CU_ASSERT_EQUAL(store_get(&s, "k", &back, &e) > 0, good);
	CU_ASSERT_TRUE(!good || (back.len == json_len && memcmp(back.at, json.at, back.len) == 0));
	buf_release(&back);
	buf_release(&json);
	store_close(&s);
	scratch_remove(dir);
	return good;
}

static bool imports(size_t n)
{
	struct import i = { .entries = NULL };
	struct error e = { .kind = ERR_NONE };
	struct buf text;
	bool good;

	buf_init(&text, ANY);
	buf_add_char(&text, '[');
	add_many(&text, "{\"refreshToken\":\"FAKE-refresh-0000000000000\"}", n, ",");
	buf_add_char(&text, ']');
	good = import_read(&i, "text", buf_span(&text), &e) == 0;
	CU_ASSERT_TRUE(!good || i.count == n);
	import_release(&i);
	buf_release(&text);
	return good;
}

static bool take_all(void *context, size_t index, struct span now)
{
	(void)context, (void)index, (void)now;
	return true;
}

/* One account beside n - 1 others. */
static bool stores_account(size_t n)
{
	struct record *records = xcalloc(n, sizeof(*records));
	struct account a = { .id = (char[]){ "last" }, .kind = KIND_API_KEY };
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE];
	struct store s;
	int rc;

	for (size_t i = 0; i < n; i++) {
		char *key;

		CU_ASSERT_FATAL(asprintf(&key, "a/%zu", i) > 0);
		records[i] = (struct record){ key, span_of("{}") };
	}
	scratch_store(dir, "tokens", &s);
	CU_ASSERT_EQUAL(store_merge(&s, records, n - 1, take_all, NULL, &e), 0);
	rc = roster_put(&s, &a, &e);
	CU_ASSERT_TRUE(!rc || e.kind == ERR_REQUEST);
	store_close(&s);
	scratch_remove(dir);
	for (size_t i = 0; i < n; i++)
		free((char *)(uintptr_t)records[i].key);
	free(records);
	return !rc;
}

bool keeps_accounts(size_t n)
{
	bool stored = stores_account(n);

	CU_ASSERT_EQUAL(imports(n), stored);
	return stored;
}

bool captures(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	char dir[SCRATCH_SIZE], path[256];
	struct buf line;
	struct stat st;

	snprintf(path, sizeof(path), "%s/capture.log", scratch_make(dir));
	buf_init(&line, ANY);
	add_char_many(&line, 'x', n - 1); /* and the end of the line */
	CU_ASSERT_EQUAL(capture_append(dir, buf_span(&line), &e), 0);
	CU_ASSERT_EQUAL_FATAL(stat(path, &st), 0);
	CU_ASSERT_TRUE(st.st_size == 0 || (size_t)st.st_size == n);
	buf_release(&line);
	scratch_remove(dir);
	return st.st_size > 0;
}

/* An event's text comes into the log whole. */
bool logs(size_t n)
{
	const struct log_options quiet = { .file = "/dev/null" };
	char dir[SCRATCH_SIZE], path[256];
	struct log_options options = { .level = LOG_INFO, .json = true, .file = path };
	struct buf text, log;
	bool whole;

	snprintf(path, sizeof(path), "%s/log", scratch_make(dir));
	log_open(&options);
	buf_init(&text, ANY);
	buf_init(&log, ANY);
	add_char_many(&text, 'x', n);
	log_line(LOG_INFO, "%s", text.at);
	log_open(&quiet);
	CU_ASSERT_EQUAL(buf_read_file(&log, path), 0);
	whole = strstr(log.at, text.at) != NULL;
	buf_release(&log);
	buf_release(&text);
	scratch_remove(dir);
	return whole;
}

bool takes_url(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct buf url;
	bool good;

	buf_init(&url, ANY);
	buf_add_text(&url, "https://host.example/");
	add_char_many(&url, 'p', n - url.len);
	good = http_check_base_url(url.at, &e) == 0;
	buf_release(&url);
	return good;
}

bool tells(size_t n)
{
	struct error e = { .kind = ERR_NONE };
	struct buf text;
	bool whole;

	buf_init(&text, ANY);
	add_char_many(&text, 'x', n);
	error_set(&e, ERR_REQUEST, "%s", text.at);
	whole = strlen(e.message) == n;
	buf_release(&text);
	return whole;
}
