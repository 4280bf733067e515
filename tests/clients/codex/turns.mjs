// What users of the Codex CLI do, with the gateway as its model provider: `codex exec`, an empty
// CODEX_HOME, a key of the gateway. codex.test.mjs runs this file.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { start } from '../../lib/process.mjs';
import { startGateway } from '../gateway.mjs';

const cli = fileURLToPath(new URL('node_modules/.bin/codex', import.meta.url));

// How Codex knows its own models: with custom tools, tool search, tools inside the input.
const aliases = { 'gpt-5.5': 'claude-sonnet-4.5', 'gpt-6-sol': 'claude-sonnet-4.5' };

describe('the Codex CLI', { timeout: 240000 }, () => {
	const homes = [];
	let gateway;

	before(async () => {
		gateway = await startGateway({ aliases });
	});
	after(async () => {
		homes.forEach((home) => rmSync(home, { recursive: true, force: true }));
		await gateway?.stop();
	});

	// Runs one prompt. Returns { code, items, messages, failure, requests, dir }: items of the turn,
	// the texts of the agent's messages, what the upstream was asked.
	async function codex(prompt, { model = 'claude-sonnet-4.5', settings = [] } = {}) {
		await gateway.standin.clearRequests();
		const home = mkdtempSync(join(tmpdir(), 'kiro-codex-'));

		homes.push(home);
		const provider = `{name="gateway",base_url="${gateway.url}/v1",env_key="GATEWAY_KEY",` +
				 'wire_api="responses"}';
		const child = start(cli, [
			'exec', '--json', '--skip-git-repo-check', '--dangerously-bypass-approvals-and-sandbox',
			'-m', model, '-C', home,
			...['model_provider="gateway"', `model_providers.gateway=${provider}`, ...settings]
				.flatMap((setting) => ['-c', setting]),
			prompt,
		], { env: { PATH: process.env.PATH, HOME: home, CODEX_HOME: home,
			    GATEWAY_KEY: gateway.key } });
		const { code } = await child.ended;
		const events = child.text.split('\n').filter((line) => line.startsWith('{')).map(JSON.parse);
		const items = events.filter(({ type }) => type === 'item.completed').map(({ item }) => item);

		return {
			code, items, dir: home, text: child.text,
			messages: items.filter(({ type }) => type === 'agent_message')
				.map(({ text }) => text),
			failure: events.find(({ type }) => type === 'turn.failed')?.error.message,
			requests: (await gateway.standin.requests({ wait: 2000 }))
				.filter(({ operation }) => operation === 'GenerateAssistantResponse')
				.map(({ body }) => body.conversationState),
		};
	}

	const script = (name, steps, more) => gateway.standin.script(name, { steps, ...more });
	const resultsOf = ({ currentMessage }) =>
		currentMessage.userInputMessage.userInputMessageContext.toolResults
			.map(({ content }) => content[0].text);

	// The model calls a tool, then says goodbye.
	async function toolTurn(name, input, options) {
		await script('default', [{ text: 'I try.' },
					 { tool: { id: 'tooluse_1', name, input, pieces: 5 } }],
			     { times: 1, next: 'goodbye' });
		await script('goodbye', [{ text: 'Goodbye.', pieces: 2 }]);
		const turn = await codex('Do it.', options);

		assert.equal(turn.code, 0, turn.text);
		assert.equal(turn.messages.at(-1), 'Goodbye.');
		assert.equal(turn.requests.length, 2);
		return { ...turn, result: resultsOf(turn.requests[1])[0] };
	}

	test('answers a plain prompt', async () => {
		await script('default', [{ text: 'Grüße, 世界 😀', pieces: 5 }]);
		const { code, messages, requests, text } = await codex('Say hello.');

		assert.equal(code, 0, text);
		assert.deepEqual(messages, ['Grüße, 世界 😀']);
		assert.equal(requests.length, 1);
		assert.match(requests[0].currentMessage.userInputMessage.content, /Say hello\.$/);
	});

	test('runs a command and sends its output', async () => {
		const { result, items } = await toolTurn('exec_command', { cmd: 'echo sum-$((40+2))' });

		assert.match(result, /sum-42/);
		assert.equal(items.find(({ type }) => type === 'command_execution').exit_code, 0);
	});

	test('knows its namespaced tools again', async () => {
		const { result } = await toolTurn('multi_agent_v1__close_agent', { target: 'nobody' });

		assert.doesNotMatch(result, /unsupported call/);
		assert.match(result, /nobody|agent/);
	});

	test('applies a patch that comes as a custom tool\'s text', async () => {
		const patch = '*** Begin Patch\n*** Add File: new.txt\n+ä "b"\n*** End Patch\n';
		await script('default', [{ tool: { id: 'tooluse_1', name: 'apply_patch',
						   input: { input: patch }, pieces: 6 } }],
			     { times: 1, next: 'goodbye' });
		await script('goodbye', [{ text: 'Goodbye.' }]);
		const turn = await codex('Write it.', { model: 'gpt-5.5' });

		assert.equal(turn.code, 0, turn.text);
		assert.equal(readFileSync(join(turn.dir, 'new.txt'), 'utf8'), 'ä "b"\n');
	});

	test('runs tools that its newest models have inside the input', async () => {
		const { result } = await toolTurn('functions__exec', { input: 'text(40 + 2)' },
						  { model: 'gpt-6-sol' });

		assert.match(result, /42/);
	});

	test('shows reasoning and sends it back', async () => {
		await script('default', [
			{ thinking: 'I think of a sum.', signature: 'c2ln', pieces: 3 },
			{ tool: { id: 'tooluse_1', name: 'exec_command', input: { cmd: 'true' } } },
		], { times: 1, next: 'goodbye' });
		await script('goodbye', [{ text: 'Goodbye.' }]);
		const { code, items, messages, requests, text } = await codex('Think.', {
			model: 'claude-opus-4-8',
			settings: ['model_reasoning_effort="high"', 'model_reasoning_summary="detailed"'],
		});

		assert.equal(code, 0, text);
		assert.deepEqual(messages, ['Goodbye.']);
		assert.equal(requests.length, 2);
		assert.match(items.find(({ type }) => type === 'reasoning').text, /I think of a sum/);
	});

	test('stops at once when the conversation is too long', async () => {
		await gateway.standin.script('default', { http: { status: 400, body: {
			__type: 'com.amazon.kiro.runtimeservice#ValidationException',
			message: 'Input is too long.', reason: 'CONTENT_LENGTH_EXCEEDS_THRESHOLD' } } });
		const { code, failure, requests } = await codex('Say hello.');

		assert.notEqual(code, 0);
		assert.match(failure, /context window/);
		assert.equal(requests.length, 1);
	});

	test('shows a refusal at once', async () => {
		await gateway.standin.script('default', { http: { status: 400, body: {
			__type: 'com.amazon.kiro.runtimeservice#ValidationException',
			message: 'Not like this.', reason: null } } });
		const { code, failure, requests } = await codex('Say hello.');

		assert.notEqual(code, 0);
		assert.match(failure, /Not like this/);
		assert.equal(requests.length, 1);
	});

	test('tries again when the upstream fails before the first byte', async () => {
		await gateway.standin.script('default', {
			http: { status: 500, body: { message: 'oops' } }, times: 1, next: 'calm' });
		await script('calm', [{ text: 'Now.' }]);
		const { code, messages, requests, text } = await codex('Say hello.');

		assert.equal(code, 0, text);
		assert.deepEqual(messages, ['Now.']);
		assert.equal(requests.length, 2);
	});

	test('tries again when the upstream fails in the middle', async () => {
		await script('default', [{ text: 'Half an' }, { cut_here: true }], { times: 1, next: 'calm' });
		await script('calm', [{ text: 'A whole one.' }]);
		const { code, messages, requests, text } = await codex('Say hello.');

		assert.equal(code, 0, text);
		assert.equal(messages.at(-1), 'A whole one.');
		assert.equal(requests.length, 2);
	});

	test('stops with the reason when the quota is used up', async () => {
		await gateway.standin.script('default', { http: { status: 429, body: {
			__type: 'com.amazon.kiro.runtimeservice#ThrottlingException',
			message: 'Monthly limit.', reason: 'MONTHLY_REQUEST_COUNT' } } });
		const { code, failure, requests } = await codex('Say hello.');

		assert.notEqual(code, 0);
		assert.match(failure, /quota|limit/i);
		assert.equal(requests.length, 1);
	});
});
