#include "common/base.h"
#include "common/up_error.h"

#include "common/json.h"

#include <fnmatch.h>

enum subject { BY_REASON, BY_TYPE, BY_MESSAGE, BY_STATUS, SUBJECTS };

/* What clients look for in an error text: Claude Code compacts the conversation, strips thinking,
 * images or documents when it finds these words, and retries. Where there
 * are no such words its contract with gateways, "capability_rejected: CLASS", stands in the text.
 */
#define TOO_LONG      "prompt is too long: "
#define BAD_SIGNATURE "Invalid `signature` in `thinking` block: "
#define BAD_IMAGE     "Could not process image: "
#define NO_DOCUMENTS  "this model does not support PDF input: "
/* Also for a file that is too long or locked: else it would stay in the conversation for ever. */
#define BAD_DOCUMENT "the upstream does not support PDF input like this: "

/* For the operator, who reads it in the account's state. */
#define NO_RIGHT   "the account has no right to this service: "
#define NO_PLAN	   "the account's plan does not cover this use: "
#define NO_PROFILE "the account needs a profile (kiroctl account add --profile-arn): "
#define NO_OVERAGE "the account's allowance and its overage are used up: "

/*
 * The first row that fits decides. Patterns are those of fnmatch, case is ignored. Types that say
 * little (an AccessDeniedException may be a dead token or a locked account) stand behind the
 * messages, so that those are asked first.
 */
