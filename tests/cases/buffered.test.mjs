// The option cc_buffered: a stream of /cc/v1/messages is held back to its end, so that its first event
// has the final number of input tokens. The other paths stream as ever.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { checkStream, readStream } from '../lib/contract.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

const INPUT = 7777;
const trailer = { tokenUsage: { uncachedInputTokens: INPUT, outputTokens: 9, totalTokens: INPUT + 9 } };
const body = { model: 'claude-sonnet-4.5', max_tokens: 50, stream: true, messages: [{ role: 'user', content: 'hi' }] };

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, settings: { cc_buffered: true } });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	await fastcgi?.stop();
	installation?.remove();
	await standin?.stop();
});

async function ask(path, change = {}) {
	const request = { ...body, ...change };
	const answer = await fastcgi.request(messageRequest(installation.key, request, { path }));
	const transcript = { dialect: 'anthropic', status: answer.status, headers: answer.headers,
			     bytes: answer.body, complete: answer.complete, request };

	return { ...answer, transcript, text: answer.body.toString() };
}

const startOf = (text) => JSON.parse(/^data: (\{"type":"message_start".*\})$/m.exec(text)[1]).message;

test('the first event of a buffered stream has the final input tokens', async () => {
	await standin.script('default', { trailer, steps: [{ text: 'Hello you', pieces: 3 }] });
	const answer = await ask('/cc/v1/messages');

	assert.deepEqual(checkStream(answer.transcript), []);
	assert.equal(startOf(answer.text).usage.input_tokens, INPUT);
	const { text, usage, stop } = readStream(answer.transcript);
	assert.deepEqual([text, usage.input_tokens, stop], ['Hello you', INPUT, 'end_turn']);
});

test('other paths, and whole answers, are as ever', async () => {
	const plain = await ask('/v1/messages');

	assert.deepEqual(checkStream(plain.transcript), []);
	assert.notEqual(startOf(plain.text).usage.input_tokens, INPUT);
	const whole = await ask('/cc/v1/messages', { stream: false });
	assert.equal(JSON.parse(whole.text).usage.input_tokens, INPUT);
});

test('a failure amid a buffered stream has its HTTP status: nothing was sent yet', async () => {
	await standin.script('default', { trailer: false, steps: [{ text: 'Hal' }] });
	const answer = await ask('/cc/v1/messages');

	assert.equal(answer.status, 502);
	assert.equal(JSON.parse(answer.text).error.type, 'api_error');
});

test('a buffered stream that upstream cut is asked for once more: the client has seen none of it', async () => {
	await standin.script('whole', { trailer, steps: [{ text: 'All of it' }] });
	for (const cut of [{ trailer: false, steps: [{ text: 'Hal' }] },
		{ steps: [{ text: 'Hal' }, { exception: { type: 'serviceUnavailableError', payload: { message: 'no' } } }] }]) {
		await standin.script('default', { times: 1, next: 'whole', ...cut });
		const answer = await ask('/cc/v1/messages');

		assert.equal(answer.status, 200, answer.text);
		assert.deepEqual(checkStream(answer.transcript), []);
		assert.equal(readStream(answer.transcript).text, 'All of it');
	}
});

test('when the hold is over, the failure is the one event behind the pings', async () => {
	installation.configure({ first_byte_hold: 0, 'upstream.idle_timeout': 1 });
	const own = await startFastcgi(installation);
	const before = fastcgi;

	fastcgi = own;
	try {
		await standin.script('default', { steps: [{ text: 'Hal' }, { stall: true }] });
		const answer = await ask('/cc/v1/messages');

		assert.equal(answer.status, 200);
		assert.match(answer.text, /^(event: ping\ndata: \{"type":"ping"\}\n\n)*event: error\ndata: .*timeout_error.*\n\n$/);
	} finally {
		fastcgi = before;
		await own.stop();
	}
});
