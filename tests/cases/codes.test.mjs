// Activation codes: days, machines, own accounts and the shared ones; the service that verifies
// them, well and down; the files of the gateway that had them. As CGI and as FastCGI.
import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync,
	 writeSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { startActivation } from '../lib/activation.mjs';
import { requestCgi } from '../lib/cgi.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, service, at, fastcgi, made = 0;
const secrets = []; /* every code that was made: none may be seen anywhere */

const ctl = (...args) => at.kiroctl(args);

/* A user and a code of its own for each test. */
function makeCode(...options) {
	const user = `user-${++made}`;
	const code = ctl('code', 'add', user, ...options).trim();

	assert.match(code, /^act(-[0-9A-HJKMNP-TV-Z]{4}){7}$/);
	secrets.push(code.slice(4));
	return { user, code, bare: code.slice(4) };
}

function ask(code, { machine, via = fastcgi.request, path = '/v1/messages' } = {}) {
	return via(messageRequest(code, {}, { path, headers: machine && { 'x-machine-id': machine } }));
}
const cgi = (request) => requestCgi(at, request);
const json = ({ body }) => JSON.parse(body.toString());
const show = (user) => JSON.parse(ctl('code', 'show', user, '--json'));

async function serves(code, options) {
	const answer = await ask(code, options);

	assert.equal(answer.status, 200, answer.body.toString());
}

async function refused(code, options, words, status = 403, type = 'permission_error') {
	const answer = await ask(code, options);
	const { error } = json(answer);

	assert.equal(answer.status, status, answer.body.toString());
	assert.equal(error.type, type);
	assert.match(error.message, words);
	return answer;
}

/* All that activation.map remembers was heard so many seconds earlier: words of the time in the
 * upper 56 bits, as the file has them. */
function age(seconds) {
	const file = openSync(join(at.stateDir, 'activation.map'), 'r+');
	const word = Buffer.alloc(8), now = Math.floor(Date.now() / 1000);
	const all = readFileSync(join(at.stateDir, 'activation.map'));

	for (let place = 0; place + 8 <= all.length; place += 8) {
		const value = all.readBigUInt64LE(place);

		if (value & 0xffn && Number(value & 0xffn) > 5 || Math.abs(Number(value >> 8n) - now) > 1e5)
			continue;
		readSync(file, word, 0, 8, place);
		word.writeBigUInt64LE(word.readBigUInt64LE() - (BigInt(seconds) << 8n));
		writeSync(file, word, 0, 8, place);
	}
	closeSync(file);
}

/* Every slot is somebody's: behind 4096 bytes of head, slots of 208 bytes that begin with their key. */
function fill() {
	const path = join(at.stateDir, 'activation.map'), all = readFileSync(path);
	const file = openSync(path, 'r+');
	const key = Buffer.alloc(8);

	assert.equal((all.length - 4096) % 208, 0);
	for (let slot = 4096; slot < all.length; slot += 208) {
		if (all.readBigUInt64LE(slot))
			continue;
		key.writeBigUInt64LE(BigInt(slot));
		writeSync(file, key, 0, 8, slot);
	}
	closeSync(file);
}

function file(name, value) {
	const path = join(at.dir, name);

	writeFileSync(path, JSON.stringify(value), { mode: 0o600 });
	return path;
}

const credentials = ({ accessToken, refreshToken, profileArn }, expiresIn) => ({
	authMethod: 'social', accessToken, refreshToken, profileArn,
	expiresAt: new Date(Date.now() + expiresIn * 1000).toISOString() });

before(async () => {
	standin = await startStandin();
	service = await startActivation();
	at = await makeInstallation({ standin, settings: { 'log.level': 'debug' } });
	at.configure({ 'log.file': join(at.dir, 'gateway.log') });
	await standin.script('default', { steps: [{ text: 'ok' }] });
	fastcgi = await startFastcgi(at);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	await service?.stop();
	await standin?.stop();
	at?.remove();
});

beforeEach(() => standin.clearRequests());

