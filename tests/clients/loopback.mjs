// Runs tests where nothing but the loopback interface exists: a program under test cannot reach any
// host of the outside, whatever it tries.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';

const inside = (command) => ['-n', '--', 'sh', '-c', `ip link set lo up && ${command}`];

// Why there can be no such place, or nothing.
function whyNot() {
	if (process.getuid() !== 0)
		return 'not root: no network namespace';
	const { status } = spawnSync('unshare', inside('true'), { env: withSbin() });

	return status === 0 ? undefined : 'a network namespace cannot be made here';
}

const withSbin = () => ({ ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
			  NODE_TEST_CONTEXT: undefined });

// One test that is all tests of the file. skip: a reason, or nothing.
export function testInLoopback(name, file, skip) {
	const reason = skip ?? whyNot();

	if (reason)
		console.error(`\n*** SKIPPED: ${name}: ${reason} ***\n`);
	test(name, { skip: reason }, () => {
		const { status, stdout, stderr } = spawnSync(
			'unshare', inside('exec "$0" --test --test-reporter=spec "$1"')
				.concat(process.execPath, file),
			{ env: withSbin(), encoding: 'utf8', maxBuffer: 1 << 26 });

		assert.equal(status, 0, `${stdout}\n${stderr}`);
		process.stderr.write(stdout);
	});
}
