// What the stand-in upstream refuses, and how: each row is one mistake in an otherwise good body.
//
// The expected status and reason are the reference's (upstream.md 2.2 to 2.5 and 5.1).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startStandin } from "./standin.mjs";

const social = "arn:aws:codewhisperer:us-east-1:699475941385:profile/EHGA3GRVQMUK";
const builder = "arn:aws:codewhisperer:us-east-1:638616132270:profile/AAAACCCCXXXX";
const png =
	"iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
let standin;

before(async () => {
	standin = await startStandin("--default", "reply");
	await standin.control("POST", "accounts", [
		{ name: "social", kind: "social", accessToken: "tok-social", refreshToken: "ref-social" },
		{ name: "builder", kind: "builder-id", accessToken: "tok-builder", refreshToken: "ref-builder" },
		{ name: "key", kind: "api_key", accessToken: "ksk_check" },
		{ name: "external", kind: "external_idp", accessToken: "tok-external" },
		{ name: "old", kind: "social", accessToken: "tok-old", expired: true },
	]);
});

after(async () => assert.equal(await standin?.stop(), 0));

const tool = (name = "Read", json = { type: "object", properties: {} }) => ({
	toolSpecification: { name, description: "d", inputSchema: { json } },
});
const use = (toolUseId = "t1", more = {}) => ({ toolUseId, name: "Read", input: {}, ...more });
const result = (toolUseId = "t1", more = {}) => ({
	toolUseId,
	content: [{ text: "r" }],
	status: "success",
	...more,
});
const user = (content = "x", more = {}) => ({ userInputMessage: { content, ...more } });
const assistant = (content = "y", more = {}) => ({
	assistantResponseMessage: { content, ...more },
});

const good = () => ({
	profileArn: social,
	conversationState: {
		chatTriggerType: "MANUAL",
		conversationId: "c",
		history: [],
		currentMessage: user("hi", { modelId: "claude-sonnet-4.5", origin: "AI_EDITOR" }),
	},
});
const state = (b) => b.conversationState;
const current = (b) => state(b).currentMessage.userInputMessage;
const withTools = (b, tools, toolResults) => {
	current(b).userInputMessageContext = { tools, toolResults };
};
const withTurn = (b, toolUses, toolResults, tools = [tool()]) => {
	state(b).history = [user(), assistant("", { toolUses })];
	withTools(b, tools, toolResults);
};

async function chat(body, { bearer = "tok-social", headers = {}, krs = true } = {}) {
	const answer = await fetch(standin.base + (krs ? "/" : "/generateAssistantResponse"), {
		method: "POST",
		headers: {
			authorization: `Bearer ${bearer}`,
			...(krs
				? {
						"content-type": "application/x-amz-json-1.0",
						"x-amz-target": "KiroRuntimeService.GenerateAssistantResponse",
					}
				: { "content-type": "application/json" }),
			...headers,
		},
		body: typeof body === "string" ? body : JSON.stringify(body),
	});
	const text = await answer.text();
	return {
		status: answer.status,
		type: answer.headers.get("x-amzn-errortype"),
		detail: answer.headers.get("x-standin-detail"),
		error: answer.ok ? undefined : JSON.parse(text),
	};
}

const accepted = {
	"the plain body": () => {},
	"null members and empty arrays": (b) => {
		state(b).history = null;
		current(b).images = [];
		current(b).userInputMessageContext = { tools: [], toolResults: [] };
	},
	"unknown members of structures": (b) => {
		b.inferenceConfig = { maxTokens: 1 };
		state(b).fancy = [1];
	},
	"a tool turn, answered": (b) => {
		withTurn(b, [use("t1"), use("t2")], [result("t2"), result("t1")]);
		current(b).content = "";
	},
	"an image": (b) => {
		current(b).images = [{ format: "png", source: { bytes: png } }];
	},
	"fields that the model's schema has": (b) => {
		current(b).modelId = "claude-opus-4.8";
		b.additionalModelRequestFields = {
			thinking: { type: "adaptive", display: "summarized" },
			output_config: { effort: "xhigh" },
			max_tokens: 32000,
		};
	},
	"nested oneOf in a schema": (b) =>
		withTools(b, [
			tool("Read", { type: "object", properties: { a: { oneOf: [{ type: "string" }] } } }),
		]),
};

for (const [what, change] of Object.entries(accepted)) {
	test(`accepts ${what}`, async () => {
		const body = good();
		change(body);
		const { status, detail } = await chat(body);
		assert.equal(status, 200, detail);
	});
}

const deep = (n) => (n ? { a: deep(n - 1) } : {});
const fields = (modelId, value) => (b) => {
	current(b).modelId = modelId;
	b.additionalModelRequestFields = value;
};

