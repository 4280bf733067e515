// The real Claude Code in print mode, through lighttpd, where only loopback can be reached, with an
// empty home and a key that is good for the gateway alone. What counts is what the user reads, the
// exit code, and what was asked upstream.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';

import { start } from '../../lib/process.mjs';
import { startGateway } from '../gateway.mjs';
import { isolate, skippedLoudly } from '../isolated.mjs';

// Finds the binary, which is a package of its own for each platform; no install script has to run.
const launcher = join(dirname(createRequire(import.meta.url).resolve(
	'@anthropic-ai/claude-code/package.json')), 'cli-wrapper.cjs');

function cannotRun() {
	const { status, error, stderr } = spawnSync(process.execPath, [launcher, '--version'],
						    { encoding: 'utf8', timeout: 60000 });

	return status === 0 ? undefined :
		`its binary does not run here: ${error?.message ?? stderr.trim()}`;
}

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

const say = (text, pieces = 3) => ({ steps: [{ text, pieces }] });
const call = (id, name, input) => ({ tool: { id, name, input, pieces: 4 } });
const refusal = (status, reason, message) => ({ http: { status, body: { message, reason } } });
const tooLong = refusal(400, 'CONTENT_LENGTH_EXCEEDS_THRESHOLD', 'Input is too long.');
const quota = refusal(402, 'MONTHLY_REQUEST_COUNT', 'You have reached the limit.');
const breaksOff = [
	{ text: 'Half an' },
	{ exception: { type: 'throttlingError', payload: {
		message: 'slow down', reason: 'INSUFFICIENT_MODEL_CAPACITY' } } },
];

// A gateway and a home directory for one test, gone when it ends.
//   claude(arguments)   runs it; { code, out, err, events } with events of --output-format stream-json
//   chats()             what was asked upstream: [{ script, status, body, current, results, history }]
//   posts()             the gateway's log lines of requests for messages
async function scene(t, scripts, { files = {} } = {}) {
	const gateway = await startGateway();
	/* Claude Code shows the real path. */
	const dir = realpathSync(mkdtempSync(join(tmpdir(), 'kiro-claude-')));
	const home = join(dir, 'home'), work = join(dir, 'work');

	t.after(async () => {
		if (!t.passed)
			t.diagnostic(`log:\n${gateway.log().slice(-4000)}`);
		await gateway.stop();
		rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
	});
	mkdirSync(home);
	mkdirSync(work);
	for (const [name, content] of Object.entries(files))
		writeFileSync(join(work, name), content);
	for (const [name, script] of Object.entries(scripts(work)))
		await gateway.standin.script(name, script);

	return {
		gateway,
		claude: async (args, env = {}) => {
			const child = start(process.execPath, [launcher, ...args], {
				cwd: work,
				env: {
					PATH: process.env.PATH, HOME: home, TMPDIR: dir,
					ANTHROPIC_BASE_URL: gateway.url, ANTHROPIC_API_KEY: gateway.key,
					CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', ...env,
				},
			});
			let out = '';

			child.stdout.on('data', (text) => (out += text));
			const closed = new Promise((resolve) => child.once('close', resolve));
			const { code } = await child.ended;

			await closed;
			t.diagnostic(`claude ${args.join(' ')}: exit ${code}`);
			return { code, out: out.trim(), get events() {
				return out.trim().split('\n').map((line) => JSON.parse(line));
			} };
		},
		chats: async () => (await gateway.standin.chats({ wait: 5000 }))
			.map(({ script, status, refused, body }) => {
				const { currentMessage, history = [] } = body.conversationState;
				const current = currentMessage.userInputMessage;

				return { script, status, refused, body, history, current,
					 results: current.userInputMessageContext?.toolResults };
			}),
		posts: () => gateway.log().match(/: POST \/v1\/messages \d+ .*/g) ?? [],
	};
}

const names = (chats) => chats.map(({ script }) => script);
const toolNames = ({ current }) =>
	current.userInputMessageContext.tools.map(({ toolSpecification }) => toolSpecification.name);
const lastCalls = ({ history }) => history.at(-1).assistantResponseMessage.toolUses;

async function plainPrompt(t) {
	const { claude, chats } = await scene(t, () => ({
		plain: say('Grüße from afar 😀.'), again: say('Still here.'),
	}));
	const first = await claude(['-p', 'Say hello @plain@']);
	const second = await claude(['-c', '-p', 'And now? @again@']);

	assert.deepEqual([first.out, first.code], ['Grüße from afar 😀.', 0]);
	assert.deepEqual([second.out, second.code], ['Still here.', 0]);

	const [one, two, ...more] = await chats();

	assert.deepEqual(more, []);
	assert.ok(one.current.content.includes('Say hello @plain@'));
	assert.equal(two.current.content, 'And now? @again@');
	assert.equal(two.history.at(-1).assistantResponseMessage.content, 'Grüße from afar 😀.');
	assert.equal(one.current.modelId, 'claude-opus-5.5');
	assert.ok(toolNames(one).includes('Read') && toolNames(one).includes('Bash'));
	/* Its line for the bill changes with each request. */
	assert.ok(!JSON.stringify(one.body).includes('x-anthropic-billing-header'));
	assert.equal(one.body.conversationState.conversationId,
		     two.body.conversationState.conversationId);
}

