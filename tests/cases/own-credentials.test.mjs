// Requests that bring the Kiro credentials they are served with: used once, kept nowhere, shown
// nowhere, never mixed with the pool, and refused where they are off or came in clear.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

const far = { REMOTE_ADDR: '203.0.113.9' };
const https = { ...far, HTTPS: 'on' };

let standin, installation, fastcgi, guest, keyed;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, settings: {
		own_credentials: true,
		'log.level': 'debug',
		trusted_proxies: '10.0.0.1, 10.0.0.2',
	} });
	installation.configure({ 'log.file': join(installation.dir, 'gateway.log') });
	fastcgi = await startFastcgi(installation);
	[guest] = await standin.addAccounts([{ name: 'guest', kind: 'social' }]);
	[keyed] = await standin.addAccounts([{ name: 'keyed', kind: 'api_key' }]);
	await standin.script('default', { steps: [{ text: 'ok' }] });
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

beforeEach(() => standin.clearRequests());

const own = (more = {}) => ({ accessToken: guest.accessToken, refreshToken: guest.refreshToken,
			      profileArn: guest.profileArn, ...more });
const base64 = (value) => `creds-${Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64')}`;
const header = (value) => ({ 'x-kiro-credentials': typeof value === 'string' ? value : JSON.stringify(value) });

function messages(headers, { variables = https, via = fastcgi.request, path = '/v1/messages', ...body } = {}) {
	return via(messageRequest(installation.key, body, { path, variables, headers }));
}

const chats = () => standin.chats({ wait: 5000 });
const everything = async () => (await standin.requests({ wait: 5000 })).map(({ account, operation }) => `${account} ${operation}`);

function filesBelow(dir) {
	return readdirSync(dir, { withFileTypes: true, recursive: true }).filter((file) => file.isFile())
		.map((file) => join(file.parentPath ?? file.path, file.name));
}

/* No file of the installation, no log line and none of these texts holds a part of a credential. */
function assertUnseen(secrets, ...texts) {
	const all = [...filesBelow(installation.dir).filter((file) => !/kiro\.(fcgi|cgi)$/.test(file))
		.map((file) => readFileSync(file).toString('latin1')), fastcgi.log(), ...texts.map(String)];

	for (const secret of secrets)
		for (const text of all)
			assert.ok(!text.includes(secret) && !text.includes(secret.slice(0, 16)), 'a credential was seen');
}

async function refused(answer, status, words, secrets = [guest.accessToken, guest.refreshToken]) {
	assert.equal(answer.status, status, answer.body);
	assert.match(JSON.parse(answer.body).error.message, words);
	assert.deepEqual(await everything(), []);
	assertUnseen(secrets, answer.body, answer.log, JSON.stringify(answer.headers));
}

describe('a request with credentials of its own', () => {
	const ways = {
		'X-Kiro-Credentials': () => header(own()),
		'x-api-key: creds-': () => ({ 'x-api-key': base64(own()), authorization: `Bearer ${installation.key}` }),
		'Bearer creds-': () => ({ authorization: `Bearer ${base64(own())}` }),
		'base64 for URLs, without padding': () => ({ authorization: `Bearer ${base64(own()).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}` }),
		'members in "credentials"': () => header({ name: 'x', credentials: own() }),
		'snake case': () => header({ access_token: guest.accessToken, profile_arn: guest.profileArn }),
	};

	for (const [name, headers] of Object.entries(ways)) {
		test(`is served with them: ${name}`, async () => {
			for (const stream of [false, true]) {
				await standin.clearRequests();
				const answer = await messages(headers(), { stream });

				assert.equal(answer.status, 200, answer.body);
				assert.deepEqual(await everything(), ['guest GenerateAssistantResponse']);
				assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
			}
		});
	}

	test('the same as plain CGI', async () => {
		const answer = await messages(header(own()), { via: (request) => requestCgi(installation, request) });

		assert.equal(answer.status, 200, answer.log);
		assert.deepEqual(await everything(), ['guest GenerateAssistantResponse']);
		assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
	});

	test('the log says so, and no more', async () => {
		await messages(header(own()));
		assert.match(readFileSync(join(installation.dir, 'gateway.log'), 'latin1'), /debug .*account=own status=200/);
	});

	test('an API key is a credential too', async () => {
		assert.equal((await messages(header({ kiroApiKey: keyed.accessToken }))).status, 200);
		const [chat] = await chats();

		assert.equal(chat.account, 'keyed');
		assert.equal(chat.headers.tokentype, 'API_KEY');
		assertUnseen([keyed.accessToken]);
	});

	test('a web search goes the same way', async () => {
		const answer = await messages(header(own()), { tools: [{ type: 'web_search_20250305', name: 'web_search' }],
			messages: [{ role: 'user', content: 'Perform a web search for the query: cats' }] });

		assert.equal(answer.status, 200, answer.body);
		assert.deepEqual((await everything()).map((line) => line.split(' ')[0]), ['guest', 'guest']);
		assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
	});

	test('what misses a wish is handed out as it came: there is no second try', async () => {
		const answer = await messages(header(own()), {
			tools: [{ name: 'Read', input_schema: { type: 'object' } }], tool_choice: { type: 'any' } });

		assert.equal(answer.status, 200, answer.body);
		assert.equal(JSON.parse(answer.body).content[0].text, 'ok');
		assert.deepEqual(await everything(), ['guest GenerateAssistantResponse']);
	});

	test('the machine is the same for the same login, and another for another', async () => {
		const machine = ({ headers }) => /KiroIDE-[\d.]+-([0-9a-f]{64})$/.exec(headers['user-agent'])[1];

		await messages(header(own()));
		await messages(header(own()));
		await messages(header({ kiroApiKey: keyed.accessToken }));
		const [first, second, third] = (await chats()).map(machine);

		assert.equal(first, second);
		assert.notEqual(first, third);
	});

	test('the pool has no account more, and a request without them is served by it', async () => {
		await messages(header(own()));
		assert.deepEqual(JSON.parse(installation.kiroctl(['account', 'list', '--json'])).length, 1);
		await standin.clearRequests();
		assert.equal((await messages({})).status, 200);
		assert.deepEqual((await chats()).map(({ account }) => account), ['one']);
	});
});

