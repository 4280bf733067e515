// A responder that starts reads every record once: damage is in the log then, and not when the
// account is needed. The accounts that are whole serve all the same.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [
		{ name: 'whole', kind: 'social' }, { name: 'broken', kind: 'social' },
	] });
});

after(async () => {
	await fastcgi?.stop();
	installation?.remove();
	await standin?.stop();
});

test('damage is told at the start, and what is whole serves', async () => {
	const store = join(installation.stateDir, 'tokens.gdbm');
	const bytes = readFileSync(store, 'latin1');
	const at = bytes.indexOf('"machine_id":"');

	assert.notEqual(at, -1);
	writeFileSync(store, bytes.slice(0, at + 14) + 'X' + bytes.slice(at + 15), 'latin1');
	fastcgi = await startFastcgi(installation);
	await standin.script('default', { steps: [{ text: 'hello' }] });
	const answer = await fastcgi.request({
		method: 'POST', path: '/v1/messages',
		body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
			messages: [{ role: 'user', content: 'hi' }] })),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});
	const log = fastcgi.log();

	assert.equal(answer.status, 200, String(answer.body));
	assert.match(log, /tokens\.gdbm: 1 of 2 records are damaged or missing: kiroctl repair/);
	assert.doesNotMatch(log, /keys\.gdbm/);
});