const withTools = ['--allowedTools', 'Read', 'Bash'];

async function readAndBash(t) {
	const { claude, chats } = await scene(t, (work) => ({
		go: { steps: [{ text: 'Reading it.' },
			      call('tooluse_read', 'Read', { file_path: join(work, 'notes.txt') })] },
		run: { steps: [call('tooluse_bash', 'Bash', {
			command: 'echo "sum: $((17 + 25)) @sum@"', description: 'Adds' })] },
		sum: say('It is 42.'),
	}), { files: { 'notes.txt': 'seventeen and twenty-five @run@\n' } });
	const { out, code } = await claude(['-p', 'Add them @go@', ...withTools]);

	assert.deepEqual([out, code], ['It is 42.', 0]);

	const [one, two, three, ...more] = await chats();

	assert.deepEqual(more, []);
	assert.deepEqual(names([one, two, three]), ['go', 'run', 'sum']);
	assert.deepEqual(lastCalls(two).map(({ toolUseId, name }) => [toolUseId, name]),
			 [['tooluse_read', 'Read']]);
	assert.equal(two.history.at(-1).assistantResponseMessage.content, 'Reading it.');
	assert.deepEqual(two.results.map(({ toolUseId, status }) => [toolUseId, status]),
			 [['tooluse_read', 'success']]);
	assert.match(two.results[0].content[0].text, /seventeen and twenty-five @run@/);
	assert.deepEqual(three.results, [{ toolUseId: 'tooluse_bash', status: 'success',
					   content: [{ text: 'sum: 42 @sum@' }] }]);
	assert.equal(lastCalls(three)[0].input.command, 'echo "sum: $((17 + 25)) @sum@"');
}

async function parallelTools(t) {
	const { claude, chats } = await scene(t, (work) => ({
		go: { steps: [
			{ text: 'Three at once.' },
			call('tooluse_1', 'Read', { file_path: join(work, 'a.txt') }),
			call('tooluse_2', 'Bash', { command: 'echo from bash', description: 'Says' }),
			call('tooluse_3', 'Read', { file_path: join(work, 'missing.txt') }),
		] },
		told: say('Two of three.'),
	}), { files: { 'a.txt': 'from a @told@\n' } });
	const { out, code } = await claude(['-p', 'Look @go@', ...withTools]);

	assert.deepEqual([out, code], ['Two of three.', 0]);

	const [, two, ...more] = await chats();

	assert.deepEqual(more, []);
	assert.deepEqual(lastCalls(two).map(({ toolUseId }) => toolUseId),
			 ['tooluse_1', 'tooluse_2', 'tooluse_3']);
	assert.deepEqual(two.results.map(({ toolUseId, status }) => [toolUseId, status]).sort(),
			 [['tooluse_1', 'success'], ['tooluse_2', 'success'], ['tooluse_3', 'error']]);
	const text = JSON.stringify(two.results);

	for (const words of ['from a @told@', 'from bash', 'File does not exist'])
		assert.ok(text.includes(words), text);
}

async function readsAnImage(t) {
	const { claude, chats } = await scene(t, (work) => ({
		go: { steps: [call('tooluse_1', 'Read', { file_path: join(work, 'dot.png') })] },
		default: say('A dot.'),
	}), { files: { 'dot.png': Buffer.from(pixel, 'base64') } });
	const { out, code } = await claude(['-p', 'What is it? @go@', ...withTools]);

	assert.deepEqual([out, code], ['A dot.', 0]);

	const [, two] = await chats();

	assert.deepEqual(two.current.images.map(({ format }) => format), ['png']);
	assert.equal(two.results[0].status, 'success');
}

const asEvents = ['--output-format', 'stream-json', '--verbose'];
const blocksOf = (events) => events.filter(({ type }) => type === 'assistant')
	.flatMap(({ message }) => message.content);

