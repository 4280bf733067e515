// The streaming contract, item by item: a test for each number of the client API reference that
// speaks of all streams, of Messages or of Chat Completions. The checks of a stream's bytes
// (lib/contract.mjs) run over many answers, in both dialects, with the upstream's bytes cut after
// every byte and at random places; what no transcript can show has a test of its own below.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { startGateway } from '../clients/gateway.mjs';
import { cgiVariables, parseCgiAnswer } from '../lib/cgi.mjs';
import { checkErrorEnvelope, checks, checkStream, compareAnswers, readStream, readWhole }
	from '../lib/contract.mjs';
import { items } from '../lib/contract-items.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { payload, request, stream } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { start, stop, until } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

const MB = 1024 * 1024;

const message = (text, more) => ({
	path: '/v1/messages',
	body: { model: 'claude-opus-4-8', max_tokens: 4000, messages: [{ role: 'user', content: text }],
		...more },
});
const streamed = { stream: true };

// ---- the answers over which the checks run ----

const special = 'Zürich 世界 e\u0301 😀 🧑‍💻 ' +
		'"q" \\ \t\n\r\u0001\u001b\u007f\u2028\u2029 </a>&amp; \\u0041';
const schema = { type: 'object', properties: { a: { type: 'string' } } };
const call = (id, input, more) => ({ tool: { id, name: 'f', input, pieces: 4, ...more } });
const broken = { exception: { type: 'throttlingError', payload: {
	message: 'slow down', reason: 'INSUFFICIENT_MODEL_CAPACITY' } } };
const whole = (more) => ({ text: '', thinking: '', tools: [], end: 'whole', ...more });
const tags = '<thinking>Hm, a < b.</thinking>\n\nOne </b> two.';

// what: { steps, sent, script (more settings), request (more of the Messages request) }
const answers = {
	'special characters': { steps: [{ text: special, pieces: 17 }], sent: whole({ text: special }) },
	'a long text': { steps: [{ text: `${special} `.repeat(50), pieces: 200 }],
			 sent: whole({ text: `${special} `.repeat(50) }) },
	'two calls': {
		steps: [{ text: 'Look.' }, call('tooluse_1', { a: special }), call('tooluse_2', {})],
		sent: whole({ text: 'Look.', tools: [{ id: 'tooluse_1', name: 'f', input: { a: special } },
						     { id: 'tooluse_2', name: 'f', input: {} }] }),
	},
	'a call without input': {
		steps: [call('tooluse_1', '')],
		sent: whole({ tools: [{ id: 'tooluse_1', name: 'f', input: {} }] }),
	},
	'thinking': {
		steps: [{ thinking: `Hm ${special}`, signature: 'c2ln', pieces: 9 }, { text: 'Yes.' },
			call('tooluse_1', { a: 'b' })],
		sent: whole({ thinking: `Hm ${special}`, text: 'Yes.',
			      tools: [{ id: 'tooluse_1', name: 'f', input: { a: 'b' } }] }),
		request: { thinking: { type: 'enabled', budget_tokens: 2000 } },
	},
	'thinking in tags': {
		steps: [{ text: tags, pieces: tags.length }],
		sent: whole({ thinking: 'Hm, a < b.', text: 'One </b> two.' }),
		request: { model: 'claude-sonnet-4-5',
			   thinking: { type: 'enabled', budget_tokens: 2000 } },
	},
	'measured usage': {
		steps: [{ text: 'Yes.' }], sent: whole({ text: 'Yes.' }),
		script: { trailer: { tokenUsage: { uncachedInputTokens: 900, cacheReadInputTokens: 50,
						   outputTokens: 7, totalTokens: 957 } } },
	},
	'too many tokens': {
		steps: [{ text: 'And then' }], sent: whole({ text: 'And then' }),
		script: { trailer: { stopReason: 'MAX_TOKENS' } },
	},
	'a failure in text': { steps: [{ text: 'Half an' }, broken],
			       sent: { text: 'Half an', end: 'failed' } },
	'a failure behind a call': {
		steps: [call('tooluse_1', { a: 'b' }), broken],
		sent: { text: '', tools: [{ id: 'tooluse_1', name: 'f', input: { a: 'b' } }],
			end: 'failed' },
	},
	'a cut text': { steps: [{ text: 'Half an' }, { cut_here: true }],
			sent: { text: 'Half an', end: 'failed' } },
	'no marker': { steps: [{ text: 'Half an' }], sent: { text: 'Half an', end: 'unmarked' },
		       script: { trailer: false } },
	'a cut call': {
		steps: [{ text: 'Now.' }, call('tooluse_1', '{"a":"b', { stop: false })],
		sent: { text: 'Now.', tools: [{ cut: true }], end: 'unmarked' },
		script: { trailer: false },
	},
};

