// The official OpenAI client through lighttpd: what its users do, not what its bytes look like.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import OpenAI from 'openai';

import { startGateway } from '../gateway.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const weather = {
	type: 'function',
	function: {
		name: 'get_weather',
		description: 'Gets the weather of a city.',
		parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
	},
};

const ask = (content, more) => ({ model: 'claude-sonnet-4.5',
				  messages: [{ role: 'user', content }], ...more });

describe('the OpenAI client', { timeout: 60000 }, () => {
	let gateway, client;

	before(async () => {
		gateway = await startGateway();
		client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
	});
	after(() => gateway?.stop());

	const script = (name, steps, more) => gateway.standin.script(name, { steps, ...more });
	const lastSent = async () => (await gateway.standin.requests()).at(-1).body.conversationState;

	test('reads a whole answer', async () => {
		await script('whole', [{ text: 'Grüße, 世界 😀' }],
			     { trailer: { tokenUsage: { uncachedInputTokens: 11, outputTokens: 7,
							totalTokens: 18 } } });
		const completion = await client.chat.completions.create(ask('@whole@'));

		assert.equal(completion.choices[0].message.content, 'Grüße, 世界 😀');
		assert.equal(completion.choices[0].finish_reason, 'stop');
		assert.deepEqual([completion.usage.prompt_tokens, completion.usage.completion_tokens,
				  completion.usage.total_tokens], [11, 7, 18]);
		assert.match(completion._request_id, /^req_/);
	});

	test('reads a stream piece by piece, with its usage at the end', async () => {
		await script('pieces', [{ text: 'one two three four', pieces: 6 }], { pace_ms: 2 });
		const stream = await client.chat.completions.create(
			ask('@pieces@', { stream: true, stream_options: { include_usage: true } }));
		const chunks = [];

		for await (const chunk of stream)
			chunks.push(chunk);
		const pieces = chunks.map(({ choices }) => choices[0]?.delta.content ?? '');

		assert.equal(pieces.join(''), 'one two three four');
		assert.ok(pieces.filter(Boolean).length > 1);
		assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
		assert.deepEqual(chunks.at(-1).choices, []);
		assert.ok(chunks.at(-1).usage.completion_tokens >= 1);
	});

	test('gets the first piece before the upstream has finished', async () => {
		await script('endless', [{ text: 'first' }, { stall: true }], { chunking: 'frame' });
		const stream = await client.chat.completions.create({ ...ask('@endless@'), stream: true });

		for await (const { choices } of stream) {
			if (choices[0].delta.content) {
				assert.equal(choices[0].delta.content, 'first');
				break; /* hangs up */
			}
		}
	});

	for (const streamed of [false, true]) {
		const how = streamed ? 'streamed' : 'whole';
		const turn = async (request) => (streamed ?
			client.chat.completions.stream(request).finalChatCompletion() :
			client.chat.completions.create(request));

		test(`goes through a tool loop, ${how}`, async () => {
			const id = `tooluse_${how}`;

			await script(`call-${how}`, [
				{ text: 'Let me look.' },
				{ tool: { id, name: 'get_weather', input: { city: 'Zürich' }, pieces: 4 } },
				{ tool: { id: `${id}_2`, name: 'get_weather', input: { city: 'Bern' } } },
			]);
			await script(`told-${how}`, [{ text: 'It rains in both.', pieces: 3 }]);
			const request = ask(`@call-${how}@`, { tools: [weather] });
			const { message, finish_reason: reason } = (await turn(request)).choices[0];

			assert.equal(reason, 'tool_calls');
			assert.equal(message.content, 'Let me look.');
			assert.deepEqual(message.tool_calls.map((call) =>
				[call.type, call.function.name, JSON.parse(call.function.arguments)]), [
				['function', 'get_weather', { city: 'Zürich' }],
				['function', 'get_weather', { city: 'Bern' }]]);

			const second = await turn({ ...request, messages: [
				{ role: 'developer', content: 'Be brief.' },
				...request.messages,
				message,
				...message.tool_calls.map((call) => ({ role: 'tool', tool_call_id: call.id,
								       content: `rain @told-${how}@` })),
			] });

			assert.equal(second.choices[0].message.content, 'It rains in both.');
			assert.equal(second.choices[0].finish_reason, 'stop');

			const { history, currentMessage } = await lastSent();
			const results = currentMessage.userInputMessage.userInputMessageContext.toolResults;

			assert.match(history[0].userInputMessage.content, /^Be brief\.\n\n@call/);
			assert.deepEqual(history[1].assistantResponseMessage.toolUses.map(({ input }) => input),
					 [{ city: 'Zürich' }, { city: 'Bern' }]);
			assert.deepEqual(results.map(({ toolUseId, status }) => [toolUseId, status]),
					 [[id, 'success'], [`${id}_2`, 'success']]);
		});
	}

	test('lets the client run the tools by itself', async () => {
		const cities = [];

		await script('runner', [{ tool: { id: 'tooluse_r', name: 'get_weather',
						  input: { city: 'Bern' }, pieces: 3 } }]);
		await script('ran', [{ text: 'Snow in Bern.' }]);
		const runner = client.chat.completions.runTools(ask('@runner@', {
			stream: true,
			tools: [{ ...weather, function: {
				...weather.function, parse: JSON.parse,
				function: ({ city }) => {
					cities.push(city);
					return 'snow @ran@';
				},
			} }],
		}));

		assert.equal(await runner.finalContent(), 'Snow in Bern.');
		assert.deepEqual(cities, ['Bern']);
	});

	test('reads reasoning', async () => {
		await script('reason', [{ thinking: 'Rain or sun?', signature: 'c2ln' }, { text: 'Sun.' }]);
		const request = ask('@reason@', { model: 'claude-opus-4-8', reasoning_effort: 'high' });
		const { message } = (await client.chat.completions.create(request)).choices[0];

		assert.equal(message.reasoning_content, 'Rain or sun?');
		assert.equal(message.content, 'Sun.');
	});

	test('sends an image', async () => {
		await script('image', [{ text: 'A dot.' }]);
		const completion = await client.chat.completions.create(ask([
			{ type: 'text', text: 'What is it? @image@' },
			{ type: 'image_url', image_url: { url: `data:image/png;base64,${pixel}` } },
		]));
		const { currentMessage } = await lastSent();

		assert.equal(completion.choices[0].message.content, 'A dot.');
		assert.deepEqual(currentMessage.userInputMessage.images,
				 [{ format: 'png', source: { bytes: pixel } }]);
	});

	test('sends a PDF', async () => {
		await script('pdf', [{ text: 'A report.' }]);
		const completion = await client.chat.completions.create(ask([
			{ type: 'text', text: 'What is it? @pdf@' },
			{ type: 'file', file: { filename: 'report.pdf',
						file_data: 'data:application/pdf;base64,JVBERi0xLjQK' } },
		]));
		const { currentMessage } = await lastSent();

		assert.equal(completion.choices[0].message.content, 'A report.');
		assert.deepEqual(currentMessage.userInputMessage.documents,
				 [{ name: 'report', format: 'pdf', source: { bytes: 'JVBERi0xLjQK' } }]);
	});

	test('parses an answer that follows a schema', async () => {
		await script('schema', [{ text: 'Here: {"city":"Bern"}', pieces: 3 }]);
		const completion = await client.chat.completions.parse(ask('@schema@', { response_format: {
			type: 'json_schema', json_schema: {
				name: 'place', strict: true,
				schema: { type: 'object', properties: { city: { type: 'string' } },
					  required: ['city'], additionalProperties: false } } } }));

		assert.deepEqual(completion.choices[0].message.parsed, { city: 'Bern' });
	});

	test('lists the models, and finds one', async () => {
		const ids = [];

		for await (const model of client.models.list())
			ids.push(model.id);
		assert.ok(ids.includes('claude-sonnet-4.5'));
		const model = await client.models.retrieve('claude-sonnet-4.5');

		assert.equal(model.object, 'model');
		assert.ok(Number.isInteger(model.created));
	});

	// ---- errors: the client's own classes, by status, and its own reading of them ----

	const rejects = (promise, kind, members) =>
		assert.rejects(promise, (error) => {
			assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
			for (const [member, value] of Object.entries(members))
				assert.equal(error[member], value, `${member} of ${error.message}`);
			assert.match(error.requestID ?? '', /^req_/);
			return true;
		});

	test('throws on a wrong key', async () => {
		const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'wrong', maxRetries: 0 });

		await rejects(stranger.chat.completions.create(ask('hi')), OpenAI.AuthenticationError,
			      { code: 'invalid_api_key' });
	});

	test('throws on an unknown model', () =>
		rejects(client.chat.completions.create(ask('hi', { model: 'no-such-model' })),
			OpenAI.NotFoundError, { code: 'model_not_found' }));

	test('throws on a bad request, with the field', () =>
		rejects(client.chat.completions.create(ask('hi', { temperature: 7 })),
			OpenAI.BadRequestError, { param: 'temperature', type: 'invalid_request_error' }));

	test('throws when a stream fails in its middle', async () => {
		await script('breaks', [
			{ text: 'Half an' },
			{ exception: { type: 'throttlingError', payload: {
				message: 'slow down', reason: 'INSUFFICIENT_MODEL_CAPACITY' } } },
		]);
		let text = '';
		const stream = await client.chat.completions.create(ask('@breaks@', { stream: true }));

		await assert.rejects(async () => {
			for await (const { choices } of stream)
				text += choices[0]?.delta.content ?? '';
		}, (error) => error instanceof OpenAI.APIError && /slow down/.test(error.message));
		assert.equal(text, 'Half an');
	});

	test('throws when the upstream cuts a stream or a whole answer', async () => {
		await script('cut', [{ text: 'Half an' }, { cut_here: true }]);
		await assert.rejects(client.chat.completions.stream(ask('@cut@')).finalChatCompletion(),
				     OpenAI.APIError);
		await rejects(client.chat.completions.create(ask('@cut@')), OpenAI.InternalServerError,
			      { type: 'server_error' });
	});

	test('tries again by itself when it may, and not when it may not', async () => {
		const patient = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key,
					     maxRetries: 2 });
		const sent = async (name) => (await gateway.standin.requests())
			.filter((entry) => entry.script === name).length;
		const refusal = (status, reason) => ({ status, body: { message: 'm', reason } });

		await gateway.standin.script('busy', {
			http: refusal(500, null), times: 1, next: 'calm' });
		await script('calm', [{ text: 'now' }]);
		const answer = await patient.chat.completions.create(ask('@busy@'));

		assert.equal(answer.choices[0].message.content, 'now');
		assert.equal(await sent('busy'), 1);

		await gateway.standin.script('bad', { http: refusal(400, 'TOOL_SCHEMA_INVALID') });
		await rejects(patient.chat.completions.create(ask('@bad@')), OpenAI.BadRequestError, {});
		assert.equal(await sent('bad'), 1);
	});
});
