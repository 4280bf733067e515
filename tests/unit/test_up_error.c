#include "common/base.h"
#include "common/utf8.h"
#include "common/up_error.h"

#include <CUnit/CUnit.h>

static struct error error_of(int status, const char *type, const char *payload)
{
	const struct up_refusal refusal = { status, type, 0, span_of(payload) };
	struct error e = { .kind = ERR_NONE };

	CU_ASSERT_EQUAL(up_error_set(&refusal, &e), -1);
	return e;
}

/* Status 418 tells nothing: what is judged is the reason alone. */
static enum error_kind kind_of_reason(const char *reason)
{
	char payload[256];

	snprintf(payload, sizeof(payload), "{\"message\":\"words\",\"reason\":\"%s\"}", reason);
	return error_of(418, "", payload).kind;
}

static void up_error_knows_every_reason(void)
{
	static const struct expected {
		const char *reason;
		enum error_kind kind;
	} expected[] = {
		{ "CONTENT_LENGTH_EXCEEDS_THRESHOLD", ERR_CONTEXT },
		{ "PROMPT_TOO_LONG", ERR_CONTEXT },
		{ "REQUEST_BODY_INVALID", ERR_UP_INVALID },
		{ "REQUEST_BODY_INVALID_JSON", ERR_UP_INVALID },
		{ "INVALID_MODEL_ID", ERR_MODEL },
		{ "INVALID_CONVERSATION_ID", ERR_UP_INVALID },
		{ "INVALID_KMS_GRANT", ERR_UP_DENIED },
		{ "TOOL_SCHEMA_INVALID", ERR_UP_INVALID },
		{ "TOOL_DUPLICATE", ERR_UP_INVALID },
		{ "TOOL_CONFIG_MISSING", ERR_UP_INVALID },
		{ "TOOL_USE_RESULT_MISMATCH", ERR_UP_INVALID },
		{ "THINKING_SIGNATURE_INVALID", ERR_UP_INVALID },
		{ "IMAGE_COUNT_EXCEEDED", ERR_UP_INVALID },
		{ "IMAGE_DIMENSION_EXCEEDED", ERR_UP_INVALID },
		{ "IMAGE_SIZE_EXCEEDED", ERR_UP_INVALID },
		{ "IMAGE_FORMAT_UNSUPPORTED", ERR_UP_INVALID },
		{ "IMAGE_MIME_MISMATCH", ERR_UP_INVALID },
		{ "DOCUMENT_COUNT_EXCEEDED", ERR_UP_INVALID },
		{ "DOCUMENT_SIZE_EXCEEDED", ERR_UP_INVALID },
		{ "DOCUMENT_MAXIMUM_PAGES_EXCEEDED", ERR_UP_INVALID },
		{ "DOCUMENT_DUPLICATE_NAME", ERR_UP_INVALID },
		{ "DOCUMENT_MODEL_NOT_SUPPORTED", ERR_UP_INVALID },
		{ "DOCUMENT_PASSWORD_PROTECTED", ERR_UP_INVALID },
		{ "INVALID_DOCUMENT_NAME", ERR_UP_INVALID },
		{ "DISALLOWED_FILE_TYPE", ERR_UP_INVALID },
		{ "UNSUPPORTED_LANGUAGE", ERR_UP_INVALID },
		{ "TEMPORARILY_SUSPENDED", ERR_UP_SUSPENDED },
		{ "FEATURE_NOT_SUPPORTED", ERR_UP_DENIED },
		{ "UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS", ERR_UP_DENIED },
		{ "UNAUTHORIZED_WORKSPACE_CONTEXT_FEATURE_ACCESS", ERR_UP_DENIED },
		{ "MONTHLY_REQUEST_COUNT", ERR_UP_QUOTA },
		{ "DAILY_REQUEST_COUNT", ERR_UP_QUOTA },
		{ "OVERAGE_REQUEST_LIMIT_EXCEEDED", ERR_UP_QUOTA },
		{ "CONVERSATION_LIMIT_EXCEEDED", ERR_UP_QUOTA },
		{ "INSUFFICIENT_MODEL_CAPACITY", ERR_UP_CAPACITY },
		{ "MODEL_TEMPORARILY_UNAVAILABLE", ERR_UP_CAPACITY },
		{ "USER_REQUEST_RATE_EXCEEDED", ERR_UP_RATE },
		{ "SERVICE_REQUEST_RATE_EXCEEDED", ERR_UP_RATE },
		{ "CREDIT_CONSUMPTION_RATE_EXCEEDED", ERR_UP_RATE },
		{ "CUSTOMER_KMS_KEY_DISABLED", ERR_UP_DENIED },
		{ "MISMATCHED_KMS_KEY", ERR_UP_DENIED },
		{ "SOMETHING_NEW", ERR_UP_INVALID }, /* by the status */
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CU_ASSERT_EQUAL(kind_of_reason(expected[i].reason), expected[i].kind);
}

static void up_error_knows_every_type(void)
{
	static const struct expected {
		const char *type;
		enum error_kind kind;
	} expected[] = {
		{ "ContentLengthExceededException", ERR_CONTEXT },
		{ "ServiceQuotaExceededException", ERR_UP_QUOTA },
		{ "ExpiredTokenException", ERR_UP_TOKEN },
		{ "UnrecognizedClientException", ERR_UP_TOKEN },
		{ "ThrottlingException", ERR_UP_RATE },
		{ "throttlingError", ERR_UP_RATE },
		{ "ValidationException", ERR_UP_INVALID },
		{ "validationError", ERR_UP_INVALID },
		{ "ValidationError", ERR_UP_INVALID },
		{ "invalidStateEvent", ERR_UP_INVALID },
		{ "AccessDeniedException", ERR_UP_DENIED },
		{ "ResourceNotFoundException", ERR_UP_DENIED },
		{ "ConflictException", ERR_UP_DENIED },
		{ "ServiceUnavailableException", ERR_UP_OVERLOAD },
		{ "serviceUnavailableError", ERR_UP_OVERLOAD },
		{ "InternalServerException", ERR_UP_OVERLOAD },
		{ "InternalFailure", ERR_UP_OVERLOAD },
		{ "error", ERR_UP_OVERLOAD }, /* in a stream; InternalServerException's member */
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char payload[128], spaced[128];

		/* told by frame or header; by the body, with namespace; with a URL behind */
		CU_ASSERT_EQUAL(error_of(0, expected[i].type, "").kind, expected[i].kind);
		snprintf(payload, sizeof(payload), "{\"__type\":\"com.amazon.x#%s\"}",
			 expected[i].type);
		CU_ASSERT_EQUAL(error_of(0, "", payload).kind, expected[i].kind);
		snprintf(payload, sizeof(payload), "{\"code\":\"%s\"}", expected[i].type);
		CU_ASSERT_EQUAL(error_of(0, "", payload).kind, expected[i].kind);
		snprintf(spaced, sizeof(spaced), "x#%s:http://internal/coral/#z", expected[i].type);
		CU_ASSERT_EQUAL(error_of(0, spaced, "{}").kind, expected[i].kind);
	}
}

/* The type says as little as it does on the wire: the message decides. */
static void up_error_knows_every_message(void)
{
	static const struct expected {
		int status;
		const char *message;
		enum error_kind kind;
	} expected[] = {
		{ 403, "The bearer token included in the request is invalid.", ERR_UP_TOKEN },
		{ 403, "Invalid token", ERR_UP_TOKEN },
		{ 403, "The security token included in the request is expired", ERR_UP_TOKEN },
		{ 403, "User is not authorized to make this call.", ERR_UP_REFUSED },
		{ 403, "Your subscription does not support this application. Upgrade.",
		  ERR_UP_REFUSED },
		{ 403, "Your User ID (d-1.2) temporarily is suspended. We detected.",
		  ERR_UP_SUSPENDED },
		{ 400, "Input is too long.", ERR_CONTEXT },
		{ 400, "Bedrock error message: Input is too long for requested model.",
		  ERR_CONTEXT },
		{ 400, "Input content length exceeds threshold.", ERR_CONTEXT },
		{ 400, "prompt is too long: 215000 tokens > 200000 maximum", ERR_CONTEXT },
		{ 400, "Failed to buffer the request body: length limit exceeded", ERR_CONTEXT },
		{ 400, "Improperly formed request.", ERR_UP_INVALID },
		{ 400, "Invalid model. Please select a different model to continue.", ERR_MODEL },
		{ 400, "Invalid model ID. Please select a different model to continue.",
		  ERR_MODEL },
		{ 400, "profileArn is required for this request.", ERR_UP_REFUSED },
		{ 500,
		  "Encountered unexpectedly high load when processing the request, please "
		  "try again.",
		  ERR_UP_OVERLOAD },
		{ 500,
		  "Encountered an unexpected error when processing the request, please try "
		  "again.",
		  ERR_UP_OVERLOAD },
		{ 429, "I am experiencing high traffic, please try again shortly.",
		  ERR_UP_CAPACITY },
		{ 429, "Too many requests, please wait before trying again.", ERR_UP_RATE },
		{ 429, "Maximum Request reached for this month.", ERR_UP_QUOTA },
		{ 429, "You have reached the limit.", ERR_UP_QUOTA },
		{ 0, "Bedrock error message: ValidationException", ERR_UP_INVALID },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char payload[256];
		struct error e;

		snprintf(payload, sizeof(payload), "{\"message\":\"%s\",\"reason\":null}",
			 expected[i].message);
		e = error_of(expected[i].status, "", payload);
		CU_ASSERT_EQUAL(e.kind, expected[i].kind);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, expected[i].message));
		CU_ASSERT_EQUAL(e.up_status, expected[i].status);
	}
	/* live: an AccessDeniedException whose message alone tells what to do */
	CU_ASSERT_EQUAL(error_of(400, "AccessDeniedException",
				 "{\"message\":\"The bearer token included in the request is "
				 "invalid.\"}")
				.kind,
			ERR_UP_TOKEN);
}