const chunkings = [undefined, 1, 'random:1', 'random:4711'];

function chatRequest({ model = 'claude-opus-4-8', thinking } = {}) {
	return { path: '/v1/chat/completions', body: {
		model: thinking ? `${model}-thinking` : model, stream_options: { include_usage: true },
		messages: [{ role: 'user', content: 'hi' }],
		tools: [{ type: 'function',
			  function: { name: 'f', description: 'f', parameters: schema } }],
	} };
}

function responsesRequest({ model = 'claude-opus-4-8', thinking } = {}) {
	return { path: '/v1/responses', body: {
		model: thinking ? `${model}-thinking` : model, input: 'hi',
		...thinking && { reasoning: { summary: 'auto' } },
		tools: [{ type: 'function', name: 'f', description: 'f', parameters: schema }],
	} };
}

const requests = {
	anthropic: ({ request: more }) => message('hi', {
		tools: [{ name: 'f', description: 'f', input_schema: schema }], ...more }),
	openai: ({ request: more }) => chatRequest(more),
	responses: ({ request: more }) => responsesRequest(more),
};

// Every answer of the table in every form. Returns the violations by item.
async function collect() {
	const standin = await startStandin();
	/* A failure lets an account rest: there must always be another one. */
	const installation = await makeInstallation({ standin, accounts: Array.from(
		{ length: 80 }, (_, n) => ({ name: `a${n}`, kind: 'social' })) });
	const responder = await startFastcgi(installation);
	const found = [];
	const ask = ({ path, body }) => responder.request({
		method: 'POST', path, body: Buffer.from(JSON.stringify(body)),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});

	try {
		for (const [what, one] of Object.entries(answers)) {
			for (const [dialect, make] of Object.entries(requests))
				await collectOne({ standin, ask, what, one, dialect, found,
						   plain: make(one) });
		}
	} finally {
		await responder.stop();
		await standin.stop();
		installation.remove();
	}
	return found;
}

async function collectOne({ standin, ask, what, one, dialect, plain, found }) {
	const { path, body } = plain;
	const { steps, sent, script } = one;
	let first;

	for (const chunking of chunkings) {
		await standin.script('default', { steps, chunking, ...script });
		const asked = { ...body, stream: true };
		const answer = await ask({ path, body: asked });
		const transcript = { ...answer, bytes: answer.body, dialect, request: asked, sent };
		const meaning = readStream(transcript);
		const label = `${what}, ${dialect}, chunking ${chunking}`;

		first ??= meaning;
		for (const violation of [...checkStream(transcript), ...compareAnswers(50, first, meaning)])
			found.push({ ...violation, label });
	}
	await standin.script('default', { steps, ...script });
	const { stream_options: options, ...unstreamed } = body;
	const answer = await ask({ path, body: unstreamed });
	const json = JSON.parse(answer.body.toString());

	const good = answer.status === 200;
	const differences = good !== (sent.end === 'whole') ?
				    [{ item: 15, text: `status ${answer.status}` }] :
			    good ? compareAnswers(15, first, readWhole(dialect, json)) : [];

	found.push(...differences.map((found_) => ({ ...found_, label: `${what}, ${dialect}, whole` })));
}

// ---- what a stream of bytes does not show, through lighttpd ----

// The same words as a request of each dialect; what a keep-alive and a piece of text look like there.
const saying = {
	anthropic: (text) => message(text, streamed),
	openai: (text) => ({ path: '/v1/chat/completions', body: {
		model: 'claude-opus-4-8', messages: [{ role: 'user', content: text }], ...streamed } }),
	responses: (text) => ({ path: '/v1/responses', body: {
		model: 'claude-opus-4-8', input: text, ...streamed } }),
};
const dialects = Object.keys(saying);
const pings = {
	anthropic: (event) => payload(event)?.type === 'ping',
	openai: ({ comment }) => comment !== undefined,
	responses: (event) => ['response.in_progress', 'keepalive'].includes(payload(event)?.type),
};
const pieces = {
	anthropic: (event) => payload(event)?.delta?.text,
	openai: (event) => payload(event)?.choices?.[0]?.delta?.content,
	responses: (event) => (payload(event)?.type === 'response.output_text.delta' ?
		payload(event).delta : undefined),
};

