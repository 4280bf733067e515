// Client keys: made, limited, rotated, removed.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { damage } from '../../lib/damage.mjs';
import { request } from '../../lib/http.mjs';
import { until } from '../../lib/process.mjs';
import { mode, server, client, at, api, ok, say } from './site.mjs';

test('the accounts of a key are named as people name them; one that nobody has is refused', async () => {
	const { accounts } = await ok('GET', '/accounts');
	const [one, two] = accounts;
	const listed = async (name) => (await ok('GET', '/keys')).keys.find((k) => k.name === name).accounts;

	for (const [path, member] of [['/keys', 'accounts'], ['/codes', 'only_accounts']]) {
		const answer = await api('POST', path, { name: 'narrow', [member]: 'nobody' });

		assert.equal(answer.status, 404, answer.text);
		assert.equal(answer.json.error.field, member);
	}
	await client.call('POST', '/api/v1/keys', { name: 'narrow', accounts: `${one.label}, ${two.id.slice(0, -2)}` });
	assert.equal(await listed('narrow'), `${one.id},${two.id}`);
	assert.equal((await api('PATCH', '/keys/narrow', { accounts: `${one.id},nobody` })).status, 404);
	assert.equal(await listed('narrow'), `${one.id},${two.id}`);
	await ok('PATCH', '/keys/narrow', { accounts: '' });
	assert.equal(await listed('narrow'), null);
	await ok('DELETE', '/keys/narrow');
});

test('a damaged record hides no other, and is told of', async () => {
	const told = /1 damaged records in .*keys\.gdbm: see kiroctl repair/;
	const lists = async () => [await ok('GET', '/keys'), await ok('GET', '/codes'), await ok('GET', '/models')];
	const names = ([{ keys }, { codes }, { aliases }]) => [...keys, ...codes, ...aliases].map((one) => one.name);
	const before = await lists();

	assert.deepEqual(before.map((list) => list.damage), [null, null, null]);
	await ok('POST', '/keys', { name: 'whole-record' });
	damage(at.stateDir, 'keys', 'whole-record', 'wholE-record');
	try {
		const now = await lists();

		assert.deepEqual(names(now).sort(), names(before).sort());
		assert.match(now[0].damage, told);
		assert.match(now[1].damage, told);
		assert.equal(now[2].damage, null);
	} finally {
		damage(at.stateDir, 'keys', 'wholE-record', 'whole-record');
	}
	await ok('DELETE', '/keys/whole-record');
});

test('a key is shown once, serves, and is refused when it is removed', async () => {
	const { key } = (await client.call('POST', '/api/v1/keys', { name: 'laptop' })).json;
	const models = () => request({ port: server.port, path: `${mode.mount}/v1/models`,
				       headers: { 'x-api-key': key } });

	assert.match(key, /^kiro-/);
	assert.ok(!JSON.stringify(await ok('GET', '/keys')).includes(key));
	assert.equal((await models()).status, 200);
	assert.equal((await api('POST', '/keys', { name: 'laptop' })).status, 400);
	await ok('DELETE', '/keys/laptop');
	assert.equal((await models()).status, 401);
});

test('a key is changed: its limits hold, and what it used of them is shown', async () => {
	const { key } = (await client.call('POST', '/api/v1/keys', { name: 'a/b' })).json;
	const shown = async () => (await ok('GET', '/keys')).keys.find(({ name }) => name === 'a/b');
	const { id } = await shown();

	await ok('PATCH', '/keys/a%2Fb', { requests: '2/day', max_streams: 3, pool: 'shared',
					   expires_at: '2031-01-01T00:00:00Z' });
	assert.equal((await shown()).limits.requests, '2/day');
	assert.equal((await shown()).expires_at, '2031-01-01T00:00:00Z');
	assert.deepEqual([(await say(key)).status, (await say(key)).status, (await say(key)).status],
			 [200, 200, 429]);
	/* What an answer has cost is booked behind it. */
	await until(async () => (await shown()).running === 0, 'its requests to be over');
	const { used, max_streams: streams } = await shown();

	assert.equal(streams, 3);
	assert.deepEqual(used.map(({ measure, window, limit, used: number, remaining }) =>
		[measure, window, limit, number, remaining]), [['requests', 'day', 2, 2, 0]]);
	await ok('PATCH', `/keys/${id}`, { requests: '', expires_at: '', models: 'claude-haiku-*' });
	assert.deepEqual((await shown()).used, []);
	assert.equal((await shown()).expires_at, null);
	assert.equal((await say(key)).status, 404, 'no model of its own any more');
	for (const [field, value] of [['requests', 'many'], ['role', 'king'], ['pool', 'x'],
				      ['expires_at', 'soon'], ['expires_at', '2020-01-01T00:00:00Z'],
				      ['max_streams', -1], ['hash', 'x']])
		assert.equal((await api('PATCH', `/keys/${id}`, { [field]: value })).json.error.field,
			     field);
	assert.equal((await api('PATCH', '/keys/nobody', { requests: '' })).status, 404);
	assert.equal((await ok('DELETE', `/keys/${id}`)).removed, 'a/b');
	assert.equal((await api('DELETE', `/keys/${id}`)).status, 404);
});

test('a member that is none of a key\'s is refused by its name, never passed over', async () => {
	for (const [method, path, body, field] of [
		['POST', '/keys', { name: 'meant-to-end', expires: '90d' }, 'expires'],
		['POST', '/keys', { name: 'meant-to-end', limits: { requests: '2/day' } }, 'limits'],
		['PUT', '/aliases/mine', { target: 'claude-sonnet-4.5', models: 'x' }, 'models']]) {
		const answer = await api(method, path, body);

		assert.deepEqual([answer.status, answer.json.error?.field], [400, field], answer.text);
	}
	const { key } = (await client.call('POST', '/api/v1/keys', { name: 'meant-to-end' })).json;

	assert.equal((await api('POST', '/keys/meant-to-end/rotate', { overlap: '24h' })).json.error?.field, 'overlap');
	assert.equal((await say(key)).status, 200, 'its secret did not end');
	await ok('DELETE', '/keys/meant-to-end');
});

test('a key is rotated: both secrets serve until the old one ends; then it is revoked', async () => {
	const models = async (key) => (await request({ port: server.port, path: `${mode.mount}/v1/models`,
						       headers: { 'x-api-key': key } })).status;
	const { key: first } = (await client.call('POST', '/api/v1/keys', { name: 'turning' })).json;
	const { key: second, old_ends_at: end } = (await client.call('POST',
		'/api/v1/keys/turning/rotate', { overlap_seconds: 3600 })).json;

	assert.ok(Math.abs(Date.parse(end) - Date.now() - 3600e3) < 60e3);
	assert.notEqual(first, second);
	assert.deepEqual([await models(first), await models(second)], [200, 200]);
	const { key: third } = (await client.call('POST', '/api/v1/keys/turning/rotate', {})).json;

	assert.deepEqual([await models(second), await models(third)], [401, 200]);
	assert.equal((await api('POST', '/keys/turning/rotate', { overlap_seconds: 1e9 })).json.error.field,
		     'overlap_seconds');
	await ok('POST', '/keys/turning/revoke', {});
	assert.equal(await models(third), 401);
	assert.equal((await api('POST', '/keys/turning/rotate', {})).status, 400);
	assert.ok((await ok('GET', '/keys')).keys.filter(({ name }) => name === 'turning')
		.every(({ revoked_at: at, refusal }) => at && refusal));
	await ok('DELETE', '/keys/turning');
});
