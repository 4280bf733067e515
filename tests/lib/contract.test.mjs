// A check that cannot fail is a defect: every check of contract.mjs gets a good stream, on which it
// is silent, and at least one broken one, on which it speaks.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checks, checkStream, compareAnswers, readStream, readWhole } from './contract.mjs';

// ---- Messages: a good stream as a list of payloads; broken ones are edits of it ----

const used = (input, output) => ({
	input_tokens: input, output_tokens: output, cache_creation_input_tokens: 0,
	cache_read_input_tokens: 0, cache_creation: null, inference_geo: null, iterations: null,
	output_tokens_details: null, server_tool_use: null, service_tier: null, speed: null,
});
const start = {
	type: 'message_start',
	message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'm', content: [],
		   stop_reason: null, stop_sequence: null, stop_details: null, container: null,
		   context_management: null, diagnostics: null, usage: used(5, 1) },
};
const open = (index, block) => ({ type: 'content_block_start', index, content_block: block });
const delta = (index, type, member, value) =>
	({ type: 'content_block_delta', index, delta: { type, [member]: value } });
const stop = (index) => ({ type: 'content_block_stop', index });
const end = (reason = 'tool_use', output = 9) => ({
	type: 'message_delta',
	delta: { stop_reason: reason, stop_sequence: null, stop_details: null, container: null },
	usage: used(7, output), context_management: null,
});
const last = { type: 'message_stop' };
const ping = { type: 'ping' };
const failure = { type: 'error', error: { type: 'api_error', message: 'no' } };

const thinking = (index) => [
	open(index, { type: 'thinking', thinking: '', signature: '' }),
	delta(index, 'thinking_delta', 'thinking', 'Hm.'),
	delta(index, 'signature_delta', 'signature', 'c2ln'),
	stop(index),
];
const text = (index, ...pieces) => [
	open(index, { type: 'text', text: '' }),
	...pieces.map((piece) => delta(index, 'text_delta', 'text', piece)),
	stop(index),
];
const tool = (id) => ({ type: 'tool_use', id, name: 'f', caller: { type: 'direct' }, input: {} });
const call = (index, id, ...pieces) => [
	open(index, tool(id)),
	...pieces.map((piece) => delta(index, 'input_json_delta', 'partial_json', piece)),
	stop(index),
];
const answer = [
	start, ping, ...thinking(0), ...text(1, 'a"b\\\u2028', '\u{1f600}'),
	...call(2, 'toolu_1', '{"x":', '1}'), end(), last,
];
const said = {
	thinking: 'Hm.', text: 'a"b\\\u2028\u{1f600}',
	tools: [{ id: 'toolu_1', name: 'f', input: { x: 1 } }], end: 'whole',
};

const head = { 'content-type': 'text/event-stream; charset=utf-8' };
const json = (value) => JSON.stringify(value).replaceAll('\u2028', '\\u2028');
const write = (event) => `event: ${event.type}\ndata: ${json(event)}\n\n`;

const messages = (events, more = {}) => ({
	dialect: 'anthropic', status: 200, headers: head, complete: true,
	request: { tools: [{ name: 'f' }] },
	bytes: Buffer.from(events.map((event) =>
		(typeof event === 'string' ? event : write(event))).join('')),
	...more,
});
// The good answer with the payload at an index replaced by none or more.
const edited = (at, ...events) => messages(answer.toSpliced(at, 1, ...events));
const called = (more) => open(2, { ...tool('toolu_1'), ...more });
const plain = (...blocks) => messages([start, ...blocks.flat(), end('end_turn'), last]);

// ---- Chat Completions ----

const chunk = (delta_, finish = null, more = {}) => ({
	id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm',
	choices: [{ index: 0, delta: delta_, logprobs: null, finish_reason: finish }], ...more,
});
const role = chunk({ role: 'assistant', content: '' });
const piece = (index, more) => chunk({ tool_calls: [{ index, ...more }] });
const calls = [
	piece(0, { id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }),
	piece(0, { function: { arguments: '{"x":1}' } }),
];
const sum = { prompt_tokens: 2, completion_tokens: 3, total_tokens: 5 };
const usage = chunk({}, null, { choices: [], usage: sum });
const done = 'data: [DONE]\n\n';
const completion = [role, chunk({ reasoning_content: 'Hm.' }), chunk({ content: 'Hi' }), ...calls,
		    chunk({}, 'tool_calls'), usage, done];
const chatRequest = { stream_options: { include_usage: true },
		      tools: [{ type: 'function', function: { name: 'f' } }] };

