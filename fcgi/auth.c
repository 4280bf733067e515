#include "common/base.h"
#include "fcgi/auth.h"

#include "common/bearer.h"
#include "common/clock.h"
#include "common/key_memory.h"
#include "common/log.h"
#include "fcgi/auth_code.h"
#include "fcgi/own_credentials.h"
#include "fcgi/peer.h"

/* Apache may hand the header over under a second name after an internal redirect. */
static const char *const authorization_names[] = { "HTTP_AUTHORIZATION",
						   "REDIRECT_HTTP_AUTHORIZATION" };
static const char *const key_names[] = { "HTTP_X_API_KEY", "HTTP_X_GOOG_API_KEY" };

#define MAX_KEY KB(16) /* credentials of one's own may stand there */

_Static_assert(ARRAY_SIZE(authorization_names) + ARRAY_SIZE(key_names) <= AUTH_MAX_KEYS,
	       "AUTH_MAX_KEYS is too small");

static const char *trimmed(struct request *r, const char *at, size_t len)
{
	while (len && strchr(" \t", *at)) {
		at++;
		len--;
	}
	while (len && strchr(" \t", at[len - 1]))
		len--;
	return arena_strndup(&r->arena, at, len);
}

static void add(struct request *r, const char **keys, size_t *count, const char *text)
{
	size_t len = text ? strlen(text) : 0;
	const char *key;

	if (!len || len > MAX_KEY)
		return;
	key = trimmed(r, text, len);
	if (*key)
		keys[(*count)++] = key;
}

size_t auth_keys(struct request *r, const char *keys[static AUTH_MAX_KEYS])
{
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(key_names); i++)
		add(r, keys, &count, request_header(r, key_names[i]));
	for (size_t i = 0; i < ARRAY_SIZE(authorization_names); i++) {
		const char *value = request_header(r, authorization_names[i]);

		if (value && strncasecmp(value, "Bearer ", 7) == 0)
			add(r, keys, &count, value + 7);
	}
	return count;
}

static bool takes_tokens(const struct config *config)
{
	return *config->jwt_key_file != '\0';
}

/* What is wrong with a token that is not genuine is said in the log only: it may be an attacker's.
 */
static int is_token(struct request *r, const char *text)
{
	const struct store *keys = r->site->stores_open ? &r->site->keys : NULL;
	struct error why = { 0 };
	struct bearer_refusal refusal;
	int known = bearer_read(r->site->config, keys, text, clock_wall(), &r->key, &refusal, &why);

	if (known > 0)
		return known;
	log_line(known ? LOG_ERROR : LOG_WARN, "JSON Web Token refused: %s",
		 known ? why.message : refusal.why);
	r->key = (struct key){ .role = KEY_USER };
	if (known)
		return error_set(&r->error, ERR_STORE, "tokens cannot be checked now; see the log");
	if (refusal.genuine)
		return error_set(&r->error, ERR_AUTH, "this JSON Web Token is refused: %s",
				 refusal.why);
	return 0;
}

/* 1: it is a key of this installation. */
static int is_known(struct request *r, const char *text)
{
	const struct config *config = r->site->config;
	struct error why = { 0 };
	int known;

	if (secret_present(&config->client_token) &&
	    secret_equal(text, secret_reveal(&config->client_token))) {
		snprintf(r->key.name, sizeof(r->key.name), "client_token");
		return 1;
	}
	known = r->site->stores_open
			? key_memory_find(r->site->known_keys, &r->site->keys, text, &r->key, &why)
			: 0;
	if (known > 0)
		return known;
	if (known == 0)
		return takes_tokens(config) && bearer_is_token(text) ? is_token(r, text) : 0;
	log_line(LOG_ERROR, "%s", why.message);
	return error_set(&r->error, ERR_STORE, "the keys cannot be read; see the log");
}

/* Without any key at all nobody can come in: say what to do instead of "wrong key". */
static int check_configured(struct request *r)
{
	const struct config *config = r->site->config;
	struct error why = { 0 };

	if (site_open_stores(r->site, &why)) {
		if (secret_present(&config->client_token) || takes_tokens(config))
			return 0;
		log_line(LOG_ERROR, "%s", why.message); /* names paths: not for strangers */
		return error_set(&r->error, ERR_NOT_CONFIGURED,
				 "This gateway is not set up yet: its owner runs \"kiroctl init\" "
				 "and \"kiroctl key add NAME\"");
	}
	return 0;
}

/* No key of this installation was among them: there may be none at all. */
static int check_any_key(struct request *r)
{
	struct error why = { 0 };
	size_t count = 0;

	if (secret_present(&r->site->config->client_token) || takes_tokens(r->site->config))
		return 0;
	if (keys_count(&r->site->keys, &count, &why) && !count) {
		log_line(LOG_ERROR, "%s", why.message);
		return error_set(&r->error, ERR_STORE, "the keys cannot be read; see the log");
	}
	if (!count)
		return error_set(&r->error, ERR_NOT_CONFIGURED,
				 "This gateway has no client key yet: its owner makes one with "
				 "\"kiroctl key add NAME\"");
	return 0;
}

