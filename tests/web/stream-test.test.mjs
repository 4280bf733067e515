// kiroctl stream-test, against servers that are set up as delivered, and with one directive wrong:
// then it must name that directive, and find nothing else.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { startApache, startLighttpd, startResponder, webUser } from '../lib/servers.mjs';
import { buildDir } from '../lib/standin.mjs';
import { startSite } from './site.mjs';
import { modes } from './modes.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

function streamTest(site, mount, { args = [], key = site.at.key } = {}) {
	return new Promise((resolve) => {
		const url = `http://127.0.0.1:${site.server.port}${mount}`;
		const child = execFile(join(buildDir, 'kiroctl'),
			['stream-test', url, '--key-file', '-', '--json', ...args],
			{ env: {} }, (error, out, err) => resolve({
				code: error?.code ?? 0,
				err,
				checks: out && Object.fromEntries(JSON.parse(out).map(
					({ check, ok, text }) => [check, { ok, text }])),
			}));

		child.stdin.end(key);
	});
}

// A delivered file with one thing changed, as another fragment.
function changed(at, path, from, to) {
	const text = readFileSync(join(root, path), 'utf8');
	const file = join(at.dir, 'wrong.conf');

	assert.match(text, from);
	writeFileSync(file, text.replace(from, to));
	return `../../../../../../../..${file}`;
}

const wrongLighttpd = (from, to) => (at, mount) => startLighttpd({
	dir: at.dir,
	env: { ...at.env, KIRO_CONFIG: undefined },
	fragment: changed(at, 'lighttpd/kiro-fastcgi.conf', from, to),
	variables: { kiro_mount: mount, kiro_config: at.configFile, kiro_program: at.program,
		     kiro_spawn_socket: join(at.dir, 'spawned.sock') },
});

const wrongFcgid = (from, to) => (at, mount) => startApache({
	dir: at.dir,
	env: { ...at.env, KIRO_CONFIG: undefined },
	fragment: changed(at, 'apache/kiro-fcgid.conf', from, to),
	load: ['fcgid'],
	directives: '\tFcgidIPCDir "@RUN@/fcgid"\n\tFcgidProcessTableFile "@RUN@/fcgid_shm"',
	defines: { KIRO_PROGRAM: at.program, KIRO_CONFIG: at.configFile, KIRO_MOUNT: mount },
});

const wrongCgi = (from, to) => (at, mount) => startApache({
	dir: at.dir,
	env: { ...at.env, KIRO_CONFIG: undefined },
	fragment: changed(at, 'apache/kiro-cgi.conf', from, to),
	load: ['cgid'],
	directives: 'ScriptSock "@RUN@/cgid.sock"',
	defines: { KIRO_PROGRAM: at.cgi, KIRO_CONFIG: at.configFile, KIRO_MOUNT: mount },
});

const wrongProxy = (from, to) => async (at, mount) => {
	const responder = await startResponder({ program: at.program, env: at.env, user: webUser,
						 socket: join(at.dir, 'kiro.sock') });
	const server = await startApache({
		dir: at.dir,
		env: { ...at.env, KIRO_CONFIG: undefined },
		fragment: changed(at, 'apache/kiro-proxy-fcgi.conf', from, to),
		load: ['proxy', 'proxy_fcgi'],
		defines: { KIRO_SOCKET: responder.socket, KIRO_MOUNT: mount },
	});

	return { ...server, stop: async () => { await server.stop(); await responder.stop(); } };
};

// What is wrong, the check that must find it, and the directive that it must name.
const cases = {
	'lighttpd holds streams back': {
		start: wrongLighttpd(/stream-response-body = 2/, 'stream-response-body = 0'),
		finds: 'event by event', says: /lighttpd: server\.stream-response-body = 2/,
	},
	'lighttpd refuses large bodies': {
		start: wrongLighttpd(/max-request-size = 65536/, 'max-request-size = 1024'),
		finds: '5 MB body', says: /HTTP 413.*lighttpd: server\.max-request-size = 65536/,
	},
	'lighttpd cuts silent streams': {
		start: wrongLighttpd(/"max-procs" => 1/, '"max-procs" => 1, "read-timeout" => 2'),
		finds: 'silence', says: /cut after.*lighttpd: no "read-timeout"/,
	},
	'Apache keeps Authorization': {
		start: wrongProxy(/CGIPassAuth On/, 'CGIPassAuth Off'), user: webUser,
		finds: 'Authorization', says: /Apache: CGIPassAuth On/,
	},
	'mod_proxy_fcgi collects what it sends': {
		start: wrongProxy(/^(ProxyPass .*) flushpackets=on/m, '$1'), user: webUser,
		finds: 'event by event', says: /Apache: flushpackets=on behind the ProxyPass/,
	},
	'mod_proxy_fcgi cuts silent streams': {
		start: wrongProxy(/^(ProxyPass .*) timeout=600/m, '$1 timeout=3'), user: webUser,
		finds: 'silence', says: /cut after.*Apache: timeout=600 behind the ProxyPass/,
	},
	'Apache refuses large bodies': {
		start: wrongCgi(/Require all granted/, 'Require all granted\n\tLimitRequestBody 1048576'),
		user: webUser,
		finds: '5 MB body', says: /Apache: LimitRequestBody 67108864/,
	},
	'mod_fcgid cuts silent streams': {
		start: wrongFcgid(/^FcgidIOTimeout .*/m, 'FcgidIOTimeout 3'), user: webUser,
		finds: 'silence', says: /cut after.*Apache: FcgidIOTimeout 600/,
	},
	'mod_fcgid keeps Authorization': {
		start: wrongFcgid(/CGIPassAuth On/, 'CGIPassAuth Off'), user: webUser,
		finds: 'Authorization', says: /Apache: CGIPassAuth On/,
	},
	'mod_deflate holds back a CGI program': {
		start: wrongCgi(/^\tSetEnv no-gzip 1/m, ''), user: webUser,
		finds: 'event by event', says: /Apache: SetEnv no-gzip 1/,
	},
	'mod_cgid cuts silent streams': {
		start: wrongCgi(/^ScriptAlias/m, 'CGIDScriptTimeout 3\nScriptAlias'), user: webUser,
		finds: 'silence', says: /cut after.*Apache: Timeout 300, and CGIDScriptTimeout/,
	},
	'mod_cgid keeps Authorization': {
		start: wrongCgi(/CGIPassAuth On/, 'CGIPassAuth Off'), user: webUser,
		finds: 'Authorization', says: /Apache: CGIPassAuth On/,
	},
	'mod_fcgid collects what it sends': {
		start: wrongFcgid(/^FcgidOutputBufferSize 0/m, 'FcgidOutputBufferSize 65536'),
		user: webUser,
		finds: 'event by event', says: /Apache: FcgidOutputBufferSize 0/,
	},
	'mod_fcgid refuses large bodies': {
		start: wrongFcgid(/^FcgidMaxRequestLen .*/m, 'FcgidMaxRequestLen 131072'),
		user: webUser,
		finds: '5 MB body', says: /Apache: FcgidMaxRequestLen 67108864/,
	},
};

