// Accounts: looked at, changed, imported, added, logged in to, and given to somebody.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { damage } from '../../lib/damage.mjs';
import { standin, at, client, api, ok } from './site.mjs';

test('health tells of a damaged record, each time, and counts the others', async () => {
	const [{ id, label }] = (await ok('GET', '/accounts')).accounts;

	await ok('PATCH', `/accounts/${id}`, { label: 'whole-record' });
	damage(at.stateDir, 'tokens', 'whole-record', 'wholE-record');
	try {
		for (let i = 0; i < 2; i++) {
			const health = await ok('GET', '/health');

			assert.match(health.damage, /1 damaged records in .*tokens\.gdbm: see kiroctl repair/);
			assert.deepEqual([health.status, health.accounts, health.usable], ['ready', 1, 1]);
		}
	} finally {
		damage(at.stateDir, 'tokens', 'wholE-record', 'whole-record');
	}
	await ok('PATCH', `/accounts/${id}`, { label });
	assert.equal((await ok('GET', '/health')).damage, null);
});

test('accounts: shown, changed, disabled, enabled, tested, removed', async () => {
	const { accounts, damage } = await ok('GET', '/accounts');
	const one = accounts.find((account) => account.kind === 'social');

	assert.equal(accounts.length, 2);
	assert.equal(damage, null);
	assert.equal((await ok('PATCH', `/accounts/${one.id}`, { label: 'Ann', priority: 3 })).label,
		     'Ann');
	assert.equal((await ok('GET', `/accounts/${one.id}`)).priority, 3);
	assert.equal((await ok('POST', `/accounts/${one.id}/disable`)).state, 'disabled');
	assert.equal((await ok('GET', '/health')).states.disabled, 1);
	assert.equal((await ok('POST', `/accounts/${one.id}/enable`)).state, 'active');
	assert.equal((await ok('POST', `/accounts/${one.id}/refresh`)).state, 'active');
	assert.ok((await ok('POST', `/accounts/${one.id}/test`)).limit > 0);
	assert.equal((await ok('POST', `/accounts/${one.id}/reset`)).state, 'active');
	assert.equal((await api('PATCH', `/accounts/${one.id}`, { access_token: 'x' })).status, 400);
	assert.equal((await api('PATCH', `/accounts/${one.id}`, { region: 'x.evil/' })).status, 400);
	assert.equal((await api('PATCH', `/accounts/${one.id}`, { label: 'a\nkiro-refresh: forged' })).status, 400);
	assert.equal((await api('GET', '/accounts/nobody')).status, 404);
});

test('a change of what was changed meanwhile is refused', async () => {
	const list = await api('GET', '/accounts');
	const { id } = list.json.accounts[0];
	const match = { 'if-match': list.headers.etag };

	assert.equal((await api('PATCH', `/accounts/${id}`, { priority: 4 }, match)).status, 200);
	assert.equal((await api('PATCH', `/accounts/${id}`, { priority: 5 }, match)).status, 412);
	assert.equal((await ok('GET', `/accounts/${id}`)).priority, 4);
});

test('of changes that say what they are changes of, at one moment, one is made', async () => {
	const changes = [
		['tokens', '/accounts', () => ok('GET', '/accounts').then(({ accounts }) => accounts[0].id),
		 (id, n) => ['PATCH', `/accounts/${id}`, { priority: 10 + n }]],
		['keys', '/keys', () => 'tagged', (name, n) => ['PATCH', `/keys/${name}`, { max_streams: 10 + n }]],
		['keys', '/codes', () => 'mate', (name, n) => ['POST', '/codes', { name: `${name}${n}` }]],
		['keys', '/models', () => 'alias', (name, n) => ['PUT', `/aliases/${name}`,
								  { target: `claude-${n}` }]],
	];

	await client.call('POST', '/api/v1/keys', { name: 'tagged' });
	for (const [store, list, target, change] of changes) {
		const { headers: { etag } } = await api('GET', list);
		const name = await target();
		/* All are judged before the lock is free: without another look under it all would be made. */
		const holder = spawn('flock', [`${at.stateDir}/${store}.lock`, 'sh', '-c', 'echo held; read end']);

		await once(holder.stdout, 'data');
		const running = [1, 2, 3].map((n) => client.call(...((m, p, b) => [m, `/api/v1${p}`, b])(...change(name, n)),
								 { 'if-match': etag }));

		await setTimeout(300);
		holder.stdin.end();
		assert.deepEqual((await Promise.all(running)).map(({ status }) => (status < 300 ? 200 : status)).sort(),
				 [200, 412, 412], list);
	}
	await ok('DELETE', '/keys/tagged');
	await ok('DELETE', '/aliases/alias');
	for (const { name } of (await ok('GET', '/codes')).codes)
		await ok('DELETE', `/codes/${name}`);
});

