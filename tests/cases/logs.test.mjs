// The logs: what each line has, how a request is followed through them, and what is never in them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { requestCgi } from '../lib/cgi.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { records, unwrapped } from '../lib/log.mjs';
import { readMetrics } from '../lib/prometheus.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

let standin;

before(async () => {
	standin = await startStandin();
	await standin.script('default', { steps: [{ text: 'ok' }], trailer: { metering: 0.25 } });
	await standin.script('down', { http: { status: 503, body: { message: 'no' } } });
	await standin.script('refused', { http: { status: 403, body: { message: 'bad token' } } });
	await standin.script('cut', { cut_as: 'clean', steps: [{ text: 'half' }, { stall: true }] });
});

after(() => standin?.stop());

/* An installation with both logs in files of their own, and its responder. */
async function gateway(settings = {}) {
	const installation = await makeInstallation({ standin, settings });
	const file = (name) => join(installation.dir, name);

	installation.configure({ 'log.file': file('events.log'), 'log.access_file': file('access.log') });
	const fastcgi = await startFastcgi(installation);

	return {
		installation, fastcgi, access: file('access.log'), events: file('events.log'),
		async stop() {
			assert.deepEqual(await fastcgi.stop(), { code: 0, signal: null });
			installation.remove();
		},
	};
}

const bodyOf = (content, more) => Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
							       messages: [{ role: 'user', content }], ...more }));

function ask({ installation, fastcgi }, content, { path = '/v1/messages', more, headers, via = fastcgi.request, ...rest } = {}) {
	return via({ method: 'POST', path, body: bodyOf(content, more),
		     headers: { 'content-type': 'application/json', 'x-api-key': installation.key, ...headers }, ...rest });
}

/* The words in a document's section about the log's members. */
function documented(file) {
	const text = readFileSync(fileURLToPath(new URL(`../../${file}`, import.meta.url)), 'utf8');
	const from = text.search(/^\.SH LOGS$/m);

	assert.ok(from >= 0, `${file} says nothing of logs`);
	return text.slice(from, from + 3000).match(/\w+/g);
}

