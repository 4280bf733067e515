// The stand-in upstream's frames, read by the official streaming client.
//
// Our decoder and our stand-in could agree on the same mistake; AWS's own client knows neither.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
	CodeWhispererStreamingClient,
	GenerateAssistantResponseCommand,
} from "@aws/codewhisperer-streaming-client";
import { startStandin } from "./standin.mjs";

const bearer = "eventstream-check-token";
let standin, client;

before(async () => {
	standin = await startStandin();
	await standin.control("POST", "accounts", {
		name: "check",
		kind: "social",
		accessToken: bearer,
	});
	client = new CodeWhispererStreamingClient({
		endpoint: standin.base,
		region: "us-east-1",
		token: { token: bearer, expiration: new Date(Date.now() + 3600_000) },
		maxAttempts: 1,
	});
});

after(async () => {
	client?.destroy();
	assert.equal(await standin?.stop(), 0);
});

function call(content, more = {}) {
	return client.send(
		new GenerateAssistantResponseCommand({
			conversationState: {
				chatTriggerType: "MANUAL",
				conversationId: "6f4f0b8e-0000-4000-8000-000000000001",
				currentMessage: {
					userInputMessage: { content, modelId: "claude-sonnet-4.5", origin: "AI_EDITOR" },
				},
				...more,
			},
		}),
	);
}

// All events of the script's answer; an error ends the list and is returned beside it.
async function collect(script) {
	await standin.control("PUT", "script/check", script);
	const events = [];
	try {
		const answer = await call("@check@");
		for await (const event of answer.generateAssistantResponseResponse) events.push(event);
	} catch (error) {
		return { events, error };
	}
	return { events };
}

// The answer's body as hex, past any decoder.
async function bytes(script) {
	await standin.control("PUT", "script/check", script);
	const answer = await fetch(`${standin.base}/generateAssistantResponse`, {
		method: "POST",
		headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
		body: JSON.stringify({
			conversationState: {
				chatTriggerType: "MANUAL",
				currentMessage: { userInputMessage: { content: "@check@" } },
			},
		}),
	});
	assert.equal(answer.status, 200);
	return Buffer.from(await answer.arrayBuffer()).toString("hex");
}

const text = (events) => events.map((e) => e.assistantResponseEvent?.content ?? "").join("");
const input = (events, id) =>
	events
		.filter((e) => e.toolUseEvent?.toolUseId === id)
		.map((e) => e.toolUseEvent.input ?? "")
		.join("");

const rich = {
	steps: [
		{ text: "Grüße, 世界! 🎈 and more", pieces: 7 },
		{ tool: { id: "tooluse_1", name: "Read", input: { path: "ä.txt", n: [1, 2] }, pieces: 4 } },
		{ text: "end" },
	],
};

function assertRich({ events, error }) {
	assert.equal(error, undefined);
	assert.equal(text(events), "Grüße, 世界! 🎈 and moreend");
	const tool = events.filter((e) => e.toolUseEvent).map((e) => e.toolUseEvent);
	assert.deepEqual(tool[0], { toolUseId: "tooluse_1", name: "Read" });
	assert.equal(tool.at(-1).stop, true);
	assert.equal(tool.filter((t) => t.stop).length, 1);
	assert.deepEqual(JSON.parse(input(events, "tooluse_1")), { path: "ä.txt", n: [1, 2] });
}

test("text and a tool call arrive as scripted, then the trailer", async () => {
	const result = await collect(rich);
	assertRich(result);
	assert.deepEqual(
		result.events.slice(-3).map((e) => Object.keys(e)[0]),
		["metadataEvent", "contextUsageEvent", "meteringEvent"],
	);
});

for (const chunking of [1, 7, "frame", "random:42"]) {
	test(`writes cut as ${chunking} make no difference`, async () => {
		assertRich(await collect({ ...rich, chunking }));
	});
}

for (const header_order of ["rts", "krs"]) {
	test(`headers in the order of ${header_order} make no difference`, async () => {
		assertRich(await collect({ ...rich, header_order }));
	});
}

test("token usage in the metadata event arrives", async () => {
	const tokenUsage = { uncachedInputTokens: 10, outputTokens: 5, totalTokens: 15 };
	const { events } = await collect({ steps: [{ text: "a" }], trailer: { tokenUsage } });
	const usage = events.find((e) => e.metadataEvent).metadataEvent.tokenUsage;
	assert.equal(usage.uncachedInputTokens, 10);
	assert.equal(usage.outputTokens, 5);
	assert.equal(usage.totalTokens, 15);
});

test("reasoning arrives: text, then the signature alone", async () => {
	const steps = [{ thinking: "hmm, so", pieces: 2, signature: "c2ln" }];
	const { events } = await collect({ steps });
	const reasoning = events.map((e) => e.reasoningContentEvent).filter((r) => r);
	assert.equal(reasoning.map((r) => r.text ?? "").join(""), "hmm, so");
	assert.equal(reasoning.at(-1).signature, "c2ln");
	assert.equal(reasoning.at(-1).text, undefined);
});

test("an event type that the client does not know disturbs nothing", async () => {
	const { events, error } = await collect({
		steps: [{ text: "a" }, { event: "brandNewEvent", payload: { x: 1 } }, { text: "b" }],
	});
	assert.equal(error, undefined);
	assert.equal(text(events), "ab");
});

test("an exception frame ends the stream with its name and message", async () => {
	const { events, error } = await collect({
		steps: [{ text: "a" }, { exception: { type: "error", payload: { message: "boom" } } }],
	});
	assert.equal(text(events), "a");
	assert.equal(error.name, "InternalServerException");
	assert.equal(error.message, "boom");
});

