// The admin API behind a real lighttpd: who may come in, what each answer holds, and that no answer
// holds a secret.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { adminClient, PASSWORD } from '../lib/admin.mjs';
import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { until } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';
import { modes } from './modes.mjs';

const mode = modes['lighttpd FastCGI'];
const document = JSON.parse(readFileSync(
	fileURLToPath(new URL('../../etc/openapi/admin.json', import.meta.url)), 'utf8'));
const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
	Object.entries(operations).map(([method, operation]) => ({
		method: method.toUpperCase(),
		path: mode.mount + path.replace(/\{\w+\}/, 'nobody'),
		open: operation.security?.length === 0,
		role: operation['x-role'],
	})));
const roles = ['user', 'viewer', 'operator', 'admin'];

let standin, at, server, client;
const answers = []; /* the text of all, with their headers */
const codes = []; /* that were made */

const api = (method, path, body, headers) => client.call(method, `/api/v1${path}`, body, headers)
	.then((answer) => {
		answers.push({ path, text: answer.text + JSON.stringify(answer.headers) });
		return answer;
	});
const ok = async (...args) => {
	const answer = await api(...args);

	assert.ok(answer.status < 300, `${args[0]} ${args[1]}: ${answer.status} ${answer.text}`);
	return answer.json;
};

before(async () => {
	standin = await startStandin({ args: ['--default', 'reply'] });
	at = await makeInstallation({
		standin,
		accounts: [{ name: 'one', kind: 'social' }, { name: 'two', kind: 'api_key' }],
		settings: { client_token: 'secret-of-the-settings-0123', 'upstream.proxy_url': '' },
	});
	server = await mode.start(at, mode.mount);
	client = adminClient({ port: server.port, base: `${mode.mount}/admin` });
});

after(async () => {
	await server?.stop();
	await standin?.stop();
	at?.remove();
});

test('without a password nobody comes in, and the answer says how to set one', async () => {
	for (const { method, path, open } of routes.filter((route) => !route.open)) {
		const answer = await client.call(method, path, method === 'GET' ? undefined : {});

		assert.equal(answer.status, 503, `${method} ${path} ${open}`);
		assert.match(answer.json.error.message, /kiroctl admin passwd/);
	}
	assert.equal((await client.signIn('')).status, 503);
	assert.deepEqual((await api('GET', '/session')).json.configured, false);
});

test('kiroctl admin passwd takes a password from standard input, no weak one', () => {
	assert.throws(() => at.kiroctl(['admin', 'passwd'], { input: 'short\n' }), /12 characters/);
	at.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
	assert.ok(!readFileSync(`${at.stateDir}/keys.gdbm`, 'latin1').includes(PASSWORD));
});

