// The Debian package in a clean Debian: what installing, upgrading, removing and purging it leaves.
import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { cleanRoot, etcOf } from './root.mjs';

describe('the package', { timeout: 300000 }, () => {
	let root, untouched;

	before(() => {
		root = cleanRoot();
		untouched = etcOf(root);
		root.install();
	});
	after(() => root?.remove());

	test('brings programs, manual pages, completion, and settings that only the group reads', () => {
		assert.match(root.sh('kiroctl --version; kiro-refresh --version; ' +
				     '/usr/lib/kiro-fcgi/kiro.fcgi --version'), /(.* \d+\.\d+\.\d+\n){3}/);
		for (const page of ['man1/kiroctl.1.gz', 'man5/kiro.json.5.gz', 'man8/kiro.fcgi.8.gz',
				    'man8/kiro-refresh.8.gz'])
			assert.ok(existsSync(root.path(`usr/share/man/${page}`)), page);
		assert.ok(existsSync(root.path('usr/share/bash-completion/completions/kiroctl')));
		assert.equal(root.sh('stat -c "%a %U:%G" /etc/kiro-fcgi/kiro.json /var/lib/kiro-fcgi'),
			     '640 root:www-data\n2770 kiro-fcgi:www-data\n');
		root.sh('kiroctl config check');
	});

	test('renews by the timer where systemd runs, else by cron: never by both', () => {
		const cron = root.read('etc/cron.d/kiro-fcgi');
		const command = /kiro-fcgi (\[.*)$/m.exec(cron)[1];
		const run = (before) => root.sh(`${before}; set -x; ${command} --version 2>&1`,
						{ stdio: 'pipe' });

		assert.match(run('rmdir /run/systemd/system 2>/dev/null || :'), /^kiro-refresh \d/m);
		assert.doesNotMatch(run('mkdir -p /run/systemd/system'), /^kiro-refresh \d/m);
		root.sh('rmdir /run/systemd/system');
		assert.match(lstatSync(root.path(
			'etc/systemd/system/timers.target.wants/kiro-refresh.timer')).mode.toString(8), /^12/);
		assert.ok(!existsSync(root.path('etc/systemd/system/multi-user.target.wants/kiro.service')));
	});

	test('its logrotate file is right', () => {
		root.sh('logrotate --debug /etc/logrotate.d/kiro-fcgi 2>&1');
	});

	test('what root does with kiroctl belongs to the service', () => {
		root.sh('kiroctl init && kiroctl key add one');
		const owners = root.sh('stat -c "%a %U:%G" /var/lib/kiro-fcgi/*.gdbm');

		assert.match(owners, /^(660 kiro-fcgi:www-data\n)+$/);
		root.sh('runuser -u www-data -- kiroctl key add two');
		root.sh('runuser -u kiro-fcgi -- kiroctl key add three');
		assert.match(root.sh('kiroctl key list'), /one[^]*two[^]*three|three[^]*two/);
	});

	test('an upgrade keeps the settings and asks nothing', () => {
		root.edit('etc/kiro-fcgi/kiro.json', '{\n', '{ // mine\n');
		root.sh('apt-get install -y -qq --reinstall /root/kiro-fcgi_*.deb </dev/null 2>&1');
		assert.match(root.read('etc/kiro-fcgi/kiro.json'), /mine/);
	});

	test('when it is removed, the web servers start without it', () => {
		root.sh('lighty-enable-mod kiro && a2enconf -q kiro');
		root.sh('lighttpd -tt -f /etc/lighttpd/lighttpd.conf && apache2ctl -t 2>&1');
		root.sh('apt-get remove -y -qq kiro-fcgi </dev/null 2>&1');
		assert.ok(!existsSync(root.path('etc/lighttpd/conf-enabled/50-kiro.conf')));
		assert.ok(!existsSync(root.path('etc/apache2/conf-enabled/kiro.conf')));
		root.sh('lighttpd -tt -f /etc/lighttpd/lighttpd.conf && apache2ctl -t 2>&1');
		assert.ok(existsSync(root.path('var/lib/kiro-fcgi/keys.gdbm')));
	});

	test('purging asks nothing, keeps the tokens and says where, and leaves nothing else', () => {
		const said = root.sh('apt-get purge -y -qq kiro-fcgi </dev/null 2>&1');
		const kept = /kept in (\/var\/backups\/kiro-fcgi-\d{8}-\d{6});/.exec(said)?.[1];

		assert.ok(kept, said);
		assert.deepEqual(readdirSync(root.path(kept)).sort(), ['kiro.json', 'state']);
		assert.ok(existsSync(root.path(`${kept}/state/keys.gdbm`)));
		assert.equal(root.sh(`stat -c "%a %U" ${kept}`), '700 root\n');
		for (const gone of ['etc/kiro-fcgi', 'var/lib/kiro-fcgi', 'var/log/kiro-fcgi'])
			assert.ok(!existsSync(root.path(gone)), gone);
		assert.throws(() => root.sh('getent passwd kiro-fcgi'));
		assert.deepEqual(etcOf(root), untouched);
	});
});