// [what, change, reason]: all 400 ValidationException from the new service.
const refused = [
	["no conversationState", (b) => delete b.conversationState, null],
	["no profileArn", (b) => delete b.profileArn, null],
	["chatTriggerType AUTO", (b) => (state(b).chatTriggerType = "AUTO"), null],
	["an unknown origin", (b) => (current(b).origin = "SOMEWHERE"), null],
	["content that is no string", (b) => (current(b).content = 1), null],
	["no content", (b) => delete current(b).content, null],
	["empty content", (b) => (current(b).content = ""), null],
	["systemPrompt", (b) => (b.systemPrompt = "x"), "REQUEST_BODY_INVALID"],
	["nesting above 128", (b) => withTools(b, [tool("A", { type: "object", x: deep(140) })]), null],
	["a body above 1.25 MB", (b) => (state(b).workspaceId = "x".repeat(1_250_001)), null],
	["currentMessage of the assistant", (b) => (state(b).currentMessage = assistant()), null],
	["a union of two members", (b) => (state(b).history = [{ ...user(), ...assistant() }]), null],
	["a union of no known member", (b) => (state(b).history = [{ systemMessage: {} }]), null],
	["a tool cachePoint", (b) => withTools(b, [{ cachePoint: { type: "default" } }]), null],
	["history from the assistant", (b) => (state(b).history = [assistant()]), null],
	["history to the user", (b) => (state(b).history = [user()]), null],
	["two users in a row", (b) => (state(b).history = [user(), user(), assistant()]), null],
	[
		"tools in the history",
		(b) => {
			const past = user("x", { userInputMessageContext: { tools: [tool()] } });
			state(b).history = [past, assistant()];
		},
		null,
	],
	["an empty assistant", (b) => (state(b).history = [user(), assistant("")]), null],
	["no result", (b) => withTurn(b, [use()], undefined), "TOOL_USE_RESULT_MISMATCH"],
	[
		"one result of two",
		(b) => withTurn(b, [use("t1"), use("t2")], [result("t1")]),
		"TOOL_USE_RESULT_MISMATCH",
	],
	[
		"an extra result",
		(b) => withTurn(b, [use()], [result(), result("t9")]),
		"TOOL_USE_RESULT_MISMATCH",
	],
	["two results", (b) => withTurn(b, [use()], [result(), result()]), "TOOL_USE_RESULT_MISMATCH"],
	["a result alone", (b) => withTools(b, [tool()], [result()]), "TOOL_USE_RESULT_MISMATCH"],
	[
		"a toolUseId twice",
		(b) => {
			withTurn(b, [use()], [result()]);
			const answer = user("", { userInputMessageContext: { toolResults: [result()] } });
			state(b).history.push(answer, assistant("", { toolUses: [use()] }));
		},
		"TOOL_USE_RESULT_MISMATCH",
	],
	["tool uses, no tools", (b) => withTurn(b, [use()], [result()], []), "TOOL_CONFIG_MISSING"],
	["input as text", (b) => withTurn(b, [use("t1", { input: "{}" })], [result()]), null],
	[
		"an error result without text",
		(b) => withTurn(b, [use()], [result("t1", { status: "error", content: [] })]),
		null,
	],
	["a status of its own", (b) => withTurn(b, [use()], [result("t1", { status: "ok" })]), null],
	[
		"a result with an image",
		(b) => withTurn(b, [use()], [result("t1", { content: [{ image: {} }] })]),
		null,
	],
	["a tool name of 65", (b) => withTools(b, [tool("a".repeat(65))]), null],
	["a tool name with a dot", (b) => withTools(b, [tool("a.b")]), null],
	["a tool twice", (b) => withTools(b, [tool(), tool()]), "TOOL_DUPLICATE"],
	["a schema without type", (b) => withTools(b, [tool("A", {})]), "TOOL_SCHEMA_INVALID"],
	[
		"a schema of an array",
		(b) => withTools(b, [tool("A", { type: "array" })]),
		"TOOL_SCHEMA_INVALID",
	],
	...["oneOf", "allOf", "anyOf"].map((word) => [
		`${word} at a schema's root`,
		(b) => withTools(b, [tool("A", { type: "object", [word]: [] })]),
		"TOOL_SCHEMA_INVALID",
	]),
	[
		"required: null",
		(b) => withTools(b, [tool("A", { type: "object", required: null })]),
		"TOOL_SCHEMA_INVALID",
	],
	[
		"properties as an array",
		(b) => withTools(b, [tool("A", { type: "object", properties: [] })]),
		"TOOL_SCHEMA_INVALID",
	],
	[
		"an image of another kind",
		(b) => (current(b).images = [{ format: "jpeg", source: { bytes: png } }]),
		"IMAGE_MIME_MISMATCH",
	],
	[
		"an image format it has not",
		(b) => (current(b).images = [{ format: "bmp", source: { bytes: png } }]),
		"IMAGE_FORMAT_UNSUPPORTED",
	],
	[
		"an image that is no base64",
		(b) => (current(b).images = [{ format: "png", source: { bytes: "%%%%" } }]),
		null,
	],
	[
		"11 images",
		(b) => (current(b).images = Array(11).fill({ format: "png", source: { bytes: png } })),
		"IMAGE_COUNT_EXCEEDED",
	],
	["a dashed model id", (b) => (current(b).modelId = "claude-opus-4-8"), "INVALID_MODEL_ID"],
	[
		"a legacy model id",
		(b) => (current(b).modelId = "CLAUDE_SONNET_4_20250514_V1_0"),
		"INVALID_MODEL_ID",
	],
	["fields of a model without any", fields("claude-sonnet-4.5", { max_tokens: 1 }), null],
	["xhigh on 4.6", fields("claude-opus-4.6", { output_config: { effort: "xhigh" } }), null],
	["disabled on opus-5.5", fields("claude-opus-5.5", { thinking: { type: "disabled" } }), null],
	[
		"budget_tokens",
		fields("claude-opus-4.8", { thinking: { type: "adaptive", budget_tokens: 9 } }),
		null,
	],
	["a field of no schema", fields("claude-opus-4.8", { temperature: 1 }), null],
	["max_tokens above the model's", fields("claude-opus-4.8", { max_tokens: 64001 }), null],
	[
		"reasoning without signature",
		(b) => {
			const reasoningContent = { reasoningText: { text: "t" } };
			state(b).history = [user(), assistant("y", { reasoningContent })];
		},
		"THINKING_SIGNATURE_INVALID",
	],
	[
		"199 messages from a client of no version",
		(b) => (state(b).history = Array(100).fill([user(), assistant()]).flat()),
		null,
	],
	[
		"a user message of 600,001 characters",
		(b) => (current(b).content = "x".repeat(600_001)),
		"CONTENT_LENGTH_EXCEEDS_THRESHOLD",
	],
];

