// /metrics: what is counted, by all processes alike; who may read it; what etc/ makes of it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { requestCgi } from '../lib/cgi.mjs';
import { damage } from '../lib/damage.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { run } from '../lib/process.mjs';
import { havePromtool, promtool, readMetrics, sum } from '../lib/prometheus.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const etc = fileURLToPath(new URL('../../etc', import.meta.url));
const skip = havePromtool ? false : 'promtool is not installed';
const TOKEN = 'scrape-0123456789abcdef';

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [{ name: 'one', kind: 'social' },
								     { name: 'two', kind: 'idc' }] });
	fastcgi = await startFastcgi(installation);
	await standin.script('default', { steps: [{ text: 'ok' }], trailer: { metering: 0.25 } });
	await standin.script('broken', { http: { status: 400,
		headers: { 'x-amzn-errortype': 'ValidationException' }, body: { message: 'no' } } });
	await standin.script('down', { http: { status: 503, body: { message: 'no' } } });
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

const viaCgi = (request) => requestCgi(installation, request);

function ask(content, { path = '/v1/messages', stream = false, via = fastcgi.request, key = installation.key } = {}) {
	return via(messageRequest(key, { stream, messages: [{ role: 'user', content }] }, { path }));
}

async function scrape({ via = fastcgi.request, headers = {} } = {}) {
	const answer = await via({ method: 'GET', path: '/metrics', headers });

	assert.equal(answer.status, 200);
	assert.match(answer.headers.get?.('content-type') ?? answer.headers['content-type'], /^text\/plain; version=0\.0\.4/);
	return readMetrics(answer.body.toString());
}

/* What this changes in a number. */
async function change(name, labels, work) {
	const earlier = sum(await scrape(), name, labels);

	await work();
	return sum(await scrape(), name, labels) - earlier;
}

describe('counters', () => {
	test('a request counts once, in whatever process it was served', async () => {
		const labels = { route: '/v1/messages', dialect: 'anthropic', status: '200', kind: 'none' };

		assert.equal(await change('kiro_requests_total', labels, async () => {
			await ask('hi');
			await ask('hi', { stream: true });
			await ask('hi', { via: viaCgi });
			await ask('hi', { via: viaCgi, stream: true });
		}), 4);
	});

	test('many processes at once lose nothing', async () => {
		assert.equal(await change('kiro_requests_total', { kind: 'auth', status: '401' }, () =>
			Promise.all(Array.from({ length: 24 }, (_, i) =>
				ask('hi', { key: 'wrong', via: i % 2 ? viaCgi : fastcgi.request })))), 24);
	});

	test('each API has its label, aliases count as the door they are', async () => {
		const via = fastcgi.request;
		const before_ = await scrape();

		await ask('hi', { path: '/v1/chat/completions', via });
		await ask('hi', { path: '/chat/completions', via });
		await via({ method: 'GET', path: '/no/such/door' });
		const now = await scrape();
		const grown = (labels) => sum(now, 'kiro_requests_total', labels) - sum(before_, 'kiro_requests_total', labels);

		assert.equal(grown({ dialect: 'openai', route: '/v1/chat/completions' }), 1);
		assert.equal(grown({ dialect: 'openai', route: '/chat/completions' }), 1);
		assert.equal(grown({ route: 'none', status: '404', kind: 'not_found' }), 1);
	});

	test('credits are those the upstream told', async () => {
		assert.equal((await change('kiro_credits_total', { model: 'claude-sonnet-4.5' },
					   () => ask('hi'))).toFixed(6), '0.250000');
	});

	test('tokens of the answer are those of its usage', async () => {
		let usage;
		const grown = await change('kiro_tokens_total', { type: 'output', model: 'claude-sonnet-4.5' },
					   async () => ({ usage } = JSON.parse((await ask('hi')).body)));

		assert.equal(grown, usage.output_tokens);
	});

	test('a failure of the upstream counts as ours, one of the client does not', async () => {
		assert.equal(await change('kiro2api_requests_failed_total', {}, () => ask('@down@')), 1);
		assert.equal(await change('kiro2api_requests_failed_total', {}, () => ask('@broken@')), 0);
		assert.equal(await change('kiro2api_requests_failed_total', {}, () => ask('hi', { key: 'wrong' })), 0);
	});

	test('repeated tries are exchanges of one request', async () => {
		const before_ = await scrape();

		await standin.requests({ wait: 5000 });
		await standin.clearRequests();
		await ask('@down@');
		const sent = (await standin.chats({ wait: 5000 })).length;
		const now = await scrape();

		assert.ok(sent > 1);
		assert.equal(sum(now, 'kiro_upstream_requests_total', { kind: 'up_overload' }) -
			     sum(before_, 'kiro_upstream_requests_total', { kind: 'up_overload' }), sent);
	});

	test('a model that the client made up becomes no label', async () => {
		await fastcgi.request(messageRequest(installation.key, { model: 'made-up-model' }));
		assert.ok(!(await scrape()).samples.some(({ labels }) => Object.values(labels).includes('made-up-model')));
	});

	test('a client that leaves in the middle is in flight no more', async () => {
		await standin.script('slow', { steps: [{ text: 'one' }, { stall: true }] });
		const leave = new AbortController();
		const answer = fastcgi.request(messageRequest(installation.key,
			{ stream: true, messages: [{ role: 'user', content: '@slow@' }] },
			{ signal: leave.signal, onData: (data) => data.includes('one') && leave.abort() }));
		await answer;
		let now;

		do
			now = await scrape();
		while (sum(now, 'kiro_requests_total', { kind: 'gone' }) === 0);
		assert.equal(sum(now, 'kiro_inflight_requests'), 0);
	});
});

