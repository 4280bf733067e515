// Clients that only cost: slow bodies, idle connections, headers without end, compressed bodies. What
// they are answered, that others are served meanwhile, and what the program's memory does.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { QUIET_THREADS, until } from '../lib/process.mjs';
import { residentKib } from '../lib/servers.mjs';
import { message, startSite } from './site.mjs';
import { apacheProxyFcgi, modes } from './modes.mjs';

const SLOW = 200;           /* clients with slow bodies */
const IDLE = 10000;         /* kept connections at lighttpd */
const AT_ONCE = 250;        /* of them made at a time */
const GROWTH_KIB = 8 * 1024; /* of the program, beside what threads need, or needed at once */
const THREAD_KIB = 64;

const lighttpd = { ...modes['lighttpd FastCGI'] };
// Debian's limits of slow requests are 10 and 20 seconds: the same, but sooner.
const apache = {
	...modes['Apache mod_proxy_fcgi'],
	start: (at, mount) => apacheProxyFcgi(at, mount,
		'RequestReadTimeout header=2-4,MinRate=500 body=2,MinRate=500'),
};

// A connection: what came, and whether it is over.
function connect(port, text) {
	const socket = net.connect(port, '127.0.0.1');
	const one = { socket, text: '', over: false };

	socket.setEncoding('utf8').on('data', (data) => (one.text += data));
	socket.on('error', () => (one.over = true)).on('close', () => (one.over = true));
	socket.write(text);
	return one;
}

const head = (path, lines) => [`POST ${path} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json',
			       ...lines, '', ''].join('\r\n');

function resources(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');

	return { kib: residentKib(pid), fds: readdirSync(`/proc/${pid}/fd`).length,
		 threads: Number(/^Threads:\s+(\d+)/m.exec(status)[1]) };
}

for (const [name, mode] of Object.entries({ 'lighttpd FastCGI': lighttpd, 'Apache mod_proxy_fcgi': apache })) {
	describe(name, { timeout: 180000 }, () => {
		let site, idle;
		const isApache = mode === apache;
		const serves = async () => {
			const answer = await site.request(message('@hello@'));

			assert.equal(answer.status, 200, answer.text);
		};
		const measure = (t, what) => {
			const now = resources(site.server.responder());

			t.diagnostic(`${what}: ${now.kib - idle.kib} KiB, ${now.threads} threads, ` +
				     `${now.fds} descriptors; idle ${idle.kib} KiB`);
			assert.ok(now.kib - idle.kib < GROWTH_KIB + THREAD_KIB * now.threads,
				  `${now.kib} KiB, ${idle.kib} before`);
			return now;
		};

		before(async () => {
			site = await startSite(mode);
			await serves();
			idle = resources(site.server.responder());
		});
		after(() => site?.stop());

		test('slow bodies hold nobody up', async (t) => {
			const path = `${mode.mount}/v1/messages`;
			const slow = Array.from({ length: SLOW }, (_, i) => connect(site.server.port,
				head(path, ['Content-Length: 100000',
					    ...i % 2 ? [`x-api-key: ${site.at.key}`] : []])));
			let dripped = 0;
			const drip = setInterval(() => {
				dripped++;
				slow.forEach(({ over, socket }) => over || socket.write('x'));
			}, 200);

			try {
				await until(() => dripped > 5, 'some bytes');
				await serves();
				measure(t, `${SLOW} slow bodies`);
				if (isApache) {
					await until(() => slow.every(({ over, text }) => over || text),
						    'the end of the slow ones', 60000);
					assert.ok(slow.some(({ text }) => /^HTTP\/1.1 408 /.test(text)));
				}
			} finally {
				clearInterval(drip);
				slow.forEach(({ socket }) => socket.destroy());
			}
			await until(() => resources(site.server.responder()).threads <= QUIET_THREADS, 'the end of the threads',
				    30000);
			await serves();
		});

		test('compressed bodies are refused by name, and not unpacked', async (t) => {
			const bomb = gzipSync(Buffer.alloc(31 * 1024 * 1024, ' '));

			for (const path of ['/v1/messages', '/v1/chat/completions', '/v1/responses',
					    '/v1/messages/count_tokens']) {
				for (const encoding of ['gzip', 'deflate', 'br', 'zstd']) {
					const { status, json } = await site.request({
						path, body: bomb, headers: { 'content-encoding': encoding } });

					assert.equal(status, 400);
					assert.match(json.error.message, new RegExp(`content-encoding: ${encoding}`));
				}
			}
			measure(t, 'compressed bodies');
		});

		test('headers without end are refused by the web server', async (t) => {
			const { port } = site.server;
			const answer = async (lines) => {
				const one = connect(port, `GET ${mode.mount}/health/live HTTP/1.1\r\n` +
						    'Host: localhost\r\nConnection: close\r\n' +
						    `${lines.join('\r\n')}\r\n\r\n`);

				await until(() => one.over, 'an answer', 30000);
				return one.text.slice(9, 12);
			};
			const of = (count, length) => Array.from({ length: count },
				(_, i) => `X-Flood-${i}: ${'f'.repeat(length)}`);

			for (let i = 0; i < 20; i++) {
				/* The connection may be reset before the answer was read. */
				assert.match(await answer(of(1, 1 << 20)), /^(431|400|)$/);
				assert.match(await answer(of(5000, 100)), /^(431|400|)$/);
			}
			assert.match(await answer(of(1, 100000)), isApache ? /^(400|)$/ : /^(431|)$/);
			for (let i = 0; i < 200; i++)
				assert.equal(await answer(of(80, 80)), '200');
			assert.equal(await answer(of(3, 7000)), '200');
			measure(t, 'floods of headers');
			await serves();
		});
	});
}

describe('lighttpd, ten thousand kept connections', { timeout: 300000 }, () => {
	let site;

	before(async () => (site = await startSite(lighttpd)));
	after(() => site?.stop());

	test('they cost the program nothing, and another client is served', async (t) => {
		const { port } = site.server, pid = () => site.server.responder();
		const idle = resources(pid()), connections = [];
		const ask = `GET ${lighttpd.mount}/health/live HTTP/1.1\r\nHost: localhost\r\n\r\n`;
		const answered = () => connections.filter(({ text }) => text.startsWith('HTTP/1.1 200')).length;

		try {
			while (connections.length < IDLE) {
				for (let i = 0; i < AT_ONCE; i++)
					connections.push(connect(port, ask));
				/* lighttpd takes 4096 at once, and closes those that were idle for 5 seconds. */
				await until(() => answered() === connections.length, 'answers', 60000);
			}
			const open = connections.filter(({ over }) => !over).length;
			const now = resources(pid());

			t.diagnostic(`${IDLE} answered, ${open} still open: ${now.kib - idle.kib} KiB more in the ` +
				     `program, ${now.threads} threads; lighttpd ${residentKib(site.server.pid)} KiB`);
			assert.ok(now.kib - idle.kib < GROWTH_KIB + THREAD_KIB * AT_ONCE);
			assert.ok(now.threads <= QUIET_THREADS, `${now.threads} threads`);
			const answer = await site.request(message('@hello@'));

			assert.equal(answer.status, 200);
		} finally {
			connections.forEach(({ socket }) => socket.destroy());
		}
	});
});