describe('JSON', () => {
	let g;

	before(async () => (g = await gateway({ 'log.format': 'json', 'log.level': 'debug' })));
	after(() => g?.stop());

	test('every access line has what is documented, of its type', async () => {
		await ask(g, 'hi');
		await ask(g, 'hi', { more: { stream: true } });
		await ask(g, 'hi', { via: (request) => requestCgi(g.installation, request) });
		await ask(g, '@down@');
		await ask(g, 'hi', { headers: { 'x-api-key': 'wrong' } });
		await g.fastcgi.request({ method: 'GET', path: '/health/live' });
		await g.fastcgi.request({ method: 'GET', path: '/no/such/"\n\u0001door' });
		const lines = records(g.access);

		assert.equal(lines.length, 7);
		for (const line of lines) {
			assert.match(line.timestamp, RFC3339);
			assert.ok(['error', 'warn', 'info'].includes(line.level));
			assert.equal(line.service, 'kiro-fcgi');
			assert.equal(line.type, 'access');
			assert.match(line.request_id, /^req_\w{24}$/);
			assert.ok(line.user_id === null || line.user_id === 'test');
			for (const name of ['pid', 'status', 'bytes', 'response_time'])
				assert.equal(typeof line[name], 'number', name);
			for (const name of ['client', 'method', 'path', 'dialect'])
				assert.equal(typeof line[name], 'string', name);
		}
		const [whole, stream, cgi, down, wrong, live, nowhere] = lines;

		for (const chat of [whole, stream, cgi]) {
			assert.equal(chat.user_id, 'test');
			assert.equal(chat.route, '/v1/messages');
			assert.equal(chat.model, 'claude-sonnet-4.5');
			assert.equal(chat.model_asked, 'claude-sonnet-4.5');
			assert.match(chat.account, /^acc_/);
			assert.deepEqual(Object.keys(chat.token_usage), ['input', 'output', 'cache_read', 'cache_write', 'measured']);
			assert.ok(chat.token_usage.input > 0 && chat.token_usage.output > 0);
			assert.equal(chat.token_usage.measured, false);
			assert.equal(chat.credits, 0.25);
			assert.deepEqual(Object.keys(chat.upstream), ['exchanges', 'request_id', 'connect_ms', 'first_byte_ms']);
			assert.equal(chat.upstream.exchanges, 1);
			assert.ok(chat.upstream.first_byte_ms >= chat.upstream.connect_ms);
			assert.ok(chat.upstream.first_byte_ms > 0);
			assert.ok(chat.time_to_first_event <= chat.response_time);
			assert.equal(chat.error, undefined);
		}
		assert.ok(whole.upstream.connect_ms > 0 && cgi.upstream.connect_ms > 0);
		/* The second one may go over the connection of the first: then there was none to make. */
		assert.ok(stream.upstream.connect_ms === null || stream.upstream.connect_ms > 0);
		assert.deepEqual([whole.stream, stream.stream], [false, true]);
		assert.ok(down.upstream.exchanges > 1);
		assert.equal(down.error.kind, 'up_overload');
		assert.equal(down.level, 'error');
		assert.equal(wrong.error.kind, 'auth');
		assert.equal(wrong.user_id, null);
		assert.equal(wrong.token_usage, undefined);
		assert.equal(live.status, 200);
		assert.equal(nowhere.route, null);
	});

	test('every event line parses and has its members', async () => {
		const lines = records(g.events);

		assert.ok(lines.length > 5);
		for (const line of lines) {
			assert.match(line.timestamp, RFC3339);
			assert.ok(['error', 'warn', 'info', 'debug'].includes(line.level));
			assert.equal(line.service, 'kiro-fcgi');
			assert.equal(line.type, 'event');
			assert.equal(typeof line.pid, 'number');
			assert.equal(typeof line.message, 'string');
		}
	});

	test('an answer that broke off has its tokens, as estimates, and its failure', async () => {
		await standin.script('torn', { cut_as: 'clean', cut_after_bytes: 300, steps: [{ text: 'one and two and three' }, { text: 'four' }, { text: 'five' }] });
		await ask(g, '@torn@', { more: { stream: true } });
		const line = records(g.access).at(-1);

		assert.equal(line.status, 200);
		assert.match(line.error.kind, /^up_(truncated|damaged)$/);
		assert.equal(line.token_usage.measured, false);
		assert.ok(line.token_usage.output > 0);
	});

	test('the first event is the upstream\'s, also of an answer that is held back to its end', async () => {
		const format = { type: 'json_schema', schema: { type: 'object' } };

		await standin.script('slow', { steps: [{ text: '{' }, { sleep_ms: 1500 }, { text: '}' }] });
		await ask(g, '@slow@', { more: { stream: true, output_config: { format } } });
		const line = records(g.access).at(-1);

		assert.equal(line.error, undefined);
		assert.ok(line.response_time - line.time_to_first_event > 500, JSON.stringify(line)); /* of 1500 */
	});

	test('one request can be followed by its id: answer, both logs, upstream, metrics', async () => {
		await standin.requests({ wait: 5000 });
		await standin.clearRequests();
		const { headers } = await ask(g, 'hi', { more: { stream: true } });
		const id = headers['request-id'];
		const line = records(g.access).find(({ request_id }) => request_id === id);
		const events = records(g.events).filter(({ request_id }) => request_id === id);

		assert.ok(line);
		assert.ok(line.upstream.request_id);
		assert.ok(events.some(({ message }) => message.includes(`id=${line.upstream.request_id}`)));
		const { body } = await g.fastcgi.request({ method: 'GET', path: '/metrics', headers: { accept: 'application/openmetrics-text' } });

		assert.ok(readMetrics(body.toString()).samples.some(({ name, exemplar }) =>
			name === 'kiro_request_duration_seconds_bucket' && exemplar === id));
	});

	test('many processes and threads: no line is torn, none is lost', async () => {
		const earlier = records(g.access).length;
		const cgi = (request) => requestCgi(g.installation, request);

		await Promise.all(Array.from({ length: 40 }, (_, i) =>
			ask(g, 'hi', { path: `/no/${'long'.repeat(60)}/${i}`, via: i % 2 ? cgi : g.fastcgi.request })));
		assert.equal(records(g.access).length - earlier, 40);
	});

	test('SIGUSR1: both files anew, as logrotate wants it', async () => {
		renameSync(g.access, `${g.access}.1`);
		renameSync(g.events, `${g.events}.1`);
		await ask(g, 'hi');
		assert.ok(!existsSync(g.access));
		process.kill(g.fastcgi.pid, 'SIGUSR1');
		while (!existsSync(g.access) || !existsSync(g.events))
			await new Promise((resolve) => setTimeout(resolve, 20));
		const { headers } = await ask(g, 'hi');

		assert.deepEqual(records(g.access).map(({ request_id }) => request_id), [headers['request-id']]);
	});

	test('the level changes while it runs', async () => {
		const debug = () => records(g.events).filter(({ level }) => level === 'debug').length;

		g.installation.configure({ 'log.level': 'warn' });
		process.kill(g.fastcgi.pid, 'SIGHUP');
		for (let last = -1, now; (now = debug()) !== last || !now; last = now)
			await ask(g, 'hi');
		const quiet = debug();

		await ask(g, 'hi');
		assert.equal(debug(), quiet);
		assert.equal(records(g.access).at(-1).level, 'info'); /* its own file: every request */
	});
});

