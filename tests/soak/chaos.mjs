// What happens beside the clients: one disturbance after the other, each of every kind before one
// comes again. A disturbance that clients may feel notes from when to when (site.windows); outside of
// that window nobody may feel it.
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { request } from '../lib/http.mjs';
import { until } from '../lib/process.mjs';
import { ask } from './client.mjs';
import { accountName, MOUNT } from './site.mjs';

const PATIENCE_MS = 60000;  /* for what must come about; no measure of speed */
const AFTERMATH_MS = 2000;  /* a request that began before the end may meet it this much later */

/* Of a failure that a retry does not mend. Clients of the Responses API retry each 5xx, so they are
 * told 400. */
const UNRETRIED = [500, 400];

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const keptDoors = (site) => Object.values(site.doors).filter(({ kept }) => kept);

export function violate(site, what, text) {
	site.violations.push({ what, text });
	console.log(`VIOLATION seed ${site.seed}, ${what}: ${text}`);
}

// door: undefined for all. statuses: which it excuses; cut: answers that break off, too.
async function felt(site, window, what) {
	const entry = { cut: false, statuses: [], ...window, from: Date.now(), to: Infinity };

	site.windows.push(entry);
	try {
		return await what(entry);
	} finally {
		entry.to = Date.now() + AFTERMATH_MS;
	}
}

// What an answer at that door, between two moments, may have felt.
export function excuses(site, door, from, to) {
	const met = site.windows.filter((one) => (!one.door || one.door === door) &&
					       one.from <= to && one.to >= from);

	return { cut: met.some(({ cut }) => cut), statuses: met.flatMap(({ statuses }) => statuses) };
}

async function serves(door, times = 3) {
	for (let good = 0; good < times;) {
		const answer = await request({ port: door.port, path: `${MOUNT}/health/live` })
			.catch(() => undefined);

		good = answer?.status === 200 ? good + 1 : 0;
		await sleep(50);
	}
	return true;
}

async function kill(site, random) {
	const door = random.pick(keptDoors(site)), pid = door.pid();

	if (!pid)
		return violate(site, 'kill', `${door.name} has no responder`);
	/* A token that is renewed just now is lost, which kiroctl(1) says. */
	for (const name of site.due)
		site.excused.add(name);
	await felt(site, { what: 'kill', door: door.name, cut: true }, async () => {
		process.kill(pid, 'SIGKILL');
		door.killed.push(pid);
		await until(() => door.pid() && door.pid() !== pid, 'another responder', PATIENCE_MS);
		await serves(door);
	});
	door.current = door.pid();
}

async function reload(site, random) {
	site.at.configure({
		ping_interval: random.between(1, 3),
		first_byte_hold: random.between(1, 4),
		'accounts.strategy': random.pick(['optimal', 'round-robin', 'random']),
		'accounts.affinity_minutes': random.pick([0, 60]),
		'log.level': random.pick(['info', 'warn', 'debug']),
	});
	if (random.chance(0.5))
		keptDoors(site).forEach((door) => process.kill(door.pid(), 'SIGHUP'));
}

// The responders keep what they have; a CGI process can only say that its settings are wrong.
async function badConfig(site) {
	await felt(site, { what: 'bad config', door: 'cgi', statuses: UNRETRIED }, async () => {
		site.at.configure('{ "state_dir": 7,');
		keptDoors(site).forEach((door) => process.kill(door.pid(), 'SIGHUP'));
		await sleep(2500);
		site.at.configure();
	});
}

const message = (text) => JSON.stringify({ model: 'claude-opus-4-8', max_tokens: 100,
					   messages: [{ role: 'user', content: text }] });

const askWith = (door, key) => ask({ port: door.port, path: `${MOUNT}/v1/messages`,
				     headers: { 'x-api-key': key }, body: message('@plain@') });

const lastLine = (text) => text.trim().split('\n').at(-1);

async function newKey(site, name, ...limits) {
	const { code, out, err } = await site.kiroctl(['key', 'add', name, ...limits]);

	if (code)
		violate(site, 'key add', err);
	return out.trim();
}

// A key serves from the moment that it is made until the moment that it is revoked.
async function keys(site, random) {
	const name = `temp${site.serial++}`;
	const first = await newKey(site, name);

	site.temporary = first;
	await sleep(random.between(1000, 4000));
	const rotated = await site.kiroctl(['key', 'rotate', name, '--overlap', '1h']);

	site.temporary = rotated.out.trim();
	await sleep(random.between(1000, 3000));
	site.temporary = undefined;
	site.revoked.add(first).add(rotated.out.trim());
	const { code, err } = await site.kiroctl(['key', 'revoke', name]);

	if (code)
		violate(site, 'key revoke', err);
	for (const door of Object.values(site.doors)) {
		for (const key of [first, rotated.out.trim()]) {
			const answer = await askWith(door, key);

			if (answer.status !== 401)
				violate(site, 'key revoke', `status ${answer.status} at ${door.name} ` +
					'with a key that was revoked');
		}
	}
}

// A limit holds over all processes, to the request.
async function limit(site) {
	const name = `few${site.serial++}`, most = 6;
	const key = await newKey(site, name, '--requests', `${most}/day`);
	const doors = Object.values(site.doors);
	const answers = await Promise.all(Array.from({ length: 3 * most },
		(_, i) => askWith(doors[i % doors.length], key)));
	const refused = answers.filter(({ status, bytes }) =>
		status === 429 && /requests/.test(bytes) && /day/.test(bytes)).length;

	if (refused !== 2 * most)
		violate(site, 'key limit', `${3 * most - refused} of ${3 * most} requests were let in, ` +
			`${most} may: ${answers.map(({ status }) => status)}`);
	await site.kiroctl(['key', 'revoke', name]);
}

