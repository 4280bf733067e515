// Keys and what they may: limits that are exact over many processes, sessions and their queue,
// models, accounts, and usage as the key, kiroctl and kiro-refresh see it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { damage } from '../lib/damage.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

let standin, installation, fastcgi;

const ctl = (...args) => installation.kiroctl(args);
const makeKey = (...args) => ctl('key', 'add', ...args).trim();

function ask(key, { via = fastcgi.request, body, ...more } = {}) {
	return via(messageRequest(key, body, more));
}
const cgi = (request) => requestCgi(installation, request);
const json = ({ body }) => JSON.parse(body.toString());
const get = async (key, path) => json(await fastcgi.request({ method: 'GET', path, headers: { 'x-api-key': key } }));

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [{ name: 'one', kind: 'social' },
								    { name: 'two', kind: 'social' }] });
	await standin.script('default', { steps: [{ text: 'ok' }],
		trailer: { tokenUsage: { uncachedInputTokens: 30, outputTokens: 12, totalTokens: 42 },
			   metering: 0.25 } });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

describe('limits', () => {
	test('of a key with 40 requests a month exactly 40 are served, by many processes at once', async () => {
		const key = makeKey('daily', '--requests', '40/month');
		const all = Array.from({ length: 60 }, (_, i) => i);
		const answers = [];

		for (let at = 0; at < all.length; at += 12) {
			answers.push(...await Promise.all(all.slice(at, at + 12)
				.map((i) => ask(key, { via: i % 3 ? cgi : fastcgi.request }))));
		}
		const refused = answers.filter(({ status }) => status === 429);

		assert.equal(answers.filter(({ status }) => status === 200).length, 40);
		assert.equal(refused.length, 20);
		assert.match(json(refused[0]).error.message, /40 requests per month/);
		assert.ok(Number(refused[0].headers['retry-after']) > 0);
		assert.equal(refused[0].headers['x-should-retry'], 'false');
	});

	test('a budget is spent by what the upstream metered', async () => {
		const key = makeKey('budget', '--credits', '0.5/month');

		assert.equal((await ask(key)).status, 200);
		assert.equal((await ask(key)).status, 200);
		const over = await ask(key);

		assert.equal(over.status, 402);
		assert.equal(json(over).error.type, 'billing_error');
		assert.match(json(over).error.message, /0\.5 credits per month/);
		ctl('key', 'set', 'budget', '--credits', 'none');
		assert.equal((await ask(key)).status, 200);
	});

	test('the headers of each API tell what is left of the limits, the least of all windows', async () => {
		const key = makeKey('told', '--requests', '3/minute,2/day', '--tokens', '1000/month');
		const first = (await ask(key)).headers;
		const second = (await ask(key, { path: '/v1/chat/completions' })).headers;
		const over = await ask(key);
		const midnight = new Date(Math.ceil((Date.now() + 1) / 86400e3) * 86400e3).toISOString().replace('.000', '');

		assert.equal(first['anthropic-ratelimit-requests-limit'], '2');
		assert.equal(first['anthropic-ratelimit-requests-remaining'], '1');
		assert.equal(first['anthropic-ratelimit-requests-reset'], midnight);
		assert.equal(first['anthropic-ratelimit-tokens-limit'], '1000');
		assert.equal(first['anthropic-ratelimit-tokens-remaining'], '1000');
		assert.equal(second['x-ratelimit-limit-requests'], '2');
		assert.equal(second['x-ratelimit-remaining-requests'], '0');
		assert.match(second['x-ratelimit-reset-requests'], /^(\d+h)?(\d+m)?\d+s$/);
		assert.equal(second['x-ratelimit-remaining-tokens'], '958'); /* 42 of the first */
		assert.equal(over.status, 429);
		assert.equal(over.headers['anthropic-ratelimit-requests-remaining'], '0');
		assert.equal(over.headers['anthropic-ratelimit-requests-reset'], midnight);
		const none = (await ask(makeKey('untold', '--credits', '5/day'))).headers;

		assert.deepEqual(Object.keys({ ...first, ...none }).filter((name) => name in none && /ratelimit/.test(name)), []);
	});

	test('the key sees its limits and what is left of them', async () => {
		const key = makeKey('seer', '--requests', '10/day', '--tokens', '1000/month', '--max-streams', '3');

		await ask(key);
		const usage = await get(key, '/v1/usage');
		const limit = (measure, window) => usage.limits.find((l) => l.measure === measure && l.window === window);

		assert.equal(usage.key.name, 'seer');
		assert.deepEqual({ ...limit('requests', 'day'), resets_at: null },
				 { measure: 'requests', window: 'day', limit: 10, used: 1, remaining: 9, resets_at: null });
		assert.equal(limit('tokens', 'month').used, 42);
		assert.equal(limit('tokens', 'month').remaining, 958);
		assert.equal(limit('credits', 'month').used, 0.25);
		assert.equal(limit('credits', 'month').limit, null);
		assert.deepEqual(usage.streams, { limit: 3, in_flight: 0 });
		assert.equal(usage.today.requests, 1);
		assert.equal(usage.today.input_tokens, 30);
		assert.equal(usage.today.output_tokens, 12);
		assert.equal(usage.today.credits, 0.25);
		assert.equal(usage.today.estimated, 0);
	});
});

