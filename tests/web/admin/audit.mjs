// What was done before is in the audit log.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { adminClient } from '../../lib/admin.mjs';
import { mode, at, server, api, ok } from './site.mjs';

test('the audit log has every change and sign-in: who, what, from where, how it ended', async () => {
	const lines = () => readFileSync(`${at.stateDir}/audit.log`, 'utf8').trimEnd().split('\n').map(JSON.parse);
	const before = lines().length;
	const other = adminClient({ port: server.port, base: `${mode.mount}/admin` });
	const key = at.kiroctl(['key', 'add', 'root', '--role', 'admin']).trim();
	const [account] = (await ok('GET', '/accounts')).accounts;

	await other.signIn('not-the-password-at-all');
	await other.signIn();
	await ok('POST', `/accounts/${account.id}/disable`);
	await ok('POST', `/accounts/${account.id}/enable`);
	await ok('PATCH', `/accounts/${account.id}`, { label: 'Ann' });
	await api('PATCH', `/accounts/${account.id}`, { region: 'x.evil/' });
	await api('POST', '/keys', { name: 'audited' }, { 'x-api-key': key });
	await ok('DELETE', '/keys/audited');
	await ok('PUT', '/aliases/mine', { target: 'claude-sonnet-4.5' });
	await ok('DELETE', '/aliases/mine');
	const file = [{ refreshToken: `aor${'Imported1'.repeat(20)}` }];

	await ok('POST', '/accounts/import', file); /* only looks */
	const { entries: [{ id: imported }] } = await ok('POST', '/accounts/import?store=1', file);

	await ok('DELETE', `/accounts/${imported}`);
	await ok('POST', '/reload');
	await ok('GET', '/accounts');
	await other.call('DELETE', '/api/v1/session', {});
	const now = lines().slice(before).filter(({ action, who }) => who && action !== 'settings.change' && !who.startsWith('uid'));
	const ended = now.filter(({ result }) => result !== 'begun');
	const panel = 'the admin panel';

	assert.deepEqual(ended.map(({ who, action, target, result }) => [who, action, target, result.split(':')[0]]), [
		[panel, 'session.open', null, 'failed'],
		[panel, 'session.open', null, 'ok'],
		[panel, 'account.disable', account.id, 'ok'],
		[panel, 'account.enable', account.id, 'ok'],
		[panel, 'account.set', account.id, 'ok'],
		[panel, 'account.set', account.id, 'failed'],
		['key root', 'key.add', 'audited', 'ok'],
		[panel, 'key.remove', 'audited', 'ok'],
		[panel, 'alias.set', 'mine', 'ok'],
		[panel, 'alias.remove', 'mine', 'ok'],
		[panel, 'account.import', imported, 'ok'],
		[panel, 'account.remove', imported, 'ok'],
		[panel, 'settings.reload', null, 'ok'],
		[panel, 'session.close', null, 'ok'],
	]);
	for (const line of now)
		assert.equal(line.from, '127.0.0.1');
	for (const { action, begun } of ended.filter(({ action }) => action !== 'session.open'))
		assert.equal(lines().find(({ seq }) => seq === begun).action, action);
	for (const action of ['account.login', 'login.start', 'account.test'])
		assert.ok(lines().some((line) => line.action === action && line.result === 'ok'), action);
	assert.ok(lines().some(({ action, detail }) => action === 'settings.change' && detail));
	assert.equal(JSON.parse(at.kiroctl(['audit', 'verify', '--json'])).open, 0);
	at.kiroctl(['key', 'remove', 'root']);
});

test('a change of kiro.json is in the audit log, by the names of its options', async () => {
	const changes = () => readFileSync(`${at.stateDir}/audit.log`, 'utf8').trimEnd().split('\n').map(JSON.parse)
		.filter(({ action }) => action === 'settings.change');
	const before = changes().length;

	at.configure({ max_streams: 77, client_token: 'another-secret-of-the-settings' });
	await ok('POST', '/reload');
	for (let tries = 0; changes().length === before && tries < 100; tries++)
		await setTimeout(50); /* the main thread takes them */
	const [line, ...more] = changes().slice(before);

	assert.deepEqual(more, []);
	assert.match(line.detail, /\bclient_token\b/);
	assert.match(line.detail, /\bmax_streams\b/);
	assert.equal(line.who, null);
	assert.ok(!JSON.stringify(line).includes('another-secret'));
});
