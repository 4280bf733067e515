// The limits of common/limits.h that need whole programs: what is at one is taken, one more is not.
// tests/unit/test_limits.c knows which limits are tested here, by the names in the titles.
import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const KB = 1024, MB = 1024 * KB;

let standin, at;

before(async () => {
	standin = await startStandin();
	at = await makeInstallation({ standin });
});

after(async () => {
	at?.remove();
	await standin?.stop();
});

const chat = (content) => requestCgi(at, messageRequest(at.key, { messages: [{ role: 'user', content }] }));

function kiroctl(...args) {
	const { status, stdout, stderr } = spawnSync(join(buildDir, 'kiroctl'), args,
						     { env: at.env, encoding: 'utf8' });

	return { status, text: stdout + stderr };
}

// JSON of exactly so many bytes.
const padded = (value, bytes) => JSON.stringify(value).padStart(bytes, ' ');

test('LIMIT_ADMIN_BODY: 4 MB of accounts, and not a byte more', async () => {
	const key = at.kiroctl(['key', 'add', 'boss', '--role', 'operator']).trim();

	for (const [bytes, status] of [[4 * MB, 400], [4 * MB + 1, 413]]) {
		const answer = await requestCgi(at, {
			path: '/admin/api/v1/accounts/import',
			headers: { host: 'localhost', 'x-api-key': key, 'content-type': 'application/json' },
			body: Buffer.from(padded({}, bytes)) });

		assert.equal(answer.status, status, answer.body.toString());
	}
});

// The reason stands at the end: it is read as long as the refusal is kept whole.
test('LIMIT_UP_ERROR: a refusal of 64 KB is read, one that is longer is cut', async () => {
	const refusal = (bytes) => ({ http: { status: 400, body: padded({
		__type: 'ValidationException', message: 'No.', reason: 'IMAGE_COUNT_EXCEEDED' }, bytes) } });

	for (const [bytes, told] of [[64 * KB, true], [64 * KB + 1, false]]) {
		await standin.script('no', refusal(bytes));
		const answer = await chat('@no@');

		assert.equal(answer.status, 400);
		assert.equal(answer.body.toString().includes('Could not process image'), told);
	}
});

test('LIMIT_UP_REPLY: 4 MB of usage are read, and not a byte more', async () => {
	const [{ id }] = JSON.parse(at.kiroctl(['account', 'list', '--json']));
	const body = (bytes) => padded({ usageBreakdownList: [{
		resourceType: 'CREDIT', usageLimit: 1000, currentUsage: 12,
		usageLimitWithPrecision: 1000, currentUsageWithPrecision: 12 }] }, bytes);

	for (const [bytes, good] of [[4 * MB, true], [4 * MB + 1, false]]) {
		await standin.answer('GetUsageLimits', { http: { status: 200, body: body(bytes) } });
		const { status, text } = kiroctl('account', 'test', id);

		assert.equal(status === 0, good, text);
		await standin.removeAnswer('GetUsageLimits');
	}
});

test('LIMIT_IMPORT_FILE: 16 MB, and not a byte more', () => {
	const file = join(at.dir, 'accounts.json');

	for (const [bytes, good] of [[16 * MB, true], [16 * MB + 1, false]]) {
		writeFileSync(file, padded([{ refreshToken: 'FAKE-refresh-0000000000000' }], bytes));
		const { status, text } = kiroctl('account', 'import', file);

		assert.equal(status === 0, good, text);
	}
});

// A backup within the bounds is read and found to be none; what is beyond is not looked at.
test('LIMIT_BUNDLE: 192 MB are read, and not a byte more', () => {
	const file = join(at.dir, 'backup');

	writeFileSync(file, '');
	for (const [bytes, large] of [[192 * MB, false], [192 * MB + 1, true],
				    [192 * MB + 5 * KB, true]]) {
		truncateSync(file, bytes);
		const { status, text } = kiroctl('restore', file);

		assert.notEqual(status, 0);
		assert.equal(/too large|larger than/.test(text), large, text);
	}
});

test('LIMIT_CAPTURE_BODY: a megabyte of a body is captured, the rest is cut', async () => {
	await standin.script('default', { steps: [{ text: 'ok' }] });
	at.kiroctl(['capture', 'start', 'test']);
	const empty = JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
				       messages: [{ role: 'user', content: '' }] }).length;

	for (const bytes of [MB, MB + 1])
		assert.equal((await chat('x'.repeat(bytes - empty))).status >= 200, true);
	at.kiroctl(['capture', 'status']);
	const lines = readFileSync(join(at.stateDir, 'capture.log'), 'utf8').trim().split('\n')
		.map((line) => JSON.parse(line));

	assert.deepEqual(lines.map(({ cut, request }) => [cut, request.length]),
			 [[false, MB], [true, MB]]);
});
