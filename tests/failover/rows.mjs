// Every way the upstream says no, by its exceptions, reasons and messages, and what has to follow.
// Written from what is known of the service, not from the gateway's own tables.

// What has to follow. Of `error`: status, error.type, x-should-retry. For the account: state and
// rest in seconds (a function: from the moment of the refusal; undefined: not at rest). `tries`: how
// often one account is asked; `other`: whether another account is asked then; `renews`: token
// renewals; `late`: the state after the same refusal inside an answer, where it is another one;
// `pause`: seconds of a short rest; `words`, `says`: what the client must be told, where it is not
// the upstream's message; `once`: one row of the outcome shows it with all accounts.
const firstOfNextMonth = (now) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
const nextMidnight = (now) => Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + 1);
const seconds = (count) => (now) => now.getTime() + 1000 * count;

const refused = [403, 'permission_error', 'false'];
const bad = { error: [400, 'invalid_request_error', 'false'], state: 'active', tries: 1 };
const passing = { error: [529, 'overloaded_error', 'true'], state: 'active', tries: 3 };
const quota = { error: [429, 'billing_error', 'false'], state: 'exhausted', tries: 1, other: true };

export const outcomes = {
	context: { ...bad, words: /^prompt is too long: \d+ tokens > \d+ maximum/, says: '' },
	invalid: bad,
	malformed: { ...bad, says: 'refused the request as improperly formed' },
	signature: { ...bad, words: /^Invalid `signature` in `thinking` block/ },
	image: { ...bad, words: /^Could not process image/ },
	document: { ...bad, words: /does not support PDF input/ },
	model: { error: [404, 'not_found_error', 'false'], state: 'active', tries: 1, other: true },
	denied: { error: refused, state: 'active', tries: 1, other: true },
	barred: { error: refused, state: 'refused', until: seconds(15 * 60), tries: 1, other: true },
	/* Inside an answer the token had been taken: nothing follows for the account. */
	token: { error: refused, state: 'refused', late: 'active', until: seconds(60), tries: 2,
		 other: true, renews: 1 },
	suspended: { error: refused, state: 'suspended', until: seconds(6 * 3600), tries: 1,
		     other: true },
	month: { ...quota, until: firstOfNextMonth },
	day: { ...quota, until: nextMidnight },
	hour: { ...quota, until: seconds(3600) },
	rate: { error: [429, 'rate_limit_error', 'true'], state: 'active', tries: 1, other: true,
		pause: 3 },
	capacity: passing,
	overload: { ...passing, other: true, once: true }, /* it takes seconds */
};

const exceptions = {
	Validation: { status: 400, type: 'ValidationException', member: 'validationError' },
	AccessDenied: { status: 403, type: 'AccessDeniedException' },
	Quota: { status: 402, type: 'ServiceQuotaExceededException' },
	Throttling: { status: 429, type: 'ThrottlingException', member: 'throttlingError' },
	Internal: { status: 500, type: 'InternalServerException', member: 'error' },
	Unavailable: { status: 503, type: 'ServiceUnavailableException',
		       member: 'serviceUnavailableError' },
	NotFound: { status: 404, type: 'ResourceNotFoundException' },
	Conflict: { status: 409, type: 'ConflictException' },
};

const reasons = {
	Validation: {
		context: ['CONTENT_LENGTH_EXCEEDS_THRESHOLD', 'PROMPT_TOO_LONG'],
		invalid: ['REQUEST_BODY_INVALID', 'REQUEST_BODY_INVALID_JSON', 'INVALID_CONVERSATION_ID',
			  'TOOL_SCHEMA_INVALID', 'TOOL_DUPLICATE', 'TOOL_CONFIG_MISSING',
			  'TOOL_USE_RESULT_MISMATCH', 'UNSUPPORTED_LANGUAGE'],
		signature: ['THINKING_SIGNATURE_INVALID'],
		image: ['IMAGE_COUNT_EXCEEDED', 'IMAGE_DIMENSION_EXCEEDED', 'IMAGE_SIZE_EXCEEDED',
			'IMAGE_FORMAT_UNSUPPORTED', 'IMAGE_MIME_MISMATCH'],
		document: ['DOCUMENT_COUNT_EXCEEDED', 'DOCUMENT_SIZE_EXCEEDED',
			   'DOCUMENT_MAXIMUM_PAGES_EXCEEDED', 'DOCUMENT_DUPLICATE_NAME',
			   'DOCUMENT_MODEL_NOT_SUPPORTED', 'DOCUMENT_PASSWORD_PROTECTED',
			   'INVALID_DOCUMENT_NAME', 'DISALLOWED_FILE_TYPE'],
		model: ['INVALID_MODEL_ID'],
		denied: ['INVALID_KMS_GRANT'], /* an encryption key of the account's own owner */
	},
	AccessDenied: {
		suspended: ['TEMPORARILY_SUSPENDED'],
		denied: ['FEATURE_NOT_SUPPORTED', 'UNAUTHORIZED_CUSTOMIZATION_RESOURCE_ACCESS',
			 'UNAUTHORIZED_WORKSPACE_CONTEXT_FEATURE_ACCESS'],
	},
	Quota: {
		month: ['MONTHLY_REQUEST_COUNT', 'OVERAGE_REQUEST_LIMIT_EXCEEDED'],
		hour: ['CONVERSATION_LIMIT_EXCEEDED'],
	},
	Throttling: {
		capacity: ['INSUFFICIENT_MODEL_CAPACITY'],
		rate: ['USER_REQUEST_RATE_EXCEEDED', 'SERVICE_REQUEST_RATE_EXCEEDED',
		       'CREDIT_CONSUMPTION_RATE_EXCEEDED'],
		day: ['DAILY_REQUEST_COUNT'],
		month: ['MONTHLY_REQUEST_COUNT'],
	},
	Internal: { capacity: ['MODEL_TEMPORARILY_UNAVAILABLE'] },
	Unavailable: { capacity: ['MODEL_TEMPORARILY_UNAVAILABLE'] },
	Conflict: { denied: ['CUSTOMER_KMS_KEY_DISABLED', 'MISMATCHED_KMS_KEY'] },
};