for (const [what, change, reason] of refused) {
	test(`refuses ${what}`, async () => {
		const body = good();
		change(body);
		const { status, type, error, detail } = await chat(body);
		assert.equal(status, 400, detail);
		assert.equal(type, "ValidationException", detail);
		assert.equal(error.__type, "com.amazon.kiro.runtimeservice#ValidationException");
		assert.equal(error.reason, reason, detail);
		assert.ok(error.message);
	});
}

for (const [what, body] of [
	["text", "hello"],
	["a cut body", '{"conversationState":'],
	["an array", "[]"],
	["bytes after the value", "{} x"],
	["a raw control character", '{"a":"\u0001"}'],
]) {
	test(`refuses ${what} as a body`, async () => {
		const { status, error } = await chat(body);
		assert.equal(status, 400);
		assert.equal(error.reason, "REQUEST_BODY_INVALID_JSON");
	});
}

test("an enum's refusal names the member", async () => {
	const body = good();
	state(body).chatTriggerType = "AUTO";
	const { error } = await chat(body);
	assert.equal(error.fieldList[0].path, "/conversationState/chatTriggerType");
	assert.match(error.message, /^1 validation error detected\. Value at/);
});

test("the old service takes cache points, legacy ids and a body without profileArn", async () => {
	const body = good();
	delete body.profileArn;
	current(body).modelId = "CLAUDE_SONNET_4_20250514_V1_0";
	withTools(body, [tool(), { cachePoint: { type: "default" } }]);
	const { status, detail } = await chat(body, { krs: false });
	assert.equal(status, 200, detail);
});

test("a client that says its version may send a long history", async () => {
	const body = good();
	state(body).history = Array(100).fill([user(), assistant()]).flat();
	const { status, detail } = await chat(body, {
		headers: { "user-agent": "aws-sdk-js/1.0.0 KiroIDE-1.0.437-0123456789abcdef" },
	});
	assert.equal(status, 200, detail);
});

const bearerInvalid = "The bearer token included in the request is invalid.";
const own = (arn) => ({ ...good(), profileArn: arn });

