// What every hosting mode must do, as one table of checks, and what the modes with one lasting
// process must do beside it.
import assert from 'node:assert/strict';
import { renameSync } from 'node:fs';
import http from 'node:http';
import { after, before, describe, test } from 'node:test';

import { adminClient, PASSWORD } from '../lib/admin.mjs';
import { checkErrorEnvelope, checkStream } from '../lib/contract.mjs';
import { payload } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';
import { accepts, residentKib, startResponder } from '../lib/servers.mjs';
import { modes } from './modes.mjs';
import { completion, isDelta, message, nextWhere, startSite, textOf } from './site.mjs';

const MB = 1024 * 1024;

const streamed = { stream: true };

const entryOf = async (standin, script) =>
	(await standin.requests()).find((entry) => entry.script === script);

function isEnvelope(answer, status, type) {
	assert.equal(answer.status, status, answer.text);
	assert.match(answer.headers['content-type'], /^application\/json/);
	assert.ok(answer.headers['request-id'], 'request-id is missing');
	assert.deepEqual(checkErrorEnvelope(answer.json), []);
	assert.equal(answer.json.error.type, type);
}

function isOpenaiEnvelope(answer, status) {
	assert.equal(answer.status, status, answer.text);
	assert.ok(answer.headers['x-request-id'], 'x-request-id is missing');
	assert.equal(typeof answer.json.error.message, 'string');
	assert.equal(typeof answer.json.error.type, 'string');
	assert.equal(answer.json.type, undefined);
}

async function health({ request }) {
	const live = await request({ path: '/health/live', headers: { 'x-api-key': '' } });
	const ready = await request({ path: '/health/ready', headers: { 'x-api-key': '' } });

	assert.deepEqual([live.status, live.json], [200, { status: 'live' }]);
	assert.deepEqual([ready.status, ready.json], [200, { status: 'ready' }]);
}

// RFC 3875, section 4.4: a query without "=" becomes arguments of a CGI program.
async function queryIsNoOption({ request }) {
	const live = await request({ path: '/health/live?--version' });

	assert.deepEqual([live.status, live.json], [200, { status: 'live' }]);

	const chat = await request({ ...message('@hello@'), path: '/v1/messages?beta=true' });

	assert.equal(chat.status, 200, chat.text);
}

async function bothKeyHeaders({ request, at }) {
	const bearer = { 'x-api-key': '', authorization: `Bearer ${at.key}` };

	for (const headers of [{}, bearer]) {
		const list = await request({ path: '/v1/models', headers });

		assert.equal(list.status, 200, list.text);
		assert.ok(list.json.data.some(({ id }) => /^claude/.test(id)));
	}
	assert.equal((await request({ ...message('@hello@'), headers: bearer })).status, 200);
	assert.equal((await request({ ...completion('@hello@'), headers: bearer })).status, 200);
}

// From this machine they may come in clear; behind a proxy on it, only the proxy's client counts.
async function ownCredentials({ request, standin, at, server }) {
	const [guest] = await standin.addAccounts([{ name: 'guest', kind: 'social' }]);
	const text = JSON.stringify({ accessToken: guest.accessToken, profileArn: guest.profileArn });
	const encoded = `creds-${Buffer.from(text).toString('base64')}`;

	for (const headers of [{ 'x-kiro-credentials': text }, { authorization: `Bearer ${encoded}` },
			       { 'x-api-key': encoded, authorization: `Bearer ${at.key}` }]) {
		await standin.clearRequests();
		assert.equal((await request({ ...message('@hello@'), headers })).status, 200);
		assert.deepEqual((await standin.requests({ wait: 5000 })).map(({ account }) => account),
				 ['guest']);
		isEnvelope(await request({ ...message('@hello@'), headers: {
			...headers, 'x-forwarded-for': '203.0.113.9' } }), 403, 'permission_error');
	}
	assert.ok(!server.log().includes(guest.accessToken), 'a credential is in the log');
}

async function badKeys({ request, standin }) {
	await standin.clearStats();
	for (const key of ['', 'kiro-this-key-does-not-exist']) {
		const headers = { 'x-api-key': key };

		isEnvelope(await request({ ...message('@hello@'), headers }), 401,
			   'authentication_error');
		isOpenaiEnvelope(await request({ ...completion('@hello@'), headers }), 401);
	}
	assert.deepEqual((await standin.stats()).operations, {});
}

