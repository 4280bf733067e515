// Which numbers a client is told: the estimate first, the better number last; what the estimate
// learns from the upstream's own counts, over all processes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { cgiVariables, requestCgi } from '../lib/cgi.mjs';
import { checkStream } from '../lib/contract.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { unwrapped } from '../lib/log.mjs';
import { start, waitForOutput } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

const WINDOW = 200000; /* of claude-sonnet-4.5 and claude-haiku-4.5 */
const prose = 'All human beings are born free and equal in dignity and rights. '.repeat(400);

let standin, installation, fastcgi;

before(async () => {
	standin = await startStandin();
	installation = await makeInstallation({ standin });
	fastcgi = await startFastcgi(installation);
});

after(async () => {
	assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
	installation?.remove();
	await standin?.stop();
});

const bodyOf = (content, more) => ({ model: 'claude-sonnet-4.5',
				     messages: [{ role: 'user', content }], ...more });

const messageOf = (path, body) => ({
	method: 'POST', path, body: Buffer.from(JSON.stringify(body)),
	headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
});

async function count(body, request = (message) => fastcgi.request(message)) {
	const answer = await request(messageOf('/v1/messages/count_tokens', body));

	assert.equal(answer.status, 200);
	return JSON.parse(answer.body).input_tokens;
}

// The usage in the first event and in the last, of a stream that keeps its contract.
async function stream(body, trailer) {
	await standin.script('default', { trailer, steps: [{ text: 'a' }] });
	const request = { ...body, max_tokens: 1000, stream: true };
	const answer = await fastcgi.request(messageOf('/v1/messages', request));
	const events = answer.body.toString().split('\n').filter((line) => line.startsWith('data: '))
		.map((line) => JSON.parse(line.slice('data: '.length)));

	assert.equal(answer.status, 200);
	assert.deepEqual(checkStream({ dialect: 'anthropic', ...answer, bytes: answer.body, request }), []);
	return { first: events[0].message.usage,
		 last: events.find(({ type }) => type === 'message_delta').usage };
}

const measured = (input, more) => ({ tokenUsage: { uncachedInputTokens: input, outputTokens: 7,
						   totalTokens: input + 7, ...more } });

test('where the upstream tells nothing, the last event has what count_tokens says', async () => {
	const body = bodyOf('How are you?');
	const { first, last } = await stream(body, { contextUsagePercentage: false });

	assert.equal(last.input_tokens, await count(body));
	assert.equal(last.output_tokens, 1);
	for (const usage of [first, last]) {
		assert.equal(usage.cache_read_input_tokens, 0);
		assert.equal(usage.cache_creation_input_tokens, 0);
	}
	/* nothing is known of this model yet: the lower end is half of it */
	assert.equal(first.input_tokens, Math.round(last.input_tokens / 2));
});

test('the percentage of the window, less the output, is better than the estimate', async () => {
	const { last } = await stream(bodyOf('How are you?'), { contextUsagePercentage: 10 });

	assert.equal(last.input_tokens, WINDOW * 0.1 - 1);
	assert.equal(last.output_tokens, 1);
});

test("the upstream's own numbers are better than its percentage", async () => {
	const trailer = { ...measured(300, { cacheReadInputTokens: 40, cacheWriteInputTokens: 2 }),
			  contextUsagePercentage: 10 };
	const { last } = await stream(bodyOf('How are you?'), trailer);

	assert.equal(last.input_tokens, 300);
	assert.equal(last.output_tokens, 7);
	assert.equal(last.cache_read_input_tokens, 40);
	assert.equal(last.cache_creation_input_tokens, 2);
});

test('five answers calibrate count_tokens and the first event, for this model alone', async () => {
	const body = bodyOf(prose);
	const other = { ...body, model: 'claude-haiku-4.5' };
	const before = await count(body);
	const told = Math.round(before * 1.25);

	assert.ok(before > 2000);
	for (let i = 0; i < 4; i++)
		await stream(body, measured(told));
	assert.equal(await count(body), before);
	await stream(body, measured(told));
	assert.ok(Math.abs(await count(body) - told) <= 1, `${await count(body)}, told ${told}`);
	assert.equal(await count(other), before);
	const { first, last } = await stream(body, { contextUsagePercentage: false });
	/* all alike: the lower end is the narrowest, a tenth below */
	assert.ok(Math.abs(first.input_tokens - told * 0.9) <= 2, `${first.input_tokens}`);
	assert.ok(Math.abs(last.input_tokens - told) <= 1);
});

test('another process, as plain CGI, counts with the same factor', async () => {
	const body = bodyOf(prose);

	assert.equal(await count(body, (message) => requestCgi(installation, message)),
		     await count(body));
});

test('kiroctl says the factor and how far the answers were from it', () => {
	const one = JSON.parse(installation.kiroctl(['models', 'test', 'claude-sonnet-4-5', '--json']));

	assert.ok(Math.abs(one.estimates.factor - 1.25) < 0.01, `${one.estimates.factor}`);
	assert.ok(one.estimates.answers >= 5 && one.estimates.deviation < 0.01);
	assert.match(installation.kiroctl(['models', 'test', 'claude-sonnet-4-5']),
		     /estimates times 1\.2\d+, off by 0\.\d % \(\d answers\)/);
	assert.doesNotMatch(installation.kiroctl(['models', 'test', 'auto']), /estimates/);
});

