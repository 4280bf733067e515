// What a request is booked with: all that its tries have cost, also those whose answer the client did
// not get, and those of an answer that failed or was left.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { until } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

const told = (credits) => ({ tokenUsage: { uncachedInputTokens: 30, outputTokens: 12, totalTokens: 42 }, metering: credits });
const tools = [{ name: 'f', input_schema: { type: 'object' } }];
const search = [{ type: 'web_search_20250305', name: 'web_search' }];
const query = { tool: { id: 'tooluse_1', name: 'web_search', input: { query: 'x' } } };
const schema = { type: 'json_schema', schema: { type: 'object' } };

let standin, installation, fastcgi, keys = 0;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, settings: { first_byte_hold: 1 } });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

async function scripts(...all) {
	for (const [i, script] of all.entries())
		await standin.script(i ? `s${i}` : 'default', i + 1 < all.length ? { times: 1, next: `s${i + 1}`, ...script } : script);
}

// One request with a key of its own: its answer, and what the key has used.
async function ask(body, more = {}) {
	const name = `key${++keys}`;
	const key = installation.kiroctl(['key', 'add', name]).trim();
	const answer = await fastcgi.request(messageRequest(key, { max_tokens: 500, ...body }, more));
	/* Who left is booked a moment later. */
	const row = await until(() => JSON.parse(installation.kiroctl(['usage', '--json', '--key', name]))[0], 'the request to be booked');

	return { status: answer.status, text: answer.body?.toString(),
		 used: { input: row.input_tokens, output: row.output_tokens, credits: row.credits, estimated: row.estimated } };
}

const twice = { input: 60, output: 24, credits: 0.75, estimated: 0 };

test('an answer that missed a wish is booked beside the one that was handed out', async () => {
	for (const stream of [false, true]) {
		await scripts({ steps: [{ text: 'No.' }], trailer: told(0.5) },
			      { steps: [{ tool: { id: 'tooluse_1', name: 'f', input: {} } }], trailer: told(0.25) });
		const { status, text, used } = await ask({ tools, tool_choice: { type: 'any' }, stream });

		assert.equal(status, 200, text);
		assert.match(text, /"input_tokens":30,.*"output_tokens":12\b/); /* the client's: of what it got */
		assert.deepEqual(used, twice);
	}
});

test('what upstream told of an answer without content is booked, also where that is the end', async () => {
	await scripts({ steps: [], trailer: told(0.5) }, { steps: [], trailer: told(0.25) });
	const { status, used } = await ask({});

	assert.equal(status, 502);
	assert.deepEqual(used, twice);
});

test('rounds of a search are booked when the one behind them fails', async () => {
	const refusal = { http: { status: 400, body: { message: 'Improperly formed request.', reason: 'REQUEST_BODY_INVALID' } } };

	for (const stream of [false, true]) {
		await scripts({ steps: [{ text: 'Let me look.' }, query], trailer: told(0.5) }, refusal);
		const { text, used } = await ask({ tools: [...search, ...tools], stream });

		assert.match(text, /invalid_request_error/);
		assert.deepEqual(used, { input: 30, output: 12, credits: 0.5, estimated: 0 });
	}
});

test('a round that breaks off is an estimate beside the rounds that were told', async () => {
	await scripts({ steps: [{ text: 'Let me look.' }, query], trailer: told(0.5) },
		      { steps: [{ text: 'I have found this and that and more' }], trailer: false });
	const { text, used } = await ask({ tools: [...search, ...tools], stream: true });

	assert.match(text, /event: error/);
	assert.equal(used.credits, 0.5);
	assert.equal(used.estimated, 1);
	assert.ok(used.input > 30 && used.output > 12, JSON.stringify(used));
});

// The stream's first event comes when the hold is over: by then all that the upstream had to say is there.
test('an answer that is held back counts for a client that leaves before its end', async () => {
	const leaving = new AbortController();

	await scripts({ steps: [{ text: 'word '.repeat(200), pieces: 10 }, { stall: true }] });
	const { used } = await ask({ output_config: { format: schema }, stream: true },
				   { signal: leaving.signal, onData: () => leaving.abort() });

	assert.equal(used.estimated, 1);
	assert.ok(used.output >= 100, JSON.stringify(used));
});
