#include "common/base.h"
#include "common/bearer.h"
#include "common/keys.h"
#include "common/limits.h"
#include "tests/unit/jwt.h"
#include "tests/unit/scratch.h"

#include <CUnit/CUnit.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#define NOW    INT64_C(1795255200)
#define SECRET "0123456789abcdef0123456789abcdef"
#define HS256  JWT_HS256
#define RS256  "{\"alg\":\"RS256\",\"typ\":\"JWT\"}"
#define GOOD   "{\"sub\":\"ann\",\"exp\":1795255300}"

static char empty[] = "", role_claim[] = "role";
static char dir[SCRATCH_SIZE], key_file[SCRATCH_SIZE + 16], pem[4096];
static struct config config;
static struct store keys;
static struct key key;
static struct error e;
static struct bearer_refusal refusal;
static EVP_PKEY *rsa;

static void begin(int algorithm, const char *secret)
{
	scratch_store(dir, "keys", &keys);
	snprintf(key_file, sizeof(key_file), "%s/key", dir);
	scratch_write(key_file, secret, strlen(secret));
	config = (struct config){ .state_dir = dir,
				  .jwt_key_file = key_file,
				  .jwt_algorithm = algorithm,
				  .jwt_issuer = empty,
				  .jwt_audience = empty,
				  .jwt_role_claim = role_claim,
				  .jwt_limits_of = empty };
}

static void end(void)
{
	store_close(&keys);
	scratch_remove(dir);
}

static void sign_rsa(struct buf *token)
{
	EVP_MD_CTX *x = EVP_MD_CTX_new();
	unsigned char signature[512];
	size_t len = sizeof(signature);

	CU_ASSERT_EQUAL(EVP_DigestSignInit(x, NULL, EVP_sha256(), NULL, rsa), 1);
	CU_ASSERT_EQUAL(EVP_DigestSign(x, signature, &len, (unsigned char *)token->at, token->len),
			1);
	EVP_MD_CTX_free(x);
	buf_add_char(token, '.');
	jwt_add_part(token, signature, len);
}

/* secret NULL: by the RSA key; "": not at all. */
static int read_token(const char *header, const char *claims, const char *secret)
{
	struct buf token;
	int rc;

	buf_init(&token, KB(8));
	jwt_begin(&token, header, claims);
	if (!secret)
		sign_rsa(&token);
	else if (*secret)
		jwt_sign(&token, secret);
	else
		buf_add_char(&token, '.');
	error_clear(&e);
	CU_ASSERT_TRUE(bearer_is_token(token.at));
	rc = bearer_read(&config, &keys, token.at, NOW, &key, &refusal, &e);
	buf_release(&token);
	return rc;
}

static void make_rsa(void)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int len;

	rsa = EVP_RSA_gen(2048);
	PEM_write_bio_PUBKEY(bio, rsa);
	len = BIO_read(bio, pem, sizeof(pem) - 1);
	pem[len > 0 ? len : 0] = '\0';
	BIO_free(bio);
}

static void a_good_token_is_a_key_of_its_subject(void)
{
	char id[KEY_ID_SIZE];

	begin(0, SECRET "\n");
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, SECRET), 1);
	CU_ASSERT_STRING_EQUAL(key.name, "ann");
	CU_ASSERT_EQUAL(key.role, KEY_USER);
	CU_ASSERT_EQUAL(strncmp(key.id, "jwt_", 4), 0);
	CU_ASSERT_EQUAL(strlen(key.id), 20);
	memcpy(id, key.id, sizeof(id));
	CU_ASSERT_EQUAL(read_token(HS256, "{\"sub\":\"bob\",\"exp\":1795255300}", SECRET), 1);
	CU_ASSERT_STRING_NOT_EQUAL(key.id, id);
	CU_ASSERT_EQUAL(read_token(HS256,
				   "{\"sub\":\"ann\",\"exp\":1795255999,\"role\":\"viewer\"}",
				   SECRET),
			1);
	CU_ASSERT_STRING_EQUAL(key.id, id);
	CU_ASSERT_EQUAL(key.role, KEY_VIEWER);
	end();
}

