#include "common/base.h"
#include "common/webhook.h"

#include "common/clock.h"
#include "common/hex.h"
#include "common/json.h"
#include "common/jsonw.h"
#include "common/limits.h"
#include "common/lock.h"
#include "common/statedir.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#define FILE_NAME  "webhook.json"
#define CONNECT_MS 5000
#define ANSWER_MS  10000
#define MARK	   "sha256="

#define SIGNATURE_SIZE (sizeof(MARK) + 2 * 32) /* of the header: the digest in hex and a NUL */

static void sign(const struct secret *key, const char *stamp, struct span body,
		 char out[static SIGNATURE_SIZE])
{
	const char *text = secret_reveal(key);
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct buf all;
	unsigned len;

	buf_init(&all, LIMIT_IMPORT_FILE);
	buf_add_format(&all, "%s.", stamp);
	buf_add(&all, body.at, body.len);
	if (!HMAC(EVP_sha256(), text, (int)strlen(text), (const unsigned char *)all.at, all.len,
		  digest, &len))
		abort();
	memcpy(out, MARK, strlen(MARK));
	hex_write(digest, len, out + strlen(MARK));
	buf_release(&all);
}

static int answer(void *context, const struct http_reply *reply, struct span bytes, struct error *e)
{
	(void)context;
	(void)reply;
	(void)bytes;
	(void)e;
	return 0; /* its status says all */
}

static int post(const struct config *config, struct http_client *http, struct span body,
		struct error *e)
{
	char stamp[24], signature[SIGNATURE_SIZE];
	const struct http_header headers[] = { { "content-type", "application/json" },
					       { "user-agent", "kiro-fcgi/" KIRO_FCGI_VERSION },
					       { "x-kiro-timestamp", stamp },
					       { "x-kiro-signature", signature } };
	const struct http_request request = { .method = "POST",
					      .url = config->webhook_url,
					      .headers = headers,
					      .header_count = ARRAY_SIZE(headers),
					      .body = body,
					      .connect_ms = CONNECT_MS,
					      .first_byte_ms = ANSWER_MS,
					      .idle_ms = ANSWER_MS,
					      .total_ms = ANSWER_MS,
					      .on_bytes = answer,
					      .watch_fd = -1 };
	struct http_reply reply;

	snprintf(stamp, sizeof(stamp), "%" PRId64, clock_wall());
	sign(&config->webhook_secret, stamp, body, signature);
	if (http_run(http, &request, &reply, e))
		return -1;
	if (reply.status / 100 == 2)
		return 0;
	return error_set(e, ERR_UP_NETWORK, "webhook_url answered %d; it is told again later",
			 reply.status);
}

/* The state that was told last, NULL: never, or none that we know. */
static const char *told_state(const cJSON *told, const struct account *a)
{
	return json_text_or(told, a->id, NULL);
}

static size_t add_changes(struct jsonw *w, const cJSON *told, const struct account *accounts,
			  size_t count)
{
	size_t changes = 0;

	for (size_t i = 0; i < count; i++) {
		const struct account *a = &accounts[i];
		const char *from = told_state(told, a), *to = account_state_names[a->state];

		if (!from || strcmp(from, to) == 0)
			continue;
		changes++;
		jsonw_begin_object(w);
		jsonw_text_member(w, "account", a->id);
		jsonw_text_member(w, "label", a->label);
		jsonw_text_member(w, "from", from);
		jsonw_text_member(w, "to", to);
		jsonw_text_member(w, "reason", a->state_reason);
		jsonw_date_member(w, "until", a->state_until);
		jsonw_end(w);
	}
	return changes;
}

static size_t write_body(const cJSON *told, const struct account *accounts, size_t count,
			 struct buf *body)
{
	size_t changes;
	struct jsonw w;

	jsonw_init(&w, body);
	jsonw_begin_object(&w);
	jsonw_text_member(&w, "type", "account.state");
	jsonw_date_member(&w, "sent_at", clock_wall());
	jsonw_begin_array_member(&w, "changes");
	changes = add_changes(&w, told, accounts, count);
	jsonw_end(&w);
	jsonw_end(&w);
	return changes;
}

/* A crash in the middle leaves what cannot be read, and the telling begins anew. */
static int remember(int fd, const struct account *accounts, size_t count, struct error *e)
{
	struct buf text;
	struct jsonw w;
	int rc;

	buf_init(&text, LIMIT_IMPORT_FILE);
	jsonw_init(&w, &text);
	jsonw_begin_object(&w);
	for (size_t i = 0; i < count; i++)
		jsonw_text_member(&w, accounts[i].id, account_state_names[accounts[i].state]);
	jsonw_end(&w);
	rc = statedir_rewrite(fd, &text);
	if (rc)
		error_set(e, ERR_STORE, FILE_NAME " cannot be written: %s", strerror(errno));
	buf_release(&text);
	return rc;
}

static int tell(const struct config *config, struct http_client *http, int fd, const char *path,
		const struct account *accounts, size_t count, struct error *e)
{
	struct error ignored = { 0 };
	struct buf text, body;
	cJSON *told = NULL;
	int rc = 0;

	buf_init(&text, LIMIT_IMPORT_FILE);
	buf_init(&body, LIMIT_IMPORT_FILE);
	if (!buf_read_file(&text, path))
		told = json_parse(buf_span(&text), &ignored);
	if (told && write_body(told, accounts, count, &body))
		rc = post(config, http, buf_span(&body), e) ? -1 : 1;
	if (rc >= 0 && remember(fd, accounts, count, e))
		rc = -1;
	cJSON_Delete(told);
	buf_release(&text);
	buf_release(&body);
	return rc;
}

int webhook_tell(const struct config *config, struct http_client *http,
		 const struct account *accounts, size_t count, struct error *e)
{
	char path[PATH_MAX];
	int fd, rc = 0;

	if (!*config->webhook_url)
		return 0;
	if (!secret_present(&config->webhook_secret))
		return error_set(e, ERR_CONFIG,
				 "webhook_url needs webhook_secret, which signs "
				 "what is sent there");
	snprintf(path, sizeof(path), "%s/" FILE_NAME, config->state_dir);
	fd = statedir_open(config->state_dir, path, e);
	if (fd < 0)
		return -1;
	if (lock_file(fd, 0) == 1)
		rc = tell(config, http, fd, path, accounts, count, e);
	close(fd);
	return rc;
}
