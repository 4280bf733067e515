// Real web servers on ports of their own, with the configuration files of lighttpd/ and apache/ as
// they stand, and the responder as systemd or spawn-fcgi would start it.
import { unwrapped } from './log.mjs';
import { mkdirSync, readFileSync, readdirSync, realpathSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { request } from './http.mjs';
import { freePort } from './ports.mjs';
import { start, stop, until } from './process.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const modules = '/usr/lib/apache2/modules';

// Apache does not serve as root; the user that Debian made for web servers.
export const webUser = process.getuid() === 0 ? 'www-data' : undefined;

// True when somebody accepts on that Unix socket.
export function accepts(path) {
	return new Promise((resolve) => {
		const socket = net.connect({ path });

		socket.once('connect', () => resolve(true));
		socket.once('error', () => resolve(false));
		socket.once('connect', () => socket.destroy());
	});
}

// Apache accepts before it has read its configuration to the end, so an answer must come.
const answers = (port) => request({ port, path: '/' }).then(() => true, () => false);

function fileText(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}

// Waits until the probe succeeds; when the child ends before that, its output is the error.
function ready(child, probe, logs) {
	return until(async () => {
		if (child.exitCode !== null || child.signalCode !== null)
			throw new Error(`${child.spawnfile} ended early:\n${logs()}`);
		return probe();
	}, `${child.spawnfile} to listen`);
}

// A server that was given the port may lose it to somebody else before it listens: once more then.
export async function onFreePort(launch) {
	for (let attempts = 3; ; attempts--) {
		try {
			return await launch(await freePort());
		} catch (error) {
			if (attempts === 1 || !/in use/i.test(error.message))
				throw error;
		}
	}
}

// log: a file of the server's. Its own output is added to it.
export async function serve(port, log, command, args, env) {
	const child = start(command, args, { env });
	const logs = () => child.text + fileText(log);

	await ready(child, () => answers(port), logs);
	return {
		port,
		pid: child.pid,
		ended: child.ended,
		log: () => unwrapped(logs()),
		stop: (signal) => stop(child, { signal }),
	};
}

// dir: for its files. fragment: of lighttpd/. variables: what kiro-paths.conf would set.
// Returns { port, pid, ended, log(), stop(signal) }.
export function startLighttpd({ dir, fragment, variables, env }) {
	const log = join(dir, 'lighttpd.log'), file = join(dir, 'lighttpd.conf');

	mkdirSync(join(dir, 'uploads'), { recursive: true });
	return onFreePort(async (port) => {
		writeFileSync(file, [
			'server.bind = "127.0.0.1"',
			`server.port = ${port}`,
			`server.document-root = "${dir}"`,
			`server.errorlog = "${log}"`,
			`server.upload-dirs = ( "${dir}/uploads" )`,
			'server.feature-flags = ( "server.graceful-shutdown-timeout" => "60" )',
			...Object.entries(variables).map(
				([name, value]) => `var.${name} = "${value}"`),
			`include "${root}/lighttpd/${fragment}"`,
			'',
		].join('\n'));

		return serve(port, log, 'lighttpd', ['-D', '-f', file], env);
	});
}

// What Debian's configuration enables by itself, and what every test needs.
const apacheModules = ['mpm_event', 'authz_core', 'mime', 'env', 'setenvif', 'alias', 'filter',
		       'deflate', 'reqtimeout'];

// defines: name to value. fragment: of apache/, or none. load: modules beside the usual ones.
export function startApache({ dir, fragment, defines = {}, load = [], directives = '', env }) {
	const log = join(dir, 'apache.log'), file = join(dir, 'apache.conf');
	const run = join(dir, 'run');

	mkdirSync(run, { recursive: true });
	return onFreePort(async (port) => {
		writeFileSync(file, [
			`ServerRoot "${dir}"`,
			'ServerName 127.0.0.1',
			`Listen 127.0.0.1:${port}`,
			`PidFile "${run}/apache.pid"`,
			`DefaultRuntimeDir "${run}"`,
			`ErrorLog "${log}"`,
			'TypesConfig /dev/null',
			...[...apacheModules, ...load].map(
				(name) => `LoadModule ${name}_module "${modules}/mod_${name}.so"`),
			...(webUser ? [`User ${webUser}`, `Group ${webUser}`] : []),
			'ServerLimit 4\nStartServers 2\nThreadsPerChild 64\nMaxRequestWorkers 256',
			`<Directory />\n\tAllowOverride None\n\tRequire all denied\n</Directory>`,
			/* An administrator who compresses everything: streams must come through. */
			'AddOutputFilterByType DEFLATE text/event-stream application/json',
			...Object.entries(defines).map(
				([name, value]) => `Define ${name} "${value}"`),
			directives.replaceAll('@RUN@', run),
			fragment ? `Include "${root}/apache/${fragment}"` : '',
			'',
		].join('\n'));

		return serve(port, log, 'apache2', ['-DFOREGROUND', '-d', dir, '-f', file], env);
	});
}

// The responder on a Unix socket: the listening socket is its descriptor 0.
export async function startResponder({ program, socket, env, user }) {
	const as = user && process.getuid() === 0 ? ['-u', user, '-g', user] : [];
	const child = start('spawn-fcgi', ['-n', '-s', socket, '-M', '0600', ...as, '--', program],
			    { env });

	await ready(child, () => accepts(socket), () => child.text);
	return {
		socket,
		pid: child.pid,
		ended: child.ended,
		log: () => unwrapped(child.text),
		stop: (signal) => stop(child, { signal }),
	};
}

// The processes below `pid` that run `program`.
export function processesOf(program, pid) {
	const wanted = realpathSync(program), found = [];

	for (const task of readdirSync(`/proc/${pid}/task`)) {
		const children = fileText(`/proc/${pid}/task/${task}/children`);

		for (const child of children.split(' ').filter(Boolean).map(Number)) {
			try {
				if (realpathSync(`/proc/${child}/exe`) === wanted)
					found.push(child);
				found.push(...processesOf(program, child));
			} catch {
				/* it has ended */
			}
		}
	}
	return found;
}

// Resident memory in KiB.
export function residentKib(pid) {
	return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
}
