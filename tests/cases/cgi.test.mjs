// Plain CGI as RFC 3875 has it: the length tells where the body ends, for the input may stay open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import { cgiVariables, parseCgiAnswer } from '../lib/cgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { start } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, at;

before(async () => {
	standin = await startStandin();
	await standin.script('default', { steps: [{ text: 'the answer' }] });
	at = await makeInstallation({ standin });
});

after(async () => {
	at?.remove();
	await standin?.stop();
});

const question = Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
	messages: [{ role: 'user', content: 'hi' }] }));

// What it answers to an input that stays open behind `input` until the answer is there, or ends.
async function answerTo(request, input, { ends = false } = {}) {
	const child = start(at.cgi, [], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: { ...at.env, ...cgiVariables({ script: '/kiro', ...request,
			headers: { 'x-api-key': at.key, ...request.headers } }) },
		cwd: at.programDir,
	});
	const bytes = [];

	child.stdout.setEncoding(null);
	child.stdout.on('data', (data) => bytes.push(Buffer.from(data)));
	child.stdin.on('error', () => {});
	child.stdin.write(input);
	if (ends)
		child.stdin.end();
	await once(child.stdout, 'close');
	await child.ended;
	return parseCgiAnswer(Buffer.concat(bytes));
}

test('a body ends with its length, and what is behind it is not read', async () => {
	const { status, body } = await answerTo(
		{ path: '/v1/messages', variables: { CONTENT_LENGTH: String(question.length) } },
		Buffer.concat([question, Buffer.from('POST /v1/messages HTTP/1.1\r\n')]));

	assert.equal(status, 200);
	assert.match(body.toString(), /the answer/);
});

test('without a length there is no body', async () => {
	const { status } = await answerTo({ method: 'GET', path: '/v1/models' }, '');

	assert.equal(status, 200);
});

test('a chunked body has no length, and is read to its end', async () => {
	const { status, body } = await answerTo(
		{ path: '/v1/messages', headers: { 'transfer-encoding': 'chunked' } }, question, { ends: true });

	assert.equal(status, 200);
	assert.match(body.toString(), /the answer/);
});
