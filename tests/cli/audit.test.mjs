// The audit log: each change leaves a line, a look does not; no secret is in it; what was changed
// in it shows.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';

import { makeInstallation } from '../lib/installation.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

let standin, installation;

beforeEach(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin });
});

afterEach(async () => {
	installation?.remove();
	await standin?.stop();
});

const log = () => join(installation.stateDir, 'audit.log');
const lines = () => readFileSync(log(), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
const outcomes = () => lines().filter(({ result }) => result !== 'begun');
const ctl = (args, options) => spawnSync(join(buildDir, 'kiroctl'), args, { encoding: 'utf8', env: installation.env, ...options });

test('each change has a line: who, from where, what, when, and how it ended', () => {
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));
	const before = outcomes().length;

	installation.kiroctl(['key', 'add', 'alice']);
	installation.kiroctl(['account', 'disable', id.slice(4, 9)]);
	installation.kiroctl(['models', 'add', 'mine', 'claude-sonnet-4.5']);
	installation.kiroctl(['key', 'remove', 'alice']);
	ctl(['key', 'remove', 'nobody']);
	installation.kiroctl(['backup', join(installation.dir, 'b'), '--passphrase-file', '-'], { input: 'a long enough passphrase\n' });
	const now = outcomes().slice(before);

	assert.deepEqual(now.map(({ action, target }) => [action, target]), [
		['key.add', 'alice'], ['account.disable', id], ['alias.set', 'mine'], ['key.remove', 'alice'],
		['key.remove', 'nobody'], ['state.backup', join(installation.dir, 'b')]]);
	assert.deepEqual(now.map(({ result }) => result.split(':')[0]), ['ok', 'ok', 'ok', 'ok', now[4].result.split(':')[0], 'ok']);
	for (const { who, from, time, action, begun } of now) {
		const first = lines().find(({ seq }) => seq === begun);

		assert.deepEqual([first.result, first.action, first.who], ['begun', action, who]);
		assert.match(who, new RegExp(`^uid ${process.getuid()} `));
		assert.ok(from);
		assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
	}
	assert.equal(statSync(log()).mode & 0o777, 0o600);
});

test('a log that is longer than any answer is shown whole as JSON', () => {
	const all = [];

	for (let previous = '0'.repeat(64); all.length < 36000; previous = createHash('sha256').update(all.at(-1)).digest('hex'))
		all.push(JSON.stringify({ seq: all.length + 1, time: '2026-11-22T10:00:00Z', who: 'uid 0 (root)', from: 'no terminal',
			action: 'key.set', target: 'laptop', detail: 'x'.repeat(300), result: 'ok', prev: previous }));
	writeFileSync(log(), all.map((line) => `${line}\n`).join(''));
	const { status, stdout } = ctl(['audit', 'show', '--json'], { maxBuffer: 1 << 26 });

	assert.ok(stdout.length > 1 << 24, `${stdout.length} bytes`);
	assert.deepEqual([status, JSON.parse(stdout).length], [0, all.length]);
});

test('accounts that were added or imported are named by their ids', () => {
	const { action, target } = outcomes().find((line) => line.action === 'account.import');
	const [{ id }] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));

	assert.equal(action, 'account.import');
	assert.equal(target, id);
});

test('what was done in part has not failed: its exit code is told', () => {
	const good = { kiroApiKey: 'ksk_fedcba9876543210fedcba9876543210' };
	const run = ctl(['account', 'import', '-', '--yes'], { input: JSON.stringify([good, { refreshToken: 'short' }]) });
	const { action, target, result } = outcomes().at(-1);

	assert.equal(run.status, 65);
	assert.deepEqual([action, result], ['account.import', 'exit code 65']);
	assert.match(target, /^acc_\w+$/);
});

test('who only looks leaves no line', () => {
	const before = readFileSync(log(), 'utf8');

	for (const args of [['account', 'list'], ['key', 'list'], ['config', 'show'], ['doctor'], ['models', 'show'],
			    ['audit', 'show'], ['audit', 'verify'], ['export']])
		ctl(args);
	ctl(['account', 'import', '-'], { input: '{"kiroApiKey":"ksk_0123456789abcdef0123456789abcdef"}' });
	assert.equal(readFileSync(log(), 'utf8'), before);
});

