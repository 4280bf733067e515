// The second part of new-user.test.mjs: what root and the new user type, with what they see, on
// standard output. Its argument is a root in which the package was installed.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';

import { request } from '../lib/http.mjs';
import { start, stop, until } from '../lib/process.mjs';
import { accepts } from '../lib/servers.mjs';
import { startStandin } from '../lib/standin.mjs';
import { hosts } from './root.mjs';

const [dir] = process.argv.slice(2);
const paths = { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8',
		DEBIAN_FRONTEND: 'noninteractive' };
const note = (text) => process.stdout.write(`${text}\n`);

// Types a command and returns what it says. user: who; fails: it may.
async function type(command, { user = 'root', env = {}, fails = false, shown = command } = {}) {
	const home = user === 'root' ? '/root' : `/home/${user}`;

	note(`${user === 'root' ? '#' : '$'} ${shown}`);
	const child = start('chroot', [`--userspec=${user}`, dir, 'bash', '-c',
				       `exec 2>&1; cd ${home}; ${command}`],
			    { env: { ...paths, HOME: home, ...env } });
	const closed = new Promise((resolve) => child.once('close', resolve));
	const { code } = await child.ended;

	await closed;
	note(child.text.trimEnd());
	assert.ok(fails ? code : code === 0, `${command}: exit ${code}\n${child.text}`);
	return child.text;
}

const answers = () => request({ port: 80, path: '/' }).then(() => true, () => false);

// What systemctl does where systemd runs.
async function serve(name, command) {
	note(`# systemctl start ${name}`);
	const child = start('chroot', [dir, 'sh', '-ec', command], { env: paths });

	await until(async () => {
		assert.equal(child.exitCode, null, child.text);
		return answers();
	}, name);
	return child;
}

async function startResponder() {
	const socket = `${dir}/run/kiro-fcgi/kiro.sock`;

	mkdirSync(`${dir}/run/kiro-fcgi`, { recursive: true });
	const child = start('spawn-fcgi', ['-n', '-s', socket, '-M', '0660', '-U', 'www-data', '-G',
		'www-data', '--', '/usr/sbin/chroot', '--userspec=kiro-fcgi:www-data', dir,
		'/usr/lib/kiro-fcgi/kiro.fcgi', '--config', '/etc/kiro-fcgi/kiro.json'], { env: paths });

	await until(() => accepts(socket), 'the responder');
	return child;
}

async function claude(key, says) {
	const out = await type(`claude -p 'What is in notes.txt, and what is its sum? @go@' --allowedTools Read Bash`, {
		user: 'ann',
		shown: 'ANTHROPIC_BASE_URL=http://127.0.0.1/kiro ANTHROPIC_API_KEY=kiro-... claude -p ' +
		       "'What is in notes.txt, and what is its sum? @go@' --allowedTools Read Bash",
		env: { ANTHROPIC_BASE_URL: 'http://127.0.0.1/kiro', ANTHROPIC_API_KEY: key,
		       CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' },
		fails: !says,
	});

	if (says)
		assert.equal(out.trim(), says);
}

const standin = await startStandin();
const call = (id, name, input) => ({ steps: [{ tool: { id, name, input, pieces: 4 } }] });

await standin.device({ pending: 1, user: 'ann' });
await standin.script('go', call('tooluse_1', 'Read', { file_path: '/home/ann/notes.txt' }));
await standin.script('sum', call('tooluse_2', 'Bash', { command: 'echo $((17 + 25)) @told@',
							description: 'Adds' }));
await standin.script('told', { steps: [{ text: 'Seventeen and twenty-five: 42.', pieces: 3 }] });

const upstream = hosts.map((host) => `"${host}": "${standin.url}"`).join(', ');

await type(`sed -i '1,2!s|^{|{ "upstream": { ${upstream} },|' /etc/kiro-fcgi/kiro.json && kiroctl config check`,
	   { shown: 'kiroctl config check      # kiro.json names the stand-in upstream for this test' });
await type('kiroctl login builder-id');
const key = (await type('kiroctl key add laptop')).match(/kiro-\S+/)[0];

await type("echo 'seventeen and twenty-five @sum@' >notes.txt", { user: 'ann' });
await type('lighty-enable-mod kiro');
await type('install -d -o www-data -g www-data /run/lighttpd /var/log/lighttpd',
	   { shown: ': what systemd-tmpfiles does' });
let server = await serve('lighttpd', 'exec lighttpd -D -f /etc/lighttpd/lighttpd.conf');

await type(`echo ${key} | kiroctl doctor --offline --url http://127.0.0.1/kiro --key-file - --silence 12`,
	   { shown: 'kiroctl doctor --offline --url http://127.0.0.1/kiro --key-file key --silence 12' });
await claude(key, 'Seventeen and twenty-five: 42.');
await stop(server);

await type('a2enconf kiro');
const responder = await startResponder();
const apache = `. /etc/apache2/envvars; mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR
	install -d -o www-data $APACHE_RUN_DIR/socks; exec apache2 -DFOREGROUND -c 'ServerName x'`;

server = await serve('kiro.socket apache2', apache);
await claude(key, 'Seventeen and twenty-five: 42.');
await stop(server);
await stop(responder);
await type('kiroctl account list && kiroctl usage');

await type('apt-get remove -y kiro-fcgi');
await type('lighttpd -tt -f /etc/lighttpd/lighttpd.conf && apache2ctl -t');
server = await serve('apache2', apache);
await claude(key, null);
await stop(server);
const said = await type('apt-get purge -y kiro-fcgi');
const [, kept] = /kept in (\S+);/.exec(said);

await type(`ls -lR ${kept}`);
await type('apt-get autoremove -y --purge');
await standin.stop();
process.exit(0);
