#include "common/base.h"
#include "common/error.h"

#include <sysexits.h>

#define INVALID "invalid_request_error"

/* clang-format off */
const struct error_row error_kinds[ERR_KINDS] = {
	/*                      name             status Anthropic type           OpenAI type           OpenAI code                client other  account */
	/*                                                                                                                        retries account */
	[ERR_NONE]	     = { "none",           200, "",                      "",                   NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_REQUEST]	     = { "request",        400, INVALID,                 INVALID,              NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_CONTEXT]	     = { "context",        400, INVALID,                 INVALID,              "context_length_exceeded", false, false, ACCOUNT_KEEP },
	[ERR_AUTH]	     = { "auth",           401, "authentication_error",  INVALID,              "invalid_api_key",         false, false, ACCOUNT_KEEP },
	[ERR_FORBIDDEN]	     = { "forbidden",      403, "permission_error",      INVALID,              "permission_denied",       false, false, ACCOUNT_KEEP },
	[ERR_NOT_FOUND]	     = { "not_found",      404, "not_found_error",       INVALID,              "not_found",               false, false, ACCOUNT_KEEP },
	[ERR_MODEL]	     = { "model",          404, "not_found_error",       INVALID,              "model_not_found",         false, true,  ACCOUNT_KEEP },
	[ERR_METHOD]	     = { "method",         405, INVALID,                 INVALID,              "method_not_allowed",      false, false, ACCOUNT_KEEP },
	[ERR_TOO_LARGE]	     = { "too_large",      413, "request_too_large",     INVALID,              "request_too_large",       false, false, ACCOUNT_KEEP },
	[ERR_KEY_RATE]	     = { "key_rate",       429, "rate_limit_error",      "rate_limit_error",   "rate_limit_exceeded",     true,  false, ACCOUNT_KEEP },
	[ERR_KEY_LIMIT]	     = { "key_limit",      429, "rate_limit_error",      "rate_limit_error",   "rate_limit_exceeded",     false, false, ACCOUNT_KEEP },
	[ERR_KEY_BUDGET]     = { "key_budget",     402, "billing_error",         "insufficient_quota", "insufficient_quota",      false, false, ACCOUNT_KEEP },
	[ERR_KEY_UNSURE]     = { "key_unsure",     503, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_STALE]	     = { "stale",          412, INVALID,                 INVALID,              "stale",                   false, false, ACCOUNT_KEEP },
	[ERR_LOCKED]	     = { "locked",         429, "rate_limit_error",      "rate_limit_error",   "locked",                  false, false, ACCOUNT_KEEP },

	[ERR_INTERNAL]	     = { "internal",       500, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_CONFIG]	     = { "config",         500, "api_error",             "server_error",       NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_STORE]	     = { "store",          500, "api_error",             "server_error",       NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_NOT_CONFIGURED] = { "not_configured", 503, "api_error",             "server_error",       NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_NO_ACCOUNT]     = { "no_account",     503, "api_error",             "server_error",       NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_BUSY]	     = { "busy",           529, "overloaded_error",      "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },

	[ERR_UP_TOKEN]	     = { "up_token",       403, "permission_error",      "server_error",       "account_refused",         false, true,  ACCOUNT_REFRESH },
	[ERR_UP_DENIED]	     = { "up_denied",      403, "permission_error",      "server_error",       "account_refused",         false, true,  ACCOUNT_KEEP },
	[ERR_UP_REFUSED]     = { "up_refused",     403, "permission_error",      "server_error",       "account_refused",         false, true,  ACCOUNT_REFUSE },
	[ERR_UP_SUSPENDED]   = { "up_suspended",   403, "permission_error",      "server_error",       "account_suspended",       false, true,  ACCOUNT_SUSPEND },
	[ERR_UP_QUOTA]	     = { "up_quota",       429, "billing_error",         "insufficient_quota", "insufficient_quota",      false, true,  ACCOUNT_EXHAUST },
	[ERR_UP_RATE]	     = { "up_rate",        429, "rate_limit_error",      "rate_limit_error",   "rate_limit_exceeded",     true,  true,  ACCOUNT_COOL },
	[ERR_UP_CAPACITY]    = { "up_capacity",    529, "overloaded_error",      "server_error",       "overloaded",              true,  false, ACCOUNT_KEEP },
	[ERR_UP_OVERLOAD]    = { "up_overload",    529, "overloaded_error",      "server_error",       "overloaded",              true,  true,  ACCOUNT_KEEP },
	[ERR_UP_INVALID]     = { "up_invalid",     400, INVALID,                 INVALID,              NULL,                      false, false, ACCOUNT_KEEP },
	[ERR_UP_NETWORK]     = { "up_network",     502, "api_error",             "server_error",       NULL,                      true,  true,  ACCOUNT_KEEP },
	[ERR_UP_TIMEOUT]     = { "up_timeout",     504, "timeout_error",         "server_error",       "timeout",                 true,  false, ACCOUNT_KEEP },
	[ERR_UP_DAMAGED]     = { "up_damaged",     502, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_UP_TRUNCATED]   = { "up_truncated",   502, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_UP_EMPTY]	     = { "up_empty",       502, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_UP_UNMET]	     = { "up_unmet",       502, "api_error",             "server_error",       NULL,                      true,  false, ACCOUNT_KEEP },
	[ERR_LOGIN]	     = { "login",          403, "permission_error",      "server_error",       "account_login_required",  false, true,  ACCOUNT_INVALID },

	[ERR_GONE]	     = { "gone",           499, "api_error",             "server_error",       NULL,                      false, false, ACCOUNT_KEEP },
};
/* clang-format on */

void error_clear(struct error *e)
{
	*e = (struct error){ .kind = ERR_NONE };
}

const struct error_row *error_row(const struct error *e)
{
	return &error_kinds[e->kind];
}

/* A cut in the middle of a UTF-8 character would make the error reply invalid JSON. */
static void drop_partial_character(char *text)
{
	size_t len = strlen(text), back = 0;

	while (back < len && back < 4 && ((unsigned char)text[len - 1 - back] & 0xC0) == 0x80)
		back++;
	if (back < len && ((unsigned char)text[len - 1 - back] & 0xC0) == 0xC0) {
		unsigned char lead = (unsigned char)text[len - 1 - back];
		size_t want = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;

		if (back < want)
			text[len - 1 - back] = '\0';
	}
}

int error_set(struct error *e, enum error_kind kind, const char *format, ...)
{
	va_list args;

	if (e->kind != ERR_NONE)
		return -1;
	e->kind = kind;
	va_start(args, format);
	vsnprintf(e->message, sizeof(e->message), format, args);
	va_end(args);
	drop_partial_character(e->message);
	return -1;
}

int error_field(struct error *e, const char *field, const char *format, ...)
{
	char text[LIMIT_ERROR_TEXT];
	va_list args;

	if (e->kind != ERR_NONE)
		return -1;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(e->field, sizeof(e->field), "%s", field);
	drop_partial_character(e->field);
	return error_set(e, ERR_REQUEST, "%s: %s", field, text);
}

int error_exit_code(const struct error *e)
{
	switch (e->kind) {
	case ERR_NONE:
		return EX_OK;
	case ERR_REQUEST:
	case ERR_NOT_FOUND:
		return EX_DATAERR;
	case ERR_CONFIG:
	case ERR_NOT_CONFIGURED:
		return EX_CONFIG;
	case ERR_STORE:
		return EX_IOERR;
	case ERR_UP_NETWORK:
	case ERR_UP_TIMEOUT:
	case ERR_UP_OVERLOAD:
	case ERR_UP_RATE:
		return EX_TEMPFAIL;
	case ERR_UP_TOKEN:
	case ERR_UP_DENIED:
	case ERR_UP_REFUSED:
	case ERR_UP_SUSPENDED:
	case ERR_LOGIN:
		return EX_NOPERM;
	default:
		return EX_SOFTWARE;
	}
}
