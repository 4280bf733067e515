// A web search that the upstream refuses is told as failed, and the answer goes on: what it met is no
// limit of the account's chats.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { startStandin } from '../lib/standin.mjs';

const tools = [{ type: 'web_search_20250305', name: 'web_search' }];
const query = { tool: { id: 'tooluse_1', name: 'web_search', input: { query: 'x' } } };
const text = (words) => [{ role: 'user', content: words }];

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

const accounts = () => JSON.parse(installation.kiroctl(['account', 'list', '--json']));

afterEach(() => {
	for (const { id } of accounts())
		installation.kiroctl(['account', 'enable', id]);
});

// The answer to words where a search meets that refusal, and who was sent the chats and the searches.
async function ask(words, http) {
	await standin.clearRequests();
	await standin.script('default', { times: 1, next: 'last', steps: [{ text: 'Let me look. ' }, query] });
	await standin.script('last', { steps: [{ text: 'I know that.' }] });
	await standin.answer('InvokeMCP', { http });
	const answer = await fastcgi.request(messageRequest(installation.key, { tools, max_tokens: 500, messages: text(words) }));
	const sent = await standin.requests({ wait: 2000 });
	const of = (name) => sent.filter(({ operation }) => operation === name).map(({ account }) => account);

	return { status: answer.status, json: JSON.parse(answer.body), chats: of('GenerateAssistantResponse'), searches: of('InvokeMCP') };
}

const refusals = {
	'too many requests': [429, { message: 'Too many requests', reason: 'USER_REQUEST_RATE_EXCEEDED' }, 'too_many_requests'],
	'the allowance': [402, { message: 'You have reached the limit.', reason: 'MONTHLY_REQUEST_COUNT' }, 'unavailable'],
	'the token': [403, { message: 'The bearer token included in the request is invalid.' }, 'unavailable'],
	'no right to search': [403, { message: 'User is not authorized to make this call.' }, 'unavailable'],
};

for (const [name, [status, body, code]] of Object.entries(refusals)) {
	test(`${name}: other accounts are tried, none is set aside, and the chat keeps its own`, async () => {
		for (const words of ['What is new?', 'Perform a web search for the query: x']) {
			const { status: answered, json, chats, searches } = await ask(words, { status, headers: { 'retry-after': '30' }, body });

			assert.equal(answered, 200, JSON.stringify(json));
			assert.equal(json.content.find(({ type }) => type === 'web_search_tool_result').content.error_code, code);
			assert.equal(json.content.at(-1).text, 'I know that.');
			assert.equal(new Set(searches).size, 2);
			assert.deepEqual(chats, [searches[0], searches[0]]);
			assert.deepEqual(accounts().map(({ state }) => state), ['active', 'active']);
		}
	});
}

test('a search that met a rate limit is the last one of its answer', async () => {
	const http = { status: 429, body: { message: 'Too many requests' } };
	const { json, searches } = await ask('Perform a web search for the query: x', http);
	const results = json.content.filter(({ type }) => type === 'web_search_tool_result');

	assert.deepEqual(results.map(({ content }) => content.error_code), ['too_many_requests', 'too_many_requests']);
	assert.deepEqual(searches.toSorted(), ['one', 'two']);
});

test('an account that is suspended is so for its chats, too', async () => {
	const { status, chats, searches } = await ask('What is new?', { status: 403, body: { message: 'no', reason: 'TEMPORARILY_SUSPENDED' } });

	assert.equal(status, 403);
	assert.deepEqual([chats.length, searches.length], [1, 2]);
	assert.deepEqual(accounts().map(({ state }) => state), ['suspended', 'suspended']);
});

const found = { status: 200, body: { jsonrpc: '2.0', id: '1', result: { content: [{ type: 'text', text: '{"results":[]}' }] } } };

test('a search is made by an account that has the model, and where none has, not at all', async () => {
	const models = { status: 200, body: { models: [{ modelId: 'auto' }] } };

	await standin.answer('ListAvailableModels', { times: 1, http: models });
	installation.kiroctl(['models', 'list', '--refresh']);
	for (let i = 0; i < 2; i++) {
		const { status, chats, searches } = await ask('Perform a web search for the query: x', found);

		assert.equal(status, 200);
		assert.equal(new Set([...chats, ...searches]).size, 1);
	}
	await standin.answer('ListAvailableModels', { http: models });
	installation.kiroctl(['models', 'list', '--refresh']);
	const { status, json, searches } = await ask('Perform a web search for the query: x', found);

	assert.deepEqual([status, json.error?.type, searches], [404, 'not_found_error', []]);
});