const chat = (events, more = {}) => ({
	dialect: 'openai', status: 200, headers: head, complete: true, request: chatRequest,
	bytes: Buffer.from(events.map((event) =>
		(typeof event === 'string' ? event : `data: ${json(event)}\n\n`)).join('')),
	...more,
});
const chatEdited = (at, ...events) => chat(completion.toSpliced(at, 1, ...events));
const chatFailure = { error: { message: 'no', type: 'server_error', param: null, code: null } };

// ---- per item: streams that break it ----

const raw = (stream, change) => ({ ...stream, bytes: change(stream.bytes) });
const replaced = (stream, from, to) =>
	raw(stream, (bytes) => Buffer.from(bytes.toString().replaceAll(from, to)));

const broken = {
	1: [messages(answer, { status: 500 }),
	    messages(answer, { headers: { 'content-type': 'application/json' } })],
	4: [replaced(messages(answer), '\u{1f600}', '\\ud83d'),
	    replaced(messages(answer), '"ping"}', '"ping"'),
	    replaced(messages(answer), 'data: {"type":"ping"}', 'data: 1'),
	    replaced(messages(answer), '\n\n', '\r\n\r\n'),
	    replaced(messages(answer), '\\u2028', '\u2028'),
	    replaced(messages(answer), '\u{1f600}', '\\u0000'),
	    replaced(messages(answer), '\u{1f600}', '\0')],
	5: [raw(messages(answer), (bytes) => Buffer.concat([
		    bytes.subarray(0, bytes.indexOf(0xf0) + 2), bytes.subarray(bytes.indexOf(0xf0) + 4)])),
	    replaced(messages(answer), '\u{1f600}', '\ufffd\ufffd'),
	    replaced(messages(answer), '\u{1f600}', '\\ud83d')],
	6: [messages(answer, { sent: { ...said, text: 'other' } }),
	    messages(answer, { sent: { ...said, thinking: '' } }),
	    messages([start, ...text(0, 'ab'), failure],
		     { sent: { text: 'a', end: 'failed' } })],
	7: [messages(answer, { sent: { ...said, text: `${said.text}\u001b` } }),
	    replaced(messages(answer, { sent: said }), '\\u2028', '\\n')],
	8: [edited(0, { ...start, message: { ...start.message, id: null } }),
	    edited(0, { ...start, message: { ...start.message, id: 'toolu_1' } }),
	    chatEdited(2, chunk({ content: 'Hi' }, null, { id: 'chatcmpl-2' })),
	    chatEdited(3, piece(0, { type: 'function', function: { name: 'f', arguments: '' } }))],
	11: [messages([start, failure, failure]),
	     messages([start, ...text(0, 'a'), failure, end('end_turn'), last]),
	     messages([start, failure, ping]),
	     messages(answer, { sent: { end: 'failed' } }),
	     messages([start, failure], { sent: { end: 'whole' } }),
	     chat([role, chatFailure, done])],
	12: [messages(answer, { sent: { end: 'unmarked' } }),
	     messages([start, ...text(0, 'a')], { sent: { end: 'unmarked' } }),
	     chat(completion, { sent: { end: 'unmarked' } })],
	13: [messages(answer, { complete: false }),
	     messages([...answer, ping]),
	     messages(answer.slice(0, -1)),
	     raw(messages(answer), (bytes) => bytes.subarray(0, -1)),
	     chat([...completion, role])],
	14: [messages(answer, { headers: { ...head, 'content-encoding': 'gzip' } }),
	     messages(answer, { headers: { ...head, 'content-length': '9' } })],
	16: [replaced(messages(answer), 'event: ping', 'event: pong'),
	     replaced(messages(answer), 'event: ping\n', '')],
	17: [messages([ping, ...answer]), messages([start, ...answer]), messages(answer.slice(1)),
	     edited(0, { ...start, message: { ...start.message, content: null } }),
	     edited(0, { ...start, message: { ...start.message, stop_reason: 'end_turn' } }),
	     edited(0, { ...start, message: { ...start.message, usage: used('5', 1) } }),
	     edited(0, { ...start, message: { ...start.message, diagnostics: undefined } }),
	     edited(0, { ...start, message: { ...start.message,
					      usage: { ...used(5, 1), speed: undefined } } })],
	18: [plain(text(1, 'a')), plain(text(0, 'a'), text(2, 'b')),
	     messages([start, open(0, { type: 'text', text: '' }), ...text(1, 'a'), stop(0), end(), last]),
	     plain(text(0, 'a'), [delta(0, 'text_delta', 'text', 'b')]),
	     plain(text(0, 'a'), [stop(0)])],
	19: [messages([start, ...text(0, 'a').slice(0, -1), end('end_turn'), last]),
	     messages([start, ...text(0, 'a').slice(0, -1), end('end_turn'), stop(0), last])],
	20: [edited(6, open(1, { type: 'text', text: 'x' })),
	     edited(6, open(1, { type: 'text' })),
	     edited(2, open(0, { type: 'thinking' })),
	     edited(10, called({ input: { x: 1 } })), edited(10, called({ name: '' })),
	     edited(10, called({ caller: undefined })),
	     plain([open(0, { type: 'web_search_tool_result', tool_use_id: 's', content: [] }), stop(0)])],
	21: [edited(12, delta(2, 'input_json_delta', 'partial_json', '1')),
	     plain(call(0, 'toolu_1', '')), plain(call(0, 'toolu_1', '[1]')),
	     messages(answer, { sent: { ...said, tools: [{ input: { x: 2 } }] } }),
	     messages(answer, { sent: { ...said, tools: [...said.tools, { input: {} }] } })],
	22: [edited(1, { type: 'pong' }),
	     edited(6, open(1, { type: 'poem', text: '' })),
	     edited(7, delta(1, 'thinking_delta', 'thinking', 'x')),
	     edited(11, delta(2, 'text_delta', 'text', '{"x":'))],
	23: [plain(text(0, 'a'), text(1)), plain(text(0, ''))],
	24: [messages([start, ...call(0, 'toolu_1', '{}'), ...thinking(1), end(), last]),
	     edited(4),
	     edited(4, delta(0, 'signature_delta', 'signature', '')),
	     edited(4, answer[4], answer[4]),
	     messages(answer.with(3, answer[4]).with(4, answer[3]))],
	25: [plain(text(0, 'a'), thinking(1))],
	26: [edited(14), edited(15), edited(14, end(), end()), edited(14, end(null)), messages([...answer, last]),
	     edited(14, { ...end(), delta: { ...end().delta, stop_sequence: undefined } }),
	     edited(14, { ...end(), delta: { ...end().delta, stop_details: undefined } }),
	     edited(14, { ...end(), context_management: undefined }),
	     edited(14, { ...end(), usage: { ...used(7, 9), server_tool_use: { web_search_requests: 1 } } }),
	     edited(14, end('tool_use', 0)), edited(14, end(), ping)],
	27: [edited(14, { ...end(), usage: used(4, 9) }),
	     edited(14, { ...end(), usage: { ...used(7, 9), cache_read_input_tokens: -1 } })],
	28: [messages([start, ...text(0, 'a'), end('tool_use'), last]), edited(14, end('end_turn'))],
	29: [edited(12), edited(13),
	     messages(answer, { sent: { tools: [{ cut: true }], end: 'unmarked' } })],
	30: [edited(10, open(2, { type: 'tool_use', id: 'a b', name: 'f', input: {} })),
	     edited(10, open(2, { type: 'tool_use', id: 'x'.repeat(65), name: 'f', input: {} })),
	     edited(10, open(2, { type: 'tool_use', id: 'toolu_1', name: 'g', input: {} })),
	     messages([start, ...call(0, 'a', '{}'), ...call(1, 'a', '{}'), end(), last])],
	32: [messages([...answer, done])],
	33: [messages([start, { ...failure, type: 'oops' }]),
	     messages([start, { type: 'error', error: { type: 'sad', message: 'no' } }]),
	     messages([start, { type: 'error', error: { type: 'api_error' } }]),
	     messages([start, 'event: error\ndata: {"message":"no"}\n\n'])],
	34: [messages([start, end('end_turn'), last]), plain(thinking(0))],
	36: [chatEdited(0), chatEdited(0, chunk({ content: '' })),
	     chatEdited(2, chunk({ content: 'Hi' }, null, { created: null })),
	     chatEdited(2, chunk({ content: 'Hi' }, null, { choices: null }))],
	37: [chatEdited(2, chunk({ content: 'Hi' }, null, { created: 2 })),
	     chatEdited(2, chunk({ content: 'Hi' }, null, { model: 'n' })),
	     chatEdited(2, chunk({ content: 'Hi' }, null, { object: 'chat.completion' }))],
	38: [chatEdited(3, piece(0, { id: 'c1', function: { name: 'f', arguments: '' } })),
	     chatEdited(3, piece(0, { id: 'c1', type: 'function', function: { arguments: '' } })),
	     chatEdited(3, piece(0, { id: 'c1', type: 'function', function: { name: 'g', arguments: '' } })),
	     chatEdited(4, piece(0, { function: { arguments: '{"x":' } })),
	     chatEdited(4, piece(0, { function: { name: 'f', arguments: '{}' } })),
	     chatEdited(4, piece(2, { id: 'c2', type: 'function', function: { name: 'f', arguments: '{}' } })),
	     chat(completion, { sent: { tools: [{ input: {} }] } }),
	     chat(completion, { sent: { tools: [], end: 'whole' } })],
	39: [chatEdited(5), chatEdited(5, chunk({}, 'tool_calls'), chunk({}, 'tool_calls')),
	     chatEdited(5, chunk({ content: 'x' }, 'tool_calls')), chatEdited(5, chunk({}, 'stop')),
	     chat([role, chunk({ content: 'a' }), chunk({}, 'tool_calls'), usage, done])],
	40: [chatEdited(6), chatEdited(6, usage, usage), chat(completion, { request: {} }),
	     chatEdited(6, { ...usage, choices: role.choices }),
	     chatEdited(6, { ...usage, usage: { ...sum, total_tokens: 6 } }),
	     chat([usage, ...completion.toSpliced(6, 1)])],
	41: [chatEdited(7), chat([role, chatFailure, done]), chatEdited(7, done, done),
	     replaced(chat(completion), 'data: [DONE]', 'event: done\ndata: [DONE]')],
	42: [chat([role, chunk({ content: 'a' }), chunk({ reasoning_content: 'b' }), chunk({}, 'stop'),
		   usage, done]),
	     chatEdited(2, chunk({ content: 'Hi', tool_calls: null }))],
};