async function wrongPathsAndMethods({ request }) {
	isEnvelope(await request({ path: '/v1/nothing' }), 404, 'not_found_error');
	isOpenaiEnvelope(await request({ path: '/v1/chat/nothing', body: {} }), 404);
	for (const method of ['GET', 'PUT', 'DELETE', 'PATCH']) {
		const answer = await request({ path: '/v1/messages', method });

		isEnvelope(answer, 405, 'invalid_request_error');
		assert.match(answer.headers.allow, /POST/);
	}
}

async function badBodies({ request }) {
	for (const body of ['{"model":', '[]', '\xff\xfe', '', '['.repeat(10000), 'null\0'])
		isEnvelope(await request({ ...message(''), body }), 400, 'invalid_request_error');
}

async function largeBodies({ mode, request }) {
	const small = Buffer.from(JSON.stringify(message('@hello@').body));
	const largest = Buffer.concat([small, Buffer.alloc(32 * MB - small.length, ' ')]);
	const chunked = { 'transfer-encoding': 'chunked' };

	for (const headers of mode.withoutLength ? [{}] : [{}, chunked]) {
		const taken = await request({ ...message(''), body: largest, headers });

		assert.equal(taken.status, 200, taken.text);
		isEnvelope(await request({ ...message(''), headers,
					   body: Buffer.alloc(33 * MB, '{') }),
			   413, 'request_too_large');
	}
	const without = await request({ ...message(''), body: small, headers: chunked });

	assert.equal(without.status, mode.withoutLength ?? 200, without.text);
}

async function probes({ request, standin }) {
	await standin.clearStats();
	for (const path of ['/v1/messages', '/v1/chat/completions', '/v1/models', '/health/live']) {
		const head = await request({ path, method: 'HEAD' });
		const options = await request({ path, method: 'OPTIONS' });

		assert.deepEqual([head.status, head.text], [200, ''], path);
		assert.deepEqual([options.status, options.text], [204, ''], path);
		assert.match(options.headers.allow, /OPTIONS/);
	}
	assert.equal((await request({ path: '/v1/nothing', method: 'HEAD' })).status, 404);
	assert.deepEqual((await standin.stats()).operations, {});
}

async function wholeAnswers({ request, standin }) {
	const text = 'All of it: ü 😀 \\ " end';

	await standin.script('whole', { steps: [{ text, pieces: 7 }] });

	const anthropic = await request(message('@whole@'));
	const openai = await request(completion('@whole@'));

	assert.equal(anthropic.json.content[0].text, text);
	assert.equal(anthropic.json.stop_reason, 'end_turn');
	assert.equal(openai.json.choices[0].message.content, text);
	assert.equal(openai.json.choices[0].finish_reason, 'stop');
}

// However the web server ends a process behind an answer, and whoever has left.
async function booked({ request, stream, standin }) {
	const used = async () => (await request({ path: '/v1/usage' })).json.today.requests;
	const tokens = async () => (await request({ path: '/v1/usage' })).json.today.output_tokens;
	const before = await used(), said = await tokens();

	await standin.script('told', { steps: [{ text: 'one two three four five' }] });
	for (let n = 1; n <= 5; n++) {
		assert.equal((await request(message('@told@'))).status, 200);
		await until(async () => await used() === before + n, `answer ${n} to be counted`);
	}
	await until(async () => await tokens() >= said + 25, 'their tokens');
	const left = await tokens();

	await standin.script('leaving', { steps: [{ text: 'some words that were said' }, { stall: true }] });
	const answer = await stream(message('@leaving@', streamed));

	await nextWhere(answer, isDelta);
	answer.close();
	await until(async () => await tokens() > left, 'the tokens of an answer whose client has left');
}

async function streamContract({ stream, standin }) {
	const tool = { id: 'tooluse_1', name: 'Read', input: { path: 'a ü' }, pieces: 3 };
	const sent = { text: 'A stream: ü 😀 \\ "', end: 'whole',
		       tools: [{ id: 'tooluse_1', name: 'Read', input: { path: 'a ü' } }] };
	const schema = { type: 'object', properties: { path: { type: 'string' } } };
	const requests = {
		anthropic: message('@contract@', { ...streamed, tools: [
			{ name: 'Read', description: 'reads', input_schema: schema }] }),
		openai: completion('@contract@', { ...streamed, tools: [
			{ type: 'function', function: { name: 'Read', description: 'reads',
							parameters: schema } }] }),
	};

	await standin.script('contract', {
		pace_ms: 5, steps: [{ text: sent.text, pieces: 9 }, { tool }],
	});
	for (const [dialect, options] of Object.entries(requests)) {
		const answer = await stream({ ...options, headers: { 'accept-encoding': 'gzip' } });

		await answer.rest();
		assert.deepEqual(checkStream({
			dialect, sent, status: answer.status, headers: answer.headers,
			bytes: answer.bytes(), complete: true, request: options.body,
		}), [], answer.bytes().toString());
	}
}

