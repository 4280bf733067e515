// webhook_url: told of changes of state, signed, once, and again when it did not hear.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { damage } from '../lib/damage.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { start } from '../lib/process.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const SECRET = 'webhook-0123456789abcdef';

let standin, installation, server, heard, status;

beforeEach(async () => {
	heard = [];
	status = 204;
	server = createServer(async (request, response) => {
		const pieces = [];

		for await (const piece of request)
			pieces.push(piece);
		heard.push({ method: request.method, url: request.url, headers: request.headers, text: Buffer.concat(pieces).toString() });
		response.writeHead(status).end();
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	standin = await startStandin();
	installation = await makeInstallation({ standin, settings: {
		webhook_url: `http://127.0.0.1:${server.address().port}/hook`, webhook_secret: SECRET } });
});

afterEach(async () => {
	installation?.remove();
	await standin?.stop();
	server.close();
});

/* Not run(): that would keep the server of this process from answering. */
async function refresh() {
	const child = start(join(buildDir, 'kiro-refresh'), ['--quiet'], { env: installation.env });

	await child.ended;
	return child.text;
}

test('a damaged record keeps no other account\'s change from being told', async () => {
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

	installation.kiroctl(['account', 'add', '--api-key-file', '-', '--label', 'to-be-damaged'], { input: 'ksk_of-the-damaged-account\n' });
	await refresh();
	installation.kiroctl(['account', 'disable', id]);
	damage(installation.stateDir, 'tokens', 'to-be-damaged', 'to-be-damageD');
	assert.match(await refresh(), /1 damaged records/);
	assert.deepEqual(heard.map(({ text }) => JSON.parse(text).changes.map(({ account, to }) => [account, to])), [[[id, 'disabled']]]);
	damage(installation.stateDir, 'tokens', 'to-be-damageD', 'to-be-damaged');
	await refresh();
	assert.equal(heard.length, 1); /* that it is back is no change */
});

test('a change is told once, signed, and without secrets', async () => {
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

	await refresh();
	await refresh();
	assert.deepEqual(heard, []); /* where the telling begins, and nothing new */
	installation.kiroctl(['account', 'disable', id]);
	await refresh();
	await refresh();
	assert.equal(heard.length, 1);
	const [{ method, url, headers, text }] = heard;
	const body = JSON.parse(text);

	assert.deepEqual([method, url, headers['content-type']], ['POST', '/hook', 'application/json']);
	assert.equal(headers['x-kiro-signature'],
		     `sha256=${createHmac('sha256', SECRET).update(`${headers['x-kiro-timestamp']}.${text}`).digest('hex')}`);
	assert.ok(Math.abs(Number(headers['x-kiro-timestamp']) - Date.now() / 1000) < 600);
	assert.equal(body.type, 'account.state');
	assert.equal(body.changes.length, 1);
	assert.deepEqual([body.changes[0].account, body.changes[0].from, body.changes[0].to], [id, 'active', 'disabled']);
	for (const { accessToken, refreshToken } of await standin.accounts())
		assert.ok(!text.includes(accessToken) && !text.includes(refreshToken));
});

test('who did not hear is told again', async () => {
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

	await refresh();
	installation.kiroctl(['account', 'disable', id]);
	status = 500;
	assert.match(await refresh(), /webhook_url answered 500/);
	status = 200;
	await refresh();
	await refresh();
	assert.equal(heard.length, 2);
	assert.deepEqual(JSON.parse(heard[1].text).changes, JSON.parse(heard[0].text).changes);
});

test('a redirection is not followed: only the configured URL', async () => {
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

	await refresh();
	installation.kiroctl(['account', 'disable', id]);
	status = 307;
	await refresh();
	assert.equal(heard.length, 1);
});

test('without a secret nothing is sent, and it says so', async () => {
	installation.configure({ webhook_secret: '' });
	assert.match(await refresh(), /webhook_secret/);
	assert.deepEqual(heard, []);
});
