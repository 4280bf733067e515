// What processes know of each other's accounts: the same checks with a process for each request
// (CGI), and with two that last (FastCGI).
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join, relative } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { payload } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';
import { processesOf, startLighttpd } from '../lib/servers.mjs';
import { startSite } from './site.mjs';
import { modes } from './modes.mjs';

const fragments = fileURLToPath(new URL('../../lighttpd', import.meta.url));

// kiro-fastcgi.conf, but for two processes. They outlive lighttpd for a moment, and may write.
async function startTwo(at, mount) {
	const one = readFileSync(join(fragments, 'kiro-fastcgi.conf'), 'utf8');
	const two = one.replace('"max-procs" => 1', '"max-procs" => 2');
	const file = join(at.dir, 'two.conf');

	assert.notEqual(one, two);
	writeFileSync(file, two);
	const server = await startLighttpd({
		dir: at.dir,
		env: { ...at.env, KIRO_CONFIG: undefined },
		fragment: relative(fragments, file),
		variables: { kiro_mount: mount, kiro_config: at.configFile,
			     kiro_program: at.program,
			     kiro_spawn_socket: join(at.dir, 'spawned.sock') },
	});

	return {
		...server,
		stop: async (signal) => {
			const pids = processesOf(at.program, server.pid);

			await server.stop(signal);
			await until(() => !pids.some((pid) => existsSync(`/proc/${pid}`)),
				    'the responders to end');
		},
	};
}

const ways = {
	'a process for each request': { mode: modes['lighttpd CGI'], program: (at) => at.cgi },
	'two processes': { mode: { start: startTwo, mount: '/kiro' }, lasting: 2,
			   program: (at) => at.program },
};

const names = ['one', 'two'];
const rate = { status: 429, headers: { 'retry-after': '600' },
	       body: { __type: 'ThrottlingException', message: 'Too many requests',
		       reason: 'USER_REQUEST_RATE_EXCEEDED' } };

const message = (text, more) => ({
	path: '/v1/messages',
	headers: { 'anthropic-version': '2023-06-01' },
	body: { model: 'claude-sonnet-4-5', max_tokens: 100,
		messages: [{ role: 'user', content: text }], ...more },
});

const ofTalk = (id) => ({ metadata: { user_id: JSON.stringify({ session_id: id }) } });

// A site with accounts "one" and "two", each test with a state of its own. Which of them is the
// first is left to chance: they came in the same second.
function describePool(name, settings, checks) {
	for (const [how, way] of Object.entries(ways)) {
		describe(`${name}, ${how}`, () => {
			const at = { way };

			beforeEach(async () => {
				const site = await startSite({
					...way.mode,
					layout: { accounts: names.map((account) =>
						({ name: account, kind: 'social' })) },
				}, { settings });

				Object.assign(at, site);
				await at.standin.script('stall', { steps: [{ text: 'Well' },
									   { stall: true }] });
				at.served = async () => (await at.standin.requests())
					.filter(({ script }) => script)
					.map(({ account }) => account);
				at.hang = async () => {
					const answer = await at.stream(
						message('@stall@', { stream: true }));

					assert.equal(answer.status, 200);
					while (!payload(await answer.next())?.delta?.text)
						;
					return answer;
				};
			});
			checks(at);
		});
	}
}

async function closeSite(at) {
	await at.stop();
}

describePool('rest', { 'accounts.strategy': 'sequential' }, (at) => {
	test('what one process was told, the next one keeps', async () => {
		try {
			const { standin } = at;

			await standin.script('rate', { times: 1, http: rate, next: 'hello' });
			for (let i = 0; i < 3; i++)
				assert.equal((await at.request(message('hi @rate@'))).status, 200);
			const [first, ...others] = await at.served();
			const second = names.find((name) => name !== first);

			assert.deepEqual(others, [second, second, second]);
			if (at.way.lasting)
				assert.equal(processesOf(at.way.program(at.at),
							 at.server.pid).length, at.way.lasting);
		} finally {
			await closeSite(at);
		}
	});

	test('when all rest, the client hears when the first is back', async () => {
		try {
			const { standin } = at;

			await standin.script('rate', { http: rate });
			await standin.addAccounts(names.map((name) => ({ name, script: 'rate' })));
			await at.request(message('hi'));
			const before = await at.served();

			assert.deepEqual(before.toSorted(), names);
			for (let i = 0; i < 2; i++) {
				const answer = await at.request(message('hi'));
				const wait = Number(answer.headers['retry-after']);

				assert.equal(answer.status, 429);
				assert.equal(answer.json.error.type, 'rate_limit_error');
				assert.match(answer.json.error.message, /no account is usable now/);
				assert.ok(wait > 0 && wait <= 600, `retry-after: ${wait}`);
			}
			assert.deepEqual(await at.served(), before); /* nobody was asked again */
		} finally {
			await closeSite(at);
		}
	});
});

describePool('affinity', { 'accounts.strategy': 'round-robin' }, (at) => {
	test('a conversation keeps its account, others are spread', async () => {
		try {
			const say = async (talk) => {
				const known = (await at.served()).length;
				const answer = await at.request(message('hi @hello@', ofTalk(talk)));

				assert.equal(answer.status, 200);
				return (await at.served())[known];
			};
			const a = await say('talk-a'), b = await say('talk-b');

			assert.notEqual(a, b);
			for (const talk of ['talk-b', 'talk-b', 'talk-a', 'talk-a', 'talk-b'])
				assert.equal(await say(talk), talk === 'talk-a' ? a : b);
		} finally {
			await closeSite(at);
		}
	});
});

