// A clean Debian in a directory, with the package installed in it: made by debootstrap once, copied
// for each run. Its servers run chrooted there, with the configuration that Debian gives them.
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync,
	 rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from '../lib/process.mjs';

const build = fileURLToPath(new URL('../../build', import.meta.url));
const roots = join(build, 'package/debian'); /* deeper than make looks for its *.d */
const base = join(roots, 'base');
const packages = ['lighttpd', 'lighttpd-mod-openssl', 'apache2', 'apache2-suexec-pristine',
		  'libapache2-mod-fcgid', 'nginx-light', 'ssl-cert', 'ca-certificates', 'logrotate'];
const noted = join(base, 'root/packages'); /* what is there of them */

export const suite = /VERSION_CODENAME=(\w+)/.exec(readFileSync('/etc/os-release', 'utf8'))[1];

// Debian and the web servers, without the package.
function makeBase() {
	const half = `${base}.half`;

	if (!existsSync(base)) {
		mkdirSync(roots, { recursive: true });
		rmSync(half, { recursive: true, force: true });
		run('debootstrap', ['--variant=minbase', suite, half]);
		rmSync(join(half, 'etc/apt/sources.list'), { force: true });
		cpSync('/etc/apt', join(half, 'etc/apt'), { recursive: true });
		cpSync('/etc/resolv.conf', join(half, 'etc/resolv.conf'), { dereference: true });
		writeFileSync(join(half, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
		run('mv', [half, base]);
	}
	const root = enter(base);

	try {
		root.sh(`apt-get update -qq && apt-get install -y -qq --no-install-recommends
			 ${packages.join(' ')} && apt-get clean`.replace(/\s+/g, ' '));
	} finally {
		root.leave();
	}
	writeFileSync(noted, packages.join());
}

// Nothing stays mounted, however the run ends.
const entered = new Set();

process.once('exit', () => entered.forEach((root) => root.leave()));
process.once('SIGTERM', () => process.exit(143));
process.once('SIGINT', () => process.exit(130));

function enter(dir) {
	const root = {
		dir,
		path: (name) => join(dir, name),
		read: (name) => readFileSync(join(dir, name), 'utf8'),
		write: (name, text, mode = 0o644) => {
			writeFileSync(join(dir, name), text);
			chmodSync(join(dir, name), mode);
		},
		edit(name, from, to) {
			const text = root.read(name);

			if (!text.match(from))
				throw new Error(`${name} has no ${from}`);
			writeFileSync(join(dir, name), text.replace(from, to));
		},
		/* user: who runs it, else root */
		sh: (command, { user = 'root', ...options } = {}) => run('chroot',
			[`--userspec=${user}`, dir, 'sh', '-ec', command], {
				...options,
				env: { PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C.UTF-8',
				       DEBIAN_FRONTEND: 'noninteractive', ...options.env },
			}),
		leave() {
			if (entered.delete(root))
				run('umount', [join(dir, 'proc')]);
		},
		/* Beside us: to remove so many files may take long, and others are being tested. */
		remove() {
			root.leave();
			spawn('rm', ['-rf', '--one-file-system', dir], { stdio: 'ignore' });
		},
	};

	run('mount', ['-t', 'proc', 'proc', join(dir, 'proc')]);
	entered.add(root);
	return root;
}

// The package that `make deb` made.
export function packageFile() {
	const name = readdirSync(build).find((file) => /^kiro-fcgi_.*\.deb$/.test(file));

	return join(build, name);
}

// A root of its own with what `from` has.
function copyOf(from) {
	const dir = mkdtempSync(join(roots, 'root-'));

	chmodSync(dir, 0o755);
	run('cp', ['-a', '--one-file-system', `${from}/.`, dir]);
	return enter(dir);
}

// A fresh root: { dir, path(), read(), write(), edit(), sh(), install(), remove() }.
export function cleanRoot() {
	if (!existsSync(noted) || readFileSync(noted, 'utf8') !== packages.join())
		makeBase();
	const root = copyOf(base);
	const file = basename(packageFile());

	cpSync(packageFile(), root.path(`root/${file}`));
	root.install = () => root.sh(`apt-get install -y -qq --no-install-recommends /root/${file} 2>&1`);
	return root;
}

let installed;

// A fresh root with the package installed.
export function installedRoot() {
	if (!installed) {
		installed = cleanRoot();
		installed.install();
		process.once('exit', () => installed.remove());
	}
	return copyOf(installed.dir);
}

// Everything below /etc with its modes and contents, but what the tools for users keep beside it and
// the linker's cache, which has the libraries that stay.
export const etcOf = (root) => root.sh(`find /etc ! -name '*-' ! -name .pwd.lock \
	! -name ld.so.cache ! -name subuid ! -name subgid -printf '%p %m %u:%g %l ' \
	\\( -type f -exec sha256sum {} \\; -o -printf '\\n' \\) | sort`).split('\n');

export const hosts = ['inference_url', 'management_url', 'social_url', 'oidc_url', 'portal_url',
		      'mcp_url'];

// Where an installation is, and whose: as the package has it.
export const ofPackage = {
	config: '/etc/kiro-fcgi/kiro.json', configMode: '640', configOwner: 'root:www-data',
	state: '/var/lib/kiro-fcgi', stateMode: '2770', stateOwner: 'kiro-fcgi:www-data',
	program: '/usr/lib/kiro-fcgi/kiro.fcgi', kiroctl: 'kiroctl', user: 'root',
};

// What makeInstallation() of tests/lib makes, in a root: state, kiro.json, an account that the
// stand-in knows, a client key.
export async function installationIn(root, { standin, settings = {} }, place = ofPackage) {
	const all = { state_dir: place.state, ...settings };
	const upstream = Object.fromEntries(hosts.map((host) => [host, standin.url]));

	/* What is tested is the web server's patience. */
	Object.assign(upstream, { idle_timeout: 900, first_byte_timeout: 900 });
	const at = {
		dir: root.dir, root,
		configFile: root.path(place.config),
		stateDir: root.path(place.state),
		program: root.path(place.program),
		env: { PATH: process.env.PATH },
		remove: () => root.remove(),
	};

	at.configure = (changes = {}) => {
		const text = typeof changes === 'string' ? changes :
			JSON.stringify({ ...Object.assign(all, changes), upstream }, null, '\t');

		root.sh(`umask 077; cat >${place.config}.new; chown ${place.configOwner} ${place.config}.new
			 chmod ${place.configMode} ${place.config}.new
			 mv ${place.config}.new ${place.config}`, { input: text });
	};
	at.kiroctl = (args, options) => root.sh(`${place.kiroctl} ${args.join(' ')}`,
						{ user: place.user, ...options });
	root.sh(`rm -rf ${place.state}; mkdir -m ${place.stateMode} ${place.state}
		 chown ${place.stateOwner} ${place.state}; chmod ${place.stateMode} ${place.state}`);
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
