// The stand-in upstream's scripts and control API do what its README.md says.

import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startStandin } from "./standin.mjs";

let standin;

before(async () => (standin = await startStandin("--default", "reply")));
after(async () => assert.equal(await standin?.stop(), 0));
beforeEach(async () => {
	await standin.control("POST", "reset");
	await standin.control("POST", "accounts", [
		{ name: "a", accessToken: "tok-a", refreshToken: "ref-a" },
		{ name: "b", accessToken: "tok-b" },
	]);
});

const put = (name, script) => standin.control("PUT", `script/${name}`, script);

const post = (path, body, { bearer = "tok-a", signal } = {}) =>
	fetch(standin.base + path, {
		method: "POST",
		signal,
		headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
		body: JSON.stringify(body),
	});

const chat = (content, options, context) =>
	post(
		"/generateAssistantResponse",
		{
			conversationState: {
				chatTriggerType: "MANUAL",
				currentMessage: {
					userInputMessage: { content, userInputMessageContext: context },
				},
			},
		},
		options,
	);
const body = async (answer) => Buffer.from(await answer.arrayBuffer());
const requests = () => standin.control("GET", "requests?wait=2000");

test("a mark chooses the script, else default does, else the built-in reply", async () => {
	const reply = String(await body(await chat("hello")));
	const said = [...reply.matchAll(/"content":("(?:[^"\\]|\\.)*")/g)].map((m) => JSON.parse(m[1]));
	assert.match(said.join(""), /^This is the stand-in upstream.*"hello"/s);
	await put("default", { steps: [{ text: "D" }] });
	await put("x.1", { steps: [{ text: "X" }] });
	assert.match(String(await body(await chat("hello @nobody@"))), /"content":"D"/);
	assert.match(String(await body(await chat("a@b.c and @x.1@"))), /"content":"X"/);
	const [, , last] = await requests();
	assert.equal(last.script, "x.1");
});

test("a script answers its times, then the next one does, then the choice goes on", async () => {
	await put("default", { steps: [{ text: "D" }] });
	await put("x", { times: 2, next: "y", http: { status: 429 } });
	await put("y", { times: 1, http: { status: 503, body: "no" } });
	const seen = [];
	for (let i = 0; i < 4; i++) seen.push((await chat("@x@")).status);
	assert.deepEqual(seen, [429, 429, 503, 200]);
});

test("an account's own script is for that account only", async () => {
	await put("default", { steps: [{ text: "D" }] });
	await put("limited", { http: { status: 402, body: { reason: "MONTHLY_REQUEST_COUNT" } } });
	await standin.control("POST", "accounts", { name: "a", script: "limited" });
	assert.equal((await chat("x", { bearer: "tok-a" })).status, 402);
	assert.equal((await chat("x", { bearer: "tok-b" })).status, 200);
});

test("the stream is cut after exactly the bytes asked for, wherever that is", async () => {
	const script = { cut_as: "clean", steps: [{ text: "ab" }], trailer: false };
	await put("default", script);
	const whole = await body(await chat("x"));
	for (let n = 0; n < whole.length; n++) {
		await put("default", { ...script, cut_after_bytes: n });
		assert.deepEqual(await body(await chat("x")), whole.subarray(0, n));
	}
	const [{ sent }] = await requests();
	assert.equal(sent, whole.length);
});

test("a cut inside the HTTP body is an error for the client", async () => {
	for (const cut_as of ["close", "reset"]) {
		await put("default", { cut_as, steps: [{ text: "a" }, { cut_here: true }] });
		await assert.rejects(async () => body(await chat("x")));
	}
});

test("a repeat repeats, and its pieces are the whole text", async () => {
	await put("default", {
		trailer: false,
		steps: [{ repeat: 3, steps: [{ repeat: 2, steps: [{ text: "äö", pieces: 2 }] }] }],
	});
	const text = String(await body(await chat("x")));
	assert.equal(text.match(/"content":"ä"/g).length, 6);
	assert.equal(text.match(/"content":"ö"/g).length, 6);
});

test("tool input: pieces join to the text, stop is where it was put", async () => {
	const tool = { id: "t", name: "N", input: { k: "v v v" }, pieces: 3 };
	const events = async (more) => {
		await put("default", { trailer: false, steps: [{ tool: { ...tool, ...more } }] });
		const text = String(await body(await chat("x")));
		return [...text.matchAll(/\{"(?:input|name|stop)[^}]*?"toolUseId":"t"\}/g)].map((m) =>
			JSON.parse(m[0]),
		);
	};
	assert.deepEqual(
		(await events({ input: "abc" })).map((e) => e.input ?? e.stop),
		[undefined, "a", "b", "c", true],
	);
	assert.deepEqual(
		(await events({ input: "abc", stop: false })).map((e) => e.stop),
		[undefined, undefined, undefined, undefined],
	);
	assert.deepEqual(
		(await events({ input: "abc", stop: "last" })).map((e) => e.stop),
		[undefined, false, false, true],
	);
});

test("a bad script is refused with what is wrong", async () => {
	for (const script of [
		{ stepz: [] },
		{ steps: [{ nothing: 1 }] },
		{ steps: [{ text: "a", piece: 2 }] },
		{ steps: [{ tool: { id: "t" } }] },
		{ chunking: "some" },
		{ http: { status: 99 } },
	]) {
		const answer = await fetch(`${standin.base}/_control/script/bad`, {
			method: "PUT",
			body: JSON.stringify(script),
		});
		assert.equal(answer.status, 400);
		assert.ok((await answer.json()).error);
	}
});

test("a client that leaves a stalled stream is in the journal", async () => {
	await put("default", { steps: [{ text: "a" }, { stall: true }] });
	const abort = new AbortController();
	const answer = await chat("x", { signal: abort.signal });
	await answer.body.getReader().read();
	abort.abort();
	const [entry] = await requests();
	assert.equal(entry.client_closed, true);
	assert.equal(entry.done, true);
	assert.equal(entry.status, 200);
	assert.ok(entry.client_closed_after_ms >= 0);
	assert.equal(entry.body.conversationState.chatTriggerType, "MANUAL");
	assert.equal(entry.headers.authorization, "Bearer tok-a");
});

test("any operation can be given an answer", async () => {
	await standin.control("PUT", "answer/GetUsageLimits", {
		times: 1,
		http: { status: 403, body: { message: "no" } },
	});
	const usage = () =>
		fetch(`${standin.base}/getUsageLimits?origin=AI_EDITOR`, {
			headers: { authorization: "Bearer tok-a" },
		});
	assert.equal((await usage()).status, 403);
	assert.equal((await usage()).status, 200);
});

test("a refresh can fail without spending the token, or spend it without an answer", async () => {
	const refresh = () => post("/refreshToken", { refreshToken: "ref-a" });
	await standin.control("POST", "refresh", { status: 503, body: { message: "later" }, times: 1 });
	assert.equal((await refresh()).status, 503);
	await standin.control("POST", "refresh", { drop_answer: true, times: 1 });
	await assert.rejects(refresh());
	assert.equal((await refresh()).status, 400);
	const { refresh: stats } = await standin.control("GET", "stats");
	assert.equal(stats.calls, 3);
	assert.equal(stats.ok, 1);
	assert.equal(stats.stale, 1);
});

test("a refresh without rotation keeps the token good", async () => {
	await standin.control("POST", "refresh", { rotate: false });
	for (let i = 0; i < 2; i++) {
		const answer = await post("/refreshToken", { refreshToken: "ref-a" });
		assert.equal((await answer.json()).refreshToken, "ref-a");
	}
});

test("the reply calls a tool that it is told to call, if it is offered", async () => {
	const tools = ["Read"].map((name) => ({
		toolSpecification: { name, inputSchema: { json: { type: "object" } } },
	}));
	const text = '@call Read {"p":"a@b"}@';
	const called = String(await body(await chat(text, {}, { tools })));
	assert.match(called, /"name":"Read"/);
	assert.match(called, /"stopReason":"TOOL_USE"/);
	const not = String(await body(await chat("@call Write {}@", {}, { tools })));
	assert.doesNotMatch(not, /toolUseEvent/);
	assert.match(not, /"stopReason":"END_TURN"/);
});