const isDelta = (event) => payload(event)?.type === 'content_block_delta';
const textOf = (event) => payload(event)?.delta?.text ?? '';

async function nextWhere(answer, condition) {
	for (;;) {
		const event = await answer.next();

		assert.ok(event, 'the stream ended early');
		if (condition(event))
			return event;
	}
}

const entryOf = async (standin, script) =>
	(await standin.requests()).find((entry) => entry.script === script);

const refusal = (status, reason) => ({ http: { status, body: { message: 'm', reason } } });

// Item 1: what is known before the stream has a status and an envelope.
async function statusFirst({ ask, standin }) {
	await standin.script('refused', refusal(400, 'TOOL_SCHEMA_INVALID'));
	for (const dialect of dialects) {
		for (const more of [streamed, { stream: false }]) {
			const { path, body } = saying[dialect]('@refused@');
			const answer = await ask({ path, body: { ...body, ...more } });

			assert.equal(answer.status, 400);
			assert.match(answer.headers['content-type'], /^application\/json/);
			if (dialect === 'anthropic')
				assert.deepEqual(checkErrorEnvelope(answer.json), []);
			else
				assert.equal(answer.json.error.type, 'invalid_request_error');
		}
	}
}

// Items 2 and 3: the upstream says no more, and the client has it all.
const eventByEvent = (texts) => async ({ open, standin }) => {
	for (const dialect of dialects) {
		const name = `stalls${texts.length}${dialect}`;
		const pieceOf = pieces[dialect];

		await standin.script(name, { chunking: 'frame',
					     steps: [...texts.map((text) => ({ text })), { stall: true }] });
		const answer = await open(saying[dialect](`@${name}@`));

		for (const text of texts)
			assert.equal(pieceOf(await nextWhere(answer, pieceOf)), text);
		assert.equal((await entryOf(standin, name)).done, false);
		answer.close();
	}
};

// No ping can have told of it, and there is one place only, which somebody else gets next.
async function hangUp(_, t) {
	const site = await startSite({ max_streams: 1, ping_interval: 60, first_byte_hold: 1 });
	const { open, standin } = site;
	const left = {
		early: { first_byte_delay_ms: 60000, steps: [{ text: 'late' }] },
		middle: { steps: [{ text: 'one' }, { stall: true }] },
	};

	try {
		for (const [name, script] of Object.entries(left)) {
			await standin.script(name, script);
			const answer = await until(async () => {
				const attempt = await open(message(`@${name}@`, streamed));

				return attempt.status === 200 ? attempt : (attempt.close(), false);
			}, 'the place to be free');

			if (name === 'middle')
				await nextWhere(answer, isDelta);
			const since = performance.now();

			answer.close();
			const entry = await until(async () => {
				const found = await entryOf(standin, name);

				return found?.done && found;
			}, 'the upstream request to end');

			assert.equal(entry.client_closed, true);
			t.diagnostic(`${name}: ended ${Math.round(performance.now() - since)} ms later`);
		}
		await until(async () => (await standin.stats()).in_flight === 0, 'all to be over');
	} finally {
		await site.stop();
	}
}

async function keepsAlive({ open, standin }) {
	await standin.script('thinks', { first_byte_delay_ms: 60000, steps: [{ text: 'late' }] });
	await standin.script('pauses', { steps: [{ text: 'one' }, { stall: true }] });
	await Promise.all(dialects.flatMap((dialect) => ['thinks', 'pauses'].map(async (name) => {
		const answer = await open(saying[dialect](`@${name}@`));

		if (dialect === 'responses') /* the first one is the answer's beginning */
			await nextWhere(answer, pings[dialect]);
		for (let count = 0; count < 2; count++)
			await nextWhere(answer, pings[dialect]);
		answer.close();
	})));
}

