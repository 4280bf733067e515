// What answers have cost since the usage was read counts for who serves next, in all processes: the
// account with most left would else serve everybody until the next reading.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { run } from '../lib/process.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const usage = (currentUsage) => ({ nextDateReset: Math.floor(Date.now() / 1000) + 9 * 86400,
	usageBreakdownList: [{ resourceType: 'CREDIT', currentUsage, usageLimit: 1000 }] });

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [
		{ name: 'most', kind: 'social', usage: usage(10) },
		{ name: 'less', kind: 'social', usage: usage(12.1) },
	] });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

test('metered credits are subtracted from what is left', async () => {
	run(join(buildDir, 'kiro-refresh'), [], { env: installation.env });
	await standin.script('default', { steps: [{ text: 'hello' }], trailer: { metering: 1.5 } });
	for (let i = 0; i < 4; i++) {
		const body = { model: 'claude-sonnet-4.5', max_tokens: 50,
			       messages: [{ role: 'user', content: 'hi' }] };
		const answer = await fastcgi.request({
			method: 'POST', path: '/v1/messages', body: Buffer.from(JSON.stringify(body)),
			headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
		});

		assert.equal(answer.status, 200, String(answer.body));
	}
	const chats = (await standin.requests()).filter((r) => r.script === 'default');

	// left: 990 and 987.9; 988.5; 987; 986.4 of the other
	assert.deepEqual(chats.map((r) => r.account), ['most', 'most', 'less', 'most']);
});