// Each line of a log that is closed is whole, but where the disk was full.
function checkLog(site, file, torn) {
	const bad = readFileSync(file, 'utf8').split('\n').filter((line) => {
		try {
			return line && !JSON.parse(line);
		} catch {
			return true;
		}
	});

	if (bad.length && !torn)
		violate(site, 'log', `${bad.length} lines of ${file} are broken: ` +
			bad[0].slice(0, 200));
}

async function rotate(site) {
	const files = ['kiro.log', 'access.log'].map((name) => join(site.at.stateDir, name));
	const torn = site.torn;

	for (const file of files)
		renameSync(file, `${file}.1`);
	site.torn = false;
	keptDoors(site).forEach((door) => process.kill(door.pid(), 'SIGUSR1'));
	await until(() => files.every((file) => {
		try {
			return statSync(file).size > 0;
		} catch {
			return false;
		}
	}), 'lines in the new logs', PATIENCE_MS);
	await sleep(1000);
	for (const file of files) {
		checkLog(site, `${file}.1`, torn);
		rmSync(`${file}.1`);
	}
}

// Renewals of each account so far, by its name.
async function renewals(site) {
	const { refresh } = await site.standin.stats(), calls = {};

	for (const token of refresh.tokens)
		calls[token.account] = (calls[token.account] ?? 0) + token.calls;
	return calls;
}

// Waits until all whose tokens ended have new ones. Who rests meanwhile stays due.
async function renewed(site, patience) {
	const end = Date.now() + patience;

	while (site.due.size && Date.now() < end) {
		const calls = await renewals(site);

		for (const [name, before] of site.due) {
			if ((calls[name] ?? 0) > before)
				site.due.delete(name);
		}
		await sleep(200);
	}
	await sleep(500); /* the last answer is being stored */
}

async function expire(site, random, count = 4) {
	const names = new Set(Array.from({ length: count },
		() => accountName(random.between(0, site.at.accounts.length - 1))));
	const calls = await renewals(site);

	for (const name of names)
		site.due.set(name, calls[name] ?? 0);
	await site.standin.addAccounts([...names].map((name) => ({ name, expired: true })));
}

async function tokens(site, random) {
	await expire(site, random);
	await renewed(site, 15000);
}

async function cron(site) {
	const { code, err } = await site.refresh();

	if (code !== 0 && code !== 1)
		violate(site, 'kiro-refresh', `exit ${code}: ${lastLine(err)}`);
	/* Who was told that its allowance is used up is brought back by the operator, too. */
	const list = await site.kiroctl(['account', 'list', '--json']);

	for (const { id, state } of JSON.parse(list.out || '[]')) {
		if (state !== 'active' && state !== 'invalid')
			await site.kiroctl(['account', 'enable', id]);
	}
}

function fill(file) {
	const fd = openSync(file, 'w');

	for (let size = 1 << 20; size >= 1; size >>= 4) {
		try {
			for (;;)
				writeSync(fd, Buffer.alloc(size, 'x'));
		} catch (error) {
			if (error.code !== 'ENOSPC')
				throw error;
		}
	}
	closeSync(fd);
}

async function diskFull(site, random) {
	const ballast = join(site.at.stateDir, 'ballast');

	if (!site.state.mounted)
		return;
	await felt(site, { what: 'disk full', statuses: [...UNRETRIED, 503] }, async () => {
		site.torn = true;
		fill(ballast);
		await expire(site, random, 2);
		await sleep(random.between(3000, 6000));
		rmSync(ballast);
	});
	site.torn = true;
	await renewed(site, 15000);
}

// kills: only while memory is not judged. quiet: nobody feels it.
const acts = {
	kill: { run: kill, kills: true },
	'kill again': { run: kill, kills: true },
	reload: { run: reload },
	'bad config': { run: badConfig },
	keys: { run: keys },
	limit: { run: limit },
	rotate: { run: rotate },
	tokens: { run: tokens },
	cron: { run: cron },
	'disk full': { run: diskFull },
};

function shuffled(random, list) {
	return list.map((one) => [random.next(), one]).sort(([a], [b]) => a - b).map(([, one]) => one);
}

// Until the end; kills only until killsEnd.
export async function disturb(site, random, { killsEnd, end }) {
	site.done = {};
	for (let deck = []; Date.now() < end;) {
		if (!deck.length)
			deck = shuffled(random, Object.keys(acts));
		const name = deck.pop(), act = acts[name];

		if (act.kills && Date.now() > killsEnd)
			continue;
		await sleep(random.between(200, 1500));
		if (process.env.SOAK_VERBOSE)
			console.log(`${Math.round((Date.now() - site.began) / 1000)} s: ${name}`);
		try {
			await act.run(site, random);
			site.done[name] = (site.done[name] ?? 0) + 1;
		} catch (error) {
			violate(site, name, error.stack);
		}
		for (const door of keptDoors(site)) {
			const pid = door.pid();

			if (pid !== door.current)
				violate(site, 'crash', `the responder of ${door.name} (${door.current}) ` +
					`ended by itself, while: ${name}`);
			door.current = pid;
		}
	}
}
