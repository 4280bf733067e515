// Activation codes, and the users that an older gateway had.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { request } from '../../lib/http.mjs';
import { mode, standin, at, server, client, answers, codes, api, ok } from './site.mjs';

test('a code: shown once, changed, reset, removed, never shown again', async () => {
	const made = await client.call('POST', '/api/v1/codes', { name: 'Ann', days: 30, machine: 'first',
								  pool: 'shared' });
	const { code } = made.json;
	const models = (machine) => request({ port: server.port, path: `${mode.mount}/v1/models`,
					      headers: { 'x-api-key': code, 'x-machine-id': machine } });

	assert.equal(made.status, 201, made.text);
	codes.push(code);
	assert.match(code, /^act-/);
	assert.equal((await api('POST', '/codes', { name: 'Ann' })).status, 400);
	for (const [field, value] of [['days', -1], ['days', 'x'], ['machine', 'a b'], ['pool', 'all'],
				      ['role', 'admin'], ['requests', 'many'], ['account', 'nobody'],
				      ['expires_at', 'soon']]) {
		const answer = await api('POST', '/codes', { name: 'Bob', [field]: value });

		assert.ok(answer.status >= 400 && answer.status < 500, `${field}: ${answer.text}`);
		assert.equal(answer.json.error.field, field);
	}
	assert.equal((await models()).status, 403);
	assert.equal((await models('ann-pc')).status, 200);
	const seen = await ok('GET', '/codes/Ann');

	assert.deepEqual([seen.days, seen.one_machine, seen.pool, seen.prefix],
			 [30, true, 'shared', code.slice(0, 8)]);
	assert.ok(seen.first_used_at && seen.expires_at);
	assert.deepEqual((await ok('GET', '/codes')).codes.map(({ name }) => name), ['Ann']);
	assert.equal((await models('new-pc')).status, 403);
	await ok('POST', '/codes/Ann/reset');
	assert.equal((await models('new-pc')).status, 200);
	assert.equal((await ok('PATCH', '/codes/Ann', { machine: 'any', requests: '5/day' })).limits.requests, '5/day');
	assert.equal((await models('third-pc')).status, 200);
	assert.equal((await api('PATCH', '/codes/Ann', { name: 'Eve' })).status, 400);
	const [{ id }] = (await ok('GET', '/accounts')).accounts;

	assert.equal((await api('PATCH', '/keys/Ann', { role: 'admin' })).json.error?.field, 'role');
	assert.throws(() => at.kiroctl(['key', 'set', 'Ann', '--role', 'operator']), /its role is user/);
	assert.equal((await ok('GET', '/codes/Ann')).role, 'user');
	assert.deepEqual((await ok('PATCH', '/codes/Ann', { account: id })).accounts, [id]);
	assert.equal((await ok('GET', `/accounts/${id}`)).owner, seen.id);
	assert.equal((await api('GET', '/codes/laptop')).status, 404);
	assert.equal((await ok('GET', '/keys')).keys.find(({ name }) => name === 'Ann').code, true);
	await ok('DELETE', '/codes/Ann');
	assert.equal((await models('third-pc')).status, 401);
	assert.equal((await api('DELETE', '/codes/Ann')).status, 404);
	assert.equal((await ok('PATCH', `/accounts/${id}`, { owner: '' })).owner, null);
});