// [what, body, options, status, message]
const doors = [
	["an unknown bearer", good(), { bearer: "nobody" }, 403, bearerInvalid],
	["an expired bearer", good(), { bearer: "tok-old" }, 403, bearerInvalid],
	["an API key without TokenType", own(undefined), { bearer: "ksk_check" }, 403, bearerInvalid],
	[
		"an API key with TokenType",
		own(undefined),
		{ bearer: "ksk_check", headers: { TokenType: "API_KEY" } },
		200,
	],
	["an external token without TokenType", good(), { bearer: "tok-external" }, 403, bearerInvalid],
	[
		"a social token with a TokenType",
		good(),
		{ headers: { TokenType: "SSO_OIDC" } },
		403,
		bearerInvalid,
	],
	["a Builder ID with its placeholder", own(builder), { bearer: "tok-builder" }, 200],
	[
		"someone else's profileArn",
		own(builder),
		{},
		403,
		"User is not authorized to make this call.",
	],
	[
		"a Builder ID's profileArn at the old service",
		own(builder),
		{ bearer: "tok-builder", krs: false },
		403,
		"User is not authorized to make this call.",
	],
	["an unknown operation", good(), { headers: { "x-amz-target": "KiroRuntimeService.Nope" } }, 404],
	["the wrong content type", good(), { headers: { "content-type": "application/json" } }, 400],
	[
		"the wrong content type at the old service",
		good(),
		{ krs: false, headers: { "content-type": "text/plain" } },
		415,
	],
];

for (const [what, body, options, status, message] of doors) {
	test(`${what}: ${status}`, async () => {
		const answer = await chat(body, options);
		assert.equal(answer.status, status, answer.detail);
		if (message) assert.equal(answer.error.message, message);
	});
}

const post = (path, body) =>
	fetch(standin.base + path, {
		method: "POST",
		headers: { "content-type": "application/json" },
		body: JSON.stringify(body),
	});

test("a social refresh token is good once", async () => {
	const first = await (await post("/refreshToken", { refreshToken: "ref-social" })).json();
	assert.equal(first.expiresIn, 3600);
	assert.equal(first.profileArn, social);
	assert.notEqual(first.refreshToken, "ref-social");
	assert.equal((await chat(good(), { bearer: first.accessToken })).status, 200);

	const second = await post("/refreshToken", { refreshToken: "ref-social" });
	assert.equal(second.status, 400);
	assert.equal((await second.json()).message, "Invalid refresh token provided");
	const unknown = await post("/refreshToken", { refreshToken: "nobody's" });
	assert.equal(unknown.status, 401);
	assert.equal((await post("/refreshToken", { refreshToken: first.refreshToken })).status, 200);
});

test("an OIDC refresh token is good once, and for its client only", async () => {
	const body = {
		clientId: "client-builder",
		clientSecret: "secret-builder",
		grantType: "refresh_token",
		refreshToken: "ref-builder",
	};
	const stranger = await post("/token", { ...body, clientSecret: "x" });
	assert.equal((await stranger.json()).error, "invalid_client");
	assert.equal((await post("/token", body)).status, 200);
	const second = await post("/token", body);
	assert.equal(second.status, 400);
	assert.equal((await second.json()).error, "invalid_grant");
});

test("of two refreshes at once one wins, and the overlap is counted", async () => {
	await standin.control("POST", "accounts", {
		name: "twice",
		kind: "social",
		refreshToken: "ref-twice",
	});
	await standin.control("POST", "refresh", { delay_ms: 100, account: "twice" });
	const both = await Promise.all([
		post("/refreshToken", { refreshToken: "ref-twice" }),
		post("/refreshToken", { refreshToken: "ref-twice" }),
	]);
	assert.deepEqual(both.map((r) => r.status).sort(), [200, 400]);
	const { refresh } = await standin.control("GET", "stats");
	const row = refresh.tokens.find((t) => t.token === "ref-twice");
	assert.deepEqual(row, {
		account: "twice",
		token: "ref-twice",
		calls: 2,
		stale: 1,
		max_overlap: 2,
	});
	await standin.control("POST", "refresh", {});
});

test("a device login waits, then hands out tokens that work", async () => {
	const client = await (
		await post("/client/register", { clientName: "c", clientType: "public", scopes: [] })
	).json();
	const { clientId, clientSecret } = client;
	const start = await (
		await post("/device_authorization", {
			clientId,
			clientSecret,
			startUrl: "https://view.awsapps.com/start",
		})
	).json();
	const poll = async () => {
		await new Promise((resolve) => setTimeout(resolve, start.interval * 1000));
		return post("/token", {
			clientId,
			clientSecret,
			deviceCode: start.deviceCode,
			grantType: "urn:ietf:params:oauth:grant-type:device_code",
		});
	};
	assert.equal((await (await poll()).json()).error, "authorization_pending");
	const tokens = await (await poll()).json();
	const { status } = await chat(own(builder), { bearer: tokens.accessToken });
	assert.equal(status, 200);
});
