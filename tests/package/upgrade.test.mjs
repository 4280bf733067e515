// Another version of the package is installed while requests are served, and the first one again:
// no request fails, no stream is cut.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';

import { payload } from '../lib/http.mjs';
import { start, until } from '../lib/process.mjs';
import { isDelta, message, nextWhere, startSite, textOf } from '../web/site.mjs';
import { packageModes } from './modes.mjs';
import { packageFile } from './root.mjs';

const STREAMS = 20, CLIENTS = 4;

// The same programs, made different by some bytes behind their end, as the package of a version.
function packageOf(root, version) {
	root.sh(`rm -rf /root/other; dpkg-deb -R /root/${basename(packageFile())} /root/other
		 sed -i 's/^Version: .*/Version: ${version}/' /root/other/DEBIAN/control
		 for file in lib/kiro-fcgi/kiro.fcgi bin/kiroctl sbin/kiro-refresh; do
			 echo ${version} >>/root/other/usr/$file; done
		 dpkg-deb -b /root/other /root/kiro-fcgi_${version}.deb >/dev/null`);
	return `/root/kiro-fcgi_${version}.deb`;
}

// As apt does it, while this process goes on.
async function install(root, file) {
	const child = start('chroot', [root.dir, 'dpkg', '-i', file], {
		env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', DEBIAN_FRONTEND: 'noninteractive' } });

	assert.equal((await child.ended).code, 0, child.text);
	return child.text;
}

const versionOf = (root) => root.sh("dpkg-query -W -f='${Version}' kiro-fcgi");

// Whole answers, one after the other, until the end is told.
function busyClients({ request }) {
	const work = { served: 0, over: false };
	const client = async () => {
		while (!work.over) {
			const answer = await request(message('@hello@'));

			assert.equal(answer.status, 200, answer.text);
			work.served++;
		}
	};

	work.ended = Promise.all(Array.from({ length: CLIENTS }, client));
	return work;
}

async function upgradeUnderLoad(site) {
	const { at: { root }, stream, standin, server } = site;
	const first = versionOf(root), other = packageOf(root, '99.0');

	/* They go on until both installations are over. */
	await standin.script('long', { steps: [{ text: 'one' }, { sleep_ms: 15000 }, { text: 'two' }] });
	const streams = await Promise.all(Array.from({ length: STREAMS }, async () => {
		const answer = await stream(message('@long@', { stream: true }));

		await nextWhere(answer, isDelta);
		return answer;
	}));
	const responder = server.responder?.();
	const work = busyClients(site);
	const more = (count, wanted = work.served + count) => Promise.race([
		work.ended, until(() => work.served >= wanted, 'more answers', 60000)]);

	await more(10);
	const said = await install(root, other);

	assert.equal(versionOf(root), '99.0');
	await more(10);
	await install(root, `/root/${basename(packageFile())}`);
	assert.equal(versionOf(root), first);
	await more(10);
	work.over = true;
	await work.ended;
	for (const answer of streams) {
		const events = await answer.rest();

		assert.equal(events.map(textOf).join(''), 'two');
		assert.equal(payload(events.at(-1)).type, 'message_stop');
	}
	if (responder) {
		assert.ok(existsSync(`/proc/${responder}`), 'the responder has ended');
		assert.match(said, /goes on with version \S+ until it is restarted/);
	}
	return work.served;
}

describe('an upgrade and the way back, under load', { concurrency: 1 }, () => {
	for (const name of ['lighttpd FastCGI', 'lighttpd FastCGI, kiro.socket',
			    'lighttpd CGI at /cgi-bin/kiro.fcgi', 'Apache mod_fcgid'])
		test(name, { timeout: 180000 }, async (t) => {
			const site = await startSite(packageModes[name]);

			try {
				t.diagnostic(`${STREAMS} streams and ${await upgradeUnderLoad(site)} ` +
					     'whole answers, none lost');
			} catch (error) {
				t.diagnostic(`log:\n${site.server.log().slice(-3000)}`);
				throw error;
			} finally {
				await site.stop();
			}
		});
});