describe('rights', () => {
	test('a rotated key is good until its overlap ends, and its limits go on', async () => {
		const old = makeKey('turning', '--requests', '2/day');
		const fresh = ctl('key', 'rotate', 'turning', '--overlap', '1h').trim();

		assert.equal((await ask(old)).status, 200);
		assert.equal((await ask(fresh)).status, 200);
		assert.equal((await ask(old)).status, 429);
		assert.equal((await ask(fresh)).status, 429);
		ctl('key', 'set', 'turning', '--requests', '');
		const last = ctl('key', 'rotate', 'turning').trim();

		assert.equal((await ask(old)).status, 401);
		assert.equal((await ask(fresh)).status, 401);
		assert.equal((await ask(last)).status, 200);
		ctl('key', 'revoke', 'turning');
		assert.match(json(await ask(last)).error.message, /revoked/);
	});

	test('models that a key may not use do not exist for it', async () => {
		const key = makeKey('haiku', '--models', 'claude-haiku-*');
		const ids = (await get(key, '/v1/models')).data.map(({ id }) => id);
		const other = await ask(key);

		assert.ok(ids.length);
		assert.deepEqual(ids.filter((id) => !id.startsWith('claude-haiku-')), []);
		assert.equal(other.status, 404);
		assert.equal(json(other).error.type, 'not_found_error');
		assert.equal((await ask(key, { body: { model: 'claude-haiku-4.5' } })).status, 200);
		assert.equal((await ask(key, { body: { model: 'claude-haiku-4-5' } })).status, 200);
		ctl('models', 'add', 'small', 'claude-sonnet-4.5'); // an alias does not lead around it
		assert.equal((await ask(key, { body: { model: 'small' } })).status, 404);
	});

	test('what two keys call by one name are two conversations upstream; of one key it is one, however it is named', async () => {
		const session = '6f4f0b8e-0000-4000-8000-000000000001';
		const named = [
			[{}, { 'x-claude-code-session-id': session }],
			[{ metadata: { user_id: `user_00_account__session_${session}` } }, { 'x-claude-code-session-id': 'another' }],
			[{ metadata: { user_id: JSON.stringify({ device_id: '00', session_id: session }) } }, {}],
		];
		const idsOf = async (key) => {
			await standin.requests({ wait: 2000 });
			await standin.clearRequests();
			for (const [body, headers] of named)
				assert.equal((await ask(key, { body, headers })).status, 200);
			return (await standin.chats({ wait: 2000 })).map((request) => request.body.conversationState.conversationId);
		};
		const one = await idsOf(makeKey('one')), other = await idsOf(makeKey('other'));

		assert.deepEqual(one, [one[0], one[0], one[0]]);
		assert.deepEqual(other, [other[0], other[0], other[0]]);
		assert.notEqual(one[0], other[0]);
	});

	test('accounts serve whom they belong to', async () => {
		const ids = JSON.parse(ctl('account', 'list', '--json')).map(({ id }) => id);
		const own = makeKey('owner', '--pool', 'own');
		const none = makeKey('none', '--pool', 'none');
		const used = async () => JSON.parse(ctl('usage', '--by', 'account', '--key', 'owner', '--json'))
			.map(({ account }) => account);

		assert.equal((await ask(own)).status, 403);
		const barred = await ask(none);

		assert.equal(barred.status, 403);
		assert.match(json(barred).error.message, /its pool is none.*bring Kiro credentials of their own/);
		ctl('account', 'set', ids[1], '--owner', 'owner');
		for (let i = 0; i < 3; i++)
			assert.equal((await ask(own)).status, 200);
		assert.deepEqual((await used()).filter((id) => id !== '-'), [ids[1]]);
		const shared = makeKey('sharing');

		for (let i = 0; i < 3; i++)
			assert.equal((await ask(shared)).status, 200);
		assert.deepEqual(JSON.parse(ctl('usage', '--by', 'account', '--key', 'sharing', '--json'))
			.map(({ account }) => account), [ids[0]]);
		assert.equal((await ask(makeKey('elsewhere', '--accounts', ids[1]))).status, 403);
		assert.equal((await ask(makeKey('here', '--accounts', ids[0]))).status, 200);
		ctl('account', 'set', ids[1], '--owner', '');
	});
});