const good = {
	'a Messages answer': messages(answer, { sent: said }),
	'a failed Messages answer': messages(
		[start, ...text(0, 'a').slice(0, -1), failure],
		{ sent: { text: 'abc', end: 'failed' } }),
	'a Messages answer without its marker': messages(
		[start, ...call(0, 'a', '{').slice(0, -1), failure],
		{ sent: { text: '', tools: [{ cut: true }], end: 'unmarked' } }),
	'a call without input': messages([start, ...call(0, 'a'), end(), last],
					 { sent: { tools: [{ input: {} }], end: 'whole' } }),
	'a refusal without text': messages([start, end('refusal'), last]),
	'a chat answer': chat(completion, { sent: { ...said, text: 'Hi' } }),
	'a failed chat answer': chat([role, chunk({ content: 'a' }), chatFailure],
				     { sent: { text: 'ab', end: 'failed' } }),
	'a chat answer with a comment': chat([role, ': ping\n\n', chunk({ content: 'a' }),
					      chunk({}, 'stop'), usage, done]),
};

for (const [what, stream] of Object.entries(good)) {
	test(`contract_is_silent_on_${what.replaceAll(' ', '_')}`, () => {
		assert.deepEqual(checkStream(stream), []);
	});
}

test('contract_has_a_broken_stream_for_every_check', () => {
	const others = checks.filter(({ dialect }) => dialect !== 'responses');

	assert.deepEqual(Object.keys(broken).map(Number), others.map(({ item }) => item));
});