const messages = [
	['AccessDenied', 'token', 'The bearer token included in the request is invalid.'],
	['AccessDenied', 'token', 'Invalid token'],
	['AccessDenied', 'barred', 'User is not authorized to make this call.'],
	['AccessDenied', 'barred', 'Your subscription does not support this application. Upgrade.'],
	['AccessDenied', 'suspended', 'Your User ID (d-1.2) temporarily is suspended. We locked it.'],
	['Validation', 'context', 'Input is too long.'],
	['Validation', 'context', 'Input content length exceeds threshold.'],
	['Validation', 'malformed', 'Improperly formed request.'],
	['Validation', 'model', 'Invalid model. Please select a different model to continue.'],
	['Validation', 'model', 'Invalid model ID. Please select a different model to continue.'],
	['Validation', 'barred', 'profileArn is required for this request.'],
	['Validation', 'invalid', 'Bedrock error message: The value is not valid.'],
	['Validation', 'invalid', "1 validation error detected. Value at '/conversationState/" +
				  "chatTriggerType' failed to satisfy constraint: no"],
	['Internal', 'overload', 'Encountered unexpectedly high load when processing the request, ' +
				 'please try again.'],
	['Internal', 'overload', 'Encountered an unexpected error when processing the request, ' +
				 'please try again.'],
	['Unavailable', 'overload', 'Come back later.'],
	['Throttling', 'capacity', 'I am experiencing high traffic, please try again shortly.'],
	['Throttling', 'rate', 'Too many requests, please wait before trying again.'],
	['Quota', 'month', 'Maximum Request reached for this month.'],
	['Quota', 'hour', 'You have reached the limit.'],
	/* nothing but a type is known */
	['AccessDenied', 'denied', 'Something new.'],
	['Validation', 'invalid', 'Something new.'],
	['Quota', 'hour', 'Something new.'],
	['Throttling', 'rate', 'Something new.'],
	['Internal', 'overload', 'Something new.'],
	['NotFound', 'denied', 'Something new.'],
];

function row(kind, outcome, message, reason, changes = {}) {
	const exception = exceptions[kind];

	return {
		name: `${kind} ${reason ?? JSON.stringify(message)}`,
		outcome,
		message,
		http: {
			status: exception.status,
			headers: {},
			body: { __type: `com.amazon.kiro.runtimeservice#${exception.type}`, message,
				reason: reason ?? null },
		},
		exception: exception.member ?? exception.type,
		...changes,
	};
}

/* What differs from the plain form: [name, row, changes of its HTTP answer]. There is no such form
 * inside a stream. */
function variant(note, base, http, changes = {}) {
	return { ...base, name: `${base.name}, ${note}`, http: { ...base.http, ...http },
		 exception: null, ...changes };
}

const monthly = row('Quota', 'month', 'You have reached the limit.', 'MONTHLY_REQUEST_COUNT');
const bearer = row('AccessDenied', 'token', 'The bearer token included in the request is invalid.');
const fast = row('Throttling', 'rate', 'Too many requests, please wait before trying again.',
		 'USER_REQUEST_RATE_EXCEEDED');
const plain = (status, outcome) => ({
	name: `status ${status} and no more`, outcome, exception: null,
	message: `the upstream answered with status ${status}`, http: { status, headers: {}, body: '' },
});

const oddities = [
	variant('as 400', monthly, { status: 400 }),
	variant('as 429', monthly, { status: 429 }),
	variant('as 400 and throttling', monthly, { status: 400, body: {
		...monthly.http.body, __type: 'ThrottlingException' } }),
	variant('as 400', bearer, { status: 400 }),
	variant('type in the header alone', bearer, {
		headers: { 'x-amzn-errortype': 'AccessDeniedException:http://internal/' },
		body: { message: bearer.message, reason: null } }),
	variant('old service', monthly, { body: { message: monthly.message,
						  reason: 'MONTHLY_REQUEST_COUNT' } }),
	variant('code instead of __type', fast, { body: { code: 'ThrottlingException',
							  message: fast.message } }),
	variant('with Retry-After', fast, { headers: { 'retry-after': '7' } }, { pause: 7 }),
	variant('with milliseconds', fast, { body: { ...fast.http.body,
						     retryAfterMilliseconds: 10500 } }, { pause: 11 }),
	plain(400, 'invalid'), plain(401, 'token'), plain(402, 'hour'), plain(403, 'denied'),
	plain(404, 'denied'), plain(413, 'context'), plain(429, 'rate'), plain(500, 'overload'),
	{ ...plain(503, 'overload'), once: false },
];

export const rows = [
	...Object.entries(reasons).flatMap(([kind, byOutcome]) =>
		Object.entries(byOutcome).flatMap(([outcome, names]) =>
			names.map((reason) => row(kind, outcome, `Words for ${reason}.`, reason)))),
	...messages.map(([kind, outcome, message]) => row(kind, outcome, message)),
	...oddities,
];