// The upstream says no more than what the client must already have: nothing is held back.
async function eventByEvent({ stream, standin }) {
	const stalls = { first: ['one'], second: ['one', 'two'] };

	for (const [name, texts] of Object.entries(stalls)) {
		await standin.script(name, {
			chunking: 'frame',
			steps: [...texts.map((text) => ({ text })), { stall: true }],
		});
		const answer = await stream({ ...message(`@${name}@`, streamed),
					      headers: { 'accept-encoding': 'gzip' } });

		for (const text of texts)
			assert.equal(textOf(await nextWhere(answer, isDelta)), text);
		assert.equal((await entryOf(standin, name)).done, false);
		answer.close();
	}
}

async function pings({ stream, standin }) {
	const isPing = (event) => payload(event)?.type === 'ping' || event.comment !== undefined;

	/* Before the upstream answers at all, and after its first words. */
	await standin.script('thinks', { first_byte_delay_ms: 60000, steps: [{ text: 'late' }] });
	await standin.script('pauses', { steps: [{ text: 'one' }, { stall: true }] });
	await Promise.all([message('@thinks@', streamed), message('@pauses@', streamed),
			   completion('@pauses@', streamed)].map(async (options) => {
		const answer = await stream(options);

		assert.equal(answer.status, 200);
		for (let count = 0; count < 2; count++)
			await nextWhere(answer, isPing);
		answer.close();
	}));
}

async function hangUp({ mode, stream, standin, at, server }, t) {
	/* Where the web server tells, no ping can have been it. */
	if (mode.tells === 'at once')
		await reconfigure({ at, server, mode }, { ping_interval: 60 });
	await standin.script('left', { steps: [{ text: 'one' }, { stall: true }] });
	await standin.clearRequests();

	const answer = await stream(message('@left@', streamed));

	await nextWhere(answer, isDelta);
	assert.equal((await entryOf(standin, 'left')).done, false);

	const since = performance.now();

	answer.close();
	const entry = await until(async () => {
		const found = await entryOf(standin, 'left');

		return found.done && found;
	}, 'the upstream request to end');

	assert.equal(entry.client_closed, true);
	const ms = Math.round(performance.now() - since);

	t.diagnostic(`the upstream request ended ${ms} ms later`);
	if (mode.tells === 'at once')
		await reconfigure({ at, server, mode }, { ping_interval: 1 });
}

async function noCrossTalk({ stream }) {
	const token = (n) => `token-${n}-${'x'.repeat(n % 7)}.`;
	const all = Array.from({ length: 50 }, (_, n) => token(n));

	await Promise.all(all.map(async (own) => {
		const answer = await stream(message(`say ${own}`, streamed));
		const events = await answer.rest();
		const text = events.map(textOf).join('');

		assert.deepEqual(text.match(/token-\d+-x*\./g), [own]);
		assert.equal(payload(events.at(-1)).type, 'message_stop');
	}));
}

async function connectionStays({ request, stream }) {
	const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
	let connections = 0;

	agent.createConnection = ((create) => function (...args) {
		connections++;
		return create.apply(this, args);
	})(agent.createConnection);
	try {
		const answer = await stream({ ...message('@hello@', streamed), agent });
		const events = await answer.rest();

		assert.equal(payload(events.at(-1)).type, 'message_stop');
		assert.equal((await request({ path: '/health/live', agent })).status, 200);
		assert.equal((await request({ ...message('@hello@'), agent })).status, 200);
		assert.equal(connections, 1);
	} finally {
		agent.destroy();
	}
}

// The upstream's mid-stream failure is an error for the client, whatever stands between.
async function cutUpstream({ stream, standin }) {
	await standin.script('cut', { steps: [{ text: 'half' }, { cut_here: true }] });

	const answer = await stream(message('@cut@', streamed));
	const events = await answer.rest();

	assert.equal(payload(events.at(-1)).type, 'error');
	assert.ok(!events.some((event) => payload(event)?.type === 'message_stop'));
}