async function thinking(t) {
	const { claude, chats } = await scene(t, () => ({
		go: { steps: [
			{ thinking: 'Rain or sun?', signature: 'c2lnbmF0dXJl', pieces: 2 },
			{ text: 'Let me see.' },
			call('tooluse_1', 'Bash', { command: 'echo sun @told@', description: 'Looks' }),
		] },
		told: say('Sun.'),
	}));
	const { code, events } = await claude(['-p', 'Which? @go@', ...withTools, ...asEvents]);

	assert.equal(code, 0);
	assert.deepEqual(blocksOf(events).map(({ type }) => type),
			 ['thinking', 'text', 'tool_use', 'text']);
	assert.deepEqual(blocksOf(events)[0], { type: 'thinking', thinking: 'Rain or sun?',
						signature: 'c2lnbmF0dXJl' });
	assert.equal(events.at(-1).result, 'Sun.');

	const [one, two, ...more] = await chats();

	assert.deepEqual(more, []);
	assert.equal(one.body.additionalModelRequestFields.thinking.type, 'adaptive');
	assert.equal(two.results[0].content[0].text, 'sun @told@');
}

async function thinkingInTags(t) {
	const { claude, chats } = await scene(t, () => ({
		go: say('<thinking>Rain or sun?</thinking>\n\nSun.', 20),
	}));
	const { code, events } = await claude(['-p', 'Which? @go@', '--model', 'claude-sonnet-4-5',
					       ...asEvents]);

	assert.equal(code, 0);
	assert.deepEqual(blocksOf(events).map((block) => block.text ?? block.thinking),
			 ['Rain or sun?', 'Sun.']);
	assert.equal(events.at(-1).result, 'Sun.');
	assert.equal((await chats()).length, 1);
}

async function compaction(t) {
	const summary = '<analysis>Two turns.</analysis>\n<summary>\n1. Primary Request and Intent: ' +
			'the user counts sheep, of which there were 4711 so far. '.repeat(20) +
			'\n</summary>';
	const { claude, chats } = await scene(t, () => ({
		first: say('4711 sheep.'),
		more: { ...tooLong, times: 1, next: 'shorter' },
		shorter: say('4712 sheep.'),
		default: say(summary),
	}));

	assert.equal((await claude(['-p', 'Count sheep @first@'])).out, '4711 sheep.');
	const { out, code } = await claude(['-c', '-p', 'One more @more@']);

	assert.deepEqual([out, code], ['4712 sheep.', 0]);

	const all = await chats();
	const last = JSON.stringify(all.at(-1).body);

	assert.deepEqual(names(all), ['first', 'more', 'default', 'shorter']);
	assert.ok(all[2].current.content.includes('summary'));
	assert.ok(last.includes('of which there were 4711 so far') && last.includes('One more @more@'));
	assert.ok(!last.includes('Count sheep @first@'));
}

async function tooLongAtOnce(t) {
	const { claude, chats } = await scene(t, () => ({ go: tooLong }));
	const { out, code } = await claude(['-p', 'All of it @go@']);

	assert.match(out, /too long/i);
	assert.notEqual(code, 0);
	assert.ok((await chats()).length <= 2);
}

async function failsBefore(t) {
	const { claude, chats } = await scene(t, () => ({
		go: { ...refusal(500, null, 'Internal server error'), times: 1, next: 'calm' },
		calm: say('Here I am.'),
	}));
	const { out, code } = await claude(['-p', 'Hello @go@']);

	assert.deepEqual([out, code], ['Here I am.', 0]);
	assert.deepEqual(names(await chats()), ['go', 'calm']);
}

async function failsForGood(t) {
	const { claude, chats, posts } = await scene(t, () => ({ go: quota }));
	const { out, code } = await claude(['-p', 'Hello @go@']);

	assert.match(out, /You have reached the limit\./);
	assert.equal(code, 1);
	assert.equal((await chats()).length, 1);
	assert.equal(posts().length, 1);
}

// It has shown half an answer, and asks again for all of it, not streamed.
async function failsAfter(t) {
	const { claude, chats } = await scene(t, () => ({
		go: { steps: breaksOff, times: 1, next: 'whole' },
		whole: say('A whole answer.'),
	}));
	const { out, code } = await claude(['-p', 'Hello @go@']);

	assert.deepEqual([out, code], ['A whole answer.', 0]);
	assert.deepEqual(names(await chats()), ['go', 'whole']);
}

async function cutAfter(t) {
	const { claude, chats } = await scene(t, () => ({
		go: { steps: [{ text: 'Half an' }, { cut_here: true }], times: 1, next: 'whole' },
		whole: say('A whole answer.'),
	}));
	const { out, code } = await claude(['-p', 'Hello @go@']);

	assert.deepEqual([out, code], ['A whole answer.', 0]);
	assert.deepEqual(names(await chats()), ['go', 'whole']);
}

// What was said stays, the rest is asked for again; a call that was cut must never be run.
async function cutInCall(t) {
	const { claude, chats } = await scene(t, () => ({
		go: { steps: [
			{ text: 'Now.' },
			{ tool: { id: 'tooluse_1', name: 'Bash', stop: false,
				  input: '{"command":"echo half' } },
			{ cut_here: true },
		] },
		default: say('Not done.'),
	}));
	const { out, code } = await claude(['-p', 'Do it @go@', ...withTools]);

	assert.deepEqual([out, code], ['Not done.', 0]);

	const [, two, ...more] = await chats();

	assert.deepEqual(more, []);
	assert.equal(two.results, undefined);
	assert.equal(two.history.at(-1).assistantResponseMessage.content, 'Now.');
	assert.match(two.current.content, /cut off/);
}

