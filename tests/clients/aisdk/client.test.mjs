// The AI SDK's OpenAI providers, through lighttpd: Responses and Chat Completions of @ai-sdk/openai,
// and @ai-sdk/openai-compatible, which reads reasoning_content.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateObject, generateText, stepCountIs, streamText, tool } from 'ai';
import { z } from 'zod';

import { startGateway } from '../gateway.mjs';

const weather = tool({
	description: 'Gets the weather of a city.',
	inputSchema: z.object({ city: z.string() }),
	execute: async ({ city }) => `rain in ${city} @told@`,
});

const name = 'claude-sonnet-4.5';
/* By default the provider refers to items that a server has kept: ours keeps none. */
const stateless = { openai: { store: false } };
const apis = {
	'openai responses': (openai) => openai.responses(name),
	'openai chat': (openai) => openai.chat(name),
	'openai-compatible': (openai, compatible) => compatible(name),
};

describe('the AI SDK', { timeout: 60000 }, () => {
	let gateway, openai, compatible;

	before(async () => {
		gateway = await startGateway();
		const options = { baseURL: `${gateway.url}/v1`, apiKey: gateway.key };

		openai = createOpenAI(options);
		compatible = createOpenAICompatible({ ...options, name: 'gateway',
						      supportsStructuredOutputs: true });
		await script('told', [{ text: 'It rains.', pieces: 3 }]);
	});
	after(() => gateway?.stop());

	const script = (title, steps, more) => gateway.standin.script(title, { steps, ...more });
	const sent = async () => (await gateway.standin.requests())
		.map(({ body }) => body?.conversationState).filter(Boolean);

	for (const [api, of] of Object.entries(apis)) {
		const model = () => of(openai, compatible);

		test(`${api}: generates text`, async () => {
			await script('hello', [{ text: 'Grüße 😀' }]);
			const { text, finishReason, usage } = await generateText({
				model: model(), system: 'Be brief.', prompt: '@hello@', maxRetries: 0 });

			assert.equal(text, 'Grüße 😀');
			assert.equal(finishReason, 'stop');
			assert.ok(usage.outputTokens >= 1);
			assert.equal((await sent()).at(-1).currentMessage.userInputMessage.content,
				     'Be brief.\n\n@hello@');
		});

		test(`${api}: streams text`, async () => {
			await script('pieces', [{ text: 'one two three four', pieces: 6 }]);
			const parts = [];

			for await (const part of streamText({ model: model(), prompt: '@pieces@',
							      maxRetries: 0 }).fullStream)
				parts.push(part);
			assert.equal(parts.filter(({ type }) => type === 'text-delta')
				.map(({ text }) => text).join(''), 'one two three four');
			assert.equal(parts.find(({ type }) => type === 'error'), undefined);
			assert.equal(parts.at(-1).type, 'finish');
			assert.equal(parts.at(-1).finishReason, 'stop');
		});

		test(`${api}: runs tools, streamed`, async () => {
			await script('call', [{ text: 'I look.' }, { tool: {
				id: 'tooluse_1', name: 'weather', input: { city: 'Bern' }, pieces: 4 } }]);
			const result = streamText({ model: model(), prompt: '@call@', tools: { weather },
						    stopWhen: stepCountIs(3), maxRetries: 0,
						    providerOptions: stateless });

			await result.consumeStream();
			const steps = await result.steps;

			assert.deepEqual(steps[0].toolCalls.map(({ input }) => input), [{ city: 'Bern' }]);
			assert.equal(steps[0].finishReason, 'tool-calls');
			assert.equal(await result.text, 'It rains.');
		});

		test(`${api}: gets the call that it requires`, async () => {
			await script('must', [{ tool: { id: 'tooluse_2', name: 'weather',
							input: { city: 'Bern' } } }]);
			const { toolCalls } = await generateText({
				model: model(), prompt: '@must@', tools: { weather: { ...weather,
								    execute: undefined } },
				toolChoice: 'required', maxRetries: 0 });

			assert.deepEqual(toolCalls.map(({ input }) => input), [{ city: 'Bern' }]);
		});

		test(`${api}: generates an object`, async () => {
			await script('object', [{ text: '{"city":"Bern"}', pieces: 3 }]);
			const { object } = await generateObject({
				model: model(), schema: z.object({ city: z.string() }), prompt: '@object@',
				maxRetries: 0 });

			assert.deepEqual(object, { city: 'Bern' });
		});

		test(`${api}: sees a stream that failed in its middle`, async () => {
			await script('breaks', [{ text: 'Half an' }, { cut_here: true }]);
			const errors = [];

			await streamText({ model: model(), prompt: '@breaks@', maxRetries: 0,
					   onError: ({ error }) => errors.push(error) }).consumeStream();
			assert.equal(errors.length, 1);
		});

		test(`${api}: tells what is wrong`, async () => {
			await assert.rejects(
				generateText({ model: model(), maxRetries: 0, messages: [{ role: 'user', content: [
					{ type: 'file', mediaType: 'audio/wav', data: new Uint8Array(4) }] }] }),
				(error) => error.statusCode === 400 || /not supported|unsupported/i.test(error));
		});
	}

	test('openai responses: is told that nothing is kept', async () => {
		await script('again', [{ text: 'I look.' }, { tool: {
			id: 'tooluse_4', name: 'weather', input: { city: 'Bern' } } }]);
		await assert.rejects(
			generateText({ model: openai.responses(name), prompt: '@again@', tools: { weather },
				       stopWhen: stepCountIs(3), maxRetries: 0 }),
			/set store to false/);
	});

	test('openai responses: reads reasoning and sends it back', async () => {
		await script('think', [{ thinking: 'Hm.', signature: 'c2ln' }, { tool: {
			id: 'tooluse_3', name: 'weather', input: { city: 'Bern' } } }]);
		const { steps, text } = await generateText({
			model: openai.responses('claude-opus-4-8'), prompt: '@think@', tools: { weather },
			stopWhen: stepCountIs(3), maxRetries: 0,
			providerOptions: { openai: { store: false, forceReasoning: true,
						     reasoningEffort: 'high', reasoningSummary: 'auto',
						     include: ['reasoning.encrypted_content'] } } });

		assert.equal(steps[0].reasoningText, 'Hm.');
		assert.equal(text, 'It rains.');
	});

	test('openai-compatible: reads reasoning', async () => {
		await script('ponder', [{ thinking: 'Hm.', signature: 'c2ln' }, { text: 'Ok.' }]);
		const { reasoningText, text } = await generateText({
			model: compatible('claude-opus-4-8-thinking'), prompt: '@ponder@', maxRetries: 0 });

		assert.equal(reasoningText, 'Hm.');
		assert.equal(text, 'Ok.');
	});
});
