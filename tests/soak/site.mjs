// What is soaked: one installation with one state directory, served at three doors at once by
// several processes, and the stand-in upstream behind it.
//
//   lighttpd   FastCGI; lighttpd starts the responder, and again when it was killed
//   apache     mod_proxy_fcgi; a shell keeps the socket and starts the responder again, as systemd does
//   cgi        lighttpd, a process for each request
import { execFile } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync,
	 readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { run, until } from '../lib/process.mjs';
import { processesOf, startApache, startLighttpd, startResponder, webUser } from '../lib/servers.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const fragments = fileURLToPath(new URL('../../lighttpd', import.meta.url));
export const MOUNT = '/kiro';
const ACCOUNTS = 24;
const STATE_MB = 40; /* the maps take 14, two rotated logs, backups; small enough to be filled */

export const accountName = (index) => `acc${index}`;
const accountSpecs = Array.from({ length: ACCOUNTS }, (_, index) => ({
	name: accountName(index),
	kind: index % 3 ? 'social' : 'builder-id',
	profileArn: `arn:aws:codewhisperer:us-east-1:123456789012:profile/${accountName(index)}`,
}));

// The state on a disk of its own, which can be full without filling the machine's; where that is
// not allowed it lies where it always does, and the disk is never full.
function mountState() {
	const dir = mkdtempSync(join(tmpdir(), 'kiro-soak-state-'));

	if (process.getuid() !== 0)
		return { dir, mounted: false };
	try {
		run('mount', ['-t', 'tmpfs', '-o', `size=${STATE_MB}m,mode=700`, 'kiro-soak', dir]);
	} catch {
		return { dir, mounted: false };
	}
	return { dir, mounted: true };
}

function unmountState({ dir, mounted }) {
	if (mounted)
		run('umount', ['-l', dir]);
	rmSync(dir, { recursive: true, force: true });
}

// Programs of sanitizers write into files, for nobody may read what a killed process's server keeps
// of its standard error.
function sanitizerOptions(dir) {
	const path = join(dir, 'reports');

	mkdirSync(path);
	chmodSync(dir, 0o755); /* the web server's user writes there */
	chmodSync(path, 0o777);
	/* The default quarantines, 256 MB and each thread's own of 1 MB, would hide any leak and take the
	 * machine's memory. */
	process.env.ASAN_OPTIONS = `log_path=${path}/asan:malloc_context_size=12:` +
		'quarantine_size_mb=8:thread_local_quarantine_size_kb=64';
	process.env.UBSAN_OPTIONS = `log_path=${path}/ubsan:print_stacktrace=1`;
	process.env.LSAN_OPTIONS = `log_path=${path}/lsan`;
	process.env.TSAN_OPTIONS = `log_path=${path}/tsan:history_size=3`;
	return () => readdirSync(path).map((name) => readFileSync(join(path, name), 'utf8'))
		.filter((text) => text.trim());
}

const keeper = (program) => `#!/bin/sh
exec 3<&0
trap 'stop=1; kill "$child"' TERM
while [ -z "$stop" ]; do
	"${program}" <&3 3<&- &
	child=$!
	wait "$child"
done
wait "$child"
`;

async function lighttpd(at, name, fragment, variables) {
	const dir = join(at.dir, name), file = join(dir, 'own.conf');
	const as = webUser ? `server.username = "${webUser}"\nserver.groupname = "${webUser}"\n` : '';

	mkdirSync(join(dir, 'uploads'), { recursive: true });
	writeFileSync(file, `${as}include "${fragments}/${fragment}"\n`);
	if (webUser)
		[dir, join(dir, 'uploads')].forEach((path) => chownSync(path, at.uid, at.gid));
	return startLighttpd({ dir, fragment: relative(fragments, file),
			       env: { ...at.env, KIRO_CONFIG: undefined },
			       variables: { kiro_mount: MOUNT, kiro_config: at.configFile,
					    ...variables } });
}

// Also of the responders: LeakSanitizer looks at their end, behind the server's.
async function stopAll(pid, servers) {
	for (const server of servers)
		await server.stop('SIGTERM');
	await until(() => !pid || !existsSync(`/proc/${pid}`), 'the end of the responder', 60000);
}