describe('the guard', () => {
	const each = (what, expected, headers, options = {}) => test(what, async () => {
		for (const { method, path, open } of routes) {
			if (open && !options.open)
				continue;
			const answer = await client.call(method, path, method === 'GET' ? undefined : {},
							 headers());
			const status = typeof expected === 'function' ? expected(method) : expected;

			assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
			assert.equal(answer.headers['access-control-allow-origin'], undefined);
			assert.match(answer.headers['content-security-policy'], /frame-ancestors 'none'/);
		}
	});

	each('nobody without a session', 401, () => ({}));
	each('nobody with an invented session', 401,
	     () => ({ cookie: `kiro_admin=${'a'.repeat(43)}` }));
	each('no client key opens it', 403, () => ({ 'x-api-key': at.key }));
	each('no invented key', 401, () => ({ authorization: 'Bearer kiro-invented-0123456789' }));
	each('no page of another origin', 403,
	     () => ({ origin: 'http://evil.example' }), { open: true });
	each('no page without an origin of its own', 403, () => ({ origin: 'null' }), { open: true });
	each('no page that another site calls', 403,
	     () => ({ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' }), { open: true });
	each('no host of another name', 403,
	     () => ({ host: 'evil.example', origin: 'http://evil.example' }), { open: true });

	for (const role of roles) {
		test(`a key of the role ${role} does what that may, and needs no token`, async () => {
			const key = at.kiroctl(['key', 'add', role, '--role', role]).trim();

			for (const { method, path, open, role: least } of routes) {
				if (open)
					continue;
				const { status, text } = await client.call(method, path,
					method === 'GET' ? undefined : {}, { authorization: `Bearer ${key}` });
				const may = roles.indexOf(role) >= roles.indexOf(least);

				/* one that may came in: what it meets there is another test's */
				assert.equal(status === 403, !may, `${method} ${path}: ${text}`);
				assert.ok(status !== 401 && status < 500, `${method} ${path}: ${text}`);
			}
		});
	}

	test('a wrong password opens nothing', async () => {
		const guesser = adminClient({ port: server.port, base: `${mode.mount}/admin` });

		assert.equal((await guesser.signIn('not-the-password-at-all')).status, 401);
		for (const { method, path, open } of routes.filter((route) => !route.open)) {
			const { status } = await guesser.call(method, path, method === 'GET' ? undefined : {});

			assert.equal(status, 401, `${method} ${path} ${open}`);
		}
	});

	test('a wrong password is refused, the right one gives a careful cookie', async () => {
		const wrong = await client.signIn('not-the-password-at-all');
		const right = await client.signIn();
		const [cookie] = right.headers['set-cookie'];

		assert.equal(wrong.status, 401);
		assert.equal(right.status, 200);
		assert.match(cookie, /^kiro_admin=[A-Za-z0-9]{43};/);
		for (const part of ['HttpOnly', 'SameSite=Strict', `Path=${mode.mount}/admin;`])
			assert.ok(cookie.includes(part), part);
		assert.ok(!right.text.includes(client.cookie.split('=')[1]));
	});

	test('no change without the token, or with a wrong one', async () => {
		for (const token of [undefined, '', 'x'.repeat(64), client.token.slice(0, -1)]) {
			for (const { method, path, open } of routes) {
				if (open || method === 'GET')
					continue;
				const answer = await client.call(method, path, {},
								 { 'x-csrf-token': token });

				assert.equal(answer.status, 403, `${method} ${path}`);
				assert.match(answer.json.error.message, /X-CSRF-Token/);
			}
		}
	});

	test('no change that a form could send', async () => {
		const answer = await api('POST', '/keys', 'name=x',
					 { 'content-type': 'application/x-www-form-urlencoded' });

		assert.equal(answer.status, 400);
	});
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
	assert.equal((await api('POST', `/logins/${flow.json.id}/poll`)).status, 404);
	assert.equal((await ok('POST', `/accounts/${step.account.id}/refresh`)).state, 'active');
});

test('a login can be cancelled; an unknown method is named', async () => {
	const flow = await ok('POST', '/logins', { method: 'google' });

	await ok('DELETE', `/logins/${flow.id}`);
	assert.equal((await api('POST', `/logins/${flow.id}/poll`)).status, 404);
	assert.equal((await api('POST', '/logins', { method: 'magic' })).json.error.field, 'method');
});

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

	assert.deepEqual((await ok('PATCH', '/codes/Ann', { account: id })).accounts, [id]);
	assert.equal((await ok('GET', `/accounts/${id}`)).owner, seen.id);
	assert.equal((await api('GET', '/codes/laptop')).status, 404);
	assert.equal((await ok('GET', '/keys')).keys.find(({ name }) => name === 'Ann').code, true);
	await ok('DELETE', '/codes/Ann');
	assert.equal((await models('third-pc')).status, 401);
	assert.equal((await api('DELETE', '/codes/Ann')).status, 404);
	assert.equal((await ok('PATCH', `/accounts/${id}`, { owner: '' })).owner, null);
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

const say = (key, extra) => request({ port: server.port, path: `${mode.mount}/v1/messages`,
	headers: { 'x-api-key': key }, body: { model: 'claude-sonnet-4.5', max_tokens: 100,
		messages: [{ role: 'user', content: 'hello' }], ...extra } });

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
				      ['expires_at', 'soon'], ['max_streams', -1], ['hash', 'x']])
		assert.equal((await api('PATCH', `/keys/${id}`, { [field]: value })).json.error.field,
			     field);
	assert.equal((await api('PATCH', '/keys/nobody', { requests: '' })).status, 404);
	await ok('DELETE', '/keys/a%2Fb');
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

test('usage as CSV: a line a day, key, account and model', async () => {
	const { key } = (await client.call('POST', '/api/v1/keys', { name: '=1+1,"x"' })).json;
	const today = new Date().toISOString().slice(0, 10);

	assert.equal((await say(key)).status, 200);
	await until(async () => (await api('GET', '/usage.csv')).text.includes('1+1'), 'it to be booked');
	const answer = await api('GET', '/usage.csv?days=1');
	const [head, ...lines] = answer.text.trimEnd().split('\r\n');

	assert.match(answer.headers['content-type'], /^text\/csv/);
	assert.match(answer.headers['content-disposition'], /^attachment; filename="kiro-usage.csv"$/);
	assert.match(head, /^day,key,key_id,account,account_label,model,requests,errors,/);
	const [line] = lines.filter((each) => each.includes('1+1'));

	assert.match(line, new RegExp(`^${today},"'=1\\+1,""x""","key_[0-9a-f]{16}","acc_\\w+","[^"]*","claude-sonnet-4.5",1,0,`));
	assert.equal((await api('GET', '/usage.csv?days=0')).json.error.field, 'days');
});

test('statistics are those of what was served', async () => {
	const before = await ok('GET', '/stats');

	await standin.script('slow', { steps: [{ text: 'one' }, { sleep_ms: 600 }, { text: 'two' }] });
	const asked = say(at.key, { messages: [{ role: 'user', content: '@slow@' }] });

	await setTimeout(300);
	assert.equal((await ok('GET', '/stats')).running, 1);
	assert.equal((await asked).status, 200);
	await until(async () => (await ok('GET', '/stats')).latency.answer.count > before.latency.answer.count, 'it to be counted');
	const after = await ok('GET', '/stats');
	const beyond = (stats, bound) => stats.latency.answer.buckets
		.filter(({ up_to: to }) => to === null || to > bound).reduce((sum, { count }) => sum + count, 0);

	assert.equal(after.running, 0);
	assert.equal(after.today.requests, before.today.requests + 1);
	assert.equal(after.latency.answer.count, before.latency.answer.count + 1);
	assert.equal(beyond(after, 0.32), beyond(before, 0.32) + 1, 'it took more than 0.6 seconds');
	assert.equal(after.latency.answer.p99 >= 0.6, true);
});

test('events: without a file it is told what to do; with one they are read on from a cursor', async () => {
	assert.match((await ok('GET', '/events')).advice, /log\.file/);
	for (const format of ['text', 'json']) {
		at.configure({ 'log.file': `${at.dir}/${format}.log`, 'log.format': format });
		await ok('POST', '/reload');
		while ((await ok('GET', '/events')).advice)
			await setTimeout(50);
		const first = await ok('GET', '/events');

		await ok('PUT', '/aliases/watched', { target: 'claude-sonnet-4.5' });
		await say(at.key);
		await request({ port: server.port, path: `${mode.mount}/v1/${at.key}` });
		await until(async () => (await ok('GET', `/events?cursor=${first.cursor}`)).events.filter(({ status }) => status === 404).length,
			    'the last one to be written');
		const { events, cursor, more } = await ok('GET', `/events?cursor=${first.cursor}`);
		const texts = events.map(({ text }) => text);

		assert.equal(more, false);
		assert.ok(texts.some((text) => text.startsWith('admin: alias watched stands for')), texts.join('\n'));
		const served = events.find(({ type, status, text }) =>
			type === 'access' && status === 200 && /messages/.test(text));

		assert.deepEqual([served.key, served.model, served.level], ['test', 'claude-sonnet-4.5', 'info']);
		assert.match(served.request_id, /^req_/);
		assert.ok(at.accounts.length && served.account.startsWith('acc_'));
		assert.deepEqual((await ok('GET', `/events?cursor=${cursor}`)).events, [], 'looking is no event');
		const only = async (query) => (await ok('GET', `/events?cursor=${first.cursor}&${query}`)).events;

		assert.deepEqual((await only('level=warn')).map(({ status }) => status), [404]);
		assert.deepEqual((await only(`account=${served.account}`)).filter(({ type }) => type === 'access').map(({ request_id: id }) => id), [served.request_id]);
		assert.deepEqual((await only('key=test')).map(({ request_id: id }) => id), [served.request_id]);
		assert.deepEqual((await only('key=tes')), []);
		assert.ok((await only(`request_id=${served.request_id}`)).every(({ request_id: id }) => id === served.request_id));
		assert.deepEqual((await only('text=WATCHED')).length, 2, 'the change, and its request');
		assert.deepEqual((await only('limit=1')).length, 1);
		const old = JSON.parse((await client.call('GET', `${mode.mount}/api/logs/server-error.log`)).text);

		assert.deepEqual(old.events.filter(({ level }) => level !== 'error'), []);
		assert.equal((await client.call('GET', `${mode.mount}/api/logs/passwd`)).status, 404);
		assert.equal((await client.call('GET', `${mode.mount}/api/logs/..%2Fkiro.json`)).status, 404);
	}
	for (const query of ['cursor=x', 'level=loud', 'limit=0', 'limit=1e9'])
		assert.equal((await api('GET', `/events?${query}`)).status, 400, query);
	at.configure({ 'log.file': '' });
	await ok('POST', '/reload');
});

test('models: an alias is set, tested and removed', async () => {
	await ok('PUT', '/aliases/gpt-mine', { target: 'claude-sonnet-4.5' });
	const meaning = await ok('GET', '/models/test?name=gpt-mine');

	assert.deepEqual([meaning.through, meaning.id], ['claude-sonnet-4.5', 'claude-sonnet-4.5']);
	await ok('DELETE', '/aliases/gpt-mine');
	assert.equal((await api('GET', '/models/test?name=gpt-mine')).status, 404);
});

test('settings tell their origin; a bad file is refused with its line', async () => {
	const { options } = await ok('GET', '/config');
	const named = (name) => options.find((option) => option.name === name);

	assert.equal(named('state_dir').origin, 'file');
	assert.equal(named('auth').origin, 'default');
	await ok('POST', '/reload');
	at.configure('{\n"no_such_option": 1\n}');
	const refused = await api('POST', '/reload');

	assert.equal(refused.status, 400);
	assert.match(refused.json.error.message, /no_such_option/);
	at.configure();
	await ok('POST', '/reload');
});

test('older gateways\' paths are the same behind the same guard', async () => {
	const { text } = await client.call('GET', `${mode.mount}/api/accounts`);

	assert.equal(JSON.parse(text).accounts.length,
		     (await ok('GET', '/accounts')).accounts.length);
});

test('the panel: a page, its files, and what a browser keeps', async () => {
	const page = await client.call('GET', `${mode.mount}/admin/`);
	const moved = await client.call('GET', `${mode.mount}/admin`);
	const again = await client.call('GET', `${mode.mount}/admin/`, undefined,
					{ 'if-none-match': page.headers.etag });

	assert.equal(page.status, 200);
	assert.doesNotMatch(page.text, /<script(?![^>]*\bsrc=)|style=|\son\w+=/);
	assert.equal(moved.status, 308);
	assert.equal(moved.headers.location, 'admin/');
	assert.equal(again.status, 304);
	assert.equal((await client.call('GET', `${mode.mount}/admin/../kiro.json`)).status, 404);
});

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
