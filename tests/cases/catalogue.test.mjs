// The responder looks up the models of an account behind an answer, once, and shows what it found.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin });
	fastcgi = await startFastcgi(installation);
	await standin.script('default', { steps: [{ text: 'ok' }] });
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

async function ask(model = 'claude-sonnet-4.5') {
	return (await fastcgi.request(messageRequest(installation.key, { model }))).status;
}

async function modelName(id) {
	const answer = await fastcgi.request({ method: 'GET', path: `/v1/models/${id}`,
					       headers: { 'x-api-key': installation.key } });

	return JSON.parse(answer.body).display_name;
}

const lookUps = async () =>
	(await standin.requests({ wait: 5000 })).filter(({ operation }) => operation === 'ListAvailableModels');

async function waitFor(what) {
	const end = Date.now() + 20000;

	while (!(await what())) {
		assert.ok(Date.now() < end, 'it did not happen within 20 s');
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

test('behind the first answer the catalogue is fetched, and then it is used', async () => {
	/* The stand-in writes "DeepSeek 3.2", our own list "DeepSeek V3.2". */
	assert.equal(await modelName('deepseek-3.2'), 'DeepSeek V3.2');
	assert.equal((await lookUps()).length, 0);
	assert.equal(await ask(), 200);
	await waitFor(async () => (await modelName('deepseek-3.2')) === 'DeepSeek 3.2');
	assert.equal((await lookUps()).length, 1);
});

test('a fresh catalogue is not fetched again', async () => {
	for (let i = 0; i < 3; i++)
		assert.equal(await ask(), 200);
	assert.equal((await lookUps()).length, 1);
});

test('a model that no account is offered is unknown, and nothing is sent', async () => {
	await standin.answer('ListAvailableModels', { http: { status: 200, body: { models: [{ modelId: 'auto' }] } } });
	installation.kiroctl(['models', 'list', '--refresh']);
	await standin.clearRequests();
	assert.equal(await ask('claude-sonnet-4.5'), 404);
	assert.equal(await ask('auto'), 200);
	assert.deepEqual((await standin.requests({ wait: 5000 })).map(({ operation }) => operation),
			 ['GenerateAssistantResponse']);
});
