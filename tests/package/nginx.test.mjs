// kiroctl stream-test through nginx, with one directive wrong: it must name that one. The other
// servers' are in tests/web/stream-test.test.mjs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { start } from '../lib/process.mjs';
import { startSite } from '../web/site.mjs';
import { packageModes, startNginx } from './modes.mjs';

const more = (directive) => (text) => text.replace(/\}$/, `\t${directive}\n\t}`);

const cases = {
	'buffers what it is told not to': {
		change: more('proxy_ignore_headers X-Accel-Buffering;'),
		finds: 'event by event', says: /nginx: proxy_buffering off; and no proxy_ignore_headers/,
	},
	'keeps Authorization': {
		change: more('proxy_set_header Authorization "";'),
		finds: 'Authorization', says: /nginx: proxy_set_header Authorization \$http_authorization;/,
	},
	'refuses large bodies': {
		change: (text) => text.replace(/client_max_body_size.*/, ''),
		finds: '5 MB body', says: /HTTP 413.*nginx: client_max_body_size 64m;/,
	},
	'cuts silent streams': {
		change: more('proxy_read_timeout 3s;'),
		finds: 'silence', says: /cut after.*nginx: proxy_read_timeout 600s;/,
	},
};

// What is said must be read by nginx, too.
const advised = ['proxy_buffering off;', 'proxy_set_header Authorization $http_authorization;',
		 'client_max_body_size 64m;', 'proxy_read_timeout 600s;'];

async function streamTest({ at }, { port }) {
	const child = start('/usr/sbin/chroot', [at.dir, 'kiroctl', 'stream-test', '--json', '--silence',
		'8', '--key-file', '-', `http://127.0.0.1:${port}/kiro`],
			    { stdio: ['pipe', 'pipe', 'ignore'], env: { PATH: '/usr/bin:/bin' } });
	const closed = new Promise((resolve) => child.once('close', resolve));

	child.stdin.end(at.key);
	await closed;
	return JSON.parse(child.text);
}

describe('kiroctl stream-test through nginx that', { timeout: 300000 }, () => {
	let site;

	before(async () => (site = await startSite(packageModes['lighttpd FastCGI'],
						   { settings: { ping_interval: 10 } })));
	after(() => site?.stop());
	const run = (what, change, look) => test(what, async () => {
		const front = await startNginx(site.at, site.server.port, change);

		try {
			look(await streamTest(site, front));
		} finally {
			await front.stop();
		}
	});

	for (const [what, { change, finds, says }] of Object.entries(cases))
		run(what, change, (found) => {
			const wrong = found.find(({ check }) => check === finds);

			assert.equal(wrong.ok, false, JSON.stringify(found));
			assert.match(wrong.text, says);
		});
	run('is as the README and this program have it', (text) =>
		advised.reduce((all, line) => all.includes(line) ? all : more(line)(all), text), (found) => {
		for (const name of ['Authorization', '5 MB body', 'silence'])
			assert.ok(found.find(({ check }) => check === name).ok, JSON.stringify(found));
	});
});