test('a tag is known again in what web servers make of it that compress the answer', async () => {
	const { headers: { etag }, json: { id } } = await api('GET', `/accounts/${(await ok('GET', '/accounts')).accounts[0].id}`);
	const patch = (match) => api('PATCH', `/accounts/${id}`, { priority: 4 }, { 'if-match': match });

	for (const wrong of ['"0-0"', `${etag.slice(0, -1)}0"`, etag.slice(0, -1), `${etag.slice(0, -1)}-GZ"`])
		assert.equal((await patch(wrong)).status, 412, wrong);
	let now = etag;

	for (const made of [(tag) => `W/${tag}`, (tag) => `${tag.slice(0, -1)}-gzip"`]) { /* nginx; Apache, lighttpd */
		const answer = await patch(made(now));

		assert.equal(answer.status, 200, `${made(now)}: ${answer.text}`);
		now = answer.headers.etag;
	}
});

test('an import is shown first, then stored', async () => {
	const file = [{ refreshToken: `aor${'Imported0'.repeat(20)}`, label: 'imported' },
		      { label: 'nothing in it' }];
	const preview = await api('POST', '/accounts/import', file);

	assert.deepEqual([preview.json.stored, preview.json.added, preview.json.refused],
			 [false, 1, 1]);
	assert.equal((await ok('GET', '/accounts')).accounts.length, 2);
	const stored = await ok('POST', '/accounts/import?store=1', file,
				{ 'if-match': preview.headers.etag });

	assert.equal(stored.entries[0].what, 'added');
	assert.equal((await ok('GET', '/accounts')).accounts.length, 3);
	await ok('DELETE', `/accounts/${stored.entries[0].id}`);
	assert.equal((await ok('GET', '/accounts')).accounts.length, 2);
});

test('an account is added, and not twice', async () => {
	const [, , three] = await standin.addAccounts([{ name: 'three', kind: 'api_key' }])
		.then((all) => [, , all.at(-1)]);
	const added = await api('POST', '/accounts', { kiroApiKey: three.accessToken });

	assert.equal(added.status, 201, added.text);
	assert.equal(added.json.kind, 'api_key');
	assert.equal((await api('POST', '/accounts', { kiroApiKey: three.accessToken })).status, 400);
});

test('a device login: the code to show, then the account', async () => {
	await standin.device({ pending: 1, user: 'ann' });
	const flow = await api('POST', '/logins', { method: 'builder-id', label: 'by device' });

	assert.equal(flow.status, 201, flow.text);
	assert.ok(flow.json.url && flow.json.code);
	const poll = async () => {
		const step = await ok('POST', `/logins/${flow.json.id}/poll`);

		if (step.status === 'pending') /* sooner than that is refused by the service */
			await setTimeout(1000 * step.interval + 100);
		return step;
	};
	const polls = async () => (await standin.requests()).filter(({ operation, body }) =>
		operation === 'OidcToken' && /device_code/.test(JSON.stringify(body))).length;
	let step = await ok('POST', `/logins/${flow.json.id}/poll`);

	assert.equal(step.status, 'pending');
	for (const early of await Promise.all([1, 2, 3].map(() => ok('POST', `/logins/${flow.json.id}/poll`))))
		assert.equal(early.status, 'pending');
	assert.equal(await polls(), 1, 'whoever asks too early is answered without asking the service');
	await setTimeout(1000 * flow.json.interval + 100);
	step = await poll();
	for (let tries = 5; step.status === 'pending' && tries; tries--)
		step = await poll();
	assert.equal(step.status, 'done');
	assert.equal(step.account.provider, 'BuilderId');
	assert.ok((await ok('GET', `/accounts/${step.account.id}`)).usage?.limit > 0, 'what the service said of it is kept');
	assert.equal((await api('POST', `/logins/${flow.json.id}/poll`)).status, 404);
	assert.equal((await ok('POST', `/accounts/${step.account.id}/refresh`)).state, 'active');
});