test('an older gateway\'s users: added with their account, listed, counted, removed', async () => {
	const [own] = await standin.addAccounts([{ name: 'users-own', kind: 'social' }]);
	const old = async (method, path = '', body) => {
		const answer = await client.call(method, `${mode.mount}/api/admin/user-credentials${path}`, body);

		answers.push({ path: `user-credentials${path}`, text: answer.text + JSON.stringify(answer.headers) });
		return answer;
	};
	const code = 'act-QQQQ-WWWW-EEEE-RRRR';
	const credentials = { authMethod: 'social', accessToken: own.accessToken, refreshToken: own.refreshToken,
			      profileArn: own.profileArn, expiresAt: new Date(Date.now() + 3600_000).toISOString() };
	const entry = { activation_code: code, user_name: 'Bob', credentials };

	codes.push(code);
	assert.equal((await old('POST', '', { ...entry, activation_code: 'act-user001' })).json.error.field, 'activation_code');
	assert.equal((await old('POST', '', { user_name: 'Bob', credentials })).status, 400);
	assert.equal((await old('POST', '', { activation_code: code })).status, 400);
	const added = await old('POST', '', entry);

	assert.deepEqual([added.status, added.json.success, added.json.user_name], [200, true, 'Bob'], added.text);
	assert.equal((await old('POST', '', entry)).status, 200);
	const list = (await old('GET')).json;

	assert.deepEqual(list.map(({ activation_code, user_name, has_credentials }) => [activation_code, user_name, has_credentials]),
			 [['act-QQQQ...', 'Bob', true]]);
	assert.deepEqual((await old('GET', '/stats')).json, { total_users: 1, with_credentials: 1 });
	assert.equal((await old('GET', `/${code}`)).json.user_name, 'Bob');
	assert.equal((await old('GET', '/Bob')).json.has_credentials, true);
	assert.equal((await old('GET', '/act-0000-0000-0000')).status, 404);
	await standin.script('default', { steps: [{ text: 'ok' }] });
	const chat = await request({ port: server.port, method: 'POST', path: `${mode.mount}/v1/messages`,
		headers: { 'x-api-key': code },
		body: { model: 'claude-sonnet-4.5', max_tokens: 9, messages: [{ role: 'user', content: 'hi' }] } });

	assert.equal(chat.status, 200, chat.text);
	assert.equal((await standin.requests({ wait: 5000 })).at(-1).account, 'users-own');
	assert.equal((await old('DELETE', `/${code}`)).json.success, true);
	assert.equal((await old('GET', `/${code}`)).status, 404);
	assert.deepEqual((await old('GET', '/stats')).json, { total_users: 0, with_credentials: 0 });
	const audit = readFileSync(`${at.stateDir}/audit.log`, 'utf8');
	const changes = audit.trimEnd().split('\n').map(JSON.parse).filter(({ action }) => action.startsWith('code.'))
		.map(({ action, target, result }) => `${action} ${target} ${result}`);

	for (const change of ['code.add Ann ok', 'code.reset Ann ok', 'code.set Ann ok', 'code.remove Ann ok',
			      'code.add Bob ok', 'code.remove Bob ok'])
		assert.ok(changes.includes(change), `${change}: ${changes.join('; ')}`);
	for (const secret of codes)
		assert.ok(!audit.toUpperCase().includes(secret.slice(4)));
	const { accounts } = await ok('GET', '/accounts');

	for (const { id } of accounts.filter(({ label }) => label === 'Bob'))
		await ok('DELETE', `/accounts/${id}`);
});

test('an operator imports accounts, but no codes', async () => {
	const key = at.kiroctl(['key', 'list', '--json']);
	const operator = at.kiroctl(['key', 'add', 'op', '--role', 'operator']).trim();
	const file = [{ code: 'AAAA-BBBB-CCCC-DDDD', active: true, machineId: 'm', activatedAt: '2026-11-01T00:00:00Z',
			tunnelDays: 30 }];
	const answer = await api('POST', '/accounts/import?store=1', file, { authorization: `Bearer ${operator}` });

	assert.equal(answer.status, 403, answer.text);
	assert.equal((await api('POST', '/accounts', file[0])).status, 400);
	assert.equal(JSON.parse(at.kiroctl(['key', 'list', '--json'])).length, JSON.parse(key).length + 1);
	const shown = await ok('POST', '/accounts/import?share=1', file);

	assert.deepEqual([shown.added, shown.entries[0].kind], [1, 'code']);
});