test("an exception that only the new service has still is an error of that name", async () => {
	const { error } = await collect({
		steps: [{ text: "a" }, { exception: { type: "throttlingError", payload: { message: "slow" } } }],
	});
	assert.equal(error.name, "throttlingError");
});

test("an error frame is an error with its code", async () => {
	const { error } = await collect({
		steps: [{ text: "a" }, { error: { code: "InternalError", message: "boom" } }],
	});
	assert.equal(error.name, "InternalError");
	assert.match(error.message, /boom/);
});

for (const [bad_crc, words] of [
	["message", /message checksum/i],
	["prelude", /prelude checksum/i],
]) {
	test(`a wrong ${bad_crc} checksum throws, after the frames before it`, async () => {
		const { events, error } = await collect({
			chunking: "frame",
			steps: [{ text: "a" }, { sleep_ms: 20 }, { text: "b", bad_crc }, { text: "c" }],
		});
		assert.ok(error);
		assert.match(error.message, words);
		assert.ok(!text(events).includes("b"));
	});
}

for (const cut_as of ["close", "clean"]) {
	test(`a stream cut inside a frame (${cut_as}) is no whole answer`, async () => {
		const { events, error } = await collect({
			cut_as,
			steps: [{ text: "a" }, { text: "b", cut_after_bytes: 50 }],
		});
		assert.ok(error);
		assert.ok(!text(events).includes("b"));
	});
}

test("a scripted throttle is the client's ThrottlingException", async () => {
	const { error } = await collect({
		http: {
			status: 429,
			headers: { "x-amzn-errortype": "ThrottlingException" },
			body: { message: "Too many requests", reason: "USER_REQUEST_RATE_EXCEEDED" },
		},
	});
	assert.equal(error.name, "ThrottlingException");
	assert.equal(error.$metadata.httpStatusCode, 429);
});

test("what the stand-in refuses is the client's ValidationException with the reason", async () => {
	await assert.rejects(
		call("hi", {
			history: [
				{ userInputMessage: { content: "x" } },
				{
					assistantResponseMessage: {
						content: "",
						toolUses: [{ toolUseId: "t1", name: "Read", input: {} }],
					},
				},
			],
		}),
		(error) =>
			error.name === "ValidationException" && error.reason === "TOOL_USE_RESULT_MISMATCH",
	);
});

// The reference's own worked frames: encoded by AWS's encoder, so no decoder of ours is involved.
test("the bytes are those of the worked examples", async () => {
	const examples = [
		"0000007c0000005c3bddcf780b3a6576656e742d74797065070016617373697374616e74526573706f6e7365" +
			"4576656e740d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d65" +
			"73736167652d747970650700056576656e747b22636f6e74656e74223a224869227db02babdc",
		"00000089000000525cb13d520b3a6576656e742d7479706507000c746f6f6c5573654576656e740d3a636f6e" +
			"74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065" +
			"0700056576656e747b226e616d65223a2252656164222c22746f6f6c5573654964223a22746f6f6c7573" +
			"655f31227d52dc6f2b",
		"0000009b000000524691f9b00b3a6576656e742d7479706507000c746f6f6c5573654576656e740d3a636f6e" +
			"74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065" +
			"0700056576656e747b22696e707574223a227b5c22705c223a222c226e616d65223a2252656164222c22" +
			"746f6f6c5573654964223a22746f6f6c7573655f31227da5bfee8c",
		"0000009500000052f9a147d10b3a6576656e742d7479706507000c746f6f6c5573654576656e740d3a636f6e" +
			"74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d74797065" +
			"0700056576656e747b226e616d65223a2252656164222c2273746f70223a747275652c22746f6f6c5573" +
			"654964223a22746f6f6c7573655f31227dfaeae076",
		"0000005800000048154692c10b3a6572726f722d636f646507000d496e7465726e616c4572726f720e3a6572" +
			"726f722d6d657373616765070004626f6f6d0d3a6d6573736167652d747970650700056572726f72f9da" +
			"682d",
		"000000100000000005c248eb7d98c8ff",
		"0000007c00000053ab62d2e90b3a6576656e742d7479706507000d6d657461646174614576656e740d3a636f" +
			"6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970" +
			"650700056576656e747b2273746f70526561736f6e223a22454e445f5455524e227d5460e76e",
		"0000008600000057ae8b5e0c0b3a6576656e742d74797065070011636f6e7465787455736167654576656e74" +
			"0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d657373616765" +
			"2d747970650700056576656e747b22636f6e74657874557361676550657263656e74616765223a31322e" +
			"357d775490df",
	];
	const steps = [
		{ text: "Hi" },
		{ tool: { id: "tooluse_1", name: "Read", input: '{"p":' } },
		{ error: { code: "InternalError", message: "boom" } },
		{ empty_frame: true },
		{ trailer: { stopReason: "END_TURN", contextUsagePercentage: 12.5, metering: false } },
	];
	assert.equal(await bytes({ steps, header_order: "rts" }), examples.join(""));

	const exception =
		"0000007f0000005d0b7a853e0d3a6d6573736167652d74797065070009657863657074696f6e0f3a6578636570" +
		"74696f6e2d7479706507000f7468726f74746c696e674572726f720d3a636f6e74656e742d74797065070010" +
		"6170706c69636174696f6e2f6a736f6e7b226d657373616765223a22736c6f77227dc9de3ab5";
	const slow = [{ exception: { type: "throttlingError", payload: { message: "slow" } } }];
	assert.equal(await bytes({ steps: slow, header_order: "krs" }), exception);
});

test("an unscripted call is a fatal 500", async () => {
	await assert.rejects(call("hi"), (error) => error.name === "InternalServerException");
});