test('a login is stored although another account\'s record is damaged', async () => {
	await standin.device({ pending: 0, user: 'carol' });
	const first = await ok('POST', '/logins', { method: 'google', label: 'whole-record' });

	await setTimeout(1000 * first.interval + 100);
	const { account } = await ok('POST', `/logins/${first.id}/poll`);

	await standin.device({ pending: 0, user: 'dave' });
	const second = await ok('POST', '/logins', { method: 'google' });

	await setTimeout(1000 * second.interval + 100);
	damage(at.stateDir, 'tokens', 'whole-record', 'wholE-record');
	try {
		const done = await api('POST', `/logins/${second.id}/poll`);

		assert.equal(done.status, 200, done.text);
		assert.equal((await ok('POST', `/accounts/${done.json.account.id}/refresh`)).state, 'active');
		await ok('DELETE', `/accounts/${done.json.account.id}`);
	} finally {
		damage(at.stateDir, 'tokens', 'wholE-record', 'whole-record');
	}
	await ok('DELETE', `/accounts/${account.id}`);
});

test('what is wrong with a login is told before the person has done anything', async () => {
	const refused = async (more) => (await api('POST', '/logins', { method: 'builder-id', ...more })).json.error?.field;
	const long = 'x'.repeat(321);
	const [{ id }] = (await ok('GET', '/accounts')).accounts;

	assert.equal(await refused({ account: 'nobody-here' }), 'account');
	assert.equal(await refused({ label: long }), 'label');
	assert.equal(await refused({ label: 'a\nb' }), 'label');
	assert.equal(await refused({ lable: 'work' }), 'lable');
	await ok('PATCH', `/accounts/${id}`, { label: long });
	await standin.device({ pending: 0, user: 'again' });
	const flow = await ok('POST', '/logins', { method: 'builder-id', account: long });

	await ok('DELETE', `/logins/${flow.id}`);
	await ok('PATCH', `/accounts/${id}`, { label: 'one' });
});

test('a login can be cancelled; an unknown method is named', async () => {
	const flow = await ok('POST', '/logins', { method: 'google' });

	await ok('DELETE', `/logins/${flow.id}`);
	assert.equal((await api('POST', `/logins/${flow.id}/poll`)).status, 404);
	assert.equal((await api('POST', '/logins', { method: 'magic' })).json.error.field, 'method');
});

test('whose an account is: a key\'s by its name, then nobody\'s; for admins to say', async () => {
	const [{ id }] = (await ok('GET', '/accounts')).accounts;
	const operator = at.kiroctl(['key', 'add', 'op2', '--role', 'operator']).trim();
	at.kiroctl(['key', 'add', 'whose']);
	const owner = (await ok('GET', '/keys')).keys.find(({ name }) => name === 'whose').id;
	const asOperator = (body) => api('PATCH', `/accounts/${id}`, body, { authorization: `Bearer ${operator}` });

	assert.equal((await ok('PATCH', `/accounts/${id}`, { owner: 'whose' })).owner, owner);
	const unknown = await api('PATCH', `/accounts/${id}`, { owner: 'nobody-here' });

	assert.deepEqual([unknown.status, unknown.json.error.field], [400, 'owner']);
	assert.equal((await asOperator({ owner: '' })).status, 403);
	assert.equal((await asOperator({ priority: 0 })).status, 200);
	assert.equal((await ok('GET', `/accounts/${id}`)).owner, owner);
	assert.equal((await ok('PATCH', `/accounts/${id}`, { owner: '' })).owner, null);
	for (const name of ['op2', 'whose'])
		at.kiroctl(['key', 'remove', name]);
});