/* clang-format off */
static const struct rule {
	enum subject by;
	const char *pattern;
	enum error_kind kind;
	const char *prefix; /* before upstream's own words, NULL: none */
} rules[] = {
	{ BY_REASON,  "CONTENT_LENGTH_EXCEEDS_THRESHOLD",	ERR_CONTEXT,	  TOO_LONG },
	{ BY_REASON,  "PROMPT_TOO_LONG",			ERR_CONTEXT,	  TOO_LONG },
	{ BY_REASON,  "REQUEST_BODY_INVALID",			ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "REQUEST_BODY_INVALID_JSON",		ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "INVALID_MODEL_ID",			ERR_MODEL,	  NULL },
	{ BY_REASON,  "INVALID_CONVERSATION_ID",		ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "INVALID_KMS_GRANT",			ERR_UP_DENIED,	  NULL },
	{ BY_REASON,  "TOOL_SCHEMA_INVALID",			ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "TOOL_DUPLICATE",				ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "TOOL_CONFIG_MISSING",			ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "TOOL_USE_RESULT_MISMATCH",		ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "THINKING_SIGNATURE_INVALID",		ERR_UP_INVALID,	  BAD_SIGNATURE },
	{ BY_REASON,  "IMAGE_COUNT_EXCEEDED",			ERR_UP_INVALID,	  BAD_IMAGE },
	{ BY_REASON,  "IMAGE_DIMENSION_EXCEEDED",		ERR_UP_INVALID,	  BAD_IMAGE },
	{ BY_REASON,  "IMAGE_SIZE_EXCEEDED",			ERR_UP_INVALID,	  BAD_IMAGE },
	{ BY_REASON,  "IMAGE_FORMAT_UNSUPPORTED",		ERR_UP_INVALID,	  BAD_IMAGE },
	{ BY_REASON,  "IMAGE_MIME_MISMATCH",			ERR_UP_INVALID,	  BAD_IMAGE },
	{ BY_REASON,  "DOCUMENT_COUNT_EXCEEDED",		ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "DOCUMENT_SIZE_EXCEEDED",			ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "DOCUMENT_MAXIMUM_PAGES_EXCEEDED",	ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "DOCUMENT_DUPLICATE_NAME",		ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "DOCUMENT_MODEL_NOT_SUPPORTED",		ERR_UP_INVALID,	  NO_DOCUMENTS },
	{ BY_REASON,  "DOCUMENT_PASSWORD_PROTECTED",		ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "INVALID_DOCUMENT_NAME",			ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "DISALLOWED_FILE_TYPE",			ERR_UP_INVALID,	  BAD_DOCUMENT },
	{ BY_REASON,  "UNSUPPORTED_LANGUAGE",			ERR_UP_INVALID,	  NULL },
	{ BY_REASON,  "TEMPORARILY_SUSPENDED",			ERR_UP_SUSPENDED, NULL },
	{ BY_REASON,  "FEATURE_NOT_SUPPORTED",			ERR_UP_DENIED,	  NULL },
	{ BY_REASON,  "UNAUTHORIZED_*_ACCESS",			ERR_UP_DENIED,	  NULL },
	{ BY_REASON,  "MONTHLY_REQUEST_COUNT",			ERR_UP_QUOTA,	  NULL },
	{ BY_REASON,  "DAILY_REQUEST_COUNT",			ERR_UP_QUOTA,	  NULL },
	{ BY_REASON,  "OVERAGE_REQUEST_LIMIT_EXCEEDED",		ERR_UP_QUOTA,	  NO_OVERAGE },
	{ BY_REASON,  "CONVERSATION_LIMIT_EXCEEDED",		ERR_UP_QUOTA,	  NULL },
	{ BY_REASON,  "INSUFFICIENT_MODEL_CAPACITY",		ERR_UP_CAPACITY,  NULL },
	{ BY_REASON,  "MODEL_TEMPORARILY_UNAVAILABLE",		ERR_UP_CAPACITY,  NULL },
	{ BY_REASON,  "USER_REQUEST_RATE_EXCEEDED",		ERR_UP_RATE,	  NULL },
	{ BY_REASON,  "SERVICE_REQUEST_RATE_EXCEEDED",		ERR_UP_RATE,	  NULL },
	{ BY_REASON,  "CREDIT_CONSUMPTION_RATE_EXCEEDED",	ERR_UP_RATE,	  NULL },
	{ BY_REASON,  "CUSTOMER_KMS_KEY_*",			ERR_UP_DENIED,	  NULL },
	{ BY_REASON,  "MISMATCHED_KMS_KEY",			ERR_UP_DENIED,	  NULL },

	/* in no official model, but met by older gateways */
	{ BY_TYPE,    "ContentLengthExceededException",		ERR_CONTEXT,	  TOO_LONG },
	{ BY_TYPE,    "ServiceQuotaExceededException",		ERR_UP_QUOTA,	  NULL },
	{ BY_TYPE,    "ExpiredTokenException",			ERR_UP_TOKEN,	  NULL },
	{ BY_TYPE,    "UnrecognizedClientException",		ERR_UP_TOKEN,	  NULL },

	{ BY_MESSAGE, "*Input is too long*",			ERR_CONTEXT,	  TOO_LONG },
	{ BY_MESSAGE, "*Input content length exceeds threshold*", ERR_CONTEXT,	  TOO_LONG },
	{ BY_MESSAGE, "*prompt is too long*",			ERR_CONTEXT,	  TOO_LONG },
	{ BY_MESSAGE, "*length limit exceeded*",		ERR_CONTEXT,	  TOO_LONG },
	{ BY_MESSAGE, "*bearer token*invalid*",			ERR_UP_TOKEN,	  NULL },
	{ BY_MESSAGE, "*security token*expired*",		ERR_UP_TOKEN,	  NULL },
	{ BY_MESSAGE, "Invalid token",				ERR_UP_TOKEN,	  NULL },
	{ BY_MESSAGE, "User is not authorized*",		ERR_UP_REFUSED,	  NO_RIGHT },
	{ BY_MESSAGE, "Your subscription does not support*",	ERR_UP_REFUSED,	  NO_PLAN },
	{ BY_MESSAGE, "profileArn is required*",		ERR_UP_REFUSED,	  NO_PROFILE },
	{ BY_MESSAGE, "*temporarily is suspended*",		ERR_UP_SUSPENDED, NULL },
	{ BY_MESSAGE, "Invalid model*",				ERR_MODEL,	  NULL },
	{ BY_MESSAGE, "Improperly formed request*",		ERR_UP_INVALID,	  NULL },
	{ BY_MESSAGE, "*Maximum Request reached*",		ERR_UP_QUOTA,	  NULL },
	{ BY_MESSAGE, "You have reached the limit*",		ERR_UP_QUOTA,	  NULL },
	{ BY_MESSAGE, "*unexpectedly high load*",		ERR_UP_OVERLOAD,  NULL },
	{ BY_MESSAGE, "Encountered an unexpected error*",	ERR_UP_OVERLOAD,  NULL },
	{ BY_MESSAGE, "*experiencing high traffic*",		ERR_UP_CAPACITY,  NULL },
	{ BY_MESSAGE, "Too many requests*",			ERR_UP_RATE,	  NULL },

	/* shape names, and the union member names that a stream uses for them */
	{ BY_TYPE,    "ThrottlingException",			ERR_UP_RATE,	  NULL },
	{ BY_TYPE,    "throttlingError",			ERR_UP_RATE,	  NULL },
	{ BY_TYPE,    "ValidationException",			ERR_UP_INVALID,	  NULL },
	{ BY_TYPE,    "validationError",			ERR_UP_INVALID,	  NULL },
	{ BY_TYPE,    "invalidStateEvent",			ERR_UP_INVALID,	  NULL },
	{ BY_TYPE,    "AccessDeniedException",			ERR_UP_DENIED,	  NULL },
	{ BY_TYPE,    "ResourceNotFoundException",		ERR_UP_DENIED,	  NULL },
	{ BY_TYPE,    "ConflictException",			ERR_UP_DENIED,	  NULL },
	{ BY_TYPE,    "ServiceUnavailableException",		ERR_UP_OVERLOAD,  NULL },
	{ BY_TYPE,    "serviceUnavailableError",		ERR_UP_OVERLOAD,  NULL },
	{ BY_TYPE,    "InternalServerException",		ERR_UP_OVERLOAD,  NULL },
	{ BY_TYPE,    "InternalFailure",			ERR_UP_OVERLOAD,  NULL },

	/* the model host's own check, in its own words; a reason or type would have said more */
	{ BY_MESSAGE, "Bedrock error message:*",		ERR_UP_INVALID,	  NULL },

	{ BY_STATUS,  "0",   ERR_UP_OVERLOAD, NULL },	   /* inside a stream, nothing known */
	{ BY_STATUS,  "400", ERR_UP_INVALID,  NULL },
	{ BY_STATUS,  "401", ERR_UP_TOKEN,    NULL },
	{ BY_STATUS,  "402", ERR_UP_QUOTA,    NULL },
	{ BY_STATUS,  "403", ERR_UP_DENIED,   NULL },
	{ BY_STATUS,  "404", ERR_UP_DENIED,   NULL },	   /* not the client's path: our endpoint */
	{ BY_STATUS,  "408", ERR_UP_OVERLOAD, NULL },
	{ BY_STATUS,  "409", ERR_UP_DENIED,   NULL },
	{ BY_STATUS,  "413", ERR_CONTEXT,     TOO_LONG },
	{ BY_STATUS,  "429", ERR_UP_RATE,     NULL },
	{ BY_STATUS,  "4??", ERR_UP_INVALID,  NULL },
	{ BY_STATUS,  "5??", ERR_UP_OVERLOAD, NULL },
	{ BY_STATUS,  "*",   ERR_UP_DAMAGED,  NULL },	   /* a redirect, a 204: no answer at all */
};
/* clang-format on */