async function failsAfterForGood(t) {
	const { claude, posts } = await scene(t, () => ({
		go: { steps: breaksOff, times: 1, next: 'quota' },
		quota,
	}));
	const { out, code } = await claude(['-p', 'Hello @go@']);

	assert.match(out, /You have reached the limit\./);
	assert.equal(code, 1);
	assert.equal(posts().length, 2);
}

async function wrongKey(t) {
	const { claude, posts } = await scene(t, () => ({}));
	const { out, code } = await claude(['-p', 'Hello'], { ANTHROPIC_API_KEY: 'wrong' });

	assert.match(out, /Failed to authenticate|Invalid API key/);
	assert.equal(code, 1);
	assert.equal(posts().length, 1);
}

async function bearerKey(t) {
	const { claude, gateway } = await scene(t, () => ({ go: say('Come in.') }));
	const { out, code } = await claude(['-p', 'Hello @go@'], {
		ANTHROPIC_API_KEY: undefined, ANTHROPIC_AUTH_TOKEN: gateway.key });

	assert.deepEqual([out, code], ['Come in.', 0]);
}

async function unknownModel(t) {
	const { claude, chats } = await scene(t, () => ({}));
	const { out, code } = await claude(['-p', 'Hello', '--model', 'no-such-model']);

	assert.match(out, /issue with the selected model \(no-such-model\)/);
	assert.equal(code, 1);
	assert.deepEqual(await chats(), []);
}

// It counts the tokens of everything that it would send, many at a time.
async function contextCommand(t) {
	const { claude, chats, gateway } = await scene(t, () => ({}));
	const { out, code } = await claude(['-p', '/context']);
	const counts = gateway.log().match(/: POST \/v1\/messages\/count_tokens \d+/g);

	assert.match(out, /System prompt \| [\d.]+k?/);
	assert.equal(code, 0);
	assert.ok(counts.length >= 10, `${counts.length} counts`);
	assert.ok(counts.every((line) => line.endsWith(' 200')), counts.join('\n'));
	assert.deepEqual(await chats(), []);
}

// Its tool asks for the search in a request of its own, and hands the pages found to the model.
async function webSearch(t) {
	const { claude, chats, gateway } = await scene(t, () => ({
		go: { steps: [call('tooluse_1', 'WebSearch', { query: 'the stand-in upstream' })] },
		default: say('One page.'),
	}));
	const { out, code } = await claude(['-p', 'Search @go@', '--allowedTools', 'WebSearch']);

	const all = await gateway.standin.requests({ wait: 5000 });
	const asked = all.filter(({ operation, body }) =>
		operation === 'InvokeMCP' && body.method === 'tools/call');
	const found = (await chats()).at(-1).results[0].content[0].text;

	assert.match(found, /https:\/\/example\.invalid\/page/);
	assert.match(found, /A page of the stand-in upstream/);
	assert.deepEqual(asked.map(({ body }) => body.params.arguments.query),
			 ['the stand-in upstream']);
	assert.deepEqual([out, code], ['One page.', 0]);
}

const tests = {
	'answers a prompt, and the next one of the conversation': plainPrompt,
	'runs Read and Bash, and the answer uses what they found': readAndBash,
	'runs tools in parallel, one of which fails': parallelTools,
	'shows an image that Read loaded': readsAnImage,
	'gets thinking with its signature': thinking,
	'gets thinking that the model wrote in tags': thinkingInTags,
	'compacts the conversation when the upstream finds it too long': compaction,
	'says so when a single prompt is too long': tooLongAtOnce,
	'tries again when the upstream fails before the first byte': failsBefore,
	'stops when the upstream fails for good before the first byte': failsForGood,
	'asks again when the upstream fails after the first byte': failsAfter,
	'asks again when the upstream cuts the answer': cutAfter,
	'does not run a tool call that was cut': cutInCall,
	'stops when the upstream fails after the first byte, then for good': failsAfterForGood,
	'stops at a wrong key': wrongKey,
	'may send the key as a bearer token': bearerKey,
	'names a model that does not exist': unknownModel,
	'counts tokens for /context (contract 51)': contextCommand,
	'searches the web': webSearch,
};

const reason = skippedLoudly('Claude Code', isolate(import.meta.url) ?? cannotRun());

describe('Claude Code', { skip: reason, timeout: 300000 }, () => {
	for (const [what, run] of Object.entries(tests))
		test(what, { timeout: 60000 }, run);
});
