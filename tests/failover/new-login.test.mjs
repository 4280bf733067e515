// An account whose token is refused rests; a new login of it that is imported ends that at once.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

const person = { name: 'one', kind: 'social' };

function take({ accessToken, refreshToken, profileArn, expiresIn }) {
	installation.kiroctl(['account', 'import', '-', '--yes'], { input: JSON.stringify([{
		authMethod: 'social', email: 'me@example.org', provider: 'Google', region: 'us-east-1',
		accessToken, refreshToken, profileArn,
		expiresAt: new Date(Date.now() + expiresIn * 1000).toISOString(),
	}]) });
}

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [] });
	take((await standin.addAccounts([person]))[0]);
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

async function ask() {
	const body = { model: 'claude-sonnet-4.5', max_tokens: 50,
		       messages: [{ role: 'user', content: 'hi' }] };
	const answer = await fastcgi.request({
		method: 'POST', path: '/v1/messages', body: Buffer.from(JSON.stringify(body)),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});

	return answer.status;
}

const accounts = () => JSON.parse(installation.kiroctl(['account', 'list', '--json']));

test('a new login ends the rest of a refused account', async () => {
	await standin.script('default', { http: { status: 403, body: {
		__type: 'AccessDeniedException', message: 'Invalid token', reason: null } } });
	assert.equal(await ask(), 403);
	assert.deepEqual(accounts().map(({ state, state_reason }) => ({ state, state_reason })),
			 [{ state: 'refused', state_reason: 'Invalid token' }]);

	await standin.script('default', { steps: [{ text: 'ok' }] });
	assert.equal(await ask(), 403); /* it rests */
	const [{ id }] = accounts();

	take((await standin.addAccounts([{ ...person, expiresIn: 7200,
					   accessToken: 'access-token-of-a-new-login',
					   refreshToken: 'refresh-token-of-a-new-login' }]))[0]);
	assert.deepEqual(accounts().map((account) => [account.id, account.state]), [[id, 'active']]);
	assert.equal(await ask(), 200);
});
