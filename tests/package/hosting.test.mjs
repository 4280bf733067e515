// make check-hosting: every hosting mode from the installed package, in a Debian of its own. The
// long silences of all modes pass side by side, while the other checks run one mode after the
// other. SILENCE=seconds, MODE=part of a name.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { payload } from '../lib/http.mjs';
import { checkMode } from '../web/checks.mjs';
import { isDelta, message, nextWhere, startSite, textOf } from '../web/site.mjs';
import { packageModes } from './modes.mjs';

const SILENCE = Number(process.env.SILENCE ?? 300); /* seconds */
const PING = 10; /* seconds, the default */

const modes = Object.entries(packageModes)
	.filter(([name]) => name.includes(process.env.MODE ?? ''));

// All of them while the upstream still has more to say: none waits in a buffer for the next ones.
async function thousandEvents({ stream, standin }, t) {
	const texts = Array.from({ length: 1000 }, (_, n) => `event ${n};`);

	await standin.script('thousand', { pace_ms: 2, chunking: 'frame', steps: [
		...texts.map((text) => ({ text })), { stall: true }] });
	const answer = await stream(message('@thousand@', { stream: true, max_tokens: 100000 }));

	for (const text of texts)
		assert.equal(textOf(await nextWhere(answer, isDelta)), text);
	t.diagnostic(`1,000 events in ${answer.pieces()} pieces`);
	const [entry] = (await standin.requests()).filter(({ script }) => script === 'thousand');

	assert.equal(entry.done, false);
	answer.close();
}

// Of the upstream: before it says anything, and in the middle.
const silences = {
	before: { script: { first_byte_delay_ms: SILENCE * 1000, steps: [{ text: 'late' }] },
		  texts: ['late'] },
	amid: { script: { steps: [{ text: 'one' }, { sleep_ms: SILENCE * 1000 }, { text: 'two' }] },
		texts: ['one', 'two'] },
};

const begin = ({ stream, standin }) => Promise.all(Object.entries(silences).map(
	async ([name, { script, texts }]) => {
		await standin.script(name, script);
		return { texts, answer: await stream(message(`@${name}@`, { stream: true })) };
	}));

async function passOne({ texts, answer }) {
	const events = await answer.rest();

	assert.deepEqual(events.filter(isDelta).map(textOf), texts);
	assert.equal(payload(events.at(-1)).type, 'message_stop');
	const pings = events.filter((event) => payload(event)?.type === 'ping').length;

	assert.ok(pings >= Math.floor(SILENCE / PING) - 2, `${pings} pings`);
	return pings;
}

// Resolves with the pings of both, or with the error.
async function passBoth(site, streams) {
	try {
		const pings = await Promise.all(streams.map(passOne));

		await site.stop();
		return { pings };
	} catch (error) {
		error.message += `\nlog:\n${site.server.log().slice(-3000)}`;
		await site.stop().catch(() => {});
		return { error };
	}
}

describe('hosting modes of the installation', { concurrency: 1 }, () => {
	const passing = new Map();

	before(async () => {
		for (const [name, mode] of SILENCE ? modes : []) {
			const site = await startSite(mode, { settings: { ping_interval: PING } });

			/* Both under way, before copying the next root stops this process for long. */
			passing.set(name, passBoth(site, await begin(site)));
		}
	});
	for (const [name, mode] of modes)
		checkMode(name, mode, { '1,000 events arrive one by one': thousandEvents }, 180000);

	describe(`${SILENCE} s of silence survive`, { timeout: (SILENCE + 300) * 1000 }, () => {
		for (const [name] of modes)
			test(name, { skip: !SILENCE }, async (t) => {
				const { pings, error } = await passing.get(name);

				if (error)
					throw error;
				t.diagnostic(`${pings.join(' and ')} pings`);
			});
	});
	after(() => Promise.all(passing.values()));
});