async function staysUsable({ ask, open, standin }) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	let connections = 0;

	agent.createConnection = ((create) => function (...args) {
		connections++;
		return create.apply(this, args);
	})(agent.createConnection);
	await standin.script('hello', { steps: [{ text: 'Hello.' }] });
	/* Two accounts rest after this: it comes last on its site. */
	await standin.script('fails', { steps: [{ text: 'Hello.' }, broken] });
	try {
		for (const [name, last] of [['hello', 'message_stop'], ['fails', 'error']]) {
			const answer = await open({ ...message(`@${name}@`, streamed), agent });
			const events = await answer.rest();

			assert.equal(payload(events.at(-1)).type, last);
		}
		assert.equal((await ask({ ...message('@hello@'), agent })).status, 200);
		assert.equal(connections, 1);
	} finally {
		agent.destroy();
	}
}

// A text in two pieces, cut at every place.
async function atEveryCut(site, dialect, text, makeRequest, check) {
	for (let at = 0; at <= text.length; at++) {
		const pieces = [text.slice(0, at), text.slice(at)].filter(Boolean);
		const asked = makeRequest();

		await site.standin.script('cut', { chunking: 'frame',
						   steps: pieces.map((piece) => ({ text: piece })) });
		const answer = await site.open(asked);

		if (answer.status === 200)
			await answer.rest();
		else
			assert.fail((await site.ask(asked)).text);
		check({ dialect, status: answer.status, headers: {
			...answer.headers, 'content-length': undefined }, bytes: answer.bytes(),
			request: asked.body }, pieces);
	}
}

// Responses has no stop sequences.
async function stopSequence(site) {
	const found = 'One. ST STO', sequence = 'STOP';
	const wishes = { anthropic: ['stop_sequences', 'stop_sequence', sequence],
			 openai: ['stop', 'stop', undefined] };

	for (const [dialect, [field, end, told]] of Object.entries(wishes)) {
		const { path, body } = saying[dialect]('@cut@');

		await atEveryCut(site, dialect, `${found}${sequence} Two.`, () => ({
			path, body: { ...body, [field]: ['never', sequence] } }), (transcript, cut) => {
			const { text, stop, stopSequence: matched } = readStream(transcript);

			assert.deepEqual(checkStream(transcript), []);
			assert.deepEqual([text, stop, matched ?? undefined], [found, end, told],
					 cut.join('|'));
		});
	}
}

async function noTagsShow(site) {
	const { sent, request: more } = answers['thinking in tags'];
	const asked = {
		anthropic: more,
		openai: { model: 'claude-sonnet-4-5-thinking' },
		responses: { model: 'claude-sonnet-4-5-thinking', reasoning: { summary: 'auto' } },
	};

	for (const dialect of dialects) {
		const { path, body } = saying[dialect]('@cut@');

		await atEveryCut(site, dialect, tags, () => ({ path, body: { ...body, ...asked[dialect] } }),
				 (transcript, cut) => {
			assert.deepEqual(checkStream({ ...transcript, sent }), [], cut.join('|'));
		});
	}
}

// Item 34: where the upstream says nothing, the answer is an error with a status.
async function nothingIsAnError({ ask, standin }) {
	await standin.script('nothing', { steps: [] });
	for (const dialect of dialects) {
		for (const more of [streamed, { stream: false }]) {
			const { path, body } = saying[dialect]('@nothing@');
			const answer = await ask({ path, body: { ...body, ...more } });

			/* Codex must wait, and tries again after a 429 with a time only. */
			assert.ok(dialect === 'responses' ? answer.status === 429 : answer.status >= 500,
				  `${answer.status} ${answer.text}`);
			assert.ok(answer.json.error.message);
		}
	}
}

