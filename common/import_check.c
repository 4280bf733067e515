#include "common/base.h"
#include "common/import_entry.h"

#include "common/region.h"

#include <ctype.h>

#define TOKEN_MIN 20 /* shorter ones are examples or were cut */

static int refuse(char reason[static IMPORT_REASON_SIZE], const char *field, const char *text)
{
	snprintf(reason, IMPORT_REASON_SIZE, "%s: %s", field, text);
	return -1;
}

/* arn:aws:codewhisperer:<region>:<account>:profile/<id> */
static bool is_profile_arn(const char *text)
{
	const char *at = text, *region = NULL;

	if (strncmp(text, "arn:aws", 7) != 0 || strpbrk(text, " \t\r\n\"\\"))
		return false;
	for (int field = 0; field < 5; field++) {
		at = strchr(at, ':');
		if (!at)
			return false;
		at++;
		if (field == 2)
			region = at;
	}
	return region_valid(region, strcspn(region, ":")) && strncmp(at, "profile/", 8) == 0;
}

static bool is_proxy(const char *text)
{
	static const char *const schemes[] = { "http://", "https://", "socks5://", "socks5h://" };

	if (strcmp(text, "direct") == 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		size_t len = strlen(schemes[i]);

		if (strncasecmp(text, schemes[i], len) == 0)
			return text[len] && !strpbrk(text, " \t\r\n");
	}
	return false;
}

/* Goes into a header or a JSON text of a request: visible ASCII only. */
static bool is_clean(const char *text)
{
	for (; *text; text++) {
		if (*text <= 0x20 || *text >= 0x7F)
			return false;
	}
	return true;
}

static int check_token(const struct secret *s, const char *field,
		       char reason[static IMPORT_REASON_SIZE])
{
	const char *text = secret_reveal(s);

	if (!secret_present(s))
		return 0;
	if (strstr(text, "...") || strstr(text, "\xE2\x80\xA6"))
		return refuse(reason, field,
			      "is masked (it holds \"...\"): export it with its secrets");
	if (!is_clean(text))
		return refuse(reason, field, "holds blanks or characters that no token has");
	return 0;
}

static int check_length(const struct secret *s, const char *field,
			char reason[static IMPORT_REASON_SIZE])
{
	if (strlen(secret_reveal(s)) >= TOKEN_MIN)
		return 0;
	return refuse(reason, field, "is shorter than 20 characters: an example, or cut");
}

static int check_tokens(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	return check_token(&a->refresh_token, "refreshToken", reason) ||
			       check_token(&a->access_token, "accessToken", reason) ||
			       check_token(&a->client_secret, "clientSecret", reason) ||
			       check_token(&a->api_key, "apiKey", reason)
		       ? -1
		       : 0;
}

/* What an account of its kind cannot be renewed without. */
static int check_kind(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	if (a->kind == KIND_API_KEY) {
		if (!secret_present(&a->api_key))
			return refuse(reason, "apiKey", "is missing");
		return check_length(&a->api_key, "apiKey", reason);
	}
	if (!secret_present(&a->refresh_token))
		return refuse(reason, "refreshToken",
			      "is missing (an access token alone ends within the hour)");
	if (check_length(&a->refresh_token, "refreshToken", reason))
		return -1;
	if (a->kind == KIND_SOCIAL)
		return 0;
	if (!a->client_id)
		return refuse(reason, "clientId", "is missing, this kind of login needs it");
	if (a->kind == KIND_IDC && !secret_present(&a->client_secret))
		return refuse(reason, "clientSecret", "is missing, this kind of login needs it");
	if (a->kind == KIND_EXTERNAL_IDP && !a->token_endpoint)
		return refuse(reason, "tokenEndpoint", "is missing, this kind of login needs it");
	return 0;
}

bool import_label_good(const char *text)
{
	while (*text && (unsigned char)*text >= 0x20 && *text != 0x7F)
		text++;
	return !*text;
}

static int check_places(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	if (a->label && !import_label_good(a->label))
		return refuse(reason, "label", "has control characters");
	if (a->region && !region_valid(a->region, strlen(a->region)))
		return refuse(reason, "region", "is not a region such as us-east-1");
	if (a->auth_region && !region_valid(a->auth_region, strlen(a->auth_region)))
		return refuse(reason, "authRegion", "is not a region such as us-east-1");
	if (a->profile_arn && !is_profile_arn(a->profile_arn))
		return refuse(reason, "profileArn",
			      "is not of the form arn:aws:codewhisperer:REGION:ACCOUNT:profile/ID");
	if (a->token_endpoint &&
	    (strncmp(a->token_endpoint, "https://", 8) != 0 || !is_clean(a->token_endpoint)))
		return refuse(reason, "tokenEndpoint", "must be an https:// URL");
	if (a->client_id && !is_clean(a->client_id))
		return refuse(reason, "clientId", "holds blanks or characters that no id has");
	if (a->proxy_url && !is_proxy(a->proxy_url))
		return refuse(reason, "proxyUrl",
			      "must be direct, or begin with http://, "
			      "https://, socks5:// or socks5h://");
	if (a->upstream && strcmp(a->upstream, "krs") != 0 && strcmp(a->upstream, "rts") != 0)
		return refuse(reason, "upstream", "must be krs or rts");
	return 0;
}

int import_check(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	reason[0] = '\0';
	return check_tokens(a, reason) || check_kind(a, reason) || check_places(a, reason) ? -1 : 0;
}

/* Nothing is renewed for a request: the token itself must be there. */
static int check_bearer(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	if (a->kind == KIND_API_KEY)
		return check_kind(a, reason);
	if (!secret_present(&a->access_token))
		return refuse(reason, "accessToken",
			      "is missing, and nothing is renewed for a request");
	return check_length(&a->access_token, "accessToken", reason);
}

int import_check_to_send(const struct account *a, char reason[static IMPORT_REASON_SIZE])
{
	reason[0] = '\0';
	return check_tokens(a, reason) || check_bearer(a, reason) || check_places(a, reason) ? -1
											     : 0;
}

char *import_machine_id(const char *text)
{
	char hex[65];
	size_t len = 0;

	for (; *text; text++) {
		if (*text == '-')
			continue;
		if (!isxdigit((unsigned char)*text) || len == 64)
			return NULL;
		hex[len++] = (char)tolower((unsigned char)*text);
	}
	if (len == 32) {
		memcpy(hex + 32, hex, 32);
		len = 64;
	}
	return len == 64 ? xstrndup(hex, len) : NULL;
}
