/*
 * config: a kiro.json. import: a credential file. record: the record of an account or a client key,
 * also in its envelope; what is read is written, and read and written again it is the same to the
 * byte. catalogue, mcp: answers of the upstream's other operations.
 *
 * request: lines "NAME=value" up to an empty one, as a web server gives them, then the body. The
 * answer's head has no line that is no header, its body is JSON where it says so; nothing is
 * configured behind it that could ask the network.
 */
#include "common/base.h"
#include "tests/fuzz/fuzz.h"

#include "common/import.h"
#include "common/account.h"
#include "common/catalogue.h"
#include "common/config.h"
#include "common/envelope.h"
#include "common/json.h"
#include "common/key.h"
#include "fcgi/router.h"
#include "fcgi/up_mcp.h"

#include <sys/mman.h>

#define PARAMS_MAX 64

/* A file in memory with these bytes; its path below /proc. The caller closes it. */
static int file_of(struct span bytes, char path[static 64])
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || fchmod(fd, 0600) || write(fd, bytes.at, bytes.len) != (ssize_t)bytes.len)
		abort();
	snprintf(path, 64, "/proc/self/fd/%d", fd);
	return fd;
}

void fuzz_config(struct span input)
{
	struct error e = { .kind = ERR_NONE };
	struct config *config;
	struct buf shown;
	char path[64];
	int fd = file_of(input, path), rc = config_load(&config, path, NULL, &e);

	fuzz_require((rc != 0) == (e.kind != ERR_NONE), "%d, and an error of kind %d", rc, e.kind);
	fuzz_require(!rc || e.kind == ERR_CONFIG, "a wrong file told as %s", error_row(&e)->name);
	if (!rc) {
		buf_init(&shown, MB(1));
		config_write_effective(config, &shown);
		config_free(config);
		buf_release(&shown);
	}
	close(fd);
}

static int no_registration(void *context, const char *hash, struct buf *text)
{
	(void)context;
	fuzz_require(!strchr(hash, '/'), "a hash that leads elsewhere: %s", hash);
	buf_add_text(text, "{\"clientId\":\"c\",\"clientSecret\":\"s\"}");
	return 0;
}

/* A code that is taken is a key that can be stored and read. */
static void check_code(const struct import_code *code, struct buf *record)
{
	struct error e = { .kind = ERR_NONE };
	struct key key = code->key, again;
	cJSON *tree;

	if (!secret_present(&code->text))
		return;
	secret_hash(secret_reveal(&code->text), key.hash);
	buf_reset(record);
	key_write(&key, record);
	tree = cJSON_ParseWithLength(record->at, record->len);
	fuzz_require(tree && key_read(&again, tree, &e) == 0, "a code's record: %s", e.message);
	fuzz_require(again.code.is && again.pool == key.pool, "another code than was read");
	cJSON_Delete(tree);
}

void fuzz_import(struct span input)
{
	struct import import = { .registration = no_registration };
	struct error e = { .kind = ERR_NONE };
	char name[128], reason[IMPORT_REASON_SIZE];
	struct buf record;

	import_read(&import, "file.json", input, &e);
	buf_init(&record, LIMIT_RECORD);
	for (size_t i = 0; i < import.count; i++) {
		struct import_entry *entry = &import.entries[i];

		import_name(entry, name, sizeof(name));
		if (*entry->refused)
			continue;
		check_code(&entry->code, &record);
		if (entry->code.alone)
			continue;
		fuzz_require(import_check(&entry->account, reason) == 0, "taken, but %s", reason);
		buf_reset(&record);
		account_write(&entry->account, &record);
	}
	buf_release(&record);
	import_release(&import);
}

static void require_same(const struct buf *first, const struct buf *second)
{
	fuzz_require(first->len == second->len && memcmp(first->at, second->at, first->len) == 0,
		     "%.*s, read and written again %.*s", (int)first->len, first->at,
		     (int)second->len, second->at);
}

/* What was read is written, and reads again as the same account. */
static void write_again(const struct account *a)
{
	struct error e = { .kind = ERR_NONE };
	struct account second;
	struct buf record, value, again;
	struct span json = span_of("");
	cJSON *tree;

	buf_init(&record, LIMIT_RECORD);
	buf_init(&value, 2 * LIMIT_RECORD);
	account_write(a, &record);
	if (!record.failed) {
		fuzz_require(envelope_write(buf_span(&record), &value) == 0 &&
				     envelope_read(buf_span(&value), &json) == 0 &&
				     json.len == record.len &&
				     memcmp(json.at, record.at, json.len) == 0,
			     "the envelope loses bytes");
		tree = json_parse(json, &e);
		account_init(&second);
		fuzz_require(tree && account_read(&second, tree, &e) == 0, "read back: %s",
			     e.message);
		fuzz_require(second.kind == a->kind && second.state == a->state &&
				     second.rev == a->rev + 1,
			     "another account");
		second.rev = a->rev;
		buf_init(&again, LIMIT_RECORD);
		account_write(&second, &again);
		require_same(&record, &again);
		buf_release(&again);
		account_release(&second);
		cJSON_Delete(tree);
	}
	buf_release(&record);
	buf_release(&value);
}

