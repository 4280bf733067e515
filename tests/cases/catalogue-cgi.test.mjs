// As plain CGI, where no process lives on: the models of an account are looked up behind an answer
// by a process of its own, and before the very first list of models.
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

/* The stand-in writes "DeepSeek 3.2", our own list "DeepSeek V3.2". */
const OURS = 'DeepSeek V3.2';
const THEIRS = 'DeepSeek 3.2';

let standin, installation;

beforeEach(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin });
	await standin.script('default', { steps: [{ text: 'ok' }] });
});

afterEach(async () => {
	installation?.remove();
	await standin?.stop();
});

async function ask() {
	const answer = await requestCgi(installation, messageRequest(installation.key));

	assert.equal(answer.status, 200);
	assert.ok(answer.complete);
}

async function get(path) {
	const answer = await requestCgi(installation, { method: 'GET', path, headers: { 'x-api-key': installation.key } });

	assert.equal(answer.status, 200);
	return JSON.parse(answer.body);
}

const nameIn = (list) => list.data.find(({ id }) => id === 'deepseek-3.2').display_name;
const lookUps = async () =>
	(await standin.requests({ wait: 5000 })).filter(({ operation }) => operation === 'ListAvailableModels');

async function waitFor(what) {
	const end = Date.now() + 20000;

	while (!(await what())) {
		assert.ok(Date.now() < end, 'it did not happen within 20 s');
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
}

test('behind the first answer the models are looked up, and then they are known', async () => {
	await ask();
	await waitFor(async () => (await get('/v1/models/deepseek-3.2')).display_name === THEIRS);
	await ask();
	assert.equal((await lookUps()).length, 1);
});

test('the answer is complete although the look behind it hangs', async () => {
	await standin.answer('ListAvailableModels', { first_byte_delay_ms: 600000, http: { status: 200, body: {} } });
	await ask();
	await waitFor(async () =>
		(await standin.requests()).some(({ operation }) => operation === 'ListAvailableModels'));
	assert.equal((await get('/v1/models/deepseek-3.2')).display_name, OURS);
});

test('the first list of models is the upstream\'s own, and the next is not asked for', async () => {
	assert.equal(nameIn(await get('/v1/models')), THEIRS);
	assert.equal(nameIn(await get('/v1/models')), THEIRS);
	assert.equal((await lookUps()).length, 1);
});

test('where the upstream does not answer, our own list comes', async () => {
	await standin.answer('ListAvailableModels', { first_byte_delay_ms: 600000, http: { status: 200, body: {} } });
	assert.equal(nameIn(await get('/v1/models')), OURS);
});
