// Who may come in, and what without a password, a session, a token or a role is refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';

import { adminClient, PASSWORD } from '../../lib/admin.mjs';
import { mode, routes, roles, at, server, client, api } from './site.mjs';

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
