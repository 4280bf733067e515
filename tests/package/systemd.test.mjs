// The units of the package, as far as this goes without systemd as init: it reads them, and hands
// the responder its socket as the units say.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { request } from '../lib/http.mjs';
import { run, start, stop, until } from '../lib/process.mjs';
import { accepts } from '../lib/servers.mjs';
import { lighttpd } from './modes.mjs';
import { installedRoot } from './root.mjs';

const units = ['kiro.socket', 'kiro.service', 'kiro-refresh.service', 'kiro-refresh.timer'];

describe('the units of systemd', { timeout: 120000 }, () => {
	let root;

	before(() => (root = installedRoot()));
	after(() => root?.remove());

	test('say nothing that systemd does not know', () => {
		/* The programs are where it does not look. */
		const copies = mkdtempSync(join(tmpdir(), 'kiro-units-'));

		try {
			for (const unit of units)
				writeFileSync(join(copies, unit), root.read(`lib/systemd/system/${unit}`)
					.replace(/^ExecStart=/gm, `ExecStart=${root.dir}`));
			run('systemd-analyze', ['verify', '--man=no', '--recursive-errors=no',
						...units.map((unit) => join(copies, unit))]);
		} finally {
			rmSync(copies, { recursive: true });
		}
	});

	test('leave the services few rights', (t) => {
		for (const unit of units.filter((name) => name.endsWith('.service'))) {
			const said = run('systemd-analyze', ['security', '--offline=yes', '--no-pager',
				'--threshold=25', root.path(`lib/systemd/system/${unit}`)]);

			t.diagnostic(/Overall exposure.*/.exec(said)[0]);
		}
	});

	/* What socket and service say, without who starts them. */
	test('the service takes its listening socket as descriptor 0, and ends in order', async () => {
		const socket = root.path('run/kiro-fcgi/kiro.sock');
		const service = root.read('lib/systemd/system/kiro.service');
		const [program, ...args] = /^ExecStart=(.*)$/m.exec(service)[1].split(' ');

		assert.match(service, /^StandardInput=socket$/m);
		assert.match(root.read('lib/systemd/system/kiro.socket'),
			     /^ListenStream=\/run\/kiro-fcgi\/kiro\.sock$/m);
		root.sh('mkdir -p /run/kiro-fcgi');
		rmSync(socket, { force: true });
		const child = start('systemd-socket-activate', ['--inetd', `--listen=${socket}`,
			'chroot', '--userspec=kiro-fcgi:www-data', root.dir, program, ...args]);

		try {
			/* It starts at the first connection, and not before. */
			await until(() => /Listening on/.test(child.text), 'the socket');
			root.sh('chown www-data:www-data /run/kiro-fcgi/kiro.sock');
			const server = await lighttpd(root, { include: 'external' });

			try {
				const answer = await request({ port: server.port,
							       path: '/kiro/health/live' });

				assert.deepEqual([answer.status, answer.json],
						 [200, { status: 'live' }], child.text);
				assert.ok(await accepts(socket));
			} finally {
				await server.stop();
			}
		} finally {
			assert.deepEqual(await stop(child), { code: 0, signal: null }, child.text);
		}
	});
});
