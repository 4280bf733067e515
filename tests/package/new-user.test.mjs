// As a new user would: the package, a login, a key, the web server's module, Claude Code. The apt
// commands run here; what follows runs in a namespace whose only network is loopback, so that the
// servers have their usual port and Claude Code reaches nobody else (new-user.mjs).
// The transcript is build/package/transcript.txt.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { cleanRoot, etcOf, packageFile } from './root.mjs';

const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const client = here(`../clients/claude-code/node_modules/@anthropic-ai/claude-code-linux-${process.arch}/claude`);

describe('a new user', { timeout: 600000 }, () => {
	test('gets Claude Code working in lighttpd and in Apache, and the server back as it was', (t) => {
		assert.ok(existsSync(client), `${client}: npm ci in tests/clients/claude-code`);
		const root = cleanRoot();

		try {
			const before = etcOf(root);
			const command = `apt-get install -y /root/${basename(packageFile())}`;
			const said = root.sh(`${command} 2>&1`).split('\n')
				.filter((line) => !/^(Get|Selecting|Preparing|Unpacking|Need|\(Reading|Fetched|debconf)/
					.test(line));

			cpSync(client, root.path('usr/local/bin/claude'));
			root.sh('useradd --create-home ann');
			const { status, stdout, stderr } = spawnSync('unshare', ['--net', 'sh', '-c',
				'ip link set lo up && exec "$@"', 'sh', process.execPath,
				here('new-user.mjs'), root.dir], { encoding: 'utf8', timeout: 300000 });

			writeFileSync(here('../../build/package/transcript.txt'),
				      `# ${command}\n${said.join('\n')}${stdout}`);
			assert.equal(status, 0, stdout + stderr);
			root.sh('userdel --remove ann 2>&1');
			assert.deepEqual(etcOf(root), before);
			t.diagnostic('the transcript is in build/package/transcript.txt');
		} finally {
			root.remove();
		}
	});
});
