// What one more event of a stream costs, counted by census.so in the running program: two streams
// that differ only in their length. Of the difference nothing may be an allocation, a lock that
// other streams take too, or more than one write for each event.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const FEW = 50, MORE = 450;
const names = ['ownAllocations', 'allocations', 'writes', 'ownLocks', 'locks', 'fileLocks'];
const user = [{ role: 'user', content: 'hi' }];
const model = 'claude-sonnet-4.5';
const dialects = {
	'/v1/messages': { model, max_tokens: 500, stream: true, messages: user },
	'/v1/chat/completions': { model, stream: true, messages: user },
	'/v1/responses': { model, stream: true, input: 'hi' },
};
// A sanitizer's program has the sanitizer's malloc.
const sanitized = readFileSync(join(buildDir, 'kiro.fcgi')).includes('__asan_init') ||
	readFileSync(join(buildDir, 'kiro.fcgi')).includes('__tsan_init');

let standin, installation, fastcgi, file;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, settings: { 'log.level': 'warn' } });
	file = join(installation.dir, 'census');
	writeFileSync(file, Buffer.alloc(8 * names.length));
	fastcgi = await startFastcgi({ ...installation, env: {
		...installation.env, CENSUS: file,
		...(!sanitized && { LD_PRELOAD: join(buildDir, 'tests', 'census.so') }),
	} });
});

after(async () => {
	await fastcgi?.stop();
	installation?.remove();
	await standin?.stop();
});

function census() {
	const bytes = readFileSync(file);

	return Object.fromEntries(names.map((name, i) => [name,
							  Number(bytes.readBigUInt64LE(8 * i))]));
}

// The counts of one stream of so many deltas, each in a read of its own where the machine keeps up.
async function stream(path, deltas, pace) {
	const text = 'abcdefgh'.repeat(deltas);
	const earlier = census();

	await standin.script('default', { pace_ms: pace, steps: [{ text, pieces: deltas }] });
	const answer = await fastcgi.request({
		method: 'POST', path, body: Buffer.from(JSON.stringify(dialects[path])),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});
	const now = census();

	assert.equal(answer.status, 200, String(answer.body));
	assert.ok(String(answer.body).split('abcdefgh').length > deltas);
	return Object.fromEntries(names.map((name) => [name, now[name] - earlier[name]]));
}

// The least of several such streams: what others cause (a first connection, a look for models) only
// adds, and in the shorter one it would hide what an event costs.
async function least(path, deltas, pace) {
	const runs = [];

	while (runs.length < 3)
		runs.push(await stream(path, deltas, pace));
	return Object.fromEntries(names.map((name) =>
		[name, Math.min(...runs.map((counts) => counts[name]))]));
}

// What comes once a second (a file looked for) may fall into one of the two. A stream's beginning
// and end are three writes; where the machine does not keep up, one write carries several events.
const STRAY = 8;

describe('an event in the middle of a stream', { skip: sanitized && 'counts a plain build' }, () => {
	for (const path of Object.keys(dialects)) {
		for (const pace of [0, 2]) {
			test(`${path}, ${pace ? 'as it comes' : 'in a burst'}`, async () => {
				await stream(path, MORE, pace); /* what is kept for the next is made now */
				const few = await least(path, FEW, pace);
				const many = await least(path, FEW + MORE, pace);
				const of = (name) => many[name] - few[name];

				assert.ok(few.ownAllocations > 0 && few.ownLocks > 0 && few.writes > 0 &&
					  few.fileLocks > 0, 'the census counts');
				assert.ok(of('ownAllocations') <= STRAY, `${of('ownAllocations')} allocations`);
				assert.ok(of('allocations') <= STRAY, `${of('allocations')} of libraries`);
				assert.ok(many.writes <= FEW + MORE + STRAY, `${many.writes} writes`);
				assert.ok(of('ownLocks') <= STRAY, `${of('ownLocks')} locks`);
				assert.ok(of('locks') <= STRAY, `${of('locks')} of libraries`);
				assert.ok(of('fileLocks') <= STRAY, `${of('fileLocks')} file locks`);
			});
		}
	}
});
