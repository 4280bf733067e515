// A clean Debian in a directory, with the package installed in it: made by debootstrap once, copied
// for each run. Its servers run chrooted there, with the configuration that Debian gives them.
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync,
	 rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from '../lib/process.mjs';

const build = fileURLToPath(new URL('../../build', import.meta.url));
const roots = join(build, 'package/debian'); /* deeper than make looks for its *.d */
const base = join(roots, 'base');
const servers = ['lighttpd', 'apache2', 'libapache2-mod-fcgid', 'nginx-light', 'ca-certificates',
		 'logrotate'];

export const suite = /VERSION_CODENAME=(\w+)/.exec(readFileSync('/etc/os-release', 'utf8'))[1];

// Debian and the web servers, without the package.
function makeBase() {
	const half = `${base}.half`;

	mkdirSync(roots, { recursive: true });
	rmSync(half, { recursive: true, force: true });
	run('debootstrap', ['--variant=minbase', suite, half]);
	rmSync(join(half, 'etc/apt/sources.list'), { force: true });
	cpSync('/etc/apt', join(half, 'etc/apt'), { recursive: true });
	cpSync('/etc/resolv.conf', join(half, 'etc/resolv.conf'), { dereference: true });
	writeFileSync(join(half, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
	const root = enter(half);

	try {
		root.sh(`apt-get update -qq && apt-get install -y -qq --no-install-recommends
			 ${servers.join(' ')} && apt-get clean`.replace(/\s+/g, ' '));
	} finally {
		root.leave();
	}
	run('mv', [half, base]);
}

function enter(dir) {
	const leave = () => run('umount', [join(dir, 'proc')]);

	run('mount', ['-t', 'proc', 'proc', join(dir, 'proc')]);
	process.once('exit', leave);
	return {
		dir,
		path: (name) => join(dir, name),
		read: (name) => readFileSync(join(dir, name), 'utf8'),
		write: (name, text, mode = 0o644) => {
			writeFileSync(join(dir, name), text);
			chmodSync(join(dir, name), mode);
		},
		edit(name, from, to) {
			const text = this.read(name);

			if (!text.match(from))
				throw new Error(`${name} has no ${from}`);
			writeFileSync(join(dir, name), text.replace(from, to));
		},
		sh: (command, options = {}) => run('chroot', [dir, 'sh', '-ec', command], {
			...options,
			env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8',
			       DEBIAN_FRONTEND: 'noninteractive', ...options.env },
		}),
		leave() {
			process.off('exit', leave);
			leave();
		},
	};
}

// The package that `make deb` made.
export function packageFile() {
	const name = readdirSync(build).find((file) => /^kiro-fcgi_.*\.deb$/.test(file));

	return join(build, name);
}

// A fresh root: { dir, path(), read(), write(), edit(), sh(), install(), remove() }.
export function cleanRoot() {
	if (!existsSync(base))
		makeBase();
	const dir = mkdtempSync(join(roots, 'root-'));

	chmodSync(dir, 0o755);
	run('cp', ['-a', `${base}/.`, dir]);
	const root = enter(dir);
	const file = basename(packageFile());

	cpSync(packageFile(), root.path(`root/${file}`));
	root.install = () => root.sh(`apt-get install -y -qq --no-install-recommends /root/${file} 2>&1`);
	root.remove = () => {
		root.leave();
		rmSync(dir, { recursive: true, force: true });
	};
	return root;
}

const hosts = ['inference_url', 'management_url', 'social_url', 'oidc_url', 'portal_url', 'mcp_url'];
const webGroup = 33; /* www-data, on every Debian */

// What makeInstallation() of tests/lib makes, in a root with the package: its user's state, its
// kiro.json, an account that the stand-in knows, a client key.
export async function packageInstallation(root, { standin, settings = {} }) {
	const configFile = root.path('etc/kiro-fcgi/kiro.json');
	const all = { state_dir: '/var/lib/kiro-fcgi', ...settings };
	const upstream = Object.fromEntries(hosts.map((host) => [host, standin.url]));

	upstream.idle_timeout = 900; /* what is tested is the web server's patience */
	const at = {
		dir: root.dir, root, configFile,
		stateDir: root.path('var/lib/kiro-fcgi'),
		program: root.path('usr/lib/kiro-fcgi/kiro.fcgi'),
		env: { PATH: process.env.PATH },
		remove() {},
	};

	at.configure = (changes = {}) => {
		const text = typeof changes === 'string' ? changes :
			JSON.stringify({ ...Object.assign(all, changes), upstream }, null, '\t');

		writeFileSync(`${configFile}.new`, text, { mode: 0o640 });
		chownSync(`${configFile}.new`, 0, webGroup);
		run('mv', [`${configFile}.new`, configFile]);
	};
	at.kiroctl = (args, options) => root.sh(`kiroctl ${args.join(' ')}`, options);
	rmSync(at.stateDir, { recursive: true, force: true });
	mkdirSync(at.stateDir);
	run('chroot', [root.dir, 'chown', 'kiro-fcgi:www-data', '/var/lib/kiro-fcgi']);
	chmodSync(at.stateDir, 0o2770);
	at.configure();
	const [account] = await standin.addAccounts([{ name: 'one', kind: 'social' }]);

	at.kiroctl(['init']);
	at.kiroctl(['account', 'import', '-', '--yes'], { input: JSON.stringify([{
		authMethod: 'social', accessToken: account.accessToken,
		refreshToken: account.refreshToken, profileArn: account.profileArn,
		expiresAt: new Date(Date.now() + account.expiresIn * 1000).toISOString(),
	}]) });
	at.key = at.kiroctl(['key', 'add', 'test']).trim();
	return at;
}