describe('gauges', () => {
	test('accounts by state, and how many could serve', async () => {
		let now = await scrape();

		assert.equal(sum(now, 'kiro_accounts', { state: 'active' }), 2);
		assert.equal(sum(now, 'kiro_accounts_available'), 2);
		const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

		installation.kiroctl(['account', 'disable', id]);
		now = await scrape();
		assert.equal(sum(now, 'kiro_accounts', { state: 'disabled' }), 1);
		assert.equal(sum(now, 'kiro_accounts_available'), 1);
		installation.kiroctl(['account', 'enable', id]);
	});

	test('a damaged record takes away its own account only, as /health/ready has it', async () => {
		const own = await makeInstallation({ standin, accounts: [{ name: 'whole', kind: 'social' },
									 { name: 'hurt', kind: 'social' }] });

		try {
			const [{ id }] = JSON.parse(own.kiroctl(['account', 'list', '--json']));

			damage(own.stateDir, 'tokens', `"id":"${id}"`, `"ID":"${id}"`);
			const { body } = await requestCgi(own, { method: 'GET', path: '/metrics' });
			const now = readMetrics(body.toString());

			assert.equal((await requestCgi(own, { method: 'GET', path: '/health/ready' })).status, 200);
			assert.equal(sum(now, 'kiro_accounts', { state: 'active' }), 1);
			assert.equal(sum(now, 'kiro_accounts_available'), 1);
			assert.equal(sum(now, 'kiro_state_readable'), 0);
		} finally {
			own.remove();
		}
	});

	test('what is left of each account under both names', async () => {
		run(join(buildDir, 'kiro-refresh'), ['--quiet'], { env: installation.env });
		const now = await scrape();
		const left = now.samples.filter(({ name }) => name === 'kiro_account_quota_remaining');

		assert.equal(left.length, 2);
		for (const { labels, value } of left)
			assert.equal(sum(now, 'kiro2api_token_usage_remaining', labels), value);
	});

	test('every family has its type, every sample its family', async () => {
		const { families, samples } = await scrape();

		for (const { name } of samples)
			assert.ok(families.has(name) || families.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram', name);
	});

	test('buckets grow, and the last is the count', async () => {
		const { samples } = await scrape();
		const buckets = samples.filter(({ name, labels }) => name === 'kiro_request_duration_seconds_bucket' && labels.route === '/v1/messages');
		const count = samples.find(({ name, labels }) => name === 'kiro_request_duration_seconds_count' && labels.route === '/v1/messages');

		assert.equal(buckets.at(-1).labels.le, '+Inf');
		assert.equal(buckets.at(-1).value, count.value);
		for (let i = 1; i < buckets.length; i++) {
			assert.ok(buckets[i].value >= buckets[i - 1].value);
			assert.ok(i === buckets.length - 1 || Number(buckets[i].labels.le) > Number(buckets[i - 1].labels.le));
		}
	});
});

describe('who may read', () => {
	const get = (more) => fastcgi.request({ method: 'GET', path: '/metrics', ...more });

	test('without a token: this machine, and nobody that a proxy asks for', async () => {
		assert.equal((await get({})).status, 200);
		assert.equal((await get({ variables: { REMOTE_ADDR: '203.0.113.9' } })).status, 403);
		for (const name of ['x-forwarded-for', 'forwarded', 'via', 'x-real-ip'])
			assert.equal((await get({ headers: { [name]: '203.0.113.9' } })).status, 403, name);
	});

	test('with a token: who has it, wherever', async () => {
		const env = { ...installation.env, KIRO_METRICS_TOKEN: TOKEN };
		const with_ = (more) => requestCgi({ ...installation, env }, { method: 'GET', path: '/metrics', ...more });

		assert.equal((await with_({})).status, 401);
		assert.equal((await with_({ headers: { authorization: 'Bearer wrong' } })).status, 401);
		assert.equal((await with_({ headers: { 'x-api-key': installation.key } })).status, 401);
		assert.equal((await with_({ headers: { authorization: `Bearer ${TOKEN}` },
					    variables: { REMOTE_ADDR: '203.0.113.9' } })).status, 200);
	});
});

describe('Prometheus', () => {
	test('promtool finds nothing to say', { skip }, async () => {
		const { body } = await fastcgi.request({ method: 'GET', path: '/metrics' });
		const { status, stdout, stderr } = promtool(['check', 'metrics'], { input: body });

		assert.equal(`${stdout}${stderr}`, '');
		assert.equal(status, 0);
	});

	test('the rules are right, and alert when they should', { skip }, () => {
		const cwd = join(etc, 'prometheus');

		for (const args of [['check', 'rules', 'kiro-fcgi.rules.yml'], ['test', 'rules', 'kiro-fcgi.rules.test.yml']]) {
			const { status, stdout, stderr } = promtool(args, { cwd });

			assert.equal(status, 0, stdout + stderr);
		}
	});

	test('every metric that the rules and the dashboard name exists, with the labels they use', async () => {
		await ask('hi', { stream: true });
		const { families, samples } = await scrape();
		const dashboard = JSON.parse(readFileSync(join(etc, 'grafana/kiro-fcgi.json'), 'utf8'));
		const rules = readFileSync(join(etc, 'prometheus/kiro-fcgi.rules.yml'), 'utf8').split('\n');
		const expressions = [
			...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
			...dashboard.templating.list.map(({ query }) => query),
			...rules.filter((line) => !/(summary|description|job_name|credentials_file):|^#|name:/.test(line)),
		];
		const named = new Set(expressions.flatMap((text) => text.match(/\b(?:kiro2?a?p?i?|gen_ai)_[a-z]\w*/g) ?? []));
		const known = new Set([...families.keys(), ...samples.map(({ name }) => name),
				       ...samples.flatMap(({ labels }) => Object.keys(labels))]);

		assert.ok(named.size > 15);
		assert.ok(dashboard.panels.length > 20);
		for (const name of named)
			assert.ok(known.has(name), name);
		for (const labels of expressions.flatMap((text) => [...text.matchAll(/by \(([\w, ]+)\)/g)].map((match) => match[1]))) {
			for (const label of labels.split(', ').filter((name) => !['instance', 'job', 'result'].includes(name)))
				assert.ok(samples.some((sample) => label in sample.labels), label);
		}
	});

	test('OpenMetrics on request, with the last request of each duration', async () => {
		const { headers } = await ask('hi');
		const { body } = await fastcgi.request({ method: 'GET', path: '/metrics',
							headers: { accept: 'application/openmetrics-text' } });
		const { families, samples } = readMetrics(body.toString());
		const { exemplar } = samples.find(({ name, labels, exemplar }) => exemplar && labels.route === '/v1/messages' &&
						  name === 'kiro_request_duration_seconds_bucket');

		assert.equal(exemplar, headers.get?.('request-id') ?? headers['request-id']);
		assert.equal(families.get('kiro_requests'), 'counter');
		assert.ok(body.toString().endsWith('\n# EOF\n'));
	});
});