describe('JSON, when much goes wrong', () => {
	let g;

	before(async () => (g = await gateway({ 'log.format': 'json', 'log.level': 'debug' })));
	after(() => g?.stop());

	test('failures of all kinds: each line parses, and has what kiro.fcgi(8) documents, no more', async () => {
		const limited = g.installation.kiroctl(['key', 'add', 'limited', '--requests', '1/day', '--credits', '0.1/month']).trim();
		const http = { internal: 500, gateway: 502, slow: 504, odd: 418, throttled: 429, quota: 402, unauthorized: 401 };
		const abort = new AbortController();

		for (const [name, status] of Object.entries(http))
			await standin.script(name, { http: { status, body: { message: `no "${name}"\n\u0001` } } });
		await standin.script('html', { http: { status: 500, headers: { 'content-type': 'text/html' }, body: '<h1>\u00e9\ud83d\ude00</h1>' } });
		await standin.script('nothing', { steps: [] });
		await standin.script('exception', { steps: [{ text: 'a' }, { exception: { type: 'ThrottlingException', message: 'no' } }] });
		for (const more of [{ model: 'no-such-model' }, { max_tokens: 'many' }, { messages: [] }, { tools: 7 }])
			await ask(g, 'hi', { more });
		for (let i = 0; i < 3; i++)
			await ask(g, 'hi', { headers: { 'x-api-key': limited }, path: '/v1/responses', more: { messages: undefined, input: 'hi' } });
		for (const method of ['GET', 'PUT', 'OPTIONS', 'HEAD'])
			await g.fastcgi.request({ method, path: '/v1/messages', headers: { 'x-api-key': g.installation.key } });
		for (const body of ['{', '[]', '\xff', `{"messages":"${'x'.repeat(5000)}"}`])
			await g.fastcgi.request({ method: 'POST', path: '/v1/messages', headers: { 'x-api-key': g.installation.key }, body: Buffer.from(body, 'latin1') });
		await g.fastcgi.request({ method: 'POST', path: '/admin/api/v1/session', headers: { host: 'localhost', 'content-type': 'application/json' }, body: Buffer.from('{"password":"x"}') });
		await ask(g, '@down@', { via: (request) => requestCgi(g.installation, request) });
		const left = ask(g, '@cut@', { more: { stream: true }, signal: abort.signal });

		setTimeout(() => abort.abort(), 200);
		await left;
		/* The last of them leave no account that serves. */
		for (const name of ['html', 'nothing', 'exception', 'down', ...Object.keys(http), 'refused', 'default']) {
			await ask(g, `@${name}@`, { more: { stream: true } });
			await ask(g, `@${name}@`, { path: '/v1/chat/completions' });
		}
		const [access, events] = [records(g.access), records(g.events)];

		assert.ok(access.length > 35 && new Set(access.map(({ error }) => error?.kind)).size > 8, [...new Set(access.map(({ error }) => error?.kind))].join());
		assert.ok(new Set(events.map(({ pid }) => pid)).size > 1);
		const text = documented('man/kiro.fcgi.8');

		for (const line of access)
			assert.deepEqual(Object.keys(line).filter((name) => !text.includes(name)), [], JSON.stringify(line));
		for (const line of access.filter(({ upstream }) => upstream))
			assert.deepEqual([...Object.keys(line.upstream), ...Object.keys(line.token_usage)].filter((name) => !text.includes(name)), []);
		for (const line of [...access, ...events]) {
			const wanted = ['timestamp', 'level', 'service', 'type', 'pid', ...(line.type === 'event' ? ['message'] :
				['request_id', 'user_id', 'client', 'method', 'path', 'route', 'dialect', 'status', 'bytes', 'response_time']),
			...(line.model === undefined ? [] : ['stream', 'model_asked', 'account', 'time_to_first_event', 'upstream', 'token_usage', 'credits']),
			...(line.status >= 400 ? ['error'] : [])];

			assert.deepEqual(wanted.filter((name) => !(name in line)), [], JSON.stringify(line));
		}
	});
});