/* A page that a browser on this machine shows can reach the loopback interface too, also as the
 * host of its own name (DNS rebinding). Pages that an application brings along (app://) are none.
 */
static bool is_foreign_page(struct request *r)
{
	const char *origin = request_header(r, "HTTP_ORIGIN");
	const char *host = request_header(r, "HTTP_HOST");

	if (!origin || r->response.cors_origin ||
	    (strncasecmp(origin, "http:", 5) != 0 && strncasecmp(origin, "https:", 6) != 0 &&
	     strcmp(origin, "null") != 0))
		return false;
	return !host || !peer_is_same_origin(r, origin, host) ||
	       !peer_is_own_name(peer_host_name(r, host));
}

static int check_loopback(struct request *r)
{
	if (peer_is_loopback(r) && is_foreign_page(r))
		return error_set(&r->error, ERR_FORBIDDEN,
				 "auth is \"none\", and this request comes from a page of another "
				 "origin, which cors_origins would have to name");
	if (peer_is_loopback(r))
		return 0;
	return error_set(&r->error, ERR_FORBIDDEN,
			 "auth is \"none\", which serves only clients on the loopback interface");
}

/* No key of this installation was among them. */
static int refuse(struct request *r, const char *const *keys, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (strncmp(keys[i], OWN_CREDENTIALS_PREFIX, strlen(OWN_CREDENTIALS_PREFIX)) == 0)
			return error_set(&r->error, ERR_AUTH,
					 "credentials of your own are no key of this gateway: send "
					 "its key too, as x-api-key or Authorization: Bearer, "
					 "whichever is free");
	}
	if (!count)
		return error_set(&r->error, ERR_AUTH,
				 "no API key: send it as x-api-key or Authorization: Bearer");
	return error_set(&r->error, ERR_AUTH,
			 request_header(r, "HTTP_X_API_KEY") ? "invalid x-api-key"
							     : "Invalid bearer token");
}

#define BIT(guard) (1u << (guard))

/* What each role may, beside what any key may. */
static const unsigned rights[KEY_ROLES] = {
	[KEY_USER] = BIT(CLIENT) | BIT(CHAT),
	[KEY_VIEWER] = BIT(VIEWER),
	[KEY_OPERATOR] = BIT(VIEWER) | BIT(OPERATOR),
	[KEY_ADMIN] = BIT(CLIENT) | BIT(CHAT) | BIT(VIEWER) | BIT(OPERATOR) | BIT(ADMIN),
};

/* The key is known: may it come in now, and here? */
static int check_key(struct request *r, enum guard guard)
{
	char words[LIMIT_ERROR_TEXT];

	if (key_refusal(&r->key, clock_wall(), words))
		return error_set(&r->error, r->key.code.is ? ERR_FORBIDDEN : ERR_AUTH, "%s", words);
	if (guard == HOLDER || rights[r->key.role] & BIT(guard))
		return 0;
	return error_set(&r->error, ERR_FORBIDDEN, "this %s has the role %s, which may not %s",
			 key_noun(&r->key), key_role_names[r->key.role],
			 guard == CLIENT || guard == CHAT ? "use the models" : "do this");
}

static int check_keys(struct request *r, enum guard guard)
{
	const char *keys[AUTH_MAX_KEYS];
	size_t count;

	if (check_configured(r))
		return -1;
	count = auth_keys(r, keys);
	for (size_t i = 0; i < count; i++) {
		int known = is_known(r, keys[i]);

		if (known < 0 || (known && check_key(r, guard)))
			return -1;
		if (known)
			return r->key.code.is ? auth_code(r, keys[i]) : 0;
	}
	/* Last: it walks over all keys. */
	return check_any_key(r) ? -1 : refuse(r, keys, count);
}

int auth_scraper(struct request *r)
{
	const struct secret *token = &r->site->config->metrics_token;
	const char *keys[AUTH_MAX_KEYS];
	size_t count = auth_keys(r, keys);

	if (!secret_present(token)) {
		if (peer_is_loopback(r))
			return 0;
		return error_set(&r->error, ERR_FORBIDDEN,
				 "metrics are for clients on the loopback interface, unless the "
				 "owner sets metrics_token");
	}
	for (size_t i = 0; i < count; i++) {
		if (secret_equal(keys[i], secret_reveal(token)))
			return 0;
	}
	return error_set(&r->error, ERR_AUTH,
			 "metrics_token is wanted as Authorization: Bearer or x-api-key");
}

int auth_enter(struct request *r, enum guard guard)
{
	if (guard == OPEN)
		return 0;
	if (r->site->config->auth == AUTH_NONE && guard <= CHAT)
		return check_loopback(r);
	return check_keys(r, guard);
}