// The panel and its API work at the mount, and the session's cookie is for no other path.
async function adminPanel({ at, mode, server }) {
	const prefix = mode.mount === '/' ? '' : mode.mount;
	const client = adminClient({ port: server.port, base: `${prefix}/admin` });
	const moved = await client.call('GET', `${prefix}/admin`);

	at.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
	assert.equal(moved.status, 308);
	assert.equal(new URL(moved.headers.location, `http://x${prefix}/admin`).pathname, `${prefix}/admin/`);
	for (const name of ['', 'panel.js', 'chart.min.js'])
		assert.equal((await client.call('GET', `${prefix}/admin/${name}`)).status, 200, name);
	assert.equal((await client.call('GET', '/api/v1/accounts')).status, 401);
	const entered = await client.signIn();

	assert.equal(entered.status, 200, entered.text);
	assert.ok(entered.headers['set-cookie'][0].includes(`Path=${prefix}/admin;`),
		  entered.headers['set-cookie'][0]);
	const { accounts } = (await client.call('GET', '/api/v1/accounts')).json;
	const change = (headers) => client.call('PATCH', `/api/v1/accounts/${accounts[0].id}`,
						{ label: 'mine' }, headers);

	assert.equal((await change({ 'x-csrf-token': undefined })).status, 403);
	assert.equal((await change()).json.label, 'mine');
	assert.equal((await client.call('POST', '/api/v1/reload')).status, 200);
	assert.equal((await client.call('DELETE', '/api/v1/session')).status, 200);
	assert.equal((await client.call('GET', '/api/v1/accounts')).status, 401);
	at.kiroctl(['admin', 'off']);
}

const checks = {
	'the admin panel: signing in, a change, signing out': adminPanel,
	'health says live and ready': health,
	'a query string is never an option': queryIsNoOption,
	'both headers carry the key': bothKeyHeaders,
	'no key and a wrong key are refused before the upstream is asked': badKeys,
	'credentials that a client brings are used for one request, and not in clear': ownCredentials,
	'wrong paths and methods get the dialect\'s envelope': wrongPathsAndMethods,
	'bodies that are no request get 400': badBodies,
	'32 MB are taken, 33 MB get 413, with and without a length': largeBodies,
	'HEAD and OPTIONS answer without the upstream': probes,
	'whole answers arrive whole': wholeAnswers,
	'what was answered is counted': booked,
	'streams keep the contract': streamContract,
	'each event arrives when the upstream sent it': eventByEvent,
	'pings fill the silence': pings,
	'a cut upstream stream ends in an error event': cutUpstream,
	'a client that hangs up ends the upstream request': hangUp,
	'50 streams at once do not mix': noCrossTalk,
	'a connection is good for more after a stream': connectionStays,
};

// ---- one lasting process ----

// Writes the settings; a lasting process takes them on SIGHUP.
async function reconfigure({ at, server, mode }, changes) {
	const count = () => server.log().split('settings reloaded').length;
	const before = count();

	at.configure(changes);
	if (!mode.lasting)
		return;
	process.kill(server.responder(), 'SIGHUP');
	await until(() => count() > before, 'the settings to be reloaded');
}

const allowedOrigin = async ({ request }) => {
	const headers = { origin: 'https://a.example' };
	const answer = await request({ path: '/health/live', headers });

	return answer.headers['access-control-allow-origin'];
};

async function reload(site) {
	const { at, server } = site;

	assert.equal(await allowedOrigin(site), undefined);
	await reconfigure(site, { cors_origins: 'https://a.example' });
	assert.equal(await allowedOrigin(site), 'https://a.example');

	at.configure('{\n\t"cors_origins": "",\n\t"no_such_setting": 1\n}\n');
	process.kill(server.responder(), 'SIGHUP');
	await until(() => /reload refused.*kiro\.json:3\b.*no_such_setting/.test(server.log()),
		    'the bad file to be refused');
	assert.equal(await allowedOrigin(site), 'https://a.example');

	/* A file that changed is found without a signal. */
	at.configure({ cors_origins: '' });
	await until(async () => await allowedOrigin(site) === undefined, 'the change to be seen');
}

async function overload(site) {
	const { request, stream, standin } = site;

	await standin.script('full', { steps: [{ text: 'one' }, { stall: true }] });
	await until(async () => (await standin.stats()).in_flight === 0, 'earlier streams to end');
	await reconfigure(site, { max_streams: 2 });

	const open = await Promise.all([1, 2].map(() => stream(message('@full@', streamed))));

	for (const answer of open)
		await nextWhere(answer, isDelta);
	const refused = await request(message('@hello@'));
	const refusedOpenai = await request(completion('@hello@'));

	isEnvelope(refused, 529, 'overloaded_error');
	assert.match(refused.headers['retry-after'], /^\d+$/);
	isOpenaiEnvelope(refusedOpenai, 529);
	open.forEach((answer) => answer.close());
	await until(async () => (await request(message('@hello@'))).status === 200, 'room again');
	await reconfigure(site, { max_streams: 1024 });
}

// A build with AddressSanitizer keeps freed memory on purpose.
const sanitized = /san/.test(process.env.BUILD ?? '');