describe('text', () => {
	let g;

	before(async () => (g = await gateway({ 'log.level': 'debug' })));
	after(() => g?.stop());

	test('no line is wider than 120 columns, and each says when, how grave and of which request', async () => {
		await ask(g, 'hi');
		await ask(g, 'hi', { more: { stream: true } });
		await ask(g, '@down@');
		await ask(g, '@refused@');
		await ask(g, 'hi', { path: `/no/${'x'.repeat(3000)}` });
		await ask(g, 'hi', { more: { model: 'm'.repeat(3000) } });
		for (const file of [g.access, g.events]) {
			for (const line of readFileSync(file, 'utf8').trimEnd().split('\n')) {
				assert.ok(line.length <= 120, line);
				assert.match(line, /^\S+Z (error|warn|info|debug) +(req_\w{24}|kiro-fcgi\[\d+\]): \S?/);
			}
		}
		assert.match(unwrapped(readFileSync(g.access, 'utf8')),
			     /: POST \/v1\/messages 200 \d+B \d+ms key=test whole model=claude-sonnet-4\.5 account=acc_\w+ upstream=\S+ exchanges=1 .* credits=0\.25$/m);
	});
});

describe('secrets', () => {
	let g;
	const secrets = new Map();

	before(async () => {
		g = await gateway({ 'log.level': 'debug', 'log.format': 'json', own_credentials: true,
				    client_token: 'clienttoken-0123456789abcdef',
				    metrics_token: 'metricstoken-0123456789abcdef' });
		await standin.addAccounts(['social', 'idc', 'api_key'].flatMap((kind) =>
			[1, 2, 3].map((n) => ({ name: `${kind}${n}`, kind }))));
		for (const account of await standin.accounts()) {
			for (const name of ['accessToken', 'refreshToken', 'clientSecret']) {
				if (account[name])
					secrets.set(`${account.name}.${name}`, account[name]);
			}
		}
		for (const kind of ['social', 'idc', 'api_key']) {
			const list = (await standin.accounts()).filter((account) => account.kind === kind);

			g.installation.kiroctl(['account', 'import', '-', '--yes'], { input: JSON.stringify(list.map((account) =>
				kind === 'api_key' ? { kiroApiKey: account.accessToken } :
				{ authMethod: kind, refreshToken: account.refreshToken, accessToken: account.accessToken,
				  expiresAt: new Date(Date.now() + 3600e3).toISOString(), profileArn: account.profileArn,
				  clientId: account.clientId, clientSecret: account.clientSecret, region: 'us-east-1' })) });
		}
		secrets.set('key', g.installation.key);
		secrets.set('client_token', 'clienttoken-0123456789abcdef');
		secrets.set('metrics_token', 'metricstoken-0123456789abcdef');
		for (let i = 0; i < 9; i++)
			secrets.set(`key${i}`, g.installation.kiroctl(['key', 'add', `user${i}`]).trim());
		secrets.set('wrong key', 'wrongkey-0123456789abcdef');
		secrets.set('prompt', 'promptsecret-0123456789abcdef');
		secrets.set('password', 'panelpassword-0123456789abcdef');
		secrets.set('wrong password', 'wrongpassword-0123456789abcdef');
		g.installation.kiroctl(['admin', 'passwd'], { input: 'panelpassword-0123456789abcdef\n' });
	});
	after(() => g?.stop());

	test('30 and more of them, after requests of all kinds at debug level, are in no log, metric, error or counter', async () => {
		const said = [];
		const keys = [...secrets].filter(([name]) => name.startsWith('key')).map(([, key]) => key);
		const one = async (content, options) => said.push((await ask(g, content, options)).body?.toString() ?? '');

		assert.ok(secrets.size >= 30, `${secrets.size}`);
		for (const key of keys) {
			await one('hi promptsecret-0123456789abcdef', { headers: { 'x-api-key': key } });
			await one('hi', { headers: { 'x-api-key': '', authorization: `Bearer ${key}` }, path: '/v1/chat/completions', more: { stream: true } });
		}
		await one('hi', { headers: { 'x-api-key': 'wrongkey-0123456789abcdef' } });
		await one('hi', { headers: { 'x-api-key': 'clienttoken-0123456789abcdef' }, path: '/v1/responses', more: { messages: undefined, input: 'hi' } });
		for (const content of ['@down@', '@refused@'])
			await one(content);
		await one('hi', { path: '/no/such/door' });
		await one('hi', { via: (request) => requestCgi(g.installation, request) });
		await g.fastcgi.request({ method: 'POST', path: '/v1/messages', headers: { 'x-api-key': g.installation.key }, body: Buffer.from('{"promptsecret-0123456789abcdef') });
		const brought = { accessToken: secrets.get('social1.accessToken'), refreshToken: secrets.get('social1.refreshToken') };

		await one('hi', { headers: { 'x-kiro-credentials': JSON.stringify(brought) } });
		await one('@refused@', { headers: { 'x-kiro-credentials': JSON.stringify(brought) } });
		for (const token of ['metricstoken-0123456789abcdef', 'wrongkey-0123456789abcdef'])
			said.push((await g.fastcgi.request({ method: 'GET', path: '/metrics', headers: { authorization: `Bearer ${token}` } })).body.toString());
		for (const { id } of JSON.parse(g.installation.kiroctl(['account', 'list', '--json'])))
			g.installation.kiroctl(['account', 'refresh', id]);
		for (const account of await standin.accounts())
			secrets.set(`${account.name} now`, account.accessToken);
		for (const password of ['wrongpassword-0123456789abcdef', 'panelpassword-0123456789abcdef']) {
			const { status, headers, body } = await g.fastcgi.request({ method: 'POST', path: '/admin/api/v1/session',
				headers: { host: 'localhost', 'content-type': 'application/json' }, body: Buffer.from(JSON.stringify({ password })) });

			if (status === 200)
				secrets.set('session', /kiro_admin=(\w+)/.exec(headers['set-cookie'])[1]);
			said.push(body.toString());
		}
		assert.ok(secrets.has('session'));
		for (const key of keys)
			said.push((await g.fastcgi.request({ method: 'GET', path: '/v1/usage', headers: { 'x-api-key': key } })).body.toString());
		for (const args of [['usage'], ['usage', '--by', 'account', '--json'], ['usage', '--csv'], ['audit', 'show'], ['audit', 'show', '--json'],
				    ['account', 'list', '--json'], ['key', 'list', '--json'], ['config', 'show'], ['export'], ['doctor', '--offline']])
			said.push(spawnSync(join(buildDir, 'kiroctl'), args, { env: g.installation.env, encoding: 'utf8' }).output.join(''));
		assert.ok(said.some((text) => text.includes('session.open')) && said.some((text) => text.includes('"today"')));

		const readable = [...readdirSync(g.installation.stateDir).filter((name) => /\.(map|log|lock|json)$/.test(name) || /\.seen$/.test(name))
			.map((name) => join(g.installation.stateDir, name)), g.access, g.events];
		const texts = [...readable.map((file) => [file, readFileSync(file, 'latin1')]),
			       ['stderr', g.fastcgi.log()], ['answers', said.join('\n')]];

		assert.ok(texts.some(([file]) => file.endsWith('metrics.map')) && texts.some(([file]) => file.endsWith('audit.log')));
		assert.ok(records(g.events).length > 20);
		for (const [file, text] of texts) {
			for (const [name, secret] of secrets) {
				assert.ok(!text.includes(secret), `${name} is in ${file}`);
				assert.ok(!text.includes(Buffer.from(secret).toString('base64').slice(0, -4)), `${name} is in ${file}, in base64`);
			}
		}
	});
});