static void check_key(const cJSON *tree)
{
	struct error e = { .kind = ERR_NONE };
	struct key key, second;
	struct buf record, again;
	cJSON *written;

	if (key_read(&key, tree, &e)) {
		fuzz_require(e.kind == ERR_STORE && *e.message, "refused without a reason");
		return;
	}
	buf_init(&record, LIMIT_RECORD);
	buf_init(&again, LIMIT_RECORD);
	key_write(&key, &record);
	written = json_parse(buf_span(&record), &e);
	fuzz_require(written && key_read(&second, written, &e) == 0, "read back: %s", e.message);
	fuzz_require(second.rev == key.rev + 1, "another key");
	second.rev = key.rev;
	key_write(&second, &again);
	require_same(&record, &again);
	cJSON_Delete(written);
	buf_release(&record);
	buf_release(&again);
}

void fuzz_record(struct span input)
{
	struct error e = { .kind = ERR_NONE }, why = { .kind = ERR_NONE };
	cJSON *tree = json_parse(input, &e);
	struct account a;
	struct span json;
	int rc;

	(void)!envelope_read(input, &json);
	if (!tree)
		return;
	check_key(tree);
	account_init(&a);
	rc = account_read(&a, tree, &why);
	fuzz_require(!rc || (why.kind == ERR_STORE && *why.message), "refused without a reason");
	if (!rc)
		write_again(&a);
	account_release(&a);
	cJSON_Delete(tree);
}

void fuzz_catalogue(struct span input)
{
	struct error e = { .kind = ERR_NONE };
	struct catalogue c;

	catalogue_init(&c);
	if (!catalogue_read(&c, input, &e)) {
		for (size_t i = 0; i < c.count; i++) {
			const struct model *m = &c.models[i];

			fuzz_require(*m->id && *m->display && m->window > 0 && m->max_output > 0,
				     "model %s without its numbers", m->id);
		}
	}
	catalogue_release(&c);
}

void fuzz_mcp(struct span input)
{
	struct error e = { .kind = ERR_NONE };
	struct arena arena;
	struct hits hits;
	struct buf json;
	struct jsonw w;
	cJSON *tree;

	arena_init(&arena);
	if (!up_mcp_read(&hits, input, &arena, &e)) {
		struct error why = { .kind = ERR_NONE };

		fuzz_require(hits.count <= HITS_MAX, "%zu hits", hits.count);
		buf_init(&json, MB(64));
		jsonw_init(&w, &json);
		hits_write(&hits, &arena, &w);
		tree = json_parse(buf_span(&json), &why);
		fuzz_require(cJSON_IsArray(tree), "hits: %s", why.message);
		hits_read(&hits, tree, &arena);
		hits_text(&hits, &arena);
		cJSON_Delete(tree);
		buf_release(&json);
	} else {
		fuzz_require(e.kind == ERR_UP_DAMAGED, "a failure of %s", error_row(&e)->name);
	}
	arena_release(&arena);
}

/* ---- request ---- */

/* A site without state and without hosts, made once. */
static struct app *the_app(void)
{
	static struct app app;
	static bool made;
	struct error e = { .kind = ERR_NONE };
	char path[64];
	int fd;

	if (made)
		return &app;
	fd = file_of(
		span_of("{\"state_dir\":\"/nonexistent/kiro\",\"log\":{\"file\":\"/dev/null\"},"
			"\"client_token\":\"0123456789abcdef-test\",\"cors_origins\":\"*\"}"),
		path);
	fuzz_require(app_init(&app, path, NULL, &e) == 0, "%s", e.message);
	close(fd);
	made = true;
	return &app;
}

static bool is_header(struct span line)
{
	const char *colon = memchr(line.at, ':', line.len);

	for (size_t i = 0; i < line.len; i++) {
		if ((unsigned char)line.at[i] < ' ' || line.at[i] == 0x7F)
			return false;
	}
	return colon && colon > line.at;
}

static void require_answer(struct span answer, bool head)
{
	bool json = false, started = false;
	struct span line;
	cJSON *tree;

	while (fuzz_line(&answer, &line)) {
		fuzz_require(line.len && line.at[line.len - 1] == '\r', "a line end in the head");
		line.len--;
		if (!line.len)
			break;
		fuzz_require(is_header(line), "no header: %.*s", (int)line.len, line.at);
		fuzz_require(started || strncmp(line.at, "Status: ", 8) == 0, "Status is first");
		started = true;
		json = json || span_is(line, "content-type: application/json");
	}
	fuzz_require(started, "no answer");
	if (json && !head && answer.len) {
		struct error e = { .kind = ERR_NONE };

		tree = json_parse(answer, &e);
		fuzz_require(tree, "the body is %s", e.message);
		cJSON_Delete(tree);
	}
}

void fuzz_request(struct span input)
{
	const char *params[PARAMS_MAX + 1];
	struct conn_memory memory = { .params = params };
	struct app *app = the_app();
	struct conn conn;
	struct span line;
	struct buf out;
	size_t count = 0;

	while (count < PARAMS_MAX && fuzz_line(&input, &line) && line.len)
		params[count++] = xstrndup(line.at, line.len);
	params[count] = NULL;
	memory.body = input;
	buf_init(&out, MB(64));
	memory.out = &out;
	conn_init_memory(&conn, &memory);
	router_serve(app, &conn);
	/* a body shorter than CONTENT_LENGTH says is a client that has left: nothing is sent */
	if (out.len) {
		const char *method = conn_param(&conn, "REQUEST_METHOD");

		require_answer(buf_span(&out), method && strcmp(method, "HEAD") == 0);
	}
	buf_release(&out);
	while (count--)
		free((char *)params[count]);
}
