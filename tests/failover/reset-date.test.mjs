// A used-up allowance comes back on the date that the service tells with the usage of the account:
// not on the first of the month and not after what the refusal says.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { run } from '../lib/process.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const reset = Math.floor(Date.now() / 1000) + 9 * 86400;

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [{
		name: 'one', kind: 'social',
		usage: {
			nextDateReset: reset,
			usageBreakdownList: [{ resourceType: 'CREDIT', currentUsage: 40,
					       usageLimit: 1000 }],
			subscriptionInfo: { subscriptionTitle: 'KIRO PRO' },
		},
	}] });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

test('the reset date of the usage record is until when an exhausted account rests', async () => {
	run(join(buildDir, 'kiro-refresh'), [], { env: installation.env });
	await standin.script('default', { http: { status: 429, headers: { 'retry-after': '60' }, body: {
		__type: 'ThrottlingException', message: 'You have reached the limit.',
		reason: 'MONTHLY_REQUEST_COUNT' } } });
	const body = { model: 'claude-sonnet-4.5', max_tokens: 50,
		       messages: [{ role: 'user', content: 'hi' }] };
	const asked = Date.now() / 1000;
	const answer = await fastcgi.request({
		method: 'POST', path: '/v1/messages', body: Buffer.from(JSON.stringify(body)),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});
	const [account] = JSON.parse(installation.kiroctl(['account', 'list', '--json']));
	const wait = Number(answer.headers['retry-after']);

	assert.equal(answer.status, 429);
	assert.equal(JSON.parse(answer.body).error.type, 'billing_error');
	assert.equal(account.state, 'exhausted');
	assert.equal(Date.parse(account.state_until) / 1000, reset);
	assert.ok(wait <= reset - Math.floor(asked) && wait >= reset - Date.now() / 1000 - 1, `${wait}`);
});