describe('a code without a service', () => {
	test('uses the shared accounts only by its grant', async () => {
		const { user, code } = makeCode();

		await refused(code, {}, /no account serves this activation code.*--account ID.*--pool shared/);
		await refused(code, { via: cgi }, /no account serves this activation code/);
		ctl('code', 'set', user, '--pool', 'shared');
		await serves(code);
		await serves(code.toLowerCase(), { via: cgi });
	});

	test('an account of its own serves it, and nobody else', async () => {
		const [two] = await standin.addAccounts([{ name: 'two', kind: 'api_key' }]);

		at.kiroctl(['account', 'add', '--api-key-file', '-', '--label', 'two'], { input: two.accessToken });
		const { user, code } = makeCode('--account', 'two');
		const other = makeCode('--pool', 'shared');

		await serves(code);
		await serves(other.code);
		const served = (await standin.chats({ wait: 5000 })).map(({ account }) => account);

		assert.deepEqual(served, ['two', 'one']);
		assert.match(ctl('code', 'list'), new RegExp(`${user} .* acc_`));
	});

	test('its days begin with the first use', async () => {
		const { user, code } = makeCode('--days', '30', '--pool', 'shared');

		assert.equal(show(user).expires_at, null);
		const before = Math.floor(Date.now() / 1000);

		await serves(code);
		const first = show(user), ends = Date.parse(first.expires_at) / 1000;

		assert.ok(ends >= before + 30 * 86400 && ends <= Date.now() / 1000 + 30 * 86400);
		await serves(code, { via: cgi });
		assert.deepEqual([show(user).expires_at, show(user).code.first_used_at],
				 [first.expires_at, first.code.first_used_at]);
		ctl('code', 'set', user, '--expires', '2026-01-01');
		await refused(code, {}, /this activation code expired at 2026-01-02T00:00:00Z/);
		ctl('code', 'set', user, '--days', '60');
		await serves(code);
		ctl('code', 'revoke', user);
		await refused(code, {}, /activation code was revoked/);
	});

	test('is bound to the first machine, in the words of each dialect, and anew after a reset', async () => {
		const { user, code } = makeCode('--machine', 'first', '--pool', 'shared');

		await refused(code, {}, /device mismatch.*X-Machine-Id/);
		await refused(code, { machine: 'a b' }, /device mismatch/);
		await serves(code, { machine: 'machine-of-ann-0123456789' });
		await serves(code, { machine: 'machine-of-ann-0123456789', via: cgi });
		await refused(code, { machine: 'machine-of-bob-0123456789' }, /device mismatch.*bound to another/);
		await refused(code, {}, /device mismatch/);
		const openai = await ask(code, { machine: 'bob', path: '/v1/chat/completions' });

		assert.deepEqual([openai.status, json(openai).error.code], [403, 'permission_denied']);
		assert.match(show(user).code.machine, /^machin\.\.\.$/);
		assert.ok(!ctl('code', 'show', user).includes('machine-of-ann'));
		ctl('code', 'reset', user);
		await serves(code, { machine: 'machine-of-bob-0123456789' });
		await refused(code, { machine: 'machine-of-ann-0123456789' }, /device mismatch/);
	});

	test('of many machines at once one has it', async () => {
		const { code } = makeCode('--machine', 'first', '--days', '5', '--pool', 'shared');
		const statuses = await Promise.all(Array.from({ length: 24 }, (_, n) =>
			ask(code, { machine: `machine-${n}`, via: n % 4 ? fastcgi.request : cgi })
				.then(({ status }) => status)));

		assert.deepEqual(statuses.sort(), [200, ...Array(23).fill(403)]);
	});

	test('a given machine needs no first use', async () => {
		const { code } = makeCode('--machine', 'the-one', '--pool', 'shared');

		await refused(code, { machine: 'another' }, /device mismatch/);
		await serves(code, { machine: 'the-one' });
	});

	test('limits, usage and rotation are those of any key', async () => {
		const { user, code } = makeCode('--requests', '2/day', '--pool', 'shared');

		await serves(code);
		await serves(code);
		await refused(code, {}, /this activation code has used up its limit of 2 requests per day/, 429, 'rate_limit_error');
		assert.ok(JSON.parse(ctl('usage', '--json')).some(({ key }) => key === user));
		ctl('code', 'set', user, '--requests', 'none');
		const fresh = ctl('code', 'rotate', user).trim();

		secrets.push(fresh.slice(4));
		assert.match(fresh, /^act-/);
		await refused(code, {}, /replaced by a new one/);
		await serves(fresh);
		ctl('code', 'remove', user);
		await refused(fresh, {}, /invalid x-api-key/, 401, 'authentication_error');
	});

	test('an unknown code is an unknown key', async () => {
		await refused('act-0000-1111-2222-3333', {}, /invalid x-api-key/, 401, 'authentication_error');
	});
});

