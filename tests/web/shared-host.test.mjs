// The archive of `make dist` behind Apache, in a directory of a user's web space.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { run } from '../lib/process.mjs';
import { webUser } from '../lib/servers.mjs';
import { checkMode } from './checks.mjs';
import { modes } from './modes.mjs';
import { startSite } from './site.mjs';

// The archive is of the ordinary build.
const sanitized = /san$/.test(process.env.BUILD ?? '');

if (!sanitized)
	checkMode('Apache, archive for shared hosts');

describe('INSTALL.txt of the archive', { timeout: 60000, skip: sanitized }, () => {
	const mode = modes['Apache, archive for shared hosts'];
	const fetched = (site, path) => site.request({ path });

	test('no file can be fetched, and kiro.json must not be readable by others', async () => {
		const site = await startSite(mode);

		try {
			for (const path of ['/kiro.json', '/lib/loader', '/lib/kiro.fcgi', '/kiroctl',
					    '/.htaccess']) {
				const answer = await fetched(site, path);

				assert.ok([403, 404].includes(answer.status), `${path}: ${answer.status}`);
			}
			assert.equal((await fetched(site, '/health/live')).status, 200);
			chmodSync(site.at.configFile, 0o644);
			assert.equal((await fetched(site, '/health/live')).status, 500);
			assert.match(site.server.log(), /can be read by every user: chmod 600/);
		} finally {
			await site.stop();
		}
	});

	test('logins made at home go to the host by a file and its cron page', {
		skip: !webUser && 'needs root, to be another user',
	}, async () => {
		const site = await startSite(mode);

		try {
			const home = join(site.at.dir, 'home'), { programDir, stateDir } = site.at;
			/* As the host runs its cron jobs: with next to no environment. */
			const cron = (command) => run('su', ['-s', '/bin/sh', webUser, '-c', command],
						      { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
			const kiroctl = join(programDir, 'kiroctl');

			mkdirSync(home);
			site.at.kiroctl(['export', join(home, 'accounts.jsonl'), '--secrets']);
			run('rm', ['-r', stateDir]);
			run('install', ['-d', '-o', webUser, '-m', '700', stateDir]);
			run('install', ['-o', webUser, '-m', '600', join(home, 'accounts.jsonl'),
					join(programDir, 'accounts.jsonl')]);
			cron(`${kiroctl} init && ${kiroctl} import-state ${programDir}/accounts.jsonl ` +
			     `--yes && chmod 700 ${stateDir}`);
			cron(`${join(programDir, 'kiro-refresh')} --quiet`);
			const answer = await site.request({
				path: '/v1/messages',
				body: { model: 'claude-sonnet-4-5', max_tokens: 100,
					messages: [{ role: 'user', content: '@hello@' }] },
			});

			assert.equal(answer.status, 200, answer.text);
			assert.equal(answer.json.content[0].text, 'Hello.');
		} finally {
			await site.stop();
		}
	});
});