async function noCrossTalk({ ask, open, standin }) {
	const count = (n) => ask({ path: '/v1/messages/count_tokens', body: {
		model: 'claude-opus-4-8',
		messages: [{ role: 'user', content: 'word '.repeat(1 + 40 * n) }] } });
	const names = Array.from({ length: 50 }, (_, n) => `own${n}`);
	const alone = [], ids = new Set();

	for (let n = 0; n < 26; n++)
		alone.push((await count(n)).json.input_tokens);
	for (const name of names)
		await standin.script(name, { pace_ms: 3, steps: [
			{ text: `${name} `.repeat(20), pieces: 20 }] });
	const [counts] = await Promise.all([
		Promise.all(alone.map((_, n) => count(n))),
		...names.map(async (name) => {
			const answer = await open(message(`@${name}@`, streamed));
			const events = await answer.rest();

			assert.equal(events.map(textOf).join(''), `${name} `.repeat(20));
			assert.equal(payload(events.at(-1)).type, 'message_stop');
			ids.add(payload(events[0]).message.id).add(answer.headers['request-id']);
		}),
	]);

	assert.deepEqual(counts.map(({ json }) => json.input_tokens), alone);
	assert.equal(new Set(alone).size, 26);
	assert.equal(ids.size, 2 * names.length);
}

// As plain CGI: says that the body has `length` bytes, and sends half of them: the answer must come.
async function sendsHalf(standin, path, length) {
	const at = await makeInstallation({ standin });
	const child = start(at.cgi, [], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: { ...at.env, ...cgiVariables({ script: '/kiro', path, headers: {
			'content-type': 'application/json', 'x-api-key': at.key } }),
		       CONTENT_LENGTH: String(length) },
	});
	const piece = Buffer.alloc(MB, ' ');
	let over = false;

	child.ended.then(() => (over = true));
	child.stdin.on('error', () => {}); /* it may hang up */
	try {
		for (let sent = 0; !over && sent < length / 2; sent += MB) {
			if (!child.stdin.write(piece))
				await Promise.race([child.ended, new Promise(
					(resolve) => child.stdin.once('drain', resolve))]);
		}
		await until(() => over, 'an answer before the body has come');
		return parseCgiAnswer(Buffer.from(child.text));
	} finally {
		await stop(child);
		at.remove();
	}
}

async function largeAndDeep({ ask, standin }) {
	const small = Buffer.from(JSON.stringify(message('@taken@').body));
	const padded = (size) => Buffer.concat([small, Buffer.alloc(size - small.length, ' ')]);

	await standin.script('taken', { steps: [{ text: 'Taken.' }] });
	assert.equal((await ask({ path: '/v1/messages', body: padded(32 * MB) })).status, 200);
	assert.equal((await ask({ path: '/v1/messages', body: padded(33 * MB) })).status, 413);
	assert.equal((await sendsHalf(standin, '/v1/messages', 1024 * MB)).status, 413);
	for (const body of ['['.repeat(10000), '{"a":'.repeat(10000), `{"a":${'['.repeat(10000)}` +
			    `${']'.repeat(10000)}}`]) {
		const answer = await ask({ path: '/v1/messages', body });

		assert.equal(answer.status, 400);
		assert.deepEqual(checkErrorEnvelope(answer.json), []);
	}
}

const own = {
	1: statusFirst,
	2: eventByEvent(['one']),
	3: eventByEvent(['one', 'two', 'three']),
	9: hangUp,
	10: keepsAlive,
	31: stopSequence,
	34: nothingIsAnError,
	35: noTagsShow,
	51: noCrossTalk,
	52: largeAndDeep,
	13: staysUsable,
};

async function startSite(settings) {
	const gateway = await startGateway({ settings, accounts: Array.from(
		{ length: 20 }, (_, n) => ({ name: `a${n}`, kind: 'social' })) });
	const with_ = ({ headers, ...rest }) => ({
		port: gateway.port, headers: { 'x-api-key': gateway.key, ...headers }, ...rest });

	return { ...gateway, ask: (options) => request(with_(options)),
		 open: (options) => stream(with_(options)) };
}

describe('contract', { timeout: 120000 }, () => {
	const seen = [...new Set(checks.map(({ item }) => item)), 15, 50];
	let violations, site;

	before(async () => {
		site = await startSite({ ping_interval: 1, first_byte_hold: 1 });
		violations = await collect();
	});
	after(() => site?.stop());

	for (const [item, what] of Object.entries(items)) {
		test(`contract ${item}: ${what}`, async (t) => {
			assert.deepEqual(violations.filter((one) => one.item === Number(item)), []);
			await own[item]?.(site, t);
		});
	}

	test('contract: every item has its test', () => {
		assert.deepEqual(Object.keys(items).map(Number).filter(
			(item) => !seen.includes(item) && !own[item]), []);
		assert.deepEqual(seen.filter((item) => !items[item]), []);
	});
});
