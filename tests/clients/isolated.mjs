// A test file that must reach nothing but this machine runs in a network namespace of its own, whose
// only device is loopback: what a client tries to send elsewhere fails, and nothing is disturbed.
import { spawnSync } from 'node:child_process';
import { networkInterfaces } from 'node:os';
import { fileURLToPath } from 'node:url';

// As root, and where users may make namespaces.
const ways = [['--net'], ['--map-root-user', '--net']];
const inside = ['sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];

// The file of `url` once more, in the namespace: its results go where ours would have gone, and this
// process ends with it. Returns undefined within, or the reason why there is no namespace.
export function isolate(url) {
	if (process.env.KIRO_TEST_ISOLATED)
		return Object.keys(networkInterfaces()).join() === 'lo' ? undefined :
			'the network namespace has more devices than loopback';
	let reason;

	for (const way of ways) {
		const probe = spawnSync('unshare', [...way, ...inside, 'true'], { encoding: 'utf8' });

		if (probe.status === 0) {
			const { status } = spawnSync(
				'unshare', [...way, ...inside, process.execPath, ...process.execArgv,
					    fileURLToPath(url)],
				{ stdio: 'inherit', env: { ...process.env, KIRO_TEST_ISOLATED: '1' } });

			process.exit(status ?? 1);
		}
		reason ??= probe.error?.message ?? probe.stderr.trim();
	}
	return `no network namespace can be made here: ${reason}`;
}

// A skipped file must not look like a good one: it also says so on standard error.
export function skippedLoudly(what, reason) {
	if (reason)
		process.stderr.write(`\n*** SKIPPED: ${what}: ${reason}\n\n`);
	return reason ?? false;
}