describe('a code that a service verifies', () => {
	let code, bare, user;

	const calls = () => service.calls.filter(({ body }) => body.code === bare).length;

	before(async () => {
		at.configure({ activation_server_url: service.url, activation_grace: 3600 });
		await fastcgi.stop();
		fastcgi = await startFastcgi(at);
	});

	beforeEach(() => {
		service.behave('well');
		service.delay = 0;
		({ user, code, bare } = makeCode('--pool', 'shared'));
		service.codes[bare] = { machine: 'm-1' };
	});

	test('is asked for once, without act-, in capitals, with the machine', async () => {
		await serves(code.toLowerCase(), { machine: 'm-1' });
		await serves(code, { machine: 'm-1' });
		await serves(code, { machine: 'm-1', via: cgi });
		const [call] = service.calls.filter(({ body }) => body.code === bare);

		assert.equal(calls(), 1);
		assert.deepEqual([call.method, call.path, call.body],
				 ['POST', '/api/tunnel/check', { code: bare, machineId: 'm-1' }]);
		assert.equal(call.headers['content-type'], 'application/json');
		age(310);
		await serves(code, { machine: 'm-1', via: cgi });
		assert.equal(calls(), 2);
	});

	test('invalid, another device, expired, without a right: 403 with the reason, kept a minute', async () => {
		for (const [known, machine, words] of [
			[undefined, 'm-1', /not valid/],
			[{ machine: 'm-1' }, 'm-2', /device mismatch/],
			[{ machine: 'm-1' }, undefined, /device mismatch/],
			[{ machine: 'm-1', ends: Date.now() - 1000 }, 'm-1', /expired/],
			[{ machine: 'm-1', days: 0 }, 'm-1', /no right/]]) {
			const { code: one, bare: its } = makeCode('--pool', 'shared');

			if (known)
				service.codes[its] = known;
			await refused(one, { machine }, words);
			const before = service.calls.length;

			await refused(one, { machine, via: cgi }, words);
			assert.equal(service.calls.length, before);
			age(70);
			await refused(one, { machine }, words);
			assert.equal(service.calls.length, before + 1);
		}
		assert.deepEqual((await standin.requests({ wait: 5000 })), []);
	});

	test('what the service says is told, also to who sent no machine', async () => {
		service.behave({ text: '{"success":false,"message":"激活码无效"}' });
		await refused(code, {}, /not valid/);
	});

	test('a good answer whose end is over says expired, not that the service is down', async () => {
		service.behave({ text: '{"success":true,"expiresAt":"2026-01-02T00:00:00Z"}' });
		await refused(code, { machine: 'm-1' }, /expired/);
	});

	test('another machine does not push out the good one', async () => {
		await serves(code, { machine: 'm-1' });
		for (let n = 0; n < 10; n++)
			await refused(code, { machine: `thief-${n}` }, /device mismatch/);
		const before = calls();

		await serves(code, { machine: 'm-1' });
		assert.equal(calls(), before);
	});

	test('a code that this gateway does not know is not asked for', async () => {
		const before = service.calls.length;

		await refused('act-0000-1111-2222-4444', { machine: 'm-1' }, /invalid x-api-key/, 401, 'authentication_error');
		ctl('code', 'set', user, '--machine', 'm-1');
		await refused(code, { machine: 'm-2' }, /device mismatch/);
		assert.equal(service.calls.length, before);
	});

	test('where activation.map is full, a code has the place of one that was not heard of for long', async () => {
		fill();
		for (let n = 0; n < 3; n++) {
			const { code: one, bare: its } = makeCode('--pool', 'shared');

			service.codes[its] = { machine: 'm-1' };
			await serves(one, { machine: 'm-1' });
			const before = service.calls.length;

			await serves(one, { machine: 'm-1', via: cgi });
			assert.equal(service.calls.length, before);
			await refused(one, { machine: 'm-2' }, /device mismatch/);
		}
	});

	test('many at once, in many processes, ask once', async () => {
		service.delay = 300;
		const answers = await Promise.all(Array.from({ length: 16 }, (_, n) =>
			ask(code, { machine: 'm-1', via: n % 2 ? cgi : fastcgi.request })));

		assert.deepEqual(answers.map(({ status }) => status), Array(16).fill(200));
		assert.equal(calls(), 1);
	});

	test('a service with trouble: verified codes go on within the grace, others do not', async () => {
		const troubles = ['reset', { status: 500, text: '{"success":true}' }, { text: '<html>' }, { text: '{"ok":1}' },
				  { text: '{"success":"true"}' }, { text: 'x'.repeat(200_000) },
				  { status: 404, text: 'not here' }];

		for (const trouble of troubles) {
			const known = makeCode('--pool', 'shared'), fresh = makeCode('--pool', 'shared');

			service.codes[known.bare] = service.codes[fresh.bare] = { machine: 'm-1' };
			service.behave('well');
			age(20); /* what was down is forgotten */
			await serves(known.code, { machine: 'm-1' });
			age(310);
			service.behave(trouble);
			await serves(known.code, { machine: 'm-1' });
			await serves(known.code, { machine: 'm-1', via: cgi });
			const answer = await refused(fresh.code, { machine: 'm-1' },
						     /does not answer.*not verified lately/, 503, 'api_error');

			assert.equal(answer.headers['retry-after'], '15', JSON.stringify(trouble));
			await refused(known.code, { machine: 'm-2' }, /does not answer/, 503, 'api_error');
			age(3600);
			await refused(known.code, { machine: 'm-1' }, /does not answer/, 503, 'api_error');
			service.behave('well');
			age(20);
			await serves(known.code, { machine: 'm-1' });
			await serves(fresh.code, { machine: 'm-1' });
		}
	});

	test('who is down is not asked again for a while', async () => {
		service.behave({ status: 500 });
		await refused(code, { machine: 'm-1' }, /does not answer/, 503, 'api_error');
		const before = service.calls.length;

		await refused(code, { machine: 'm-1', via: cgi }, /does not answer/, 503, 'api_error');
		await refused(makeCode('--pool', 'shared').code, { machine: 'm-1' }, /does not answer/, 503, 'api_error');
		assert.equal(service.calls.length, before);
		age(20);
	});

	test('a service that hangs is given up', async () => {
		service.behave('hang');
		const answers = await Promise.all([1, 2, 3].map((n) =>
			ask(code, { machine: 'm-1', via: n % 2 ? cgi : fastcgi.request })));

		assert.deepEqual(answers.map(({ status }) => status), [503, 503, 503]);
		assert.equal(calls(), 1);
		age(20);
	});

	test('a refusal is no grace: who was good an hour ago and is not any more stays out', async () => {
		await serves(code, { machine: 'm-1' });
		age(310);
		delete service.codes[bare];
		await refused(code, { machine: 'm-1' }, /not valid/);
		age(70);
		service.behave('reset');
		await refused(code, { machine: 'm-1' }, /does not answer/, 503, 'api_error');
		age(20);
	});

	test('grace ends where the service said that the code ends', async () => {
		service.codes[bare] = { machine: 'm-1', ends: Date.now() + 1500 };
		await serves(code, { machine: 'm-1' });
		service.behave('reset');
		for (let tries = 40; (await ask(code, { machine: 'm-1' })).status === 200 && tries; tries--)
			await new Promise((resolve) => setTimeout(resolve, 100));
		await refused(code, { machine: 'm-1' }, /does not answer/, 503, 'api_error');
		age(20);
	});

	test('its first use is the first that the service lets in', async () => {
		const one = makeCode('--pool', 'shared', '--machine', 'first', '--days', '3');

		service.codes[one.bare] = { machine: 'right-one' };
		await refused(one.code, { machine: 'wrong-one' }, /device mismatch/);
		assert.deepEqual([show(one.user).code.machine, show(one.user).expires_at], [null, null]);
		await serves(one.code, { machine: 'right-one' });
		assert.ok(show(one.user).expires_at);
	});
});