for (const [item, streams] of Object.entries(broken)) {
	test(`contract_item_${item}_sees_what_breaks_it`, () => {
		streams.forEach((stream, at) => {
			const items = checkStream(stream).map((violation) => violation.item);

			assert.ok(items.includes(Number(item)),
				  `stream ${at} of item ${item} passes it; found: ${items}`);
		});
	});
}

test('contract_reads_the_same_meaning_from_stream_and_whole_answer', () => {
	const whole = readWhole('anthropic', {
		content: [
			{ type: 'thinking', thinking: 'Hm.', signature: 'c2ln' },
			{ type: 'text', text: said.text },
			{ type: 'tool_use', id: 'another', name: 'f', input: { x: 1 } },
		],
		stop_reason: 'tool_use', stop_sequence: null, model: 'm', usage: used(7, 9),
	});
	const wholeChat = readWhole('openai', {
		model: 'm', usage: sum,
		choices: [{ finish_reason: 'tool_calls', message: {
			content: 'Hi', reasoning_content: 'Hm.', refusal: null,
			tool_calls: [{ id: 'x', function: { name: 'f', arguments: '{"x": 1}' } }] } }],
	});

	assert.deepEqual(compareAnswers(15, readStream(messages(answer)), whole), []);
	assert.deepEqual(compareAnswers(15, readStream(chat(completion)), wholeChat), []);
});

test('contract_item_15_sees_each_difference', () => {
	const one = readStream(messages(answer));

	for (const [member, value] of Object.entries({
		thinking: '', signature: '', text: 'a', tools: [], refusal: 'r', stop: 'end_turn',
		stopSequence: 's', usage: {}, model: 'n',
	})) {
		assert.deepEqual(compareAnswers(15, one, { ...one, [member]: value }).length, 1, member);
	}
});