describe('kiroctl stream-test', { timeout: 400000 }, () => {
	for (const [what, { start, user, finds, says }] of Object.entries(cases)) {
		test(what, async () => {
			const site = await startSite({ start, user, mount: '/kiro' },
						     { settings: { ping_interval: 10 } });

			try {
				const { code, checks, err } =
					await streamTest(site, '/kiro', { args: ['--silence', '8'] });

				assert.equal(code, 1, err);
				assert.equal(checks[finds].ok, false);
				assert.match(checks[finds].text, says);
				for (const name of ['Authorization', '5 MB body', 'silence']
					.filter((other) => other !== finds))
					assert.ok(checks[name].ok, `${name}: ${checks[name].text}`);
			} finally {
				await site.stop();
			}
		});
	}

	test('what is set up as delivered passes, and no request goes upstream', async () => {
		const site = await startSite(modes['lighttpd FastCGI']);

		try {
			await site.standin.clearStats();
			const { checks, err } = await streamTest(site, '/kiro/',
								 { args: ['--silence', '3'] });

			assert.ok(checks, err);
			assert.match(checks['event by event'].text, /\b20 came/);
			assert.match(checks.silence.text, /3 s with nothing but 2 pings/);
			for (const name of ['Authorization', '5 MB body', 'silence'])
				assert.ok(checks[name].ok, `${name}: ${checks[name].text}`);
			assert.deepEqual((await site.standin.stats()).operations, {});
		} finally {
			await site.stop();
		}
	});

	test('doctor --url tells the same', async () => {
		const site = await startSite(modes['lighttpd FastCGI']);

		try {
			const out = await new Promise((resolve) => {
				const url = `http://127.0.0.1:${site.server.port}/kiro`;
				const child = execFile(join(buildDir, 'kiroctl'), ['doctor', '--offline',
					'--url', url, '--key-file', '-', '--silence', '1'],
				{ env: site.at.env }, (error, text) => resolve(text));

				child.stdin.end(site.at.key);
			});

			assert.match(out, /^OK +Authorization +comes through$/m);
			assert.match(out, /^OK +5 MB body +came through$/m);
			assert.match(out, /^OK +silence +1 s with nothing but 0 pings$/m);
		} finally {
			await site.stop();
		}
	});

	test('a wrong key and a wrong URL are told apart from a wrong server', async () => {
		const site = await startSite(modes['lighttpd FastCGI']);

		try {
			const wrong = await streamTest(site, '/kiro', { key: 'kiro-wrong' });
			const nowhere = await streamTest(site, '/other');

			assert.notEqual(wrong.code, 0);
			assert.match(wrong.err, /refuses the key.*--key-file/);
			assert.notEqual(nowhere.code, 0);
			assert.match(nowhere.err, /is no kiro-fcgi: HTTP 404/);
		} finally {
			await site.stop();
		}
	});
});

test('a server that hangs up on a large body: why is said, and no status that there was not', async () => {
	const server = createServer((request, response) => {
		if (Number(request.headers['content-length']) > 1e6)
			return request.socket.destroy();
		response.writeHead(200, { 'content-type': 'text/event-stream' });
		response.end('event: hello\ndata: {"server":"none","transport":"","authorization":true,"body_bytes":2}\n\nevent: end\ndata: {}\n\n');
	});

	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { code, checks } = await streamTest({ server: { port: server.address().port }, at: { key: 'a-key-of-this-test-01' } }, '', { args: ['--silence', '1'] });

	server.close();
	assert.equal(code, 1);
	assert.match(checks['5 MB body'].text, /^a body of 5242880 bytes: http:\S+ cannot be reached: \D*(?=\. The server)/);
});
