// A responder that is told to stop has drain_timeout for its streams. A renewal under way is waited
// for all the same: the service has used up the stored refresh token, and the new one is in its
// answer alone.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { until } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, installation;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({
		standin, settings: { drain_timeout: 0 },
		accounts: [{ name: 'one', kind: 'social', expiresIn: 0 }],
	});
	await standin.addAccounts([{ name: 'one', kind: 'social', expiresIn: 3600 }]); /* from now on */
	await standin.script('default', { steps: [{ text: 'ok' }] });
});

after(async () => {
	installation?.remove();
	await standin?.stop();
});

const ask = (fastcgi) => fastcgi.request({
	method: 'POST', path: '/v1/messages',
	body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
					   messages: [{ role: 'user', content: 'hi' }] })),
	headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
});

test('a renewed token is stored before the process ends', async () => {
	const first = await startFastcgi(installation);

	await standin.refresh({ delay_ms: 1500 });
	ask(first).catch(() => {});
	await until(async () => (await standin.stats()).refresh.calls === 1, 'a renewal under way');
	assert.deepEqual(await first.stop(), { code: 0, signal: null });
	await standin.refresh({});

	const second = await startFastcgi(installation);
	const answer = await ask(second);
	const { refresh } = await standin.stats();

	assert.deepEqual(await second.stop(), { code: 0, signal: null });
	assert.equal(answer.status, 200, String(answer.body));
	assert.deepEqual({ calls: refresh.calls, stale: refresh.stale }, { calls: 1, stale: 0 });
});
