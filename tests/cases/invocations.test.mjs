// What the service's own client says of its tries: one invocation id for a call and all its retries,
// whose attempts count from 1 and never beyond the maximum that it names.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin, accounts: [{ name: 'one', kind: 'social' }, { name: 'two', kind: 'social' }] });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

// A request's status and its exchanges, in order: their accounts, attempts, invocation ids and bodies.
async function ask(body = {}) {
	await standin.clearRequests();
	const answer = await fastcgi.request(messageRequest(installation.key, body));
	const sent = (await standin.requests({ wait: 2000 })).filter(({ operation }) => /GenerateAssistantResponse|InvokeMCP/.test(operation));

	return { status: answer.status, accounts: sent.map(({ account }) => account),
		 attempts: sent.map(({ headers }) => headers['amz-sdk-request']),
		 ids: sent.map(({ headers }) => headers['amz-sdk-invocation-id']), bodies: sent.map(({ body }) => body) };
}

const idOf = (body, name) => body.conversationState[name];
const inOrder = [1, 2, 3].map((n) => `attempt=${n}; max=3`);

test('retries of a call have its invocation id; another account is another call', async () => {
	await standin.script('default', { http: { status: 500, body: { message: 'boom' } } });
	const { status, accounts, attempts, ids, bodies } = await ask();
	const [first, , , second] = accounts;

	assert.equal(status, 529);
	assert.notEqual(first, second);
	assert.deepEqual(accounts, [first, first, first, second, second, second]);
	assert.deepEqual(attempts, [...inOrder, ...inOrder]);
	assert.deepEqual(ids, [ids[0], ids[0], ids[0], ids[3], ids[3], ids[3]]);
	assert.notEqual(ids[0], ids[3]);
	for (const [n, body] of bodies.entries())
		assert.deepEqual(body, bodies[n < 3 ? 0 : 3]);
	assert.equal(idOf(bodies[3], 'conversationId'), idOf(bodies[0], 'conversationId'));
});

test('what is asked anew, in other words, is another call', async () => {
	await standin.script('default', { times: 1, next: 'good', steps: [{ text: 'No.' }] });
	await standin.script('good', { steps: [{ tool: { id: 'tooluse_1', name: 'f', input: {} } }] });
	const { status, attempts, ids } = await ask({ tools: [{ name: 'f', input_schema: { type: 'object' } }], tool_choice: { type: 'any' } });

	assert.equal(status, 200);
	assert.deepEqual(attempts, [inOrder[0], inOrder[0]]);
	assert.notEqual(ids[0], ids[1]);
});

test('so is the search, and the round behind it', async () => {
	await standin.script('default', { times: 1, next: 'good', steps: [{ tool: { id: 'tooluse_1', name: 'web_search', input: { query: 'x' } } }] });
	await standin.script('good', { steps: [{ text: 'Found.' }] });
	const { status, accounts, attempts, ids, bodies } = await ask({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] });

	assert.equal(status, 200);
	assert.equal(new Set(accounts).size, 1); /* where the cache of the first round is */
	assert.deepEqual(attempts, [inOrder[0], inOrder[0], inOrder[0]]);
	assert.equal(new Set(ids).size, 3);
	/* one turn of one conversation, whose loop of tools this is */
	for (const name of ['conversationId', 'agentContinuationId'])
		assert.equal(idOf(bodies[2], name), idOf(bodies[0], name));
});

test('a search that is sent again is the same search', async () => {
	await standin.script('default', { times: 1, next: 'good', steps: [{ tool: { id: 'tooluse_1', name: 'web_search', input: { query: 'x' } } }] });
	await standin.script('good', { steps: [{ text: 'Found.' }] });
	await standin.answer('InvokeMCP', { times: 2, http: { status: 500, body: { message: 'boom' } } });
	const { ids, bodies } = await ask({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] });

	assert.deepEqual(ids.slice(1, 4), [ids[1], ids[1], ids[1]]);
	assert.deepEqual(bodies.slice(1, 4), [bodies[1], bodies[1], bodies[1]]);
});

test('a new token is another call', async () => {
	await standin.script('default', { steps: [{ text: 'ok' }] });
	await standin.addAccounts([{ name: 'one', expired: true }, { name: 'two', expired: true }]);
	const { status, attempts, ids } = await ask();

	assert.equal(status, 200);
	assert.deepEqual(attempts, [inOrder[0], inOrder[0]]);
	assert.notEqual(ids[0], ids[1]);
});

test('a turn of the user has one continuation id through its loop of tools, another turn another', async () => {
	await standin.script('default', { steps: [{ text: 'ok' }] });
	const user = (content) => ({ role: 'user', content });
	const call = (id) => ({ role: 'assistant', content: [{ type: 'tool_use', id, name: 'f', input: {} }] });
	const result = (id) => user([{ type: 'tool_result', tool_use_id: id, content: 'r' }]);
	const said = { role: 'assistant', content: 'Done.' };
	const continuation = async (messages, more) =>
		idOf((await ask({ messages, metadata: { user_id: 'user_x_session_1' }, ...more })).bodies[0], 'agentContinuationId');
	const loop = [user('one'), call('a'), result('a')];
	const first = await continuation(loop.slice(0, 1));

	assert.match(first, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
	assert.equal(await continuation(loop), first);
	assert.equal(await continuation([...loop, call('b'), result('b')]), first);
	/* the next turn, the same words again, another conversation of the session, another session, none */
	const others = [
		await continuation([...loop, said, user('two')]),
		await continuation([...loop, said, user('one')]),
		await continuation([user('other')]),
		await continuation(loop, { metadata: { user_id: 'user_x_session_2' } }),
		await continuation(loop, { metadata: {} }),
	];
	assert.equal(new Set([first, ...others]).size, others.length + 1);
});