async function openLighttpd(at) {
	const server = await lighttpd(at, 'lighttpd', 'kiro-fastcgi.conf', {
		kiro_program: at.program, kiro_spawn_socket: join(at.dir, 'lighttpd', 'kiro.sock') });

	const pid = () => processesOf(at.program, server.pid)[0];

	return { port: server.port, share: 0.6, kept: true, logs: () => server.log(), pid,
		 stop: () => stopAll(pid(), [server]) };
}

async function openApache(at) {
	const file = join(at.programDir, 'keep');

	writeFileSync(file, keeper(at.program), { mode: 0o755 });
	const responder = await startResponder({ program: file, env: at.env, user: webUser,
						 socket: join(at.dir, 'kiro.sock') });
	const server = await startApache({
		dir: join(at.dir, 'apache'), fragment: 'kiro-proxy-fcgi.conf', env: at.env,
		load: ['proxy', 'proxy_fcgi'],
		defines: { KIRO_SOCKET: responder.socket, KIRO_MOUNT: MOUNT } });

	const pid = () => processesOf(at.program, responder.pid)[0];

	return { port: server.port, share: 0.36, kept: true,
		 logs: () => server.log() + responder.log(), pid,
		 stop: () => stopAll(pid(), [server, responder]) };
}

async function openCgi(at) {
	const server = await lighttpd(at, 'cgi', 'kiro-cgi.conf', { kiro_cgi: at.cgi });

	return { port: server.port, share: 0.04, kept: false, logs: () => server.log(),
		 pid: () => undefined, stop: () => server.stop('SIGTERM') };
}

// Commands of an operator, run as the web server's user beside everything else that goes on.
// Resolves with { code, out, err }.
function command(at, program, args, input) {
	return new Promise((resolve) => {
		const child = execFile(join(at.programDir, program), args,
			{ env: at.env, encoding: 'utf8', maxBuffer: 1 << 26,
			  ...webUser ? { uid: at.uid, gid: at.gid } : {} },
			(error, out, err) => resolve({ code: error ? error.code ?? -1 : 0, out, err }));

		child.stdin.on('error', () => {});
		child.stdin.end(input ?? '');
	});
}

function placeCommands(at) {
	for (const name of ['kiroctl', 'kiro-refresh']) {
		copyFileSync(join(buildDir, name), join(at.programDir, name));
		chmodSync(join(at.programDir, name), 0o755);
	}
	if (webUser)
		[at.uid, at.gid] = ['-u', '-g'].map((what) => Number(run('id', [what, webUser])));
}

export async function openSite() {
	const undo = [];
	const scratch = mkdtempSync(join(tmpdir(), 'kiro-soak-'));
	const reports = sanitizerOptions(scratch);
	const state = mountState();
	const standin = await startStandin();
	const agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
	const close = async () => {
		agent.destroy();
		for (const step of undo.reverse())
			await step();
		await standin.stop();
		unmountState(state);
	};

	try {
		const at = await makeInstallation({
			standin, user: webUser, stateDir: state.dir, accounts: accountSpecs,
			settings: { 'log.file': join(state.dir, 'kiro.log'), 'log.format': 'json',
				    'log.access_file': join(state.dir, 'access.log'),
				    'accounts.strategy': 'round-robin', 'accounts.busy_wait': 60,
				    ping_interval: 2, first_byte_hold: 2, drain_timeout: 60,
				    usage_interval: 60, max_concurrent_sessions: 600,
				    'upstream.idle_timeout': 20, 'upstream.first_byte_timeout': 60 } });

		undo.push(at.remove);
		placeCommands(at);
		const doors = {};

		for (const [name, open] of Object.entries({ lighttpd: openLighttpd, apache: openApache,
							    cgi: openCgi })) {
			doors[name] = { name, ...await open(at) };
			undo.push(doors[name].stop);
		}
		await Promise.all(Object.values(doors).map((door) => until(
			async () => (await request({ port: door.port, path: `${MOUNT}/health/live` }))
				.status === 200, `${door.name} to answer`, 60000)));
		return {
			at, doors, standin, state, reports, close, scratch,
			windows: [],     /* { what, door, from, to }: when which disturbance was felt */
			violations: [],
			counts: {},
			kiroctl: (args, input) => command(at, 'kiroctl', args, input),
			refresh: (args = []) => command(at, 'kiro-refresh', ['--quiet', ...args]),
			control: (method, path, body) =>
				request({ port: standin.port, agent, method, path, body }),
		};
	} catch (error) {
		await close();
		throw error;
	}
}
