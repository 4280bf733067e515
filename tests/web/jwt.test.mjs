// JSON Web Tokens as keys, behind a real lighttpd: who comes in, who does not, and what each may.
import assert from 'node:assert/strict';
import { createHmac, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { seed } from '../lib/secrets.mjs';
import { startStandin } from '../lib/standin.mjs';
import { modes } from './modes.mjs';

const mode = modes['lighttpd FastCGI'];
const now = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

// RFC 7519: header.claims.signature.
function make(alg, signature, claims) {
	const text = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
	const token = `${text}.${Buffer.from(signature(text)).toString('base64url')}`;

	seed('a token', token);
	return token;
}

const secret = randomBytes(32).toString('hex');
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const pem = publicKey.export({ type: 'spki', format: 'pem' });
const byHmac = (key) => (text) => createHmac('sha256', key).update(text).digest();
const byRsa = (key) => (text) => sign('sha256', Buffer.from(text), key);
const kinds = {
	HS256: { file: secret, signature: byHmac(secret), foreign: byHmac(randomBytes(32)) },
	RS256: { file: pem, signature: byRsa(privateKey),
		 foreign: byRsa(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey) },
};

let standin;

before(async () => {
	standin = await startStandin();
	await standin.script('default', { steps: [{ text: 'ok' }] });
});
after(() => standin?.stop());

for (const [alg, { file, signature, foreign }] of Object.entries(kinds)) {
	describe(alg, () => {
		let at, server;
		const good = (more) => ({ sub: 'ann', iss: 'https://issuer.example', aud: ['other', 'kiro'], exp: now() + 600, ...more });
		const token = (more) => make(alg, signature, good(more));
		const call = (method, path, bearer, body) => request({ port: server.port, method, path: mode.mount + path, body,
			headers: { host: 'localhost', authorization: `Bearer ${bearer}` } });
		const chat = (bearer) => call('POST', '/v1/messages', bearer,
			{ model: 'claude-sonnet-4.5', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] });

		before(async () => {
			at = await makeInstallation({ standin });
			at.kiroctl(['key', 'add', 'template', '--requests', '2/day']);
			const key = join(at.dir, 'jwt.key');

			writeFileSync(key, `${file}\n`, { mode: 0o600 });
			at.configure({ 'jwt.key_file': key, 'jwt.algorithm': alg, 'jwt.issuer': 'https://issuer.example',
				       'jwt.audience': 'kiro', 'jwt.role_claim': 'kiro_role', 'jwt.limits_of': 'template' });
			server = await mode.start(at, mode.mount);
		});
		after(async () => {
			await server?.stop();
			at?.remove();
		});

		test('a good one comes in, as user; so does one with the audience alone', async () => {
			const answer = await chat(token());

			assert.equal(answer.status, 200, answer.text);
			assert.equal((await chat(token({ aud: 'kiro', sub: 'bob', nbf: now() }))).status, 200);
			assert.equal((await call('GET', '/admin/api/v1/accounts', token())).status, 403);
		});

		for (const [what, bearer] of Object.entries({
			'of a foreign key': () => make(alg, foreign, good()),
			'of another issuer': () => token({ iss: 'https://evil.example' }),
			'without an issuer': () => token({ iss: undefined }),
			'for another audience': () => token({ aud: 'other' }),
			'that has expired': () => token({ exp: now() - 61 }),
			'without an end': () => token({ exp: undefined }),
			'that is not good yet': () => token({ nbf: now() + 120 }),
			'of nobody': () => token({ sub: undefined }),
			'of a role that there is not': () => token({ kiro_role: 'root' }),
			'with alg none': () => make('none', () => '', good()),
			'with alg none and a signature': () => make('none', signature, good()),
			'signed with the public key as if it were a secret': () => make('HS256', byHmac(pem), good()),
			'whose claims were changed': () => {
				const [head, , end] = token().split('.');

				return `${head}.${part(good({ sub: 'eve' }))}.${end}`;
			},
			'without its signature': () => `${token().split('.').slice(0, 2).join('.')}.`,
		})) {
			test(`one ${what} is refused`, async () => {
				const answer = await chat(bearer());

				assert.equal(answer.status, 401, answer.text);
				assert.equal(answer.json.error.type, 'authentication_error');
			});
		}

		test('who holds a token of ours hears why, a forger does not', async () => {
			assert.match((await chat(token({ exp: now() - 61 }))).json.error.message, /refused: it has expired/);
			assert.match((await chat(token({ aud: 'other' }))).json.error.message, /refused: its aud is not jwt\.audience/);
			const forged = await chat(make(alg, foreign, good({ exp: now() - 61 })));

			assert.equal(forged.json.error.message, 'Invalid bearer token');
		});

		test('the role claim says what it may', async () => {
			const viewer = token({ sub: 'vera', kiro_role: 'viewer' });
			const admin = token({ sub: 'adam', kiro_role: 'admin' });

			assert.equal((await call('GET', '/admin/api/v1/accounts', viewer)).status, 200);
			assert.equal((await call('POST', '/admin/api/v1/keys', viewer, { name: 'no' })).status, 403);
			assert.equal((await chat(viewer)).status, 403);
			assert.equal((await call('POST', '/admin/api/v1/keys', admin, { name: 'made' })).status, 201);
			assert.equal((await chat(admin)).status, 200);
			const line = readFileSync(`${at.stateDir}/audit.log`, 'utf8').trimEnd().split('\n').map(JSON.parse).at(-1);

			assert.deepEqual([line.who, line.action, line.target, line.result], ['token of adam', 'key.add', 'made', 'ok']);
		});

		test('each sub has the limits of jwt.limits_of for itself, whatever token it shows', async () => {
			assert.equal((await chat(token({ sub: 'carl' }))).status, 200);
			assert.equal((await chat(token({ sub: 'carl', jti: '2' }))).status, 200);
			const over = await chat(token({ sub: 'carl', jti: '3' }));

			assert.equal(over.status, 429);
			assert.match(over.json.error.message, /2 requests per day/);
			assert.equal((await chat(token({ sub: 'dora' }))).status, 200);
			const usage = await call('GET', '/v1/usage', token({ sub: 'carl' }));

			assert.equal(usage.json.key.name, 'carl');
			assert.equal(usage.json.limits.find(({ measure, window }) => measure === 'requests' && window === 'day').remaining, 0);
		});

		test('the log says why each was refused', () => {
			for (const reason of ['its signature is not ours', 'its iss is not jwt.issuer', 'its aud is not jwt.audience',
					      'it has expired', 'it has no sub', 'its role claim'])
				assert.ok(server.log().includes(reason), reason);
		});

		test('without jwt.key_file none is a key', async () => {
			at.configure({ 'jwt.key_file': '', 'jwt.limits_of': '' });
			for (let tries = 0; tries < 100 && (await chat(token({ sub: `off${tries}` }))).status !== 401; tries++)
				await new Promise((resolve) => setTimeout(resolve, 50));
			assert.equal((await chat(token({ sub: 'off' }))).status, 401);
		});
	});
}