describe('what goes wrong with them stays with them', () => {
	const failing = async (http, stream = false) => {
		await standin.addAccounts([{ name: 'guest', script: 'bad' }]);
		await standin.script('bad', { http });
		try {
			return await messages(header(own()), { stream });
		} finally {
			await standin.script('bad', { steps: [{ text: 'ok' }] });
		}
	};
	const rows = [
		[{ status: 402, body: { message: 'You have reached the limit', reason: 'MONTHLY_REQUEST_COUNT' } }, 429, /reached the limit/],
		[{ status: 429, body: { message: 'Too many requests' } }, 429, /Too many requests/],
		[{ status: 403, body: { message: 'The bearer token included in the request is invalid.' } }, 401, /your own credentials: renew it/],
		[{ status: 403, body: { message: 'suspended', reason: 'TEMPORARILY_SUSPENDED' } }, 403, /suspended/],
		[{ status: 500, body: { message: 'boom' } }, 529, /boom/],
	];

	for (const [http, status, words] of rows) {
		test(`${http.status} ${http.body.reason ?? http.body.message}: no other account, no rest, no refresh`, async () => {
			for (const stream of [false, true]) {
				await standin.clearRequests();
				const before = installation.kiroctl(['account', 'list', '--json']);
				const answer = await failing(http, stream);

				assert.equal(answer.status, status, answer.body);
				assert.match(JSON.parse(answer.body).error.message, words);
				assert.deepEqual([...new Set(await everything())], ['guest GenerateAssistantResponse']);
				assert.equal(installation.kiroctl(['account', 'list', '--json']), before);
				assert.equal((await messages({})).status, 200);
				assert.equal((await messages(header(own()))).status, 200, 'nothing rests');
				assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
			}
		});
	}

	test('a message of the upstream that repeats the token is not passed on', async () => {
		const answer = await failing({ status: 400, body: { message: `Invalid token ${guest.accessToken} here` } });

		assert.ok(answer.status >= 400);
		assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
	});

	test('a token that has ended is refused before anything is sent, and not renewed', async () => {
		await refused(await messages(header(own({ expiresAt: '2020-01-01T00:00:00Z' }))), 401, /accessToken: ended at 2020-01-01/);
	});

	test('a refresh token alone is refused, and stays good', async () => {
		await refused(await messages(header({ refreshToken: guest.refreshToken })), 401, /accessToken: is missing/);
	});
});