test('no secret is in it', () => {
	const key = installation.kiroctl(['key', 'add', 'bob']).trim();

	installation.kiroctl(['account', 'add', '--refresh-token-file', '-', '--proxy', 'http://me:proxypassword1@127.0.0.1:1'],
			     { input: 'refresh-secret-0123456789abcdefghijklmnopqrstuvwxyz\n' });
	const text = readFileSync(log(), 'utf8');

	for (const secret of [key, installation.key, 'refresh-secret', 'proxypassword1',
			      ...installation.accounts.flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken])])
		assert.ok(!text.includes(secret), secret);
});

test('show tells it, verify finds what was changed', () => {
	installation.kiroctl(['key', 'add', 'carol']);
	installation.kiroctl(['key', 'remove', 'carol']);
	assert.deepEqual(JSON.parse(installation.kiroctl(['audit', 'show', '--json'])), lines());
	assert.match(installation.kiroctl(['audit', 'show']), /key\.add +carol +ok/);
	const good = JSON.parse(installation.kiroctl(['audit', 'verify', '--json']));

	assert.equal(good.ok, true);
	assert.equal(good.lines, lines().length);
	assert.match(installation.kiroctl(['audit', 'verify']), new RegExp(good.last));
	assert.equal(good.open, 0);
	writeFileSync(log(), readFileSync(log(), 'utf8').replace('"key.add","target":"carol"', '"key.add","target":"dave"'));
	const bad = ctl(['audit', 'verify', '--json']);

	assert.notEqual(bad.status, 0);
	assert.equal(JSON.parse(bad.stdout).ok, false);
	assert.equal(JSON.parse(bad.stdout).bad_line, lines().findIndex(({ target }) => target === 'dave') + 2);
});

test('the password of the panel: set and taken away', () => {
	installation.kiroctl(['admin', 'passwd'], { input: 'a-password-of-the-tests\n' });
	installation.kiroctl(['admin', 'off']);
	assert.deepEqual(outcomes().slice(-2).map(({ action, result }) => [action, result]),
			 [['password.set', 'ok'], ['password.remove', 'ok']]);
	assert.ok(!readFileSync(log(), 'utf8').includes('a-password-of-the-tests'));
});

// Killed at every call that changes a file: before the change, in it, behind it, in the line itself.
test('a change whose maker is killed before its line was announced, and verify says so', () => {
	const faults = join(buildDir, 'tests', 'faults.so');
	let changed = 0, unsaid = 0;

	for (let call = 1; ; call++) {
		const name = `killed${call}`;
		const { signal } = ctl(['key', 'add', name], { env: { ...installation.env, LD_PRELOAD: faults,
			ASAN_OPTIONS: 'verify_asan_link_order=0', FAULT: `kill:before:${call}` } });
		const mine = lines().filter(({ target }) => target === name);

		if (JSON.parse(installation.kiroctl(['key', 'list', '--json'])).some((key) => key.name === name)) {
			changed += 1;
			assert.ok(mine.some(({ result }) => result === 'begun'), `call ${call}`);
			unsaid += !mine.some(({ result }) => result === 'ok');
		}
		if (signal !== 'SIGKILL')
			break;
	}
	const { open, ok } = JSON.parse(installation.kiroctl(['audit', 'verify', '--json']));

	assert.ok(ok);
	assert.ok(changed > 1 && unsaid > 0, `${changed} ${unsaid}`);
	assert.ok(open >= unsaid);
	assert.match(installation.kiroctl(['audit', 'verify']), new RegExp(`${open} of them announce a change`));
	assert.match(installation.kiroctl(['audit', 'show']), /key\.add +killed\d+ +begun/);
});

test('nothing is changed that cannot be noted', () => {
	const { status, stderr } = ctl(['key', 'add', 'erin'], { env: { ...installation.env,
		LD_PRELOAD: join(buildDir, 'tests', 'faults.so'), ASAN_OPTIONS: 'verify_asan_link_order=0',
		FAULT: 'fail:ENOSPC:1', FAULT_ONLY: 'write', FAULT_PATH: 'audit.log' } });

	assert.notEqual(status, 0);
	assert.match(stderr, /audit\.log/);
	assert.ok(!installation.kiroctl(['key', 'list']).includes('erin'));
});
