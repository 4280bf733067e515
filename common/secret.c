#include "common/base.h"
#include "common/secret.h"

#include "common/digest.h"
#include "common/hex.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <sys/prctl.h>

#define SHORTEST_KEY 16

static const char *const well_known[] = {
	"123456",
	"12345678",
	"123456789",
	"1234567890123456",
	"changeme",
	"change-me",
	"change-this",
	"password",
	"secret",
	"admin",
	"admin123",
	"test",
	"token",
	"kiro",
	"kiro2api",
	"your-api-key",
	"your_api_key",
	"your-secret",
	"your-client-token",
	"sk-123456",
	"your-secure-random-token",
	"my-super-secret-password-123",
	"change-me-to-a-long-value",
};

void secret_set(struct secret *s, const char *text)
{
	char *copy = text && *text ? xstrdup(text) : NULL;

	secret_release(s);
	s->hidden = copy;
}

void secret_release(struct secret *s)
{
	secret_free(s->hidden);
	s->hidden = NULL;
}

void secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

bool secret_present(const struct secret *s)
{
	return s->hidden != NULL;
}

const char *secret_reveal(const struct secret *s)
{
	return s->hidden ? s->hidden : "";
}

const char *secret_mask(const struct secret *s, char out[static SECRET_MASK_SIZE])
{
	size_t len = s->hidden ? strlen(s->hidden) : 0;
	int shown = len < 16 ? 0 : 4;

	if (!len)
		snprintf(out, SECRET_MASK_SIZE, "-");
	else
		snprintf(out, SECRET_MASK_SIZE, "%.*s...(%zu)", shown, s->hidden, len);
	return out;
}

bool secret_equal(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t len = a_len < b_len ? a_len : b_len;

	return (CRYPTO_memcmp(a, b, len) == 0) & (a_len == b_len);
}

void secret_hash(const char *text, char out[static SECRET_HASH_SIZE])
{
	unsigned char digest[DIGEST_SIZE];

	digest_sha256(span_of(text), digest);
	hex_write(digest, sizeof(digest), out);
}

bool secret_is_strong(const char *text, const char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(well_known); i++) {
		if (strcasecmp(text, well_known[i]) == 0) {
			*why = "is a published example value";
			return false;
		}
	}
	if (strlen(text) < SHORTEST_KEY) {
		*why = "is shorter than 16 characters";
		return false;
	}
	return true;
}

void secret_scrub(char *text, const struct secret *s)
{
	size_t len = s->hidden ? strlen(s->hidden) : 0;

	if (len < 8)
		return;
	for (char *at = text; (at = strstr(at, s->hidden)); at += len)
		memset(at, '*', len);
}

/* Unlike a limit of 0 this also holds where core_pattern is a program. */
void secret_keep_from_cores(void)
{
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Bytes of the credential that begins here; 0: none does. A name has no digits and capitals and
 * small letters at once, as random characters do; an activation code may have one kind alone. */
static size_t credential(const char *at)
{
	static const char *const begins[] = { "kiro-", "ksk_", "sk-", "aoa", "aor", "eyJ", "$y$" };
	static const char small[] = "abcdefghijklmnopqrstuvwxyz", digits[] = "0123456789",
			  capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strspn(at, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789_-.+/=$:");
	bool known = false;

	for (size_t i = 0; i < ARRAY_SIZE(begins); i++)
		known |= strncmp(at, begins[i], strlen(begins[i])) == 0;
	if (len >= 20 && strncasecmp(at, "act-", 4) == 0)
		return len;
	if (!known || len < 20 || strcspn(at, small) >= len || strcspn(at, capitals) >= len ||
	    strcspn(at, digits) >= len)
		return 0;
	return len;
}

void secret_hide(char *text)
{
	static const char hidden[] = "[hidden]";
	char *out = text, before = ' ';

	for (const char *at = text; *at;) {
		size_t len = isalnum((unsigned char)before) ? 0 : credential(at);

		before = *at;
		if (!len) {
			*out++ = *at++;
			continue;
		}
		memcpy(out, hidden, strlen(hidden)); /* shorter than what it stands for */
		out += strlen(hidden);
		at += len;
	}
	*out = '\0';
}
