// The official OpenAI client's Responses, through lighttpd.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import OpenAI from 'openai';

import { startGateway } from '../gateway.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const weather = {
	type: 'function', name: 'get_weather', description: 'Gets the weather of a city.', strict: false,
	parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};

const ask = (input, more) => ({ model: 'claude-sonnet-4.5', input, ...more });

describe('the OpenAI client\'s Responses', { timeout: 60000 }, () => {
	let gateway, client;

	before(async () => {
		gateway = await startGateway({ settings: { ping_interval: 1 } });
		client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key, maxRetries: 0 });
	});
	after(() => gateway?.stop());

	const script = (name, steps, more) => gateway.standin.script(name, { steps, ...more });
	const lastSent = async () => (await gateway.standin.requests())
		.filter(({ body }) => body?.conversationState).at(-1).body.conversationState;

	test('reads a whole answer', async () => {
		await script('whole', [{ text: 'Grüße, 世界 😀' }],
			     { trailer: { tokenUsage: { uncachedInputTokens: 11, outputTokens: 7,
							totalTokens: 18 } } });
		const response = await client.responses.create(ask('@whole@', { instructions: 'Be brief.' }));
		const { currentMessage } = await lastSent();

		assert.equal(response.output_text, 'Grüße, 世界 😀');
		assert.equal(response.status, 'completed');
		assert.deepEqual([response.usage.input_tokens, response.usage.output_tokens,
				  response.usage.total_tokens], [11, 7, 18]);
		assert.match(response._request_id, /^req_/);
		assert.equal(currentMessage.userInputMessage.content, 'Be brief.\n\n@whole@');
	});

	test('reads a stream piece by piece', async () => {
		await script('pieces', [{ text: 'one two three four', pieces: 6 }], { pace_ms: 2 });
		const stream = client.responses.stream(ask('@pieces@'));
		let text = '';

		stream.on('response.output_text.delta', (event) => (text += event.delta));
		const final = await stream.finalResponse();

		assert.equal(text, 'one two three four');
		assert.equal(final.output_text, text);
		assert.ok(final.usage.output_tokens >= 1);
	});

	test('reads on behind a silence with signs of life', async () => {
		await script('silent', [{ text: 'before' }, { sleep_ms: 2500 }, { text: ' after' }]);
		const stream = client.responses.stream(ask('@silent@', { tools: [weather] }));
		let signs = 0;

		stream.on('keepalive', () => signs++);
		const final = await stream.finalResponse();

		assert.ok(signs >= 1);
		assert.equal(final.output_text, 'before after');
		assert.equal(final.tools[0].name, 'get_weather');
	});

	for (const streamed of [false, true]) {
		const how = streamed ? 'streamed' : 'whole';
		const turn = async (request) => (streamed ?
			client.responses.stream(request).finalResponse() :
			client.responses.create(request));

		test(`goes through a tool loop, ${how}`, async () => {
			const id = `tooluse_${how}`;

			await script(`call-${how}`, [
				{ text: 'Let me look.' },
				{ tool: { id, name: 'get_weather', input: { city: 'Zürich' }, pieces: 4 } },
				{ tool: { id: `${id}_2`, name: 'get_weather', input: { city: 'Bern' } } },
			]);
			await script(`told-${how}`, [{ text: 'It rains in both.', pieces: 3 }]);
			const request = ask([{ role: 'user', content: `@call-${how}@` }], { tools: [weather] });
			const { output } = await turn(request);
			const calls = output.filter(({ type }) => type === 'function_call');

			assert.deepEqual(calls.map((call) => [call.name, JSON.parse(call.arguments)]), [
				['get_weather', { city: 'Zürich' }], ['get_weather', { city: 'Bern' }]]);

			const second = await turn({ ...request, input: [
				...request.input, ...output,
				...calls.map((call) => ({ type: 'function_call_output', call_id: call.call_id,
							  output: `rain @told-${how}@` })),
			] });
			const { history, currentMessage } = await lastSent();
			const results = currentMessage.userInputMessage.userInputMessageContext.toolResults;

			assert.equal(second.output_text, 'It rains in both.');
			assert.equal(history[1].assistantResponseMessage.content, 'Let me look.');
			assert.deepEqual(history[1].assistantResponseMessage.toolUses.map(({ input }) => input),
					 [{ city: 'Zürich' }, { city: 'Bern' }]);
			assert.deepEqual(results.map(({ toolUseId }) => toolUseId), [id, `${id}_2`]);
		});
	}

	test('reads reasoning', async () => {
		await script('reason', [{ thinking: 'Rain or sun?', signature: 'c2ln' }, { text: 'Sun.' }]);
		const { output, output_text: text } = await client.responses.create(
			ask('@reason@', { model: 'claude-opus-4-8',
					  reasoning: { effort: 'high', summary: 'auto' } }));

		assert.equal(output[0].type, 'reasoning');
		assert.equal(output[0].summary[0].text, 'Rain or sun?');
		assert.ok(output[0].encrypted_content);
		assert.equal(text, 'Sun.');
	});

	test('parses an answer that follows a schema', async () => {
		await script('schema', [{ text: '{"city":"Bern"}', pieces: 3 }]);
		const response = await client.responses.parse(ask('@schema@', { text: { format: {
			type: 'json_schema', name: 'place', strict: true,
			schema: { type: 'object', properties: { city: { type: 'string' } },
				  required: ['city'], additionalProperties: false } } } }));

		assert.deepEqual(response.output_parsed, { city: 'Bern' });
	});

	test('sends an image', async () => {
		await script('image', [{ text: 'A dot.' }]);
		const response = await client.responses.create(ask([{ role: 'user', content: [
			{ type: 'input_text', text: 'What is it? @image@' },
			{ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${pixel}` },
		] }]));
		const { currentMessage } = await lastSent();

		assert.equal(response.output_text, 'A dot.');
		assert.deepEqual(currentMessage.userInputMessage.images,
				 [{ format: 'png', source: { bytes: pixel } }]);
	});

	test('shows a web search, and repeats what was asked for', async () => {
		await script('news', [{ text: 'Let me look.' }, { tool: {
			id: 'tooluse_s', name: 'web_search', input: { query: '@found@ cats' }, pieces: 2 } }]);
		await script('found', [{ text: 'Two pages.' }]);
		const tools = [{ type: 'web_search' }];
		const stream = client.responses.stream(ask('@news@', { tools, temperature: 0.5 }));
		const seen = [];

		stream.on('event', ({ type }) => seen.push(type));
		const { output, output_text: text, temperature, ...final } = await stream.finalResponse();

		assert.deepEqual(output.map(({ type }) => type), ['message', 'web_search_call', 'message']);
		assert.equal(output[1].action.query, '@found@ cats');
		assert.ok(output[1].action.sources.length > 0);
		assert.equal(text, 'Let me look.Two pages.');
		assert.deepEqual([temperature, final.tools], [0.5, tools]);
		assert.ok(seen.includes('response.web_search_call.completed'));
	});

	test('tells that an answer was cut', async () => {
		await script('long', [{ text: 'Once upon a' }], { trailer: { stopReason: 'MAX_TOKENS' } });
		const response = await client.responses.create(ask('@long@'));

		assert.equal(response.status, 'incomplete');
		assert.equal(response.incomplete_details.reason, 'max_output_tokens');
	});

	// ---- errors: final ones are 400, see the README ----

	const rejects = (promise, kind, members) =>
		assert.rejects(promise, (error) => {
			assert.ok(error instanceof kind, `${error.constructor.name}: ${error.message}`);
			for (const [member, value] of Object.entries(members))
				assert.equal(error[member], value, `${member} of ${error.message}`);
			return true;
		});

	test('throws on a wrong key, an unknown model, a bad field', async () => {
		const stranger = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'wrong', maxRetries: 0 });

		await rejects(stranger.responses.create(ask('hi')), OpenAI.BadRequestError,
			      { code: 'invalid_api_key' });
		await rejects(client.responses.create(ask('hi', { model: 'no-such-model' })),
			      OpenAI.BadRequestError, { code: 'model_not_found' });
		await rejects(client.responses.create(ask('hi', { previous_response_id: 'resp_1' })),
			      OpenAI.BadRequestError, { param: 'previous_response_id' });
	});

	test('sees that a stream failed in its middle', async () => {
		await script('breaks', [{ text: 'Half an' }, { cut_here: true }]);
		const stream = await client.responses.create(ask('@breaks@', { stream: true }));
		const events = [];

		for await (const event of stream)
			events.push(event);
		assert.equal(events.at(-1).type, 'response.failed');
		assert.equal(events.at(-1).response.error.code, 'server_error');
	});

	test('tries again by itself when it may', async () => {
		const patient = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key,
					     maxRetries: 2 });

		await gateway.standin.script('busy', { http: { status: 500, body: { message: 'm' } },
						       times: 1, next: 'calm' });
		await script('calm', [{ text: 'now' }]);
		assert.equal((await patient.responses.create(ask('@busy@'))).output_text, 'now');
	});
});