static void claims_decide(void)
{
	static const struct {
		const char *claims;
		int good;
	} rows[] = {
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\"}", 1 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":[\"x\",\"us\"]}", 1 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":[\"x\"]}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\"}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"you\",\"aud\":\"us\"}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"aud\":\"us\"}", 0 },
		{ "{\"sub\":\"a\",\"iss\":\"me\",\"aud\":\"us\"}", 0 },
		{ "{\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\"}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255141,\"iss\":\"me\",\"aud\":\"us\"}", 1 },
		{ "{\"sub\":\"a\",\"exp\":1795255140,\"iss\":\"me\",\"aud\":\"us\"}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\",\"nbf\":"
		  "1795255260}",
		  1 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\",\"nbf\":"
		  "1795255261}",
		  0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\",\"nbf\":\"0\"}",
		  0 },
		{ "{\"sub\":\"a\",\"exp\":\"1795255300\",\"iss\":\"me\",\"aud\":\"us\"}", 0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\",\"role\":"
		  "\"root\"}",
		  0 },
		{ "{\"sub\":\"a\",\"exp\":1795255300,\"iss\":\"me\",\"aud\":\"us\",\"role\":["
		  "\"admin\"]}",
		  0 },
	};

	begin(0, SECRET);
	config.jwt_issuer = (char[]){ "me" };
	config.jwt_audience = (char[]){ "us" };
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int got = read_token(HS256, rows[i].claims, SECRET);

		CU_ASSERT_EQUAL(got, rows[i].good);
		CU_ASSERT_EQUAL(refusal.why == NULL, rows[i].good);
		CU_ASSERT_TRUE(refusal.genuine);
		if (got != rows[i].good)
			fprintf(stderr, "%s: %d %s\n", rows[i].claims, got,
				refusal.why ? refusal.why : e.message);
	}
	end();
}

static void no_other_algorithm_comes_in(void)
{
	static const char *const none[] = { "{\"alg\":\"none\"}", "{\"alg\":\"None\"}",
					    "{\"typ\":\"JWT\"}", "{\"alg\":\"\"}" };

	make_rsa();
	for (int algorithm = 0; algorithm < 2; algorithm++) {
		begin(algorithm, algorithm ? pem : SECRET);
		for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
			CU_ASSERT_EQUAL(read_token(none[i], GOOD, ""), 0);
			CU_ASSERT_EQUAL(read_token(none[i], GOOD, SECRET), 0);
			CU_ASSERT_FALSE(refusal.genuine);
		}
		CU_ASSERT_EQUAL(read_token("{\"alg\":\"HS512\"}", GOOD, SECRET), 0);
		CU_ASSERT_EQUAL(read_token(HS256, GOOD, "another secret of 32 bytes, and more"), 0);
		CU_ASSERT_FALSE(refusal.genuine);
		end();
	}
	begin(1, pem);
	CU_ASSERT_EQUAL(read_token(RS256, GOOD, NULL), 1);
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, pem), 0); /* the public key as a secret */
	pem[strlen(pem) - 1] = '\0';
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, pem), 0);
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, NULL), 0);
	end();
	EVP_PKEY_free(rsa);
}

static void a_key_that_does_not_fit_is_told(void)
{
	make_rsa();
	begin(0, pem);
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, pem), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_CONFIG);
	end();
	begin(0, "too short");
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, "too short"), -1);
	end();
	begin(1, SECRET);
	CU_ASSERT_EQUAL(read_token(RS256, GOOD, SECRET), -1);
	config.jwt_key_file = (char[]){ "/nonexistent/key" };
	CU_ASSERT_EQUAL(read_token(RS256, GOOD, SECRET), -1);
	CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "/nonexistent/key"));
	end();
	EVP_PKEY_free(rsa);
}

static void limits_are_those_of_the_named_key(void)
{
	struct key template = { .models = "claude-haiku-*", .max_streams = 3, .role = KEY_ADMIN };
	char text[KEY_TEXT_SIZE] = "";

	begin(0, SECRET);
	template.limits[MEASURE_REQUESTS][WINDOW_DAY] = 7;
	CU_ASSERT_EQUAL(keys_add(&keys, "staff", &template, text, &e), 0);
	config.jwt_limits_of = (char[]){ "staff" };
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, SECRET), 1);
	CU_ASSERT_STRING_EQUAL(key.models, "claude-haiku-*");
	CU_ASSERT_EQUAL(key.limits[MEASURE_REQUESTS][WINDOW_DAY], 7);
	CU_ASSERT_EQUAL(key.max_streams, 3);
	CU_ASSERT_EQUAL(key.role, KEY_USER); /* the token's own */
	CU_ASSERT_STRING_EQUAL(key.name, "ann");
	config.jwt_limits_of = (char[]){ "nobody" };
	CU_ASSERT_EQUAL(read_token(HS256, GOOD, SECRET), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_CONFIG);
	end();
}

static void other_texts_are_no_tokens(void)
{
	static const char *const texts[] = { "", "kiro-abc", "eyJ", "eyJ.x", "a.b.c", "eyJ.a.b.c" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		CU_ASSERT_FALSE(bearer_is_token(texts[i]));
}

CU_TestInfo bearer_tests[] = {
	{ "a_good_token_is_a_key_of_its_subject", a_good_token_is_a_key_of_its_subject },
	{ "claims_decide", claims_decide },
	{ "no_other_algorithm_comes_in", no_other_algorithm_comes_in },
	{ "a_key_that_does_not_fit_is_told", a_key_that_does_not_fit_is_told },
	{ "limits_are_those_of_the_named_key", limits_are_those_of_the_named_key },
	{ "other_texts_are_no_tokens", other_texts_are_no_tokens },
	CU_TEST_INFO_NULL,
};
