// A FastCGI connection that the web server keeps: whatever a request was answered, the next one on it
// is served.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { keepFastcgi, startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, at, responder;

before(async () => {
	standin = await startStandin();
	await standin.script('default', { steps: [{ text: 'the answer' }] });
	at = await makeInstallation({ standin });
	responder = await startFastcgi(at);
});

after(async () => {
	await responder?.stop();
	at?.remove();
	await standin?.stop();
});

const question = Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
	messages: [{ role: 'user', content: 'hi' }] }));

const requests = {
	'HEAD of a page': [200, { method: 'HEAD', path: '/health/live' }],
	'HEAD of an API, with a body': [200, { method: 'HEAD', path: '/v1/messages', body: question }],
	'HEAD of nothing': [404, { method: 'HEAD', path: '/nothing' }],
	'OPTIONS': [204, { method: 'OPTIONS', path: '/v1/messages', headers: { origin: 'https://a.example' } }],
	'OPTIONS with a body': [204, { method: 'OPTIONS', path: '/v1/messages', body: question }],
	'an unknown path': [404, { method: 'POST', path: '/nothing', body: question }],
	'a wrong method': [405, { method: 'DELETE', path: '/v1/messages', body: question }],
	'a wrong key': [401, { method: 'POST', path: '/v1/messages', body: question,
		headers: { 'x-api-key': 'wrong' } }],
	'bad JSON': [400, { method: 'POST', path: '/v1/messages', body: Buffer.from('{') }],
	'a body that is too large': [413, { method: 'GET', path: '/v1/models', body: Buffer.alloc(70000, 'x') }],
	'a good answer': [200, { method: 'POST', path: '/v1/messages', body: question }],
};

for (const [name, [status, request]] of Object.entries(requests)) {
	test(`${name}: the next request on the connection is served`, async (t) => {
		const kept = await keepFastcgi(responder.socket);
		const ask = (one) => kept.request({ ...one, headers: { 'x-api-key': at.key, ...one.headers } });

		t.after(() => kept.end());
		assert.equal((await ask(request)).status, status);
		const { status: next, body } = await ask({ method: 'POST', path: '/v1/messages', body: question });

		assert.equal(next, 200);
		assert.match(body.toString(), /the answer/);
	});
}
