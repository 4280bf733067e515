// The hosting modes: how each one is set up with the files of lighttpd/ and apache/, and what its
// web server tells the program of a client that left.
import { execFileSync } from 'node:child_process';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { processesOf, startApache, startLighttpd, startResponder,
	 webUser } from '../lib/servers.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// What a web server gets of the environment: not where the configuration is.
const serverEnv = ({ env }) => ({ ...env, KIRO_CONFIG: undefined });

const fcgid = '\tFcgidIPCDir "@RUN@/fcgid"\n\tFcgidProcessTableFile "@RUN@/fcgid_shm"';
const cgid = 'ScriptSock "@RUN@/cgid.sock"';

async function lighttpdFastcgi(at, mount) {
	const server = await startLighttpd({
		dir: at.dir,
		env: serverEnv(at),
		fragment: 'kiro-fastcgi.conf',
		variables: { kiro_mount: mount, kiro_config: at.configFile,
			     kiro_program: at.program,
			     kiro_spawn_socket: join(at.dir, 'spawned.sock') },
	});

	return { ...server, responder: () => processesOf(at.program, server.pid)[0] };
}

// A server in front of a responder that it did not start.
async function external(at, startServer) {
	const responder = await startResponder({ program: at.program, env: at.env, user: webUser,
						 socket: join(at.dir, 'kiro.sock') });
	let server;

	try {
		server = await startServer(responder.socket);
	} catch (error) {
		await responder.stop();
		throw error;
	}
	return {
		...server,
		process: responder, /* the current one */
		responder() {
			return this.process.pid;
		},
		log() {
			return this.process.log() + server.log();
		},
		async stop() {
			await server.stop();
			return this.process.stop();
		},
	};
}

const lighttpdExternal = (at, mount) => external(at, (socket) => startLighttpd({
	dir: at.dir,
	env: serverEnv(at),
	fragment: 'kiro-external.conf',
	variables: { kiro_mount: mount, kiro_socket: socket },
}));

const lighttpdCgi = (at, mount) => startLighttpd({
	dir: at.dir,
	env: serverEnv(at),
	fragment: 'kiro-cgi.conf',
	variables: { kiro_mount: mount, kiro_config: at.configFile, kiro_cgi: at.cgi },
});

// directives: of the server, beside the fragment's.
export const apacheProxyFcgi = (at, mount, directives) => external(at, (socket) => startApache({
	dir: at.dir,
	directives,
	env: serverEnv(at),
	fragment: 'kiro-proxy-fcgi.conf',
	load: ['proxy', 'proxy_fcgi'],
	defines: { KIRO_SOCKET: socket, KIRO_MOUNT: mount },
}));

const apacheFcgid = (at, mount) => startApache({
	dir: at.dir,
	env: serverEnv(at),
	fragment: 'kiro-fcgid.conf',
	load: ['fcgid'],
	directives: fcgid,
	defines: { KIRO_PROGRAM: at.program, KIRO_CONFIG: at.configFile, KIRO_MOUNT: mount },
});

const apacheCgi = (at, mount) => startApache({
	dir: at.dir,
	env: serverEnv(at),
	fragment: 'kiro-cgi.conf',
	load: ['cgid'],
	directives: cgid,
	defines: { KIRO_PROGRAM: at.cgi, KIRO_CONFIG: at.configFile, KIRO_MOUNT: mount },
});

// A shared host: the owner of the server allows this, the rest stands in the .htaccess.
function sharedHost(at) {
	return startApache({
		dir: at.dir,
		env: serverEnv(at),
		load: ['cgid', 'rewrite'],
		directives: `${cgid}
DocumentRoot "${at.dir}/www"
<Directory "${at.dir}/www">
	AllowOverride AuthConfig FileInfo Options
	Require all granted
</Directory>`,
	});
}

function apacheHtaccess(at) {
	copyFileSync(`${root}/apache/htaccess`, join(at.programDir, '.htaccess'));
	return sharedHost(at);
}

// The archive for shared hosts, made and unpacked in the place of the programs; kiro.json stays.
export function unpackArchive(dir) {
	const made = execFileSync(`${root}/etc/make-dist`, { encoding: 'utf8' });

	execFileSync('tar', ['-xzf', join(root, /build\S*\.tar\.gz/.exec(made)[0]), '-C', dir,
			     '--strip-components=2', '--no-same-owner', '--exclude=kiro.json',
			     '--wildcards', '*/kiro/*']);
}

function apacheArchive(at) {
	rmSync(at.cgi);
	rmSync(at.program);
	unpackArchive(at.programDir);
	return sharedHost(at);
}

// mount      the URL prefix
// start      (installation, mount) => { port, log(), stop(signal), responder() }
// user       who runs the program when the tests run as root
// tells      how the program learns that a client left while nothing is written: 'at once' by the
//            web server, or by a failed 'ping'
// lasting    one process that serves everything: it can be told to stop and to reload
// external   started by somebody else than the web server
// layout     where program and configuration lie
// via        how clients speak to it (tests/lib/http2.mjs), unless by HTTP/1.1
// proxied    a proxy in front tells of its clients
// withoutLength   the status of a body that comes without its length, where it is refused
export const modes = {
	'lighttpd FastCGI': {
		start: lighttpdFastcgi, mount: '/kiro', tells: 'at once', lasting: true,
	},
	'lighttpd FastCGI, started elsewhere': {
		start: lighttpdExternal, mount: '/kiro', tells: 'at once', lasting: true,
		external: true, user: webUser,
	},
	'lighttpd CGI': {
		start: lighttpdCgi, mount: '/kiro', tells: 'at once',
	},
	'Apache mod_proxy_fcgi': {
		start: apacheProxyFcgi, mount: '/kiro', tells: 'ping', lasting: true,
		external: true, user: webUser,
	},
	'Apache mod_fcgid': {
		start: apacheFcgid, mount: '/kiro', tells: 'ping', user: webUser,
	},
	'Apache CGI': {
		start: apacheCgi, mount: '/kiro', tells: 'ping', user: webUser,
	},
	'Apache .htaccess': {
		start: apacheHtaccess, mount: '/site', tells: 'ping', user: webUser,
		layout: { programDir: 'www/site', configFile: 'www/site/kiro.json' },
	},
	'Apache, archive for shared hosts': {
		start: apacheArchive, mount: '/site', tells: 'ping', user: webUser,
		layout: { programDir: 'www/site', configFile: 'www/site/kiro.json' },
	},
};