describe('they are refused', () => {
	const broken = {
		'no JSON': [() => header('{"accessToken":"secret-secret-secret-1"'), /not valid JSON/],
		'no object': [() => header('["secret-secret-secret-1"]'), /not a JSON object/],
		'no base64': [() => ({ authorization: 'Bearer creds-secret*secret*secret' }), /base64/],
		'nothing behind creds-': [() => ({ authorization: 'Bearer creds-' }), /base64/],
		'base64 of no JSON': [() => ({ authorization: `Bearer ${base64('secret-secret-secret-1')}` }), /not valid JSON/],
		'unknown method': [() => header(own({ authMethod: 'secret-secret-secret-1' })), /authMethod: unknown method/],
		'wrong type': [() => header(own({ accessToken: 5 })), /accessToken: must be text/],
		'a line in the token': [() => header(own({ accessToken: 'secret-secret-secret-1\r\nx-evil: 1' })), /accessToken: holds/],
		'a proxy of their choice': [() => header(own({ proxyUrl: 'http://169.254.169.254:80' })), /proxyUrl/],
		'a host for a region': [() => header({ accessToken: guest.accessToken, apiRegion: 'evil.example/' }), /region/],
		'a login without its profile': [() => header({ accessToken: guest.accessToken, authMethod: 'idc', provider: 'Enterprise' }), /profileArn/],
		'twice': [() => ({ ...header(own()), authorization: `Bearer ${base64(own())}` }), /two places/],
		'too long': [() => header(own({ note: 'x'.repeat(20000) })), /longer than/],
	};

	for (const [name, [headers, words]] of Object.entries(broken)) {
		test(`${name}: clear words that repeat nothing`, async () => {
			await refused(await messages(headers()), 401, words, [guest.accessToken, guest.refreshToken, 'secret-secret-secret-1']);
		});
	}

	test('without a key of the gateway', async () => {
		for (const headers of [{ 'x-api-key': base64(own()) }, { 'x-api-key': 'wrong', ...header(own()) },
			{ 'x-api-key': '', authorization: `Bearer ${base64(own())}` }])
			await refused(await messages(headers), 401, headers['x-api-key'] === 'wrong' ? /invalid x-api-key/ : /no key of this gateway/);
	});

	test('the error is the dialect\'s own', async () => {
		const answer = await messages({ ...header('x') }, { path: '/v1/chat/completions' });

		assert.equal(answer.status, 401);
		assert.equal(JSON.parse(answer.body).error.code, 'invalid_api_key');
	});
});

describe('in clear over a network', () => {
	const seen = [
		['plain HTTP', far],
		['HTTPS=off', { ...far, HTTPS: 'off' }],
		['a claim of the client', { ...far, HTTP_X_FORWARDED_PROTO: 'https' }],
		['a proxy on this machine that asks for somebody', { REMOTE_ADDR: '127.0.0.1', HTTP_X_FORWARDED_FOR: '203.0.113.9' }],
		['a trusted proxy that got it in clear', { REMOTE_ADDR: '10.0.0.2', HTTP_X_FORWARDED_PROTO: 'http' }],
		['a trusted proxy that says nothing', { REMOTE_ADDR: '10.0.0.2', HTTPS: 'on' }],
		['an unknown peer', { REMOTE_ADDR: '' }],
	];
	const unseen = [
		['HTTPS=on', https],
		['REQUEST_SCHEME', { ...far, REQUEST_SCHEME: 'https' }],
		['this machine', {}],
		['this machine, IPv6', { REMOTE_ADDR: '::1' }],
		['a trusted proxy', { REMOTE_ADDR: '10.0.0.2', HTTP_X_FORWARDED_PROTO: 'https' }],
	];

	for (const [name, variables] of seen) {
		test(`refused: ${name}`, async () => {
			await refused(await messages(header(own()), { variables }), 403, /HTTPS only/);
			await refused(await messages({ authorization: `Bearer ${base64(own())}` }, { variables }), 403, /HTTPS only/);
			assert.equal((await messages({}, { variables })).status, 200, 'others are served');
		});
	}
	for (const [name, variables] of unseen) {
		test(`taken: ${name}`, async () => {
			assert.equal((await messages(header(own()), { variables })).status, 200);
			assert.deepEqual((await chats()).map(({ account }) => account), ['guest']);
		});
	}
});

test('off, as it is by default, they are refused and never ignored', async () => {
	const closed = await makeInstallation({ standin, accounts: [{ name: 'closed', kind: 'social' }] });
	const via = (request) => requestCgi(closed, { ...request, headers: { ...request.headers, 'x-api-key': closed.key } });

	try {
		for (const headers of [header(own()), { authorization: `Bearer ${base64(own())}` }]) {
			const answer = await messages(headers, { via });

			assert.equal(answer.status, 403, answer.body);
			assert.match(JSON.parse(answer.body).error.message, /does not serve clients with credentials of their own/);
			assert.deepEqual(await everything(), []);
			assertUnseen([guest.accessToken, guest.refreshToken], answer.body, answer.log);
		}
	} finally {
		closed.remove();
	}
});
