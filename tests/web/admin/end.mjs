// No answer that was given held a secret; then the session ends, and guesses are locked out.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { adminClient, PASSWORD } from '../../lib/admin.mjs';
import { mode, routes, standin, at, server, client, answers, codes, api, ok } from './site.mjs';

test('no answer holds a secret', async () => {
	const known = [...await standin.accounts(), ...at.accounts];
	const secrets = known.flatMap((account) => [account.accessToken, account.refreshToken,
						    account.clientSecret, account.apiKey])
		.filter(Boolean);

	secrets.push(at.key, PASSWORD, 'secret-of-the-settings-0123', 'Imported0Imported0',
		     client.cookie.split('=')[1], '$y$');
	secrets.push(...codes, ...codes.map((code) => code.slice(4)));
	assert.ok(secrets.length > 8 && answers.length > 40);
	for (const { path, text } of answers) {
		for (const secret of secrets)
			assert.ok(!text.includes(secret), `${path} holds ${secret.slice(0, 8)}...`);
	}
	assert.doesNotMatch(server.log(), /Sanitizer|runtime error:/);
	for (const secret of secrets)
		assert.ok(!server.log().includes(secret));
});

test('signing out ends the session; so does another password', async () => {
	const other = adminClient({ port: server.port, base: `${mode.mount}/admin` });

	await other.signIn();
	await ok('DELETE', '/session');
	assert.equal((await api('GET', '/accounts')).status, 401);
	assert.equal((await other.call('GET', '/api/v1/accounts')).status, 200);
	at.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
	assert.equal((await other.call('GET', '/api/v1/accounts')).status, 401);
});

test('who guesses too often is locked out, the right password included', async () => {
	const statuses = [];

	for (let guess = 0; guess < 7; guess++)
		statuses.push((await client.signIn(`wrong-password-${guess}`)).status);
	assert.equal(statuses.at(0), 401);
	assert.equal(statuses.at(-1), 429);
	const right = await client.signIn();

	assert.equal(right.status, 429);
	assert.ok(Number(right.headers['retry-after']) >= 1);
	for (const { method, path, open } of routes.filter((route) => !route.open)) {
		const { status } = await adminClient({ port: server.port, base: `${mode.mount}/admin` })
			.call(method, path, method === 'GET' ? undefined : {});

		assert.equal(status, 401, `${method} ${path} ${open}`);
	}
});
