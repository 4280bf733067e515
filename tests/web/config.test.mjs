// The configuration files as they are delivered, inside what Debian installs: nothing is set twice,
// nothing is unknown, and the defaults of the paths are all there.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { run } from '../lib/process.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const debianLighttpd = '/etc/lighttpd/lighttpd.conf';
const apacheModules = '/usr/lib/apache2/modules';

let dir;

before(() => (dir = mkdtempSync(join(tmpdir(), 'kiro-test-'))));
after(() => rmSync(dir, { recursive: true, force: true }));

for (const fragment of ['kiro-fastcgi.conf', 'kiro-external.conf', 'kiro-cgi.conf']) {
	test(`lighttpd/${fragment} fits into Debian's lighttpd.conf`, {
		skip: !existsSync(debianLighttpd) && 'no lighttpd.conf here',
	}, () => {
		const file = join(dir, 'lighttpd.conf');
		const includes = ['kiro-paths.conf', fragment].map((name) =>
			`include "${root}/lighttpd/${name}"`).join('\n');
		const text = readFileSync(debianLighttpd, 'utf8');

		/* In the place of what the machine's owner has enabled. */
		writeFileSync(file, text.replace(/^include ".*conf-enabled.*$/m, includes));
		run('lighttpd', ['-tt', '-f', file]);
	});
}

const needs = { 'kiro-fcgid.conf': ['fcgid'], 'kiro-proxy-fcgi.conf': ['proxy', 'proxy_fcgi'],
		'kiro-cgi.conf': ['cgid'] };

for (const [fragment, modules] of Object.entries(needs)) {
	test(`apache/${fragment} is right with its own paths and the modules that it names`, () => {
		const file = join(dir, 'apache.conf');
		const all = ['mpm_event', 'authz_core', 'alias', 'env', ...modules];

		writeFileSync(file, [
			`ServerRoot "${dir}"`,
			'ServerName 127.0.0.1',
			`DefaultRuntimeDir "${dir}"`,
			`ErrorLog "${dir}/apache.log"`,
			...all.map((name) =>
				`LoadModule ${name}_module "${apacheModules}/mod_${name}.so"`),
			`Include "${root}/apache/${fragment}"`,
			'',
		].join('\n'));
		run('apache2', ['-t', '-d', dir, '-f', file]);
	});
}

const units = ['kiro.socket', 'kiro.service', 'kiro-refresh.service', 'kiro-refresh.timer'];
const analyze = '/usr/bin/systemd-analyze';

test('the systemd units are right', { skip: !existsSync(analyze) && 'no systemd here' }, () => {
	/* The programs are not installed where the units expect them, nor are the manual pages. */
	for (const name of units) {
		writeFileSync(join(dir, name), readFileSync(`${root}/etc/${name}`, 'utf8')
			.replace(/^Documentation=.*\n/m, '')
			.replace(/^ExecStart=\S+/m, 'ExecStart=/bin/true'));
	}
	run(analyze, ['verify', ...units.map((name) => join(dir, name))]);
});