async function memoryComesBack({ request, server }, t) {
	const bad = [
		{ ...message(''), body: '{"model": ' + '['.repeat(200000) },
		{ ...message(''), body: Buffer.alloc(2 * MB, '{') },
		{ ...message(''), body: '{"messages": [' + '{},'.repeat(50000) + '{}]}' },
		message('x'.repeat(MB), { model: 'no-such-model' }),
		message('@hello@', { messages: [{ role: 'nobody', content: 1 }] }),
		{ path: '/v1/nothing', body: 'x'.repeat(MB) },
		{ ...message('@hello@'), headers: { 'x-api-key': 'wrong' } },
	];
	const send = async (count) => {
		for (let n = 0; n < count; n++) {
			const answer = await request(bad[n % bad.length]);

			assert.ok(answer.status >= 400 && answer.status < 500, answer.text);
		}
	};
	const pid = server.responder();

	await send(20);
	const before = residentKib(pid);

	await send(200);
	const after = residentKib(pid);

	assert.equal(server.responder(), pid, 'the process is another one');
	t.diagnostic(`resident: ${before} KiB, then ${after} KiB`);
	if (!sanitized)
		assert.ok(after < 2 * before, `${before} KiB grew to ${after} KiB`);
}

// The way to restart without systemd: the new process listens beside, takes the socket's name, and
// the old one gets SIGTERM. Nobody may notice.
async function restart({ at, mode, server, request }) {
	const old = server.process;
	const fresh = await startResponder({ program: at.program, env: at.env, user: mode.user,
					     socket: `${old.socket}.new` });
	let enough = false, count = 0;
	const client = async () => {
		while (!enough) {
			const answer = await request({ path: '/health/live' });

			assert.equal(answer.status, 200, answer.text);
			count++;
		}
	};
	const clients = [client(), client(), client(), client()];
	const served = async (more, wanted = count + more) =>
		until(() => count >= wanted, 'requests to be served');

	await served(100);
	renameSync(fresh.socket, old.socket);
	process.kill(old.pid, 'SIGTERM');
	assert.deepEqual(await old.ended, { code: 0, signal: null });
	await served(100);
	enough = true;
	await Promise.all(clients);
	server.process = { ...fresh, socket: old.socket };
}

// The last check: afterwards the process is gone.
async function gracefulStop({ request, stream, standin, server }) {
	await standin.script('long', {
		steps: [{ text: 'one' }, { sleep_ms: 1500 }, { text: 'two' }],
	});

	const answer = await stream(message('@long@', streamed));

	await nextWhere(answer, isDelta);
	process.kill(server.responder(), 'SIGTERM');
	if (server.process) {
		await until(async () => !await accepts(server.process.socket),
			    'new connections to be refused');
		assert.equal((await entryOf(standin, 'long')).done, false);
	}
	const rest = await answer.rest();

	assert.equal(rest.map(textOf).join(''), 'two');
	assert.equal(payload(rest.at(-1)).type, 'message_stop');
	if (server.process)
		assert.deepEqual(await server.process.ended, { code: 0, signal: null });
	else	/* lighttpd starts another one */
		await until(async () => (await request({ path: '/health/live' })).status === 200,
			    'a new process');
}

const lastingChecks = {
	'SIGHUP and a changed file reload, a bad file changes nothing': reload,
	'when all streams are taken the answer is 529': overload,
	'memory comes back after bad requests': memoryComesBack,
};
const externalChecks = { 'a restart under the same name loses nothing': restart };
const lastChecks = { 'SIGTERM lets the running stream end': gracefulStop };

/* They speak HTTP/1.1 on their own, or are about it. */
const onlyHttp1 = [adminPanel, ownCredentials, connectionStays];

const checksOf = ({ lasting, external, via, proxied }) => Object.entries({
	...checks,
	...(lasting && lastingChecks),
	...(external && externalChecks),
	...(lasting && lastChecks),
}).filter(([, check]) => !(via && onlyHttp1.includes(check)) &&
			 !(proxied && check === ownCredentials)); /* its clients are not local */

// more: further checks of this mode; patience: most milliseconds for each.
export function checkMode(name, mode = modes[name], more = {}, patience = 30000) {
	describe(name, { timeout: 120000 + 2 * patience }, () => {
		let site;

		before(async () => (site = await startSite(mode)));
		after(() => site?.stop());
		for (const [what, check] of [...Object.entries(more), ...checksOf(mode)])
			test(what, { timeout: patience }, async (t) => {
				try {
					await check(site, t);
				} catch (error) {
					t.diagnostic(`log:\n${site.server.log().slice(-3000)}`);
					throw error;
				}
			});
	});
}
