#include "common/base.h"
#include "fcgi/own_credentials.h"

#include "common/clock.h"
#include "common/import_entry.h"
#include "common/json.h"
#include "common/limits.h"
#include "common/profile.h"
#include "fcgi/auth.h"
#include "fcgi/peer.h"

#include <openssl/evp.h>

#define HEADER	"X-Kiro-Credentials"
#define OWN_ID	"own" /* in the log where an account's id stands; no record has it */
#define MACHINE "kiro-fcgi machine of "

/* What a request brought: JSON as it is, or behind creds- in base64. */
struct brought {
	const char *json, *base64; /* both NULL: nothing */
	bool twice;
};

static struct brought find(struct request *r)
{
	struct brought found = { .json = request_header(r, "HTTP_X_KIRO_CREDENTIALS") };
	const char *keys[AUTH_MAX_KEYS];
	size_t count = auth_keys(r, keys);

	if (found.json && !*found.json)
		found.json = NULL;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(OWN_CREDENTIALS_PREFIX);

		if (strncmp(keys[i], OWN_CREDENTIALS_PREFIX, len) != 0)
			continue;
		found.twice |= found.base64 && strcmp(found.base64, keys[i] + len) != 0;
		found.base64 = keys[i] + len;
	}
	found.twice |= found.json && found.base64;
	return found;
}

/* ---- how they came ---- */

/* Whoever can read the network must not have seen them. */
static bool came_unseen(struct request *r)
{
	return peer_over_https(r) || (!peer_is_trusted_proxy(r) && peer_is_loopback(r));
}

static int check_allowed(struct request *r, const struct brought *brought)
{
	if (!r->site->config->own_credentials)
		return error_set(&r->error, ERR_FORBIDDEN,
				 "this gateway does not serve clients with credentials of their "
				 "own (its owner may set own_credentials)");
	if (!came_unseen(r))
		return error_set(&r->error, ERR_FORBIDDEN,
				 "credentials of your own are taken over HTTPS only; they were "
				 "sent in clear: renew them");
	if (brought->twice)
		return error_set(&r->error, ERR_AUTH,
				 "credentials of your own came in two places; send them once");
	return 0;
}

/* ---- what they are ---- */

/* Both alphabets, with or without the padding. -1: it is not base64. */
static int decode(const char *text, struct buf *out)
{
	size_t len = strlen(text), padded;
	unsigned char *bytes;
	struct buf plain;
	int got = -1;

	while (len && text[len - 1] == '=')
		len--;
	padded = (len + 3) / 4 * 4;
	buf_init(&plain, LIMIT_SECRET_FILE + 4);
	for (size_t i = 0; i < padded; i++) {
		char c = i < len ? text[i] : '=';

		buf_add_char(&plain, c == '-' ? '+' : c == '_' ? '/' : c);
	}
	bytes = xcalloc(1, padded / 4 * 3 + 1);
	if (len && len % 4 != 1 && !plain.failed && !strpbrk(text, " \t\r\n"))
		got = EVP_DecodeBlock(bytes, (const unsigned char *)plain.at, (int)padded);
	if (got >= 0)
		buf_add(out, bytes, (size_t)got - (padded - len));
	explicit_bzero(bytes, padded / 4 * 3 + 1);
	free(bytes);
	buf_wipe(&plain);
	return got < 0 || out->failed ? -1 : 0;
}

/* The service knows a client by its machine: the same one for the same credentials. */
static char *machine_of(const struct account *a)
{
	const struct secret *lasting = secret_present(&a->refresh_token) ? &a->refresh_token
				       : a->kind == KIND_API_KEY	 ? &a->api_key
									 : &a->access_token;
	char hash[SECRET_HASH_SIZE];
	struct buf text;

	buf_init(&text, LIMIT_SECRET_FILE);
	buf_add_format(&text, MACHINE "%s", secret_reveal(lasting));
	secret_hash(text.at, hash);
	buf_wipe(&text);
	return xstrdup(hash);
}

static int check(const struct account *a, struct error *e)
{
	char date[CLOCK_TEXT_SIZE];

	if (a->proxy_url)
		return error_set(e, ERR_AUTH, HEADER ": proxyUrl: a request cannot choose a proxy");
	if (profile_is_missing(a))
		return error_set(e, ERR_AUTH,
				 HEADER ": profileArn: is missing, this kind of login needs it");
	if (a->kind != KIND_API_KEY && a->expires_at && a->expires_at <= clock_wall())
		return error_set(e, ERR_AUTH,
				 HEADER ": accessToken: ended at %s; renew it where it comes from, "
					"this gateway renews only accounts of its own",
				 clock_format(a->expires_at, date));
	return 0;
}

static int take(struct request *r, const cJSON *tree)
{
	const struct import_rules rules = { .to_send = true };
	struct import_entry entry = { .source = HEADER };
	struct account *a = &entry.account;
	int rc;

	account_init(a);
	import_entry_read(&rules, &entry, tree);
	/* Reasons quote names that they do not know: not what a stranger wrote. */
	if (*entry.refused)
		rc = error_set(&r->error, ERR_AUTH, HEADER ": %.*s",
			       (int)strcspn(entry.refused, "\""), entry.refused);
	else
		rc = check(a, &r->error);
	if (rc) {
		account_release(a);
		return -1;
	}
	free(a->id);
	a->id = xstrdup(OWN_ID);
	if (!a->machine_id)
		a->machine_id = machine_of(a);
	r->own = xmalloc(sizeof(*r->own));
	*r->own = *a;
	return 0;
}

static int read_json(struct request *r, struct span json)
{
	struct error why = { 0 };
	cJSON *tree = json.len <= LIMIT_SECRET_FILE ? json_parse(json, &why) : NULL;
	int rc;

	if (tree)
		rc = take(r, tree);
	else
		rc = error_set(&r->error, ERR_AUTH, HEADER ": %s",
			       *why.message ? why.message : "longer than 16 KB");
	if (tree)
		import_wipe(tree);
	cJSON_Delete(tree);
	return rc;
}

int own_credentials_read(struct request *r)
{
	struct brought brought = find(r);
	struct buf json;
	int rc;

	if (!brought.json && !brought.base64)
		return 0;
	if (check_allowed(r, &brought))
		return -1;
	if (brought.json)
		return read_json(r, span_of(brought.json));
	buf_init(&json, LIMIT_SECRET_FILE);
	if (decode(brought.base64, &json))
		rc = error_set(&r->error, ERR_AUTH,
			       "\"" OWN_CREDENTIALS_PREFIX "\" of the key is not followed by the "
			       "base64 of a JSON object");
	else
		rc = read_json(r, buf_span(&json));
	buf_wipe(&json);
	return rc;
}
