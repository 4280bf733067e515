// `make soak`: see README.md here. SOAK_TIME seconds, SOAK_SEED, SOAK_CLIENTS; BUILD names the build.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { buildDir } from '../lib/standin.mjs';
import { accountsWork, booksAgree, quiet, reportsAreEmpty, tokensAreWhole } from './checks.mjs';
import { disturb, excuses, sleep, violate } from './chaos.mjs';
import { ask, judge } from './client.mjs';
import { makePlan } from './plan.mjs';
import { makeRandom } from './random.mjs';
import { MOUNT, openSite } from './site.mjs';
import { descriptors, judgeMemory, table, watch, writeRows } from './watch.mjs';

const seconds = Number(process.env.SOAK_TIME ?? 60);
const seed = Number(process.env.SOAK_SEED ?? Date.now() % 1e9);
const clients = Number(process.env.SOAK_CLIENTS ?? 500);
const sanitized = /san$/.test(buildDir); /* build/san, build/tsan */
const PACE_MS = Number(process.env.SOAK_PACE ?? (sanitized ? 1500 : 800)); /* between events */
const CALM = 0.2; /* of the clients: no faults, nobody leaves; their counters must be exact */
const folder = join(buildDir, 'soak');

function count(counts, name) {
	counts[name] = (counts[name] ?? 0) + 1;
}

function tell(site, door, plan, answer, wrong) {
	const where = `stream ${plan.mark} (${plan.dialect}, ${plan.stream ? 'streamed' : 'whole'}, ` +
		`${plan.shape}, ${plan.fault}, ${plan.manner}) at ${door.name}`;

	for (const text of wrong)
		violate(site, where, text);
	writeFileSync(join(folder, `${plan.mark.slice(1, -1)}.txt`), [
		where, ...wrong, JSON.stringify(plan.scripts, null, 1), plan.body,
		`status ${answer.status}, complete ${answer.complete}, error ${answer.error}`,
		JSON.stringify(answer.headers), answer.bytes.toString(), ''].join('\n\n'));
}

function keyFor(site, calm, random) {
	return calm ? 'calm' : site.temporary && random.chance(0.3) ? 'temporary' : 'wild';
}

async function once(site, door, random, calm) {
	const plan = makePlan(random, { calm, large: Date.now() < site.settled, pace_ms: PACE_MS });
	const which = keyFor(site, calm, random);
	const key = site.keys[which] ?? site.temporary;
	const book = site.books[which];

	for (const [name, script] of Object.entries(plan.scripts))
		await site.control('PUT', `/_control/script/${name}`, script);
	const from = Date.now();
	const answer = await ask({
		port: door.port, path: MOUNT + plan.path, headers: { 'x-api-key': key }, body: plan.body,
		leave_after: plan.manner === 'leaves' ? random.between(1, 6000) : undefined,
		slowly: plan.manner === 'reads slowly' });
	const to = Date.now();
	const may = excuses(site, door.name, from, to);
	const revoked = site.revoked.has(key) ? [401, 400] : [];
	const { outcome, wrong, why } = judge(plan, answer, { ...may,
							      statuses: may.statuses.concat(revoked) });

	count(site.counts, `${plan.stream ? 'stream' : 'whole'}: ${outcome}`);
	count(site.planned, plan.fault);
	count(site.planned, plan.manner);
	if (why)
		count(site.refusals, why);
	if (book)
		book.push({ to, outcome, input: plan.usage.input, output: plan.usage.output,
			    door: door.name });
	if (wrong.length)
		tell(site, door, plan, answer, wrong);
	for (const name of Object.keys(plan.scripts))
		await site.control('DELETE', `/_control/script/${name}`);
}

async function client(site, door, random, calm, end) {
	await sleep(random.between(0, Math.min(10000, seconds * 200)));
	while (Date.now() < end) {
		try {
			await once(site, door, random, calm);
		} catch (error) {
			violate(site, 'client', error.stack);
		}
		await sleep(random.between(0, 500));
	}
}

function startClients(site, random, end) {
	return Object.values(site.doors).flatMap((door) =>
		Array.from({ length: Math.round(clients * door.share) }, (_, index) =>
			client(site, door, random.branch(), index < clients * door.share * CALM, end)));
}

