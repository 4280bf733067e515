// The search for secrets at the end of each test file finds what it is for.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

const secret = 'a-seeded-secret-of-more-than-one-line-'.repeat(4);

// A test file that writes `text` to `name` of an installation. Its exit code and words.
function run(name, text) {
	const dir = mkdtempSync(join(tmpdir(), 'kiro-test-'));
	const module = new URL('secrets.mjs', import.meta.url);

	try {
		writeFileSync(join(dir, name), text);
		return spawnSync(process.execPath, ['--input-type=module', '-e', `
			import { keepFiles, keepOutput, seed } from '${module}';
			seed('the secret', '${secret}');
			keepFiles('${dir}');
			keepOutput('/somewhere/kiro.fcgi', process.argv[1]);`, name === 'stderr' ? text : '',
		], { encoding: 'utf8' });
	} finally {
		rmSync(dir, { recursive: true });
	}
}

const head = '2026-11-21T10:00:00.000Z debug req_0123456789: ';

for (const [what, name, text] of [
	['in a log', 'lighttpd.log', `${head}got ${secret}`],
	['over two lines of a log', 'events.log', `${head}got ${secret.slice(0, 60)}\n${head}  ${secret.slice(60)}\n`],
	['in a counter', 'metrics.map', `\0\0${secret}\0`],
	['in the audit log', 'audit.log', `{"who":"${secret}"}\n`],
	['in what a program says', 'stderr', secret],
])
	test(`a secret ${what} fails the file`, () => {
		const { status, stderr } = run(name, text);

		assert.equal(status, 1);
		assert.match(stderr, /holds a secret: the secret/);
	});

test('what is no secret does not, nor where secrets belong', () => {
	for (const [name, text] of [['events.log', 'nothing'], ['tokens.gdbm', secret], ['capture.log', secret]])
		assert.equal(run(name, text).status, 0);
});