test('a percentage calibrates as well', async () => {
	const body = { ...bodyOf(prose), model: 'claude-haiku-4.5' };
	const before = await count(body);
	const percent = before * 0.8 / WINDOW * 100;

	for (let i = 0; i < 5; i++)
		await stream(body, { contextUsagePercentage: percent });
	assert.ok(Math.abs(await count(body) - before * 0.8) <= 3);
});

test('a percentage of another window, images and short prompts teach nothing', async () => {
	const model = 'claude-opus-4.5';
	const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
	const image = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } };
	const long = { ...bodyOf(prose), model };
	const before = await count(long);

	for (let i = 0; i < 5; i++) {
		await stream(long, { contextUsagePercentage: before * 5 / WINDOW * 100 });
		await stream({ ...bodyOf('short'), model }, measured(20));
		await stream({ ...bodyOf([image, { type: 'text', text: prose }]), model },
			     measured(Math.round(before * 1.3)));
	}
	assert.equal(await count(long), before);
});

// What the model thought before it called goes upstream once more, sealed in its signature.
test('a tool loop with reasoning in it teaches nothing', async () => {
	const model = 'claude-opus-4.8';
	const long = { ...bodyOf(prose), model };
	const before = await count(long);
	const [user] = long.messages;
	const loop = { ...long, thinking: { type: 'adaptive' }, messages: [user,
		{ role: 'assistant', content: [{ type: 'thinking', thinking: '', signature: 'c2ln' }, { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }] },
		{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' }] }] };

	for (let i = 0; i < 5; i++)
		await stream(loop, measured(Math.round(before * 1.5)));
	assert.equal(await count(long), before);
});

// The second request has the first answer in it, and what is wrong with it: that was not estimated.
test('an answer that was asked for again teaches nothing', async () => {
	const body = { ...bodyOf(prose), model: 'claude-opus-4.5', max_tokens: 1000, output_config: {
		format: { type: 'json_schema', schema: { type: 'object' } } } };
	const before = await count(body);

	for (let i = 0; i < 5; i++) {
		await standin.script('default', { times: 1, next: 'good', trailer: { contextUsagePercentage: false },
						  steps: [{ text: prose, pieces: 400 }] });
		await standin.script('good', { trailer: measured(before * 2), steps: [{ text: '{}' }] });
		assert.equal(JSON.parse((await fastcgi.request(messageOf('/v1/messages', body))).body).usage.input_tokens, before * 2);
	}
	assert.equal(await count(body), before);
});

test('a model that nobody knows is counted all the same, and no account is asked', async () => {
	await standin.requests({ wait: 5000 });
	await standin.clearRequests();
	assert.ok(await count({ ...bodyOf('foo'), model: 'no-such-model' }) >= 1);
	assert.deepEqual(await standin.requests(), []);
});

test('credits of the answer stand in the log line of its request', async () => {
	await stream(bodyOf('hi'), { metering: 0.375 });
	assert.match(unwrapped(fastcgi.log()),
		     /model=claude-sonnet-4\.5 account=acc_\w+ .* credits=0\.375/);
});

test('of an answer that max_tokens has cut nobody knows the credits: they are not told as 0', async () => {
	const key = installation.kiroctl(['key', 'add', 'cutter']).trim();

	await standin.script('default', { trailer: { metering: 0.375 }, steps: [{ text: prose, pieces: 400 }] });
	const message = messageOf('/v1/messages', bodyOf('hi', { max_tokens: 5 }));

	message.headers['x-api-key'] = key;
	const answer = await fastcgi.request(message);

	assert.equal(JSON.parse(answer.body).stop_reason, 'max_tokens');
	assert.match(unwrapped(fastcgi.log()), /key=cutter .* estimated credits=-$/m);
});

// The web server's SIGTERM is how a CGI program learns that its client left.
test('a CGI program whose client left ends its request, and counts it', async () => {
	const key = installation.kiroctl(['key', 'add', 'leaver']).trim();
	const body = Buffer.from(JSON.stringify({ ...bodyOf('@stall@'), max_tokens: 100, stream: true }));
	const used = () => JSON.parse(installation.kiroctl(['usage', '--json', '--key', 'leaver']));

	await standin.script('stall', { steps: [{ text: 'Well' }, { stall: true }] });
	const child = start(installation.cgi, [], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: { ...installation.env, ...cgiVariables({ path: '/v1/messages', body,
							      headers: { 'x-api-key': key } }) } });

	child.stdin.end(body);
	await waitForOutput(child, /Well/);
	assert.deepEqual(used(), []);
	child.kill('SIGTERM');
	assert.deepEqual(await child.ended, { code: 0, signal: null });
	const [{ requests, errors, output_tokens: output }] = used();

	assert.deepEqual([requests, errors], [1, 0]);
	assert.ok(output > 0);
	assert.equal((await standin.stats()).in_flight, 0);
});