async function prepare(site) {
	Object.assign(site, { seed, began: Date.now(), serial: 1, keys: {}, refusals: {}, planned: {}, books: { calm: [], wild: [] },
			      revoked: new Set(), due: new Map(), excused: new Set(), torn: false });
	for (const name of ['calm', 'wild'])
		site.keys[name] = (await site.kiroctl(['key', 'add', name])).out.trim();
	await site.standin.script('plain', { steps: [{ text: 'Plain.' }] });
	for (const door of Object.values(site.doors)) {
		door.killed = [];
		door.current = door.pid();
		door.open = door.kept ? descriptors(door.current) : undefined;
	}
}

async function soak(site) {
	const random = makeRandom(seed);
	const began = Date.now(), end = began + seconds * 1000;

	/* From here on nobody is killed, answers are small, and memory is judged. */
	site.settled = began + seconds * 500;
	const watched = watch(site, Math.max(500, seconds * 1000 / 200));
	const running = startClients(site, random, end);

	await disturb(site, random.branch(), { killsEnd: site.settled, end });
	await Promise.all(running);
	watched.stop();
	for (const found of judgeMemory(watched.rows, seconds / 2, seconds, sanitized)) {
		console.log(`memory of ${found.pid} (${found.door}): ${(found.growth / 1024).toFixed(1)} MB ` +
			    `in ${found.minutes.toFixed(1)} minutes, ` +
			    `${(found.growth / 1024 / found.minutes).toFixed(2)} MB a minute; ` +
			    `${(found.most / 1024).toFixed(0)} MB are allowed`);
		if (found.leaks)
			violate(site, 'memory', `the responder of ${found.door} grows`);
	}
	return watched.rows;
}

function summary(site, rows) {
	console.log(`\n${table(rows)}\n`);
	writeRows(join(folder, 'watch.tsv'), rows);
	const asked = Object.values(site.counts).reduce((sum, one) => sum + one, 0);

	console.log(`${asked} requests:`);
	for (const [name, many] of Object.entries(site.counts).sort())
		console.log(`  ${name.padEnd(24)} ${many}`);
	console.log('refused, though nothing was wrong with the request:');
	for (const [name, many] of Object.entries(site.refusals).sort(([, a], [, b]) => b - a).slice(0, 12))
		console.log(`  ${String(many).padStart(6)}  ${name.slice(0, 160)}`);
	for (const [what, counts] of Object.entries({ planned: site.planned, disturbances: site.done }))
		console.log(`${what}: ${Object.entries(counts).map(([name, many]) => `${name} ${many}`)
			.join(', ')}`);
	if (!site.state.mounted)
		console.log('*** the disk was never full: that needs root, who may mount a tmpfs');
	console.log(`soak: ${site.violations.length} violations, seed ${seed}, ${seconds} s, ` +
		    `${clients} clients, ${buildDir}`);
}

async function main() {
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(folder, { recursive: true });
	console.log(`soak: seed ${seed}, ${seconds} s, ${clients} clients, ${buildDir}`);
	const site = await openSite();
	let rows = [];

	for (const signal of ['SIGINT', 'SIGTERM'])
		process.once(signal, () => site.close().finally(() => process.exit(130)));

	try {
		await prepare(site);
		rows = await soak(site);
		await quiet(site);
		await booksAgree(site);
		await accountsWork(site);
		await tokensAreWhole(site);
	} catch (error) {
		violate(site, 'soak', error.stack);
	} finally {
		const logs = Object.values(site.doors).map((door) => door.logs);

		site.log = readFileSync(join(site.at.stateDir, 'kiro.log'), 'utf8');
		writeFileSync(join(folder, 'kiro.log'), site.log);
		await site.close();
		writeFileSync(join(folder, 'servers.log'), logs.map((log) => log()).join('\n'));
		reportsAreEmpty(site, readFileSync(join(folder, 'servers.log'), 'utf8'));
		rmSync(site.scratch, { recursive: true, force: true });
	}
	summary(site, rows);
	process.exitCode = site.violations.length ? 1 : 0;
}

await main();
