// What must hold when all clients are gone.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { QUIET_THREADS, until } from '../lib/process.mjs';
import { ask } from './client.mjs';
import { sleep, violate } from './chaos.mjs';
import { MOUNT } from './site.mjs';
import { descriptors, locksIn } from './watch.mjs';

const PATIENCE_MS = 90000;
const REPORT = /(Address|Leak|Thread)Sanitizer|runtime error:|Can't open file/;
const QUIET = QUIET_THREADS + 1; /* ThreadSanitizer has one of its own */
/* http.c keeps 64 handles; libcurl gives each a pair to wake it up and at most four connections. The
 * threads that wait may have their web server's. */
const KEPT_SOCKETS = 64 * (2 + 4) + QUIET;
const kept = (site) => Object.values(site.doors).filter((door) => door.kept);

const threads = (pid) =>
	Number(/^Threads:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);

async function settles(site, what, condition, now) {
	try {
		await until(condition, what, PATIENCE_MS);
	} catch {
		violate(site, 'quiet', `${what} does not come: ${await now()}`);
	}
}

// Nothing goes on any more: no request upstream, no thread, no lock, nothing open that was not at the
// start but connections that are kept.
export async function quiet(site) {
	const upstream = async () => (await site.standin.stats()).in_flight;

	await settles(site, 'the end of all upstream requests', async () => !await upstream(), upstream);
	await settles(site, 'the end of all locks', () => !locksIn(site.at.stateDir).length,
		      () => locksIn(site.at.stateDir));
	for (const door of kept(site)) {
		const pid = door.pid();
		const files = () => descriptors(pid).files;
		const others = () => descriptors(pid).others;
		const sockets = () => descriptors(pid).sockets.length;

		await settles(site, `the end of the threads of ${door.name}`,
			      () => threads(pid) <= QUIET, () => threads(pid));
		/* The store's file may be open that was not yet at the start, and the logs. */
		await settles(site, `the files of ${door.name}`,
			      () => files().length <= door.open.files.length + 4,
			      () => `${door.open.files} at first, now ${files()}`);
		await settles(site, `the events and pipes of ${door.name}`,
			      () => others().length <= door.open.others.length,
			      () => `${door.open.others} at first, now ${others()}`);
		await settles(site, `the sockets of ${door.name}`, () => sockets() <= KEPT_SOCKETS,
			      () => `${sockets()}, ${KEPT_SOCKETS} may be kept`);
		console.log(`left open by ${door.name}: ${files().length} files, ${sockets()} sockets, ` +
			    `${others().length} others`);
	}
}

// What a client saw, it has been charged with; what nobody can know lies between two bounds: answers
// that were cut, and those that came just before a kill and may not have been booked yet.
export async function booksAgree(site) {
	const { out } = await site.kiroctl(['usage', '--json', '--by', 'key']);
	const rows = JSON.parse(out || '[]');
	const nearKill = ({ to, door }) => site.windows.some((one) => one.what === 'kill' &&
		one.door === door && to > one.from - 3000 && to <= one.to);

	for (const [name, book] of Object.entries(site.books)) {
		const row = rows.find(({ key }) => key === name) ?? { requests: 0 };
		const whole = book.filter((one) => one.outcome === 'whole' && !nearKill(one));
		const sum = (list, what) => list.reduce((total, one) => total + one[what], 0);
		const bounds = { requests: [whole.length, book.length] };

		/* A spoilt answer costs too, and some are asked for again: no upper bound there. */
		for (const what of ['input', 'output'])
			bounds[`${what}_tokens`] = [sum(whole, what),
						    name === 'calm' ? sum(book, what) : Infinity];
		for (const [what, [least, most]] of Object.entries(bounds)) {
			const value = row[what];

			console.log(`usage of ${name}: ${what} ${value}, clients saw ${least} to ${most}`);
			if (!(value >= least && value <= most))
				violate(site, 'usage', `${what} of ${name}: ${value} counted, clients ` +
					`saw ${least} to ${most}`);
		}
	}
}

// Every account is good, with a token that must be renewed first, and each door serves.
export async function accountsWork(site) {
	await site.standin.addAccounts(site.at.accounts.map(({ name }) => ({ name, expired: true })));
	const list = JSON.parse((await site.kiroctl(['account', 'list', '--json'])).out || '[]');

	for (const { id, profile_arn: profile, state, state_reason: why } of list) {
		const name = profile.split('/').at(-1);
		let done = await site.kiroctl(['account', 'refresh', id]);

		if (!done.code)
			done = await site.kiroctl(['account', 'test', id]);
		if (done.code && !site.excused.has(name))
			violate(site, 'account', `${name} (${state}, ${why}): ${done.err || done.out}`);
		if (['exhausted', 'suspended', 'refused'].includes(state))
			await site.kiroctl(['account', 'enable', id]);
	}
	for (const door of Object.values(site.doors)) {
		const answer = await ask({ port: door.port, path: `${MOUNT}/v1/messages`,
			headers: { 'x-api-key': site.keys.calm },
			body: JSON.stringify({ model: 'claude-opus-4-8', max_tokens: 100,
					       messages: [{ role: 'user', content: '@plain@' }] }) });

		if (answer.status !== 200)
			violate(site, 'end', `${door.name} answers ${answer.status}: ${answer.bytes}`);
	}
	await sleep(500);
}

// Every stored refresh token is the one that the service takes next, none was used twice, and no two
// renewals of one account met.
export async function tokensAreWhole(site) {
	const file = join(site.at.stateDir, 'export.jsonl');
	const done = await site.kiroctl(['export', file, '--secrets']);

	if (done.code)
		return violate(site, 'tokens', `export: ${done.err}`);
	const stored = new Set(readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
		.filter((one) => one.key?.startsWith('a/')).map((one) => one.record.refresh_token));

	for (const { name, refreshToken } of await site.standin.accounts()) {
		if (!stored.has(refreshToken) && !site.excused.has(name))
			violate(site, 'tokens', `the refresh token of ${name} is lost`);
	}
	const { refresh } = await site.standin.stats();

	console.log(`renewals: ${refresh.calls}, used again: ${refresh.stale}, unknown: ${refresh.unknown}`);
	for (const { account, stale, max_overlap: overlap } of refresh.tokens) {
		if (stale && !site.excused.has(account))
			violate(site, 'tokens', `a refresh token of ${account} was used again`);
		if (overlap > 1)
			violate(site, 'tokens', `${overlap} renewals of ${account} at once`);
	}
}

export function reportsAreEmpty(site, logs) {
	const found = site.reports();

	for (const text of found)
		violate(site, 'sanitizer', text.slice(0, 6000));
	if (!found.length && REPORT.test(logs))
		violate(site, 'sanitizer', logs.slice(logs.search(REPORT)).slice(0, 4000));
}