test('a wrong key is refused as one beside a damaged record, too', async () => {
	const good = makeKey('good'), doomed = makeKey('to-be-damaged');

	damage(installation.stateDir, 'keys', 'to-be-damaged', 'to-be-damageD');
	try {
		assert.deepEqual([(await ask(good)).status, (await ask('wrong')).status, (await ask(doomed)).status], [200, 401, 500]);
	} finally {
		damage(installation.stateDir, 'keys', 'to-be-damageD', 'to-be-damaged');
	}
	assert.equal((await ask(doomed)).status, 200);
});

describe('usage', () => {
	test('is the same before and after it was folded', () => {
		const table = () => ctl('usage', '--by', 'key', '--json');
		const before = table();
		const daily = JSON.parse(before).find(({ key }) => key === 'daily');

		assert.equal(daily.requests, 40);
		assert.equal(daily.input_tokens, 40 * 30);
		assert.equal(daily.output_tokens, 40 * 12);
		assert.equal(daily.credits, 10);
		assert.equal(daily.errors, 0);
		for (let i = 0; i < 2; i++) {
			const run = spawnSync(join(buildDir, 'kiro-refresh'), ['--quiet'], { env: installation.env });

			assert.equal(run.status, 0, run.stderr.toString());
			assert.equal(table(), before);
		}
		assert.ok(existsSync(join(installation.stateDir, 'usage.gdbm')));
		assert.ok(readdirSync(installation.stateDir).some((name) => /^usage-\d{8}\.map$/.test(name)));
	});

	test('is shown as a table, as CSV and by day', () => {
		const [head, ...rows] = ctl('usage', '--csv').trim().split('\n');

		assert.equal(head, 'key,requests,errors,estimated,input_tokens,output_tokens,' +
			'cache_read_tokens,cache_write_tokens,credits');
		assert.ok(rows.includes('daily,40,0,0,1200,480,0,0,10'));
		assert.match(ctl('usage'), /daily +40 +0 +0 +1200 +480 +0 +0 +10 +#{24}\n/);
		assert.match(JSON.parse(ctl('usage', '--by', 'day', '--json'))[0].day, /^\d{4}-\d\d-\d\d$/);
	});

	test('what was estimated is marked as such', async () => {
		const key = makeKey('guessed');

		await standin.script('untold', { steps: [{ text: 'three words here' }], trailer: { metering: 0.25 } });
		await ask(key, { body: { messages: [{ role: 'user', content: '@untold@' }] } });
		const [row] = JSON.parse(ctl('usage', '--key', 'guessed', '--json'));
		const { today } = await get(key, '/v1/usage');

		assert.equal(row.estimated, 1);
		assert.equal(today.estimated, 1);
		assert.match(ctl('usage', '--key', 'guessed'), new RegExp(`guessed +1 +0 +1 +~${row.input_tokens} +~${row.output_tokens} +0 +0 +0\\.25`));
		await ask(key);
		const [both] = JSON.parse(ctl('usage', '--key', 'guessed', '--json'));

		assert.deepEqual([both.requests, both.estimated], [2, 1]);
		assert.match(ctl('usage', '--key', 'guessed'), new RegExp(`guessed +2 +0 +1 +~${both.input_tokens} `));
	});
});

describe('sessions', () => {
	test('a stream that waits gets no byte before its turn: so a refusal has its status, also after a long wait', async () => {
		const tight = await makeInstallation({ standin, settings: {
			max_concurrent_sessions: 1, queue_timeout: 60, ping_interval: 1, first_byte_hold: 1 } });
		let server = await startFastcgi(tight);
		const order = [];
		const body = { stream: true };
		const stream = async (name) => {
			const answer = await ask(tight.key, { body, via: (request) =>
				server.request({ ...request, onData: () => order.includes(`${name} begins`) || order.push(`${name} begins`) }) });

			order.push(`${name} ends`);
			return answer;
		};

		try {
			/* longer than pings and the hold: neither starts an answer that waits for its turn */
			await standin.script('default', { steps: [{ sleep_ms: 2500 }, { text: 'ok' }] });
			const first = stream('first');

			while (!order.length)
				await new Promise((resolve) => setTimeout(resolve, 20));
			const [one, two] = await Promise.all([first, stream('second')]);

			assert.deepEqual([one.status, two.status], [200, 200]);
			assert.deepEqual(order, ['first begins', 'first ends', 'second begins', 'second ends']);
			assert.match(two.body.toString(), /message_stop/);
			await server.stop();
			tight.configure({ queue_timeout: 2 });
			server = await startFastcgi(tight);
			await standin.script('default', { steps: [{ sleep_ms: 6000 }, { text: 'ok' }] });
			order.length = 0;
			const holder = stream('holder');

			while (!order.length)
				await new Promise((resolve) => setTimeout(resolve, 20));
			const refused = await stream('refused');

			assert.equal(refused.status, 529);
			assert.equal(refused.headers['content-type'], 'application/json');
			assert.equal(json(refused).error.type, 'overloaded_error');
			assert.match(json(refused).error.message, /none came free/);
			assert.ok(!order.includes('holder ends'));
			assert.equal((await holder).status, 200);
		} finally {
			await server.stop();
			tight.remove();
		}
	});

	test('beyond the limit wait, and are refused when none ends in time', async () => {
		const tight = await makeInstallation({ standin, settings: {
			max_concurrent_sessions: 1, queue_timeout: 60, queue_length: 1 } });
		let server = await startFastcgi(tight);
		const one = () => ask(tight.key, { via: server.request });

		try {
			await standin.script('default', { steps: [{ sleep_ms: 400 }, { text: 'ok' }] });
			const two = await Promise.all([one(), one()]);

			assert.deepEqual(two.map(({ status }) => status), [200, 200]);
			await server.stop();
			tight.configure({ queue_timeout: 1 });
			server = await startFastcgi(tight);
			await standin.script('default', { steps: [{ sleep_ms: 3000 }, { text: 'ok' }] });
			const four = await Promise.all([one(), one(), one(), one()]);
			const refused = four.filter(({ status }) => status === 529);

			assert.equal(refused.length, 3);
			assert.equal(refused.filter((r) => /queue is full/.test(json(r).error.message)).length, 2);
			assert.equal(refused.filter((r) => /none came free/.test(json(r).error.message)).length, 1);
			assert.equal(json(refused[0]).error.type, 'overloaded_error');
			assert.ok(refused[0].headers['retry-after']);
			assert.equal(four.filter(({ status }) => status === 200).length, 1);
		} finally {
			await server.stop();
			tight.remove();
		}
	});
});
