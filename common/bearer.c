#include "common/base.h"
#include "common/bearer.h"

#include "common/buf.h"
#include "common/json.h"
#include "common/keys.h"
#include "common/limits.h"
#include "common/secret.h"

#include <jwt.h>

#define GRACE	 60 /* seconds that two clocks may differ */
#define LEAST_HS 32 /* bytes of an HS256 key: as long as its hash (RFC 7518, 3.2) */

static const jwt_alg_t algorithms[] = { JWT_ALG_HS256, JWT_ALG_RS256 }; /* as jwt.algorithm */

bool bearer_is_token(const char *text)
{
	const char *first = strchr(text, '.');
	const char *second = first ? strchr(first + 1, '.') : NULL;

	return strncmp(text, "eyJ", 3) == 0 && second && !strchr(second + 1, '.');
}

/* An RSA private key would do for checking, and has no place here; nor has a key that can be
 * guessed. */
static int check_key(const struct config *config, const struct buf *key, struct error *e)
{
	const bool rsa = algorithms[config->jwt_algorithm] == JWT_ALG_RS256;

	if (rsa && !strstr(key->at, "-----BEGIN PUBLIC KEY-----"))
		return error_set(e, ERR_CONFIG,
				 "jwt.key_file: %s holds no PEM public key, which RS256 needs",
				 config->jwt_key_file);
	if (!rsa && strstr(key->at, "-----BEGIN "))
		return error_set(e, ERR_CONFIG,
				 "jwt.key_file: %s holds a PEM key, which is no secret for HS256",
				 config->jwt_key_file);
	if (!rsa && key->len < LEAST_HS)
		return error_set(e, ERR_CONFIG,
				 "jwt.key_file: %s: an HS256 key has at least %d bytes",
				 config->jwt_key_file, LEAST_HS);
	return 0;
}

static int read_key(const struct config *config, struct buf *key, struct error *e)
{
	if (buf_read_file(key, config->jwt_key_file))
		return error_set(e, ERR_CONFIG, "jwt.key_file: cannot read %s: %s",
				 config->jwt_key_file, strerror(errno));
	while (key->len && strchr("\r\n", key->at[key->len - 1]))
		key->at[--key->len] = '\0';
	return check_key(config, key, e);
}

static bool has_audience(const cJSON *claims, const char *wanted)
{
	const cJSON *aud = json_member(claims, "aud"), *one;

	if (cJSON_IsString(aud))
		return strcmp(aud->valuestring, wanted) == 0;
	cJSON_ArrayForEach (one, aud) {
		if (cJSON_IsString(one) && strcmp(one->valuestring, wanted) == 0)
			return true;
	}
	return false;
}

/* What is wrong with the claims; NULL: nothing. */
static const char *check_claims(const struct config *config, const cJSON *claims, int64_t now)
{
	double exp = json_number_or(claims, "exp", 0), nbf = json_number_or(claims, "nbf", 0);
	const char *sub = json_text_or(claims, "sub", "");

	if (json_member(claims, "nbf") && !cJSON_IsNumber(json_member(claims, "nbf")))
		return "its nbf is no number";
	if (!(exp > 0))
		return "it has no exp";
	if (exp + GRACE <= (double)now)
		return "it has expired";
	if (nbf - GRACE > (double)now)
		return "it is not valid yet (nbf)";
	if (*config->jwt_issuer && strcmp(json_text_or(claims, "iss", ""), config->jwt_issuer) != 0)
		return "its iss is not jwt.issuer";
	if (*config->jwt_audience && !has_audience(claims, config->jwt_audience))
		return "its aud is not jwt.audience";
	return *sub ? NULL : "it has no sub";
}

/* A role that nobody knows gives no rights by accident: it is refused. */
static const char *read_role(const struct config *config, const cJSON *claims, struct key *out)
{
	const cJSON *claim = json_member(claims, config->jwt_role_claim);
	int role = KEY_USER;

	if (claim)
		role = cJSON_IsString(claim)
			       ? key_name_index(key_role_names, KEY_ROLES, claim->valuestring)
			       : -1;
	if (role < 0)
		return "its role claim is none of user, viewer, operator, admin";
	out->role = (enum key_role)role;
	return NULL;
}

/* One person is one key: the same sub of another issuer is somebody else. */
static void name_key(const cJSON *claims, struct key *out)
{
	const char *sub = json_text_or(claims, "sub", "");
	char hash[SECRET_HASH_SIZE];
	struct buf who;

	buf_init(&who, MB(1));
	buf_add_format(&who, "%s\n%s", json_text_or(claims, "iss", ""), sub);
	secret_hash(who.at, hash);
	buf_release(&who);
	snprintf(out->id, sizeof(out->id), "jwt_%.16s", hash);
	snprintf(out->prefix, sizeof(out->prefix), "jwt");
	snprintf(out->name, sizeof(out->name), "%s", sub);
	for (char *at = out->name; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7F || *at & 0x80)
			*at = '?';
	}
}

static int take_limits(const struct config *config, const struct store *keys, struct key *out,
		       struct error *e)
{
	const char *name = config->jwt_limits_of;
	int rc = !*name ? 1 : !keys ? 0 : keys_named(keys, name, out, e);

	if (rc == 0)
		return error_set(e, ERR_CONFIG, "jwt.limits_of: no key is called %.80s", name);
	out->expires_at = out->revoked_at = out->ends_at = 0; /* of the template, not of this one */
	out->code = (struct code){ .is = false };
	return rc < 0 ? -1 : 0;
}

static const char *verify(const struct config *config, const struct buf *key, const char *text,
			  cJSON **claims)
{
	const unsigned char *bytes = (const unsigned char *)key->at;
	jwt_t *jwt = NULL;
	struct error why = { 0 };
	char *json;

	if (jwt_decode(&jwt, text, bytes, (int)key->len) != 0)
		return "its signature is not ours";
	if (jwt_get_alg(jwt) != algorithms[config->jwt_algorithm]) {
		jwt_free(jwt);
		return "it is signed by another algorithm than jwt.algorithm";
	}
	json = jwt_get_grants_json(jwt, NULL);
	*claims = json ? json_parse(span_of(json), &why) : NULL;
	free(json);
	jwt_free(jwt);
	return *claims ? NULL : "its claims cannot be read";
}

int bearer_read(const struct config *config, const struct store *keys, const char *text,
		int64_t now, struct key *out, struct bearer_refusal *refusal, struct error *e)
{
	cJSON *claims = NULL;
	const char *why = NULL;
	struct buf key;
	int rc;

	*out = (struct key){ .role = KEY_USER };
	buf_init(&key, LIMIT_SECRET_FILE);
	rc = read_key(config, &key, e);
	if (!rc)
		why = verify(config, &key, text, &claims);
	buf_wipe(&key);
	if (!rc && !why)
		why = check_claims(config, claims, now);
	if (!rc && !why)
		rc = take_limits(config, keys, out, e);
	if (!rc && !why)
		why = read_role(config, claims, out);
	if (!rc && !why)
		name_key(claims, out);
	*refusal = (struct bearer_refusal){ .why = why, .genuine = claims != NULL };
	cJSON_Delete(claims);
	return rc ? -1 : !why;
}