describe('files of the gateway that had them', () => {
	before(async () => {
		at.configure({ activation_server_url: '' });
		await fastcgi.stop();
		fastcgi = await startFastcgi(at);
	});

	test('user_credentials.json: the code works, by its own account, which is renewed', async () => {
		const [carl] = await standin.addAccounts([{ name: 'carl', kind: 'social', expired: true }]);
		const path = file('user_credentials.json', { 'act-carl-0123-4567-89ab': {
			activation_code: 'act-carl-0123-4567-89ab', user_name: '用户A',
			credentials: credentials(carl, -60),
			created_at: '2026-02-17T13:00:00Z', updated_at: '2026-02-17T13:00:00Z' } });

		secrets.push('carl-0123-4567-89ab', 'CARL-0123-4567-89AB');
		assert.match(ctl('account', 'import', path), /1 to add.*\nNothing was stored/);
		await refused('act-carl-0123-4567-89ab', {}, /invalid x-api-key/, 401, 'authentication_error');
		ctl('account', 'import', path, '--yes');
		await serves('act-carl-0123-4567-89ab');
		await serves('act-carl-0123-4567-89ab', { via: cgi });
		const seen = (await standin.requests({ wait: 5000 }))
			.filter(({ account }) => account).map(({ account, operation }) => `${account} ${operation}`);

		assert.ok(seen.includes('carl SocialRefresh'), seen.join());
		assert.deepEqual(seen.filter((line) => !line.startsWith('carl ')), []);
		assert.match(ctl('account', 'import', path), /0 to add.*1 unchanged/);
		const account = JSON.parse(ctl('account', 'list', '--json')).find(({ label }) => label === '用户A');

		assert.equal(account.owner, show('用户A').id);
		await serves(makeCode('--pool', 'shared').code); /* the others do not get it */
		assert.ok((await standin.requests({ wait: 5000 })).at(-1).account !== 'carl');
	});

	test('user_credentials.json: a user without credentials does not hold up the others', async () => {
		const [finn] = await standin.addAccounts([{ name: 'finn', kind: 'social' }]);
		const path = file('users-3.json', {
			'act-ERIN-1111-2222-3333': { activation_code: 'act-ERIN-1111-2222-3333', user_name: 'Erin', credentials: null },
			'act-FINN-1111-2222-3333': { user_name: 'Finn', credentials: credentials(finn, 3600) } });
		const gina = file('users-4.json', { 'act-GINA-1111-2222-3333': { user_name: 'Gina' } });

		secrets.push('ERIN-1111-2222-3333', 'FINN-1111-2222-3333', 'GINA-1111-2222-3333');
		assert.match(ctl('account', 'import', path, '--yes'), /understood as: user_credentials\.json\n2 added/);
		await serves('act-FINN-1111-2222-3333');
		await refused('act-ERIN-1111-2222-3333', {}, /no account serves this activation code/);
		assert.match(ctl('account', 'import', gina, '--share', '--yes'), /1 added/);
		await serves('act-GINA-1111-2222-3333');
	});

	test('codes.json: machine and days are kept, the shared accounts need a grant', async () => {
		const day = 86400_000;
		const path = file('codes.json', [
			{ code: '4ZJ6-NK46-QJBG-DTZD', active: true, machineId: 'c0a08047cb478115587f035b8c1245cc',
			  activatedAt: new Date(Date.now() - 10 * day).toISOString(), tunnelDays: 30 },
			{ code: 'AAAA-NK46-QJBG-DTZD', active: true, machineId: 'c0a08047cb478115587f035b8c1245cc',
			  activatedAt: new Date(Date.now() - 31 * day).toISOString(), tunnelDays: 30 },
			{ code: 'BBBB-NK46-QJBG-DTZD', active: false, machineId: null, activatedAt: null, tunnelDays: 30 },
			{ code: 'CCCC-NK46-QJBG-DTZD', active: true, machineId: 'm', activatedAt: new Date().toISOString(), tunnelDays: 0 },
		]);
		const machine = 'c0a08047cb478115587f035b8c1245cc';

		secrets.push('4ZJ6-NK46-QJBG-DTZD', 'BBBB-NK46-QJBG-DTZD');
		assert.match(ctl('account', 'import', path), /codes\.json was understood as: codes\.json\n4 to add/);
		assert.match(ctl('account', 'import', path, '--share', '--yes'), /4 added/);
		await serves('act-4ZJ6-NK46-QJBG-DTZD', { machine });
		await serves('act-4zj6-nk46-qjbg-dtzd', { machine, via: cgi });
		await refused('act-4ZJ6-NK46-QJBG-DTZD', { machine: 'another' }, /device mismatch/);
		await refused('act-AAAA-NK46-QJBG-DTZD', { machine }, /expired at/);
		await serves('act-BBBB-NK46-QJBG-DTZD', { machine: 'the-first' });
		await refused('act-BBBB-NK46-QJBG-DTZD', { machine: 'the-second' }, /device mismatch/);
		await refused('act-CCCC-NK46-QJBG-DTZD', { machine: 'm' }, /expired at/);
		assert.match(ctl('account', 'import', path, '--yes'), /4 unchanged/);
	});

	test('codes.json before user_credentials.json: the account is the code\'s', async () => {
		const [dora] = await standin.addAccounts([{ name: 'dora', kind: 'social' }]);

		ctl('account', 'import', file('codes-2.json', [{ code: 'DORA-1111-2222-3333', active: true, machineId: 'dora-pc',
			activatedAt: new Date().toISOString(), tunnelDays: 5 }]), '--yes');
		await refused('act-DORA-1111-2222-3333', { machine: 'dora-pc' }, /no account serves this activation code/);
		ctl('account', 'import', file('users-2.json', { 'act-DORA-1111-2222-3333': {
			user_name: 'Dora', credentials: credentials(dora, 3600) } }), '--yes');
		await serves('act-DORA-1111-2222-3333', { machine: 'dora-pc' });
		secrets.push('DORA-1111-2222-3333');
	});

	test('a user whose account could be stored and whose code could not: the audit log names the account', async () => {
		const [hans] = await standin.addAccounts([{ name: 'hans', kind: 'social' }]);
		const boss = ctl('key', 'add', 'boss', '--role', 'admin').trim(), bar = join(at.stateDir, 'keys.gdbm.new');
		const add = async () => (await fastcgi.request({ path: '/api/admin/user-credentials',
			headers: { host: 'localhost', 'content-type': 'application/json', 'x-api-key': boss },
			body: Buffer.from(JSON.stringify({ activation_code: 'act-HANS-1111-2222-3333', user_name: 'Hans',
							   credentials: credentials(hans, 3600) })) })).status;
		const audited = () => JSON.parse(ctl('audit', 'show', '--json')).filter(({ action }) => action === 'code.add').at(-1);

		secrets.push('HANS-1111-2222-3333');
		mkdirSync(join(bar, 'x'), { recursive: true }); /* in the way of the next generation */
		assert.equal(await add(), 500);
		rmSync(bar, { recursive: true });
		const { id } = JSON.parse(ctl('account', 'list', '--json')).find(({ label }) => label === 'Hans');

		assert.equal(audited().target, id);
		assert.match(audited().result, /^failed/);
		assert.match(audited().detail, /the account of Hans is stored, its activation code is not/);
		assert.equal(await add(), 200);
		assert.match(audited().target, /Hans$/);
		assert.equal(audited().result, 'ok');
	});
});

test('no code is seen in any file, log line or audit line', () => {
	const files = readdirSync(at.stateDir, { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
		.map((f) => join(f.parentPath ?? f.path, f.name))
		.filter((path) => !path.endsWith('.new')); /* being written, and gone the next moment */
	const texts = [...files, join(at.dir, 'gateway.log')].map((path) => readFileSync(path, 'latin1'));

	texts.push(fastcgi.log(), ctl('audit', 'show', '--json'), ctl('code', 'list', '--json'), ctl('key', 'list'));
	assert.ok(secrets.length > 30);
	assert.ok(texts.some((text) => text.includes('first use')));
	for (const secret of secrets) {
		for (const text of texts)
			assert.ok(!text.toUpperCase().includes(secret.toUpperCase()), 'a code was seen');
	}
	assert.doesNotMatch(texts.join(''), /Sanitizer|runtime error:/);
});