static void up_error_falls_back_to_the_status(void)
{
	static const struct expected {
		int status;
		enum error_kind kind;
	} expected[] = {
		{ 0, ERR_UP_OVERLOAD },	  { 400, ERR_UP_INVALID },  { 401, ERR_UP_TOKEN },
		{ 402, ERR_UP_QUOTA },	  { 403, ERR_UP_DENIED },   { 404, ERR_UP_DENIED },
		{ 408, ERR_UP_OVERLOAD }, { 409, ERR_UP_DENIED },   { 413, ERR_CONTEXT },
		{ 418, ERR_UP_INVALID },  { 429, ERR_UP_RATE },	    { 500, ERR_UP_OVERLOAD },
		{ 502, ERR_UP_OVERLOAD }, { 503, ERR_UP_OVERLOAD }, { 504, ERR_UP_OVERLOAD },
		{ 302, ERR_UP_DAMAGED },  { 204, ERR_UP_DAMAGED },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CU_ASSERT_EQUAL(error_of(expected[i].status, "", "").kind, expected[i].kind);
}

/* Quota was seen with all of these statuses; reason beats type, type beats message. */
static void up_error_judges_by_reason_then_type_then_message_then_status(void)
{
	static const char quota[] = "{\"__type\":\"ThrottlingException\","
				    "\"message\":\"Too many requests, please wait\","
				    "\"reason\":\"MONTHLY_REQUEST_COUNT\"}";
	static const int statuses[] = { 400, 402, 403, 429, 500 };

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
		CU_ASSERT_EQUAL(error_of(statuses[i], "", quota).kind, ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(error_of(400, "ServiceQuotaExceededException",
				 "{\"message\":\"Improperly formed request.\"}")
				.kind,
			ERR_UP_QUOTA);
	CU_ASSERT_EQUAL(error_of(500, "", "{\"message\":\"Improperly formed request.\"}").kind,
			ERR_UP_INVALID);
	CU_ASSERT_EQUAL(error_of(400, "ThrottlingException", "{\"message\":\"slow\"}").kind,
			ERR_UP_RATE);
	/* the member of the union says less than the type in the payload */
	CU_ASSERT_EQUAL(error_of(0, "error", "{\"__type\":\"a#ThrottlingException\"}").kind,
			ERR_UP_RATE);
}

static void up_error_says_prompt_is_too_long_first(void)
{
	static const struct expected {
		const char *payload, *message;
	} expected[] = {
		{ "{\"message\":\"Input is too long.\"}",
		  "prompt is too long: Input is too long." },
		{ "{\"message\":\"m\",\"reason\":\"CONTENT_LENGTH_EXCEEDS_THRESHOLD\"}",
		  "prompt is too long: m" },
		{ "{\"message\":\"Prompt is too long: 2 > 1\",\"reason\":\"PROMPT_TOO_LONG\"}",
		  "Prompt is too long: 2 > 1" },
		{ "{\"reason\":\"PROMPT_TOO_LONG\"}",
		  "prompt is too long: the upstream answered with status 400" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		struct error e = error_of(400, "", expected[i].payload);

		CU_ASSERT_EQUAL(e.kind, ERR_CONTEXT);
		CU_ASSERT_STRING_EQUAL(e.message, expected[i].message);
	}
}

static void up_error_uses_the_words_that_clients_react_to(void)
{
	CU_ASSERT_STRING_EQUAL(
		error_of(400, "", "{\"message\":\"m\",\"reason\":\"THINKING_SIGNATURE_INVALID\"}")
			.message,
		"Invalid `signature` in `thinking` block: m");
	CU_ASSERT_STRING_EQUAL(
		error_of(400, "", "{\"message\":\"m\",\"reason\":\"IMAGE_FORMAT_UNSUPPORTED\"}")
			.message,
		"Could not process image: m");
	CU_ASSERT_STRING_EQUAL(
		error_of(400, "", "{\"message\":\"m\",\"reason\":\"DOCUMENT_MODEL_NOT_SUPPORTED\"}")
			.message,
		"this model does not support PDF input: m");
}

/* A document that stays in the conversation is refused for ever: clients must let it go. */
static void up_error_lets_clients_drop_any_refused_document(void)
{
	static const char *const reasons[] = {
		"DOCUMENT_COUNT_EXCEEDED",
		"DOCUMENT_SIZE_EXCEEDED",
		"DOCUMENT_MAXIMUM_PAGES_EXCEEDED",
		"DOCUMENT_DUPLICATE_NAME",
		"DOCUMENT_PASSWORD_PROTECTED",
		"INVALID_DOCUMENT_NAME",
		"DISALLOWED_FILE_TYPE",
		"DOCUMENT_MODEL_NOT_SUPPORTED",
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		char payload[128];
		struct error e;

		snprintf(payload, sizeof(payload), "{\"message\":\"m\",\"reason\":\"%s\"}",
			 reasons[i]);
		e = error_of(400, "", payload);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, "does not support PDF input"));
	}
}

static void up_error_never_quotes_what_is_no_json(void)
{
	static const char *const payloads[] = {
		"",
		"<html><body>502 Bad Gateway</body></html>",
		"{\"message\":",
		"[\"message\"]",
		"\"words\"",
		"{\"message\":\"\"}",
		"{\"message\":{\"a\":1}}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(payloads); i++) {
		struct error e = error_of(502, "", payloads[i]);

		CU_ASSERT_EQUAL(e.kind, ERR_UP_OVERLOAD);
		CU_ASSERT_STRING_EQUAL(e.message, "the upstream answered with status 502");
	}
	CU_ASSERT_STRING_EQUAL(error_of(500, "a#InternalServerException:x", "").message,
			       "the upstream answered with status 500 (InternalServerException)");
	CU_ASSERT_STRING_EQUAL(error_of(0, "error", "").message,
			       "the upstream ended the answer with an error (error)");
	CU_ASSERT_STRING_EQUAL(error_of(500, "", "{\"Message\":\"capital\"}").message, "capital");
}

static void up_error_rounds_retry_after_up(void)
{
	static const struct expected {
		const char *payload;
		int header, seconds;
	} expected[] = {
		{ "{}", 0, 0 },
		{ "{}", 7, 7 },
		{ "{\"retryAfterMilliseconds\":1}", 7, 1 },
		{ "{\"retryAfterMilliseconds\":1000}", 0, 1 },
		{ "{\"retryAfterMilliseconds\":1001}", 0, 2 },
		{ "{\"retryAfterMilliseconds\":0}", 3, 3 },
		{ "{\"retryAfterMilliseconds\":-5}", 3, 3 },
		{ "{\"retryAfterMilliseconds\":1e300}", 0, 1000000 },
		{ "{\"retryAfterMilliseconds\":\"x\"}", 3, 3 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct up_refusal refusal = { 429, "", expected[i].header,
						    span_of(expected[i].payload) };
		struct error e = { .kind = ERR_NONE };

		up_error_set(&refusal, &e);
		CU_ASSERT_EQUAL(e.retry_after, expected[i].seconds);
	}
}

static void up_error_tells_when_an_allowance_returns(void)
{
	static const struct expected {
		int status;
		const char *payload;
		enum error_period period;
	} expected[] = {
		{ 402, "{\"reason\":\"MONTHLY_REQUEST_COUNT\"}", PERIOD_MONTH },
		{ 429, "{\"reason\":\"MONTHLY_REQUEST_COUNT\"}", PERIOD_MONTH },
		{ 402, "{\"reason\":\"OVERAGE_REQUEST_LIMIT_EXCEEDED\"}", PERIOD_MONTH },
		{ 429, "{\"reason\":\"DAILY_REQUEST_COUNT\"}", PERIOD_DAY },
		{ 402, "{\"reason\":\"CONVERSATION_LIMIT_EXCEEDED\"}", PERIOD_HOUR },
		{ 429, "{\"message\":\"Maximum Request reached for this month.\"}", PERIOD_MONTH },
		{ 429, "{\"message\":\"You have reached the limit.\"}", PERIOD_UNKNOWN },
		{ 402, "", PERIOD_UNKNOWN },
		{ 429, "{\"message\":\"Too many requests for this month of May.\"}",
		  PERIOD_UNKNOWN }, /* a rate */
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		CU_ASSERT_EQUAL(error_of(expected[i].status, "", expected[i].payload).period,
				expected[i].period);
}

static void up_error_tells_the_operator_whose_fault_a_403_is(void)
{
	static const struct expected {
		const char *message, *begins;
	} expected[] = {
		{ "User is not authorized to make this call.", "the account has no right" },
		{ "Your subscription does not support this application. Upgrade.",
		  "the account's plan does not cover" },
		{ "profileArn is required for this request.", "the account needs a profile" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		char payload[256];
		struct error e;

		snprintf(payload, sizeof(payload), "{\"message\":\"%s\"}", expected[i].message);
		e = error_of(403, "AccessDeniedException", payload);
		CU_ASSERT_EQUAL(strncmp(e.message, expected[i].begins, strlen(expected[i].begins)),
				0);
		CU_ASSERT_PTR_NOT_NULL(strstr(e.message, expected[i].message));
	}
}

static void up_error_cuts_long_words_between_characters(void)
{
	char payload[4096] = "{\"message\":\"";
	struct error e;

	for (size_t i = 0; i < 500; i++)
		memcpy(payload + 12 + 3 * i, "\xe4\xbd\xa0", 3);
	memcpy(payload + 12 + 1500, "\"}", 3);
	e = error_of(500, "", payload);
	CU_ASSERT(strlen(e.message) > 400);
	CU_ASSERT_EQUAL(utf8_valid_prefix(span_of(e.message)), strlen(e.message));
}

static void up_error_leaves_an_earlier_error_alone(void)
{
	const struct up_refusal refusal = { 429, "", 9, span_of("") };
	struct error e = { .kind = ERR_NONE };

	error_set(&e, ERR_GONE, "first");
	CU_ASSERT_EQUAL(up_error_set(&refusal, &e), -1);
	CU_ASSERT_EQUAL(e.kind, ERR_GONE);
	CU_ASSERT_EQUAL(e.retry_after, 0);
}

CU_TestInfo up_error_tests[] = {
	{ "knows every reason", up_error_knows_every_reason },
	{ "knows every type", up_error_knows_every_type },
	{ "knows every message", up_error_knows_every_message },
	{ "falls back to the status", up_error_falls_back_to_the_status },
	{ "judges by reason then type then message then status",
	  up_error_judges_by_reason_then_type_then_message_then_status },
	{ "lets clients drop any refused document",
	  up_error_lets_clients_drop_any_refused_document },
	{ "says prompt is too long first", up_error_says_prompt_is_too_long_first },
	{ "uses the words that clients react to", up_error_uses_the_words_that_clients_react_to },
	{ "never quotes what is no json", up_error_never_quotes_what_is_no_json },
	{ "rounds retry after up", up_error_rounds_retry_after_up },
	{ "tells when an allowance returns", up_error_tells_when_an_allowance_returns },
	{ "tells the operator whose fault a 403 is",
	  up_error_tells_the_operator_whose_fault_a_403_is },
	{ "cuts long words between characters", up_error_cuts_long_words_between_characters },
	{ "leaves an earlier error alone", up_error_leaves_an_earlier_error_alone },
	CU_TEST_INFO_NULL,
};