/* When a used-up allowance comes back. CONVERSATION_LIMIT_EXCEEDED may be about the conversation
 * alone: the account is not given up for a month. */
static const struct period_rule {
	enum subject by;
	const char *pattern;
	enum error_period period;
} periods[] = {
	{ BY_REASON, "MONTHLY_REQUEST_COUNT", PERIOD_MONTH },
	{ BY_REASON, "OVERAGE_REQUEST_LIMIT_EXCEEDED", PERIOD_MONTH },
	{ BY_REASON, "DAILY_REQUEST_COUNT", PERIOD_DAY },
	{ BY_REASON, "CONVERSATION_LIMIT_EXCEEDED", PERIOD_HOUR },
	{ BY_MESSAGE, "*for this month*", PERIOD_MONTH },
};

#define TYPE_SIZE 128

/* A refusal taken apart; texts are borrowed from `body`. */
struct facts {
	cJSON *body;
	const char *reason, *message;
	char type[2][TYPE_SIZE]; /* from the header or frame, and from the body */
	char status[12];
};

/* "com.amazon.aws.codewhisperer#ThrottlingException:http://..." is ThrottlingException. */
static void copy_type(const char *from, char out[static TYPE_SIZE])
{
	size_t len = strcspn(from, ":");
	const char *name = memrchr(from, '#', len);

	name = name ? name + 1 : from;
	snprintf(out, TYPE_SIZE, "%.*s", (int)(from + len - name), name);
}

