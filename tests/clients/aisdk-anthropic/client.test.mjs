// The AI SDK with its Anthropic provider, through lighttpd. It checks more strictly than any other
// client: an unknown event or a missing member is an error for its user.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createAnthropic } from '@ai-sdk/anthropic';
import { APICallError, generateObject, generateText, jsonSchema, RetryError, stepCountIs, streamObject,
	 streamText, tool } from 'ai';

import { startGateway } from '../gateway.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

// The smallest file that readers of PDF take: one empty page.
const pdf = Buffer.from(`%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]>>endobj
trailer<</Root 1 0 R>>
%%EOF
`).toString('base64');

const city = jsonSchema({
	type: 'object', properties: { city: { type: 'string' } }, required: ['city'],
	additionalProperties: false,
});
const weather = (execute) => ({
	get_weather: tool({ description: 'Gets the weather of a city.', inputSchema: city, execute }),
});

const refusal = (status, reason, message) => ({ http: { status, body: { message, reason } } });
const calls = (id, place) => ({ tool: { id, name: 'get_weather', input: { city: place }, pieces: 4 } });

describe('the AI SDK', { timeout: 60000 }, () => {
	let gateway, model;

	before(async () => {
		gateway = await startGateway();
		const provider = createAnthropic({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });

		model = provider('claude-sonnet-4-5');
	});
	after(() => gateway?.stop());

	const script = (name, steps, more) => gateway.standin.script(name, { steps, ...more });
	const sent = async () => (await gateway.standin.requests()).at(-1).body.conversationState;
	const timesSent = async (name) => (await gateway.standin.requests())
		.filter((entry) => entry.script === name).length;
	const ask = (prompt, more) => ({ model, prompt, maxRetries: 0, ...more });

	// streamText reports errors to the console unless told otherwise.
	async function streamed(request) {
		const result = streamText({ onError: () => {}, ...request });
		const parts = [];

		for await (const part of result.fullStream)
			parts.push(part);
		const errors = parts.filter(({ type }) => type === 'error').map(({ error }) => error);

		return { parts, errors, result,
			 text: parts.filter(({ type }) => type === 'text-delta')
				 .map(({ text }) => text).join('') };
	}

	const rejects = (promise, status, words, retryable) => assert.rejects(promise, (error) => {
		assert.ok(APICallError.isInstance(error), `${error.name}: ${error.message}`);
		assert.equal(error.statusCode, status);
		assert.ok(error.message.includes(words), error.message);
		assert.equal(error.isRetryable, retryable);
		return true;
	});

	test('reads a whole answer', async () => {
		await script('whole', [{ text: 'Grüße, 世界 😀' }],
			     { trailer: { tokenUsage: { uncachedInputTokens: 11, outputTokens: 7,
							totalTokens: 18 } } });
		const { text, finishReason, usage, response } = await generateText(ask('@whole@'));

		assert.equal(text, 'Grüße, 世界 😀');
		assert.equal(finishReason, 'stop');
		assert.deepEqual([usage.inputTokens, usage.outputTokens], [11, 7]);
		assert.equal(response.modelId, 'claude-sonnet-4-5');
		assert.match(response.id, /^msg_/);
	});

	test('reads a stream piece by piece', async () => {
		await script('pieces', [{ text: 'one two three four', pieces: 6 }],
			     { pace_ms: 2, trailer: { tokenUsage: {
				     uncachedInputTokens: 9000, outputTokens: 7, totalTokens: 9007 } } });
		const { parts, errors, text, result } = await streamed(ask('@pieces@'));

		assert.deepEqual(errors, []);
		assert.equal(text, 'one two three four');
		assert.ok(parts.filter(({ type }) => type === 'text-delta').length > 1);
		assert.equal(await result.finishReason, 'stop');
		const { inputTokens, outputTokens } = await result.usage;

		assert.deepEqual([inputTokens, outputTokens], [9000, 7]);
	});

	test('sends its system prompt and settings', async () => {
		await script('settings', [{ text: 'Yes.' }]);
		const { text } = await generateText(ask('@settings@', {
			system: 'Be brief.', temperature: 0.3, topK: 5, maxOutputTokens: 500,
			providerOptions: { anthropic: { cacheControl: { type: 'ephemeral' } } } }));

		assert.equal(text, 'Yes.');
		assert.ok(JSON.stringify(await sent()).includes('Be brief.'));
	});

	for (const how of ['whole', 'streamed']) {
		const run = async (request) => {
			if (how === 'whole')
				return generateText(request);
			const { errors, result } = await streamed(request);

			assert.deepEqual(errors, []);
			return { text: await result.text, steps: await result.steps,
				 toolCalls: await result.toolCalls,
				 finishReason: await result.finishReason };
		};

		test(`goes through a tool loop, ${how}`, async () => {
			const asked = [];

			await script(`call-${how}`, [{ text: 'Let me look.' },
						     calls(`tooluse_1_${how}`, 'Zürich'),
						     calls(`tooluse_2_${how}`, 'Bern')]);
			await script(`told-${how}`, [{ text: 'Rain in both.', pieces: 3 }]);
			const { text, steps } = await run(ask(`@call-${how}@`, {
				tools: weather(async ({ city: place }) => {
					asked.push(place);
					return `rain in ${place} @told-${how}@`;
				}),
				stopWhen: stepCountIs(3),
			}));

			assert.equal(text, 'Rain in both.');
			assert.deepEqual(asked, ['Zürich', 'Bern']);
			assert.deepEqual(steps.map(({ finishReason }) => finishReason),
					 ['tool-calls', 'stop']);

			const { history, currentMessage } = await sent();
			const results = currentMessage.userInputMessage.userInputMessageContext.toolResults;

			assert.equal(history.at(-1).assistantResponseMessage.content, 'Let me look.');
			assert.deepEqual(results, ['Zürich', 'Bern'].map((place, at) => ({
				toolUseId: `tooluse_${at + 1}_${how}`, status: 'success',
				content: [{ text: `rain in ${place} @told-${how}@` }] })));
		});

		test(`calls a tool that takes nothing, ${how}`, async () => {
			await script(`none-${how}`, [
				{ tool: { id: `tooluse_n_${how}`, name: 'now', input: '' } }]);
			const { toolCalls } = await run(ask(`@none-${how}@`, { tools: {
				now: tool({ description: 'The time.',
					    inputSchema: jsonSchema({ type: 'object', properties: {} }) }),
			} }));

			assert.deepEqual(toolCalls.map(({ toolName, input }) => [toolName, input]),
					 [['now', {}]]);
		});

		test(`tells the upstream that a tool failed, ${how}`, async () => {
			await script(`fail-${how}`, [calls(`tooluse_f_${how}`, 'Atlantis')]);
			await script(`sank-${how}`, [{ text: 'It sank.' }]);
			const { text } = await run(ask(`@fail-${how}@`, {
				tools: weather(async () => {
					throw new Error(`no such city @sank-${how}@`);
				}),
				stopWhen: stepCountIs(3),
			}));
			const { toolResults } =
				(await sent()).currentMessage.userInputMessage.userInputMessageContext;

			assert.equal(text, 'It sank.');
			assert.equal(toolResults[0].status, 'error');
		});

		test(`reads reasoning, ${how}`, async () => {
			await script(`think-${how}`, [
				{ thinking: 'Rain or sun?', pieces: 2, signature: 'c2lnbmF0dXJl' },
				{ text: 'Sun.' }]);
			const request = ask(`@think-${how}@`, { providerOptions: { anthropic: {
				thinking: { type: 'enabled', budgetTokens: 2000 } } } });
			const result = how === 'whole' ? await generateText(request) :
							 (await streamed(request)).result;

			assert.equal(await result.reasoningText, 'Rain or sun?');
			assert.equal((await result.reasoning)[0].providerMetadata.anthropic.signature,
				     'c2lnbmF0dXJl');
			assert.equal(await result.text, 'Sun.');
		});

		// It looks itself whether a call came.
		test(`forces a tool, ${how}`, async () => {
			await script(`required-${how}`, [calls(`tooluse_r_${how}`, 'Bern')]);
			for (const toolChoice of ['required', { type: 'tool', toolName: 'get_weather' }]) {
				const { toolCalls } = await run(ask(`@required-${how}@`, {
					toolChoice, tools: weather() }));

				assert.deepEqual(toolCalls.map(({ toolName, input }) => [toolName, input]),
						 [['get_weather', { city: 'Bern' }]]);
			}
		});

		test(`stops at a stop sequence, ${how}`, async () => {
			await script(`stop-${how}`, [{ text: 'One. Two. STOP Three.', pieces: 21 }]);
			const { text, finishReason } = await run(ask(`@stop-${how}@`, {
				stopSequences: ['STOP'] }));

			assert.equal(text, 'One. Two. ');
			assert.equal(finishReason, 'stop');
		});
	}

	const object = { schema: city, schemaName: 'place' };
	const fenced = 'Here you are:\n```json\n{"city": "Zürich"}\n```\n';

	test('generates an object', async () => {
		await script('object', [{ text: fenced, pieces: 5 }]);
		const result = await generateObject(ask('Where? @object@', object));

		assert.deepEqual(result.object, { city: 'Zürich' });
	});

	test('streams an object', async () => {
		await script('objects', [{ text: fenced, pieces: 5 }]);
		const result = streamObject({ onError: () => {}, ...ask('Where? @objects@', object) });

		for await (const part of result.partialObjectStream)
			assert.equal(typeof part, 'object');
		assert.deepEqual(await result.object, { city: 'Zürich' });
	});

	const withFile = (mediaType, data, text) => ({ model, maxRetries: 0, messages: [{
		role: 'user', content: [{ type: 'text', text }, { type: 'file', mediaType, data }] }] });

	test('sends an image', async () => {
		await script('image', [{ text: 'A dot.' }]);
		const { text } = await generateText(withFile('image/png', pixel, 'What? @image@'));

		assert.equal(text, 'A dot.');
		assert.deepEqual((await sent()).currentMessage.userInputMessage.images,
				 [{ format: 'png', source: { bytes: pixel } }]);
	});

	test('sends a text file', async () => {
		await script('file', [{ text: 'A note.' }]);
		const { text } = await generateText(withFile(
			'text/plain', Buffer.from('Remember the milk.'), 'What? @file@'));

		assert.equal(text, 'A note.');
		assert.ok(JSON.stringify(await sent()).includes('Remember the milk.'));
	});

	test('sends a PDF', async () => {
		await script('pdf', [{ text: 'A page.' }]);
		const { text } = await generateText(withFile('application/pdf', pdf, 'What? @pdf@'));
		const { documents } = (await sent()).currentMessage.userInputMessage;

		assert.equal(text, 'A page.');
		assert.deepEqual(documents.map(({ format, source }) => [format, source]),
				 [['pdf', { bytes: pdf }]]);
	});

	// ---- errors ----

	test('says that an image by URL is refused', () => assert.rejects(
		generateText({ model, maxRetries: 0, messages: [{ role: 'user', content: [
			{ type: 'image', image: new URL('https://example.invalid/a.png') }] }] }),
		/image\.source: URL images are not supported/));

	test('fails at a wrong key, once', async () => {
		const stranger = createAnthropic({ baseURL: `${gateway.url}/v1`, apiKey: 'wrong' });

		await rejects(generateText({ model: stranger('claude-sonnet-4-5'), prompt: 'hi' }), 401,
			      'invalid x-api-key', false);
	});

	test('fails at an unknown model', () => rejects(
		generateText(ask('hi', { model: createAnthropic({
			baseURL: `${gateway.url}/v1`, apiKey: gateway.key })('no-such-model') })),
		404, 'model: no-such-model', false));

	test('fails at a bad request, with the upstream\'s words', async () => {
		await gateway.standin.script('bad', refusal(400, 'TOOL_SCHEMA_INVALID', 'The schema is odd'));
		await rejects(generateText(ask('@bad@', { maxRetries: 2 })), 400, 'The schema is odd', false);
		assert.equal(await timesSent('bad'), 1);
	});

	test('fails at a prompt that is too long, in the words that clients know', async () => {
		await gateway.standin.script('long', refusal(400, 'CONTENT_LENGTH_EXCEEDS_THRESHOLD',
							     'Input is too long.'));
		await rejects(generateText(ask('@long@')), 400, 'prompt is too long', false);
		const { errors } = await streamed(ask('@long@'));

		assert.equal(errors.length, 1);
		assert.match(errors[0].message, /^prompt is too long/);
	});

	test('shows the error in the middle of a stream, behind the text', async () => {
		await script('breaks', [
			{ text: 'Half an' },
			{ exception: { type: 'throttlingError', payload: {
				message: 'slow down', reason: 'INSUFFICIENT_MODEL_CAPACITY' } } },
		]);
		const { errors, text, parts } = await streamed(ask('@breaks@'));

		assert.equal(text, 'Half an');
		assert.equal(errors.length, 1);
		assert.match(JSON.stringify(errors[0]) + errors[0].message, /slow down/);
		assert.ok(!parts.some(({ type, finishReason }) =>
			type === 'finish' && finishReason === 'stop'));
	});

	test('shows an answer that the upstream cut as an error', async () => {
		await script('cut', [{ text: 'Half an' }, { cut_here: true }]);
		assert.equal((await streamed(ask('@cut@'))).errors.length, 1);
		await assert.rejects(generateText(ask('@cut@')), APICallError);
	});

	test('tries again by itself when it may', async () => {
		await gateway.standin.script('busy', {
			...refusal(500, null, 'm'), times: 1, next: 'calm' });
		await script('calm', [{ text: 'now' }]);
		assert.equal((await generateText(ask('@busy@', { maxRetries: 2 }))).text, 'now');
		assert.deepEqual([await timesSent('busy'), await timesSent('calm')], [1, 1]);
	});

	test('gives up when it goes on', async () => {
		await gateway.standin.script('down', refusal(500, null, 'm'));
		await assert.rejects(generateText(ask('@down@', { maxRetries: 1 })), (error) => {
			assert.ok(RetryError.isInstance(error), error.message);
			assert.equal(error.errors.length, 2);
			assert.ok(error.errors.every((one) => one.isRetryable));
			return true;
		});
	});
});
