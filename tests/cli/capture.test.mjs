// kiroctl capture: one key's bodies, for a time, without secrets; else nothing.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

let standin, installation;

beforeEach(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin });
	await standin.script('default', { steps: [{ text: 'the answer' }] });
});

afterEach(async () => {
	installation?.remove();
	await standin?.stop();
});

const file = (name) => join(installation.stateDir, name);
const captured = () => (existsSync(file('capture.log')) ?
	readFileSync(file('capture.log'), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line)) : []);
const status = () => JSON.parse(installation.kiroctl(['capture', 'status', '--json']));

function ask(content, { key = installation.key, stream = false } = {}) {
	return requestCgi(installation, { method: 'POST', path: '/v1/messages', headers: { 'x-api-key': key },
		body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50, stream, messages: [{ role: 'user', content }] })) });
}

test('nothing is captured unless it is ordered, and of no other key', async () => {
	const other = installation.kiroctl(['key', 'add', 'other']).trim();

	await ask('one');
	assert.equal(status().on, false);
	installation.kiroctl(['capture', 'start', 'other', '--minutes', '5']);
	await ask('two');
	assert.ok(!existsSync(file('capture.log')));
	const { headers } = await ask('three', { key: other });
	const [line] = captured();

	assert.equal(line.request_id, headers['request-id']);
	assert.equal(line.user_id, 'other');
	assert.match(line.request, /three/);
	assert.match(line.response, /the answer/);
	assert.equal(statSync(file('capture.log')).mode & 0o777, 0o600);
	assert.equal(statSync(file('capture.json')).mode & 0o777, 0o600);
});

test('a stream is captured as it was sent', async () => {
	installation.kiroctl(['capture', 'start', 'test']);
	const { body } = await ask('hi', { stream: true });

	assert.equal(captured()[0].response, body.toString());
});

test('it ends by itself, and stop removes what it wrote', async () => {
	installation.kiroctl(['capture', 'start', 'test', '--minutes', '1']);
	assert.equal(status().on, true);
	await ask('one');
	const order = JSON.parse(readFileSync(file('capture.json'), 'utf8'));

	assert.equal(order.until - order.since, 60);
	writeFileSync(file('capture.json'), JSON.stringify({ ...order, until: Math.floor(Date.now() / 1000) - 1 }));
	assert.equal(status().on, false);
	await ask('two');
	assert.equal(captured().length, 1);
	installation.kiroctl(['capture', 'stop']);
	assert.ok(!existsSync(file('capture.json')) && !existsSync(file('capture.log')));
	assert.match(installation.kiroctl(['audit', 'show']), /capture\.start +test +ok[^]*capture\.stop/);
});

test('secrets in the bodies are overwritten, the rest is as it was', async () => {
	const secrets = [installation.key, 'ksk_0123456789abcdef0123', 'sk-ant-0123456789abcdefghij', 'aoaAAAAA0123456789abcdef',
			 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl', 'hunter2hunter2', 'opensesame99', 'deep-secret-1'];
	const content = `key ${installation.key} and ksk_0123456789abcdef0123, sk-ant-0123456789abcdefghij; aoaAAAAA0123456789abcdef\n` +
		'Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl\npassword = hunter2hunter2\n' +
		'{"refreshToken": "opensesame99", "nested": "{\\"clientSecret\\":\\"deep-secret-1\\"}", "max_tokens": 123456} tokens: many';

	installation.kiroctl(['capture', 'start', 'test']);
	await ask(content);
	const [{ request }] = captured();

	for (const secret of secrets)
		assert.ok(!request.includes(secret), secret);
	const { messages: [{ content: kept }] } = JSON.parse(request); /* still JSON, of the same length */

	assert.equal(kept.length, content.length);
	assert.match(kept, /^key \*+ and \*+, \*+; \*+\nAuthorization: Bearer \*+\npassword = \*+\n/);
	assert.match(kept, /"max_tokens": 123456/);
});

test('a key that does not exist is refused, and so is no time', () => {
	const ctl = (args) => spawnSync(join(buildDir, 'kiroctl'), args, { encoding: 'utf8', env: installation.env });

	assert.match(ctl(['capture', 'start', 'nobody']).stderr, /nobody.*kiroctl key list/);
	for (const minutes of ['0', '-1', 'x', '1441', ''])
		assert.equal(ctl(['capture', 'start', 'test', '--minutes', minutes]).status, 64, minutes);
	assert.ok(!existsSync(file('capture.json')));
});
