// The official Anthropic client through lighttpd: what its users do, not what its bytes look like.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { jsonSchemaOutputFormat } from '@anthropic-ai/sdk/helpers/json-schema';

import { startGateway } from '../gateway.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const weather = {
	name: 'get_weather',
	description: 'Gets the weather of a city.',
	input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const ask = (content, more) => ({ model: 'claude-opus-4-8', max_tokens: 1000,
				  messages: [{ role: 'user', content }], ...more });

describe('the Anthropic client', { timeout: 60000 }, () => {
	let gateway, client;

	before(async () => {
		gateway = await startGateway();
		client = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 0 });
	});
	after(() => gateway?.stop());

	const script = (name, steps, more) => gateway.standin.script(name, { steps, ...more });
	const lastSent = async () => (await gateway.standin.requests()).at(-1).body.conversationState;

	test('reads a whole answer', async () => {
		await script('whole', [{ text: 'Grüße, 世界 😀' }],
			     { trailer: { tokenUsage: { uncachedInputTokens: 11, outputTokens: 7,
							totalTokens: 18 } } });
		const message = await client.messages.create(ask('@whole@'));

		assert.equal(message.content[0].text, 'Grüße, 世界 😀');
		assert.equal(message.stop_reason, 'end_turn');
		assert.equal(message.usage.input_tokens, 11);
		assert.equal(message.usage.output_tokens, 7);
		assert.match(message._request_id, /^req_/);
	});

	test('reads a stream piece by piece', async () => {
		await script('pieces', [{ text: 'one two three four', pieces: 6 }], { pace_ms: 2 });
		const pieces = [];
		const stream = client.messages.stream(ask('@pieces@'))
			.on('text', (text) => pieces.push(text));
		const message = await stream.finalMessage();

		assert.equal(pieces.join(''), 'one two three four');
		assert.ok(pieces.length > 1);
		assert.equal(message.content[0].text, 'one two three four');
		assert.equal(message.stop_reason, 'end_turn');
		assert.ok(message.usage.output_tokens >= 1);
	});

	test('gets the first piece before the upstream has finished', async () => {
		await script('endless', [{ text: 'first' }, { stall: true }], { chunking: 'frame' });
		const stream = await client.messages.create({ ...ask('@endless@'), stream: true });

		for await (const event of stream) {
			if (event.type === 'content_block_delta') {
				assert.equal(event.delta.text, 'first');
				break; /* hangs up */
			}
		}
	});

	for (const streamed of [false, true]) {
		const how = streamed ? 'streamed' : 'whole';
		const turn = (request) => (streamed ? client.messages.stream(request).finalMessage() :
						      client.messages.create(request));

		test(`goes through a tool loop, ${how}`, async () => {
			const id = `tooluse_${how}`;

			await script(`call-${how}`, [
				{ text: 'Let me look.' },
				{ tool: { id, name: 'get_weather', input: { city: 'Zürich' }, pieces: 4 } },
			]);
			await script(`told-${how}`, [{ text: 'It rains in Zürich.', pieces: 3 }]);
			const request = ask(`@call-${how}@`, { tools: [weather], system: 'Be brief.' });
			const first = await turn(request);

			assert.equal(first.stop_reason, 'tool_use');
			assert.deepEqual(first.content.map(({ type }) => type), ['text', 'tool_use']);
			const call = first.content[1];

			assert.equal(call.name, 'get_weather');
			assert.deepEqual(call.input, { city: 'Zürich' });

			const second = await turn({ ...request, messages: [
				...request.messages,
				{ role: 'assistant', content: first.content },
				{ role: 'user', content: [{ type: 'tool_result', tool_use_id: call.id,
							    content: `rain @told-${how}@` }] },
			] });

			assert.equal(second.content[0].text, 'It rains in Zürich.');
			assert.equal(second.stop_reason, 'end_turn');

			const { history, currentMessage } = await lastSent();
			const results = currentMessage.userInputMessage.userInputMessageContext.toolResults;

			assert.equal(history[1].assistantResponseMessage.content, 'Let me look.');
			assert.deepEqual(history[1].assistantResponseMessage.toolUses, [
				{ toolUseId: id, name: 'get_weather', input: { city: 'Zürich' } }]);
			assert.deepEqual(results, [{ toolUseId: id, status: 'success',
						     content: [{ text: `rain @told-${how}@` }] }]);
		});

		test(`reads thinking and sends it back, ${how}`, async () => {
			await script(`think-${how}`, [
				{ thinking: 'Rain or sun?', pieces: 2, signature: 'c2lnbmF0dXJl' },
				{ text: 'Sun.' },
			]);
			const request = ask(`@think-${how}@`, {
				max_tokens: 4000,
				thinking: { type: 'enabled', budget_tokens: 2000 },
			});
			const first = await turn(request);

			assert.deepEqual(first.content.map(({ type }) => type), ['thinking', 'text']);
			assert.equal(first.content[0].thinking, 'Rain or sun?');
			assert.equal(first.content[0].signature, 'c2lnbmF0dXJl');

			const second = await turn({ ...request, messages: [
				...request.messages,
				{ role: 'assistant', content: first.content },
				{ role: 'user', content: `Sure? @think-${how}@` },
			] });

			assert.equal(second.content[1].text, 'Sun.');
		});
	}

	test('sends an image', async () => {
		await script('image', [{ text: 'A dot.' }]);
		const message = await client.messages.create(ask([
			{ type: 'text', text: 'What is it? @image@' },
			{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } },
		]));
		const { currentMessage } = await lastSent();

		assert.equal(message.content[0].text, 'A dot.');
		assert.deepEqual(currentMessage.userInputMessage.images,
				 [{ format: 'png', source: { bytes: pixel } }]);
	});

	test('sends a PDF', async () => {
		const data = Buffer.from('%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF\n').toString('base64');

		await script('pdf', [{ text: 'A page.' }]);
		const message = await client.messages.create(ask([
			{ type: 'text', text: 'What is it? @pdf@' },
			{ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data } },
		]));
		const { documents } = (await lastSent()).currentMessage.userInputMessage;

		assert.equal(message.content[0].text, 'A page.');
		assert.deepEqual(documents.map(({ format, source }) => [format, source]),
				 [['pdf', { bytes: data }]]);
	});

	const place = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'],
			additionalProperties: false };

	test('parses structured output, whole and streamed', async () => {
		await script('place', [{ text: 'Sure:\n```json\n{"city": "Zürich"}\n```', pieces: 5 }]);
		const request = ask('Where? @place@', {
			output_config: { format: jsonSchemaOutputFormat(place) } });
		const whole = await client.messages.parse(request);
		const streamed = await client.messages.stream(request).finalMessage();

		assert.deepEqual(whole.parsed_output, { city: 'Zürich' });
		assert.deepEqual(streamed.parsed_output, { city: 'Zürich' });
	});

	test('is forced to call a tool', async () => {
		await script('forced', [{ tool: { id: 'tooluse_forced', name: 'get_weather',
						  input: { city: 'Bern' } } }]);
		for (const choice of [{ type: 'any' }, { type: 'tool', name: 'get_weather' }]) {
			const message = await client.messages.create(ask('@forced@', {
				tools: [weather], tool_choice: choice }));

			assert.deepEqual(message.content.map(({ name, input }) => [name, input]),
					 [['get_weather', { city: 'Bern' }]]);
			assert.equal(message.stop_reason, 'tool_use');
		}
	});

	// The helper runs parallel calls, one of which throws, and asks again until there are none.
	for (const streamed of [false, true]) {
		test(`lets its helper run the tools, ${streamed ? 'streamed' : 'whole'}`, async () => {
			const name = `run-${streamed}`;

			await script(name, ['Zürich', 'Atlantis'].map((city, at) => ({
				tool: { id: `tooluse_${at}_${streamed}`, name: 'get_weather', input: { city },
					pieces: 3 } })));
			await script(`${name}-told`, [{ text: 'Rain, and nothing.' }]);
			const tool = betaTool({
				name: 'get_weather', description: 'Gets the weather.', inputSchema: place,
				run: async ({ city }) => {
					if (city === 'Atlantis')
						throw new Error('it sank');
					return `rain @${name}-told@`;
				},
			});
			const message = await client.beta.messages.toolRunner(
				{ ...ask(`@${name}@`), tools: [tool], stream: streamed }).runUntilDone();
			const { toolResults } =
				(await lastSent()).currentMessage.userInputMessage.userInputMessageContext;

			assert.equal(message.content[0].text, 'Rain, and nothing.');
			assert.deepEqual(toolResults.map(({ status }) => status), ['success', 'error']);
		});
	}

	test('counts tokens', async () => {
		const one = await client.messages.countTokens(
			{ model: 'claude-opus-4-8', messages: [{ role: 'user', content: 'foo' }] });
		const more = await client.messages.countTokens(
			{ model: 'claude-opus-4-8', tools: [weather],
			  messages: [{ role: 'user', content: 'foo bar '.repeat(100) }] });

		assert.ok(one.input_tokens >= 1);
		assert.ok(more.input_tokens > one.input_tokens);
	});

	test('counts many at once without mixing them up', async () => {
		const texts = Array.from({ length: 26 }, (_, n) => 'word '.repeat(1 + 10 * n));
		const counts = await Promise.all(texts.map((content) => client.messages.countTokens(
			{ model: 'claude-opus-4-8', messages: [{ role: 'user', content }] })));

		counts.reduce((before, { input_tokens: tokens }) => {
			assert.ok(tokens > before);
			return tokens;
		}, 0);
	});

	test('lists the models, and finds one', async () => {
		const ids = [];

		for await (const model of client.models.list())
			ids.push(model.id);
		assert.ok(ids.includes('claude-opus-4-8'));
		assert.equal((await client.models.retrieve('claude-sonnet-4.5')).id, 'claude-sonnet-4.5');
		await assert.rejects(client.models.retrieve('no-such-model'), Anthropic.NotFoundError);
	});

	// ---- errors: the client's own classes, by status, and its own reading of them ----

	const rejects = (promise, kind, words) =>
		assert.rejects(promise, (error) => {
			assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
			assert.ok(error.message.includes(words), error.message);
			assert.match(error.requestID ?? '', /^req_/);
			return true;
		});

	test('throws on a wrong key', async () => {
		const stranger = new Anthropic({ baseURL: gateway.url, apiKey: 'wrong', maxRetries: 0 });

		await rejects(stranger.messages.create(ask('hi')), Anthropic.AuthenticationError,
			      'authentication_error');
	});

	test('throws on an unknown model', () =>
		rejects(client.messages.create(ask('hi', { model: 'no-such-model' })),
			Anthropic.NotFoundError, 'model: no-such-model'));

	test('throws on a bad request, with the field', () =>
		rejects(client.messages.create(ask('hi', { temperature: 7 })),
			Anthropic.BadRequestError, 'temperature:'));

	test('throws when a stream fails in its middle', async () => {
		await script('breaks', [
			{ text: 'Half an' },
			{ exception: { type: 'throttlingError', payload: {
				message: 'slow down', reason: 'INSUFFICIENT_MODEL_CAPACITY' } } },
		]);
		let text = '';
		const stream = client.messages.stream(ask('@breaks@')).on('text', (piece) => (text += piece));

		await assert.rejects(stream.finalMessage(), /overloaded_error.*slow down/s);
		assert.equal(text, 'Half an');
	});

	test('throws when the upstream cuts a stream or a whole answer', async () => {
		await script('cut', [{ text: 'Half an' }, { cut_here: true }]);
		await assert.rejects(client.messages.stream(ask('@cut@')).finalMessage(), /api_error/);
		await rejects(client.messages.create(ask('@cut@')), Anthropic.InternalServerError,
			      'api_error');
	});

	test('tries again by itself when it may, and not when it may not', async () => {
		const patient = new Anthropic({ baseURL: gateway.url, apiKey: gateway.key, maxRetries: 2 });
		const sent = async (name) => (await gateway.standin.requests())
			.filter((entry) => entry.script === name).length;
		const refusal = (status, reason) => ({ status, body: { message: 'm', reason } });

		await gateway.standin.script('busy', {
			http: refusal(500, null), times: 1, next: 'calm' });
		await script('calm', [{ text: 'now' }]);
		assert.equal((await patient.messages.create(ask('@busy@'))).content[0].text, 'now');
		assert.equal(await sent('busy'), 1);

		await gateway.standin.script('bad', { http: refusal(400, 'TOOL_SCHEMA_INVALID') });
		await rejects(patient.messages.create(ask('@bad@')), Anthropic.BadRequestError, 'm');
		assert.equal(await sent('bad'), 1);
	});
});
