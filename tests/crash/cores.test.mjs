// Core files: none of our programs leaves one, whatever the system allows; it would hold tokens and
// keys. Each is aborted while it waits for the upstream with secrets in memory; then once more with
// its own word against it taken away (FAULT_CORE), to see that there would have been one, and that
// the secret would have been in it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { cgiVariables } from '../lib/cgi.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { start } from '../lib/process.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const pattern = readFileSync('/proc/sys/kernel/core_pattern', 'utf8').trim();
const skip = /^[|/]/.test(pattern) ? `core files go to ${pattern}` :
	/\/san$/.test(buildDir) ? 'the sanitizers forbid core files' : false;

let standin, at;

before(async () => {
	standin = await startStandin();
	at = await makeInstallation({ standin, accounts: [{ name: 'one', kind: 'idc' }] });
	await standin.script('stalled', { steps: [{ text: 'a' }, { stall: true }] });
	await standin.refresh({ delay_ms: 60000 });
});

after(async () => {
	await standin?.stop();
	at?.remove();
});

const id = () => JSON.parse(at.kiroctl(['account', 'list', '--json']))[0].id;
const request = () => ({
	method: 'POST', path: '/v1/messages', headers: { 'content-type': 'application/json', 'x-api-key': at.key },
	body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50, stream: true,
					   messages: [{ role: 'user', content: '@stalled@ promptsecret-0123456789' }] })),
});
const tool = (name, ...args) => async (env) => start(join(buildDir, name), args, { env, cwd: at.programDir });

/* What each has in memory for certain, and how it comes to wait. */
const programs = {
	'kiro.fcgi': {
		secret: () => at.accounts[0].accessToken,
		async begin(env) {
			const fastcgi = await startFastcgi({ ...at, env });

			fastcgi.request(request()).catch(() => {});
			return { pid: fastcgi.pid, ended: fastcgi.ended };
		},
	},
	'kiro.cgi': {
		secret: () => at.key,
		async begin(env) {
			const child = start(at.cgi, [], { env: { ...env, ...cgiVariables({ script: '/cgi-bin/kiro.cgi', ...request() }) },
							  cwd: at.programDir, stdio: ['pipe', 'pipe', 'pipe'] });

			child.stdin.end(request().body);
			return child;
		},
	},
	'kiroctl': { secret: () => at.accounts[0].refreshToken, begin: (env) => tool('kiroctl', 'account', 'refresh', id())(env) },
	'kiro-refresh': { secret: () => at.accounts[0].refreshToken, begin: (env) =>
		tool('kiro-refresh', '--account', id())({ ...env, KIRO_REFRESH_AHEAD: '86400' }) },
};

const cores = () => readdirSync(at.programDir).filter((name) => name.startsWith(pattern.split('%')[0]));

/* The core files that are left when it is aborted. */
async function abort(program, more) {
	const before = (await standin.stats()).in_flight;
	const child = await program.begin({ ...at.env, ...more });

	while ((await standin.stats()).in_flight === before)
		await setTimeout(20);
	assert.equal(spawnSync('prlimit', ['--pid', child.pid, '--core=unlimited']).status, 0);
	process.kill(child.pid, 'SIGABRT');
	assert.equal((await child.ended).signal, 'SIGABRT');
	while ((await standin.stats()).in_flight !== before)
		await setTimeout(20);
	return cores();
}

for (const [name, program] of Object.entries(programs)) {
	test(`${name} leaves no core file; without its own word it would, with secrets in it`, { skip, timeout: 60000 }, async () => {
		assert.deepEqual(await abort(program), []);
		const [core] = await abort(program, { LD_PRELOAD: join(buildDir, 'tests', 'faults.so'), FAULT_CORE: '1' });

		assert.ok(core, 'no core file at all: this test could not fail');
		assert.ok(readFileSync(join(at.programDir, core)).includes(program.secret()), 'the secret is not in the core file');
		for (const file of cores())
			rmSync(join(at.programDir, file));
	});
}