static void facts_init(struct facts *f, const struct up_refusal *refusal)
{
	struct error ignored = { .kind = ERR_NONE };
	const char *capital;

	f->body = json_parse(refusal->payload, &ignored);
	capital = json_text_or(f->body, "Message", "");
	f->message = json_text_or(f->body, "message", capital);
	f->reason = json_text_or(f->body, "reason", "");
	copy_type(refusal->type, f->type[0]);
	copy_type(json_text_or(f->body, "__type", json_text_or(f->body, "code", "")), f->type[1]);
	snprintf(f->status, sizeof(f->status), "%d", refusal->status);
}

static bool fits(enum subject by, const char *pattern, const struct facts *f)
{
	const char *const texts[SUBJECTS][2] = {
		[BY_REASON] = { f->reason, "" },
		[BY_TYPE] = { f->type[0], f->type[1] },
		[BY_MESSAGE] = { f->message, "" },
		[BY_STATUS] = { f->status, "" },
	};

	for (size_t i = 0; i < 2; i++) {
		const char *text = texts[by][i];

		if (*text && fnmatch(pattern, text, FNM_CASEFOLD | FNM_NOESCAPE) == 0)
			return true;
	}
	return false;
}

/* The last row fits every status. */
static const struct rule *judge(const struct facts *f)
{
	const struct rule *rule = rules;

	while (!fits(rule->by, rule->pattern, f))
		rule++;
	return rule;
}

static enum error_period period_of(const struct facts *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
		if (fits(periods[i].by, periods[i].pattern, f))
			return periods[i].period;
	}
	return PERIOD_UNKNOWN;
}

/* Our own words where upstream has none. */
static void describe(const struct facts *f, int status, char *out, size_t size)
{
	const char *type = *f->type[0] ? f->type[0] : f->type[1];
	size_t len;

	if (status)
		snprintf(out, size, "the upstream answered with status %d", status);
	else
		snprintf(out, size, "the upstream ended the answer with an error");
	len = strlen(out);
	if (*type)
		snprintf(out + len, size - len, " (%s)", type);
}

/* Seconds, rounded up: a client that comes too early is refused again. */
static int retry_after(const struct facts *f, const struct up_refusal *refusal)
{
	double ms = json_number_or(f->body, "retryAfterMilliseconds", 0);

	if (!(ms > 0))
		return refusal->retry_after;
	return ms < 1e9 ? (int)((ms + 999) / 1000) : 1000000;
}

/* The prefix, unless upstream's words begin with it already. */
static const char *prefix_for(const struct rule *rule, const char *words)
{
	if (!rule->prefix || strncasecmp(words, rule->prefix, strlen(rule->prefix)) == 0)
		return "";
	return rule->prefix;
}

int up_error_set(const struct up_refusal *refusal, struct error *e)
{
	char own_words[TYPE_SIZE + 64];
	const struct rule *rule;
	const char *words;
	struct facts f;

	if (e->kind != ERR_NONE)
		return -1;
	facts_init(&f, refusal);
	rule = judge(&f);
	describe(&f, refusal->status, own_words, sizeof(own_words));
	words = *f.message ? f.message : own_words;
	error_set(e, rule->kind, "%s%s", prefix_for(rule, words), words);
	e->retry_after = retry_after(&f, refusal);
	e->up_status = refusal->status;
	e->period = rule->kind == ERR_UP_QUOTA ? period_of(&f) : PERIOD_UNKNOWN;
	cJSON_Delete(f.body);
	return -1;
}