describePool('in flight', { 'accounts.strategy': 'sequential', 'accounts.max_inflight': 1,
			    'accounts.busy_wait': 0 }, (at) => {
	test('each account serves as many as it may, over all processes', async () => {
		try {
			const first = await at.hang(), second = await at.hang();
			const third = await at.request(message('hi @hello@'));

			const served = await at.served();

			assert.deepEqual(served.toSorted(), names);
			assert.equal(third.status, 529);
			assert.equal(third.json.error.type, 'overloaded_error');
			assert.match(third.json.error.message, /accounts\.max_inflight/);
			assert.ok(Number(third.headers['retry-after']) > 0);

			second.close();
			await until(async () => (await at.request(message('hi @hello@'))).status === 200,
				    'the place of a client that left');
			assert.equal((await at.served()).at(-1), served[1]);
			first.close();
		} finally {
			await closeSite(at);
		}
	});

	test('a process that is killed leaves no request behind', async () => {
		try {
			await at.hang();
			await at.hang();
			for (const pid of processesOf(at.way.program(at.at), at.server.pid))
				process.kill(pid, 'SIGKILL');
			await until(async () => (await at.request(message('hi @hello@'))).status === 200,
				    'the places of the dead');
		} finally {
			await closeSite(at);
		}
	});
});

describePool('waiting', { 'accounts.strategy': 'sequential', 'accounts.max_inflight': 1 }, (at) => {
	test('a request waits for an account that is busy', async () => {
		try {
			const first = await at.hang(), second = await at.hang();
			const third = at.request(message('hi @hello@'));

			await new Promise((resolve) => setTimeout(resolve, 300));
			assert.equal((await at.served()).length, 2);
			first.close();
			assert.equal((await third).status, 200);
			const served = await at.served();

			assert.equal(served.length, 3);
			assert.equal(served[2], served[0]);
			second.close();
		} finally {
			await closeSite(at);
		}
	});
});

// An HTTP proxy that notes the chats that go through it.
async function startProxy() {
	const seen = [];
	const proxy = http.createServer((asked, answer) => {
		if (/generateAssistantResponse/i.test(asked.url + asked.headers['x-amz-target']))
			seen.push(asked.url);
		asked.pipe(http.request(asked.url, { method: asked.method, headers: asked.headers },
			(got) => {
				answer.writeHead(got.statusCode, got.headers);
				got.pipe(answer);
			}));
	});

	await new Promise((resolve) => proxy.listen(0, '127.0.0.1', resolve));
	return { seen, url: `http://127.0.0.1:${proxy.address().port}`,
		 stop: () => {
			 proxy.close();
			 proxy.closeAllConnections();
		 } };
}

describePool('own ways', { 'accounts.strategy': 'sequential' }, (at) => {
	test('each account has its own service, machine and proxy', async () => {
		const proxy = await startProxy();

		try {
			const ids = JSON.parse(at.at.kiroctl(['account', 'list', '--json']))
				.map(({ id }) => id);
			const set = (id, ...args) => at.at.kiroctl(['account', 'set', id, ...args]);
			const say = async () => {
				await at.standin.clearRequests();
				assert.equal((await at.request(message('hi @hello@'))).status, 200);
				return (await at.standin.requests()).find(({ script }) => script);
			};

			set(ids[0], '--upstream', 'rts', '--machine-id', 'ab'.repeat(32), '--proxy',
			    proxy.url);
			set(ids[1], '--machine-id', 'cd'.repeat(32), '--priority', '1');
			const first = await say();

			assert.equal(first.path, '/generateAssistantResponse');
			assert.match(first.headers['user-agent'], /-(ab){32}$/);
			assert.deepEqual(proxy.seen, [`${at.standin.url}/generateAssistantResponse`]);

			set(ids[0], '--priority', '2');
			const second = await say();

			assert.equal(second.path, '/');
			assert.match(second.headers['x-amz-target'], /KiroRuntimeService/);
			assert.match(second.headers['user-agent'], /-(cd){32}$/);
			assert.equal(proxy.seen.length, 1);
		} finally {
			await closeSite(at);
			proxy.stop();
		}
	});

	test('an account that is "direct" does not take the proxy of all', async () => {
		const proxy = await startProxy();

		try {
			const [id] = JSON.parse(at.at.kiroctl(['account', 'list', '--json']))
				.map((account) => account.id);

			at.at.kiroctl(['account', 'set', id, '--priority', '1']);
			at.at.configure({ 'upstream.proxy_url': proxy.url });
			await until(async () => {
				await at.request(message('hi @hello@'));
				return proxy.seen.length; /* the new settings are in force */
			}, 'a request through the proxy');
			at.at.kiroctl(['account', 'set', id, '--priority', '0', '--proxy', 'direct']);
			at.at.kiroctl(['account', 'disable',
				       JSON.parse(at.at.kiroctl(['account', 'list', '--json']))
					       .find((account) => account.id !== id).id]);
			proxy.seen.length = 0;
			assert.equal((await at.request(message('hi @hello@'))).status, 200);
			assert.deepEqual(proxy.seen, []);
		} finally {
			await closeSite(at);
			proxy.stop();
		}
	});
});
