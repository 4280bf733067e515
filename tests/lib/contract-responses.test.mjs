// The checks of Responses, as contract.test.mjs has those of the other dialects: each is silent on a
// good stream and speaks on a broken one.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checks, checkStream, readStream, readWhole } from './contract.mjs';

const tools = [{ type: 'function', name: 'f' }];
const usage = {
	input_tokens: 5, input_tokens_details: { cached_tokens: 0, cache_write_tokens: 0 }, output_tokens: 2,
	output_tokens_details: { reasoning_tokens: 0 }, total_tokens: 7,
};
const response = (status, more = {}) => ({ id: 'resp_1', object: 'response', created_at: 1, status,
					   model: 'm', output: [], error: null, usage: null,
					   incomplete_details: null, instructions: null, metadata: {},
					   parallel_tool_calls: true, temperature: null,
					   tool_choice: 'auto', tools, top_p: null, ...more });
const at = (index, event) => ({ output_index: index, ...event });

const message = { id: 'msg_1', type: 'message', status: 'completed', role: 'assistant',
		  content: [{ type: 'output_text', text: 'Hello', annotations: [] }] };
const call = { id: 'fc_1', type: 'function_call', status: 'completed', call_id: 'c1', name: 'f',
	       arguments: '{"x":1}' };
const part = (text) => ({ type: 'output_text', text, annotations: [] });

const events = [
	{ type: 'response.created', response: response('in_progress') },
	{ type: 'response.in_progress', response: response('in_progress') },
	at(0, { type: 'response.output_item.added', item: { ...message, content: [] } }),
	at(0, { type: 'response.content_part.added', part: part('') }),
	at(0, { type: 'response.output_text.delta', delta: 'Hel' }),
	at(0, { type: 'response.output_text.delta', delta: 'lo' }),
	at(0, { type: 'response.output_text.done', text: 'Hello' }),
	at(0, { type: 'response.content_part.done', part: part('Hello') }),
	at(0, { type: 'response.output_item.done', item: message }),
	at(1, { type: 'response.output_item.added', item: { ...call, arguments: '' } }),
	at(1, { type: 'response.function_call_arguments.delta', delta: '{"x":1}' }),
	at(1, { type: 'response.function_call_arguments.done', name: 'f', arguments: '{"x":1}' }),
	at(1, { type: 'response.output_item.done', item: call }),
	{ type: 'response.completed',
	  response: response('completed', { output: [message, call], usage }) },
];
const failed = { type: 'response.failed', response: response('failed', {
	output: [message], error: { code: 'server_error', message: 'no' } }) };

const stream = (list, more = {}) => ({
	dialect: 'responses', status: 200, complete: true,
	headers: { 'content-type': 'text/event-stream; charset=utf-8' },
	request: { tools },
	bytes: Buffer.from(list.map((event, number) => {
		const data = JSON.stringify({ sequence_number: number, ...event });

		return `event: ${event.type}\ndata: ${data}\n\n`;
	}).join('')),
	...more,
});
// The good stream with the event at an index replaced by none or more.
const edited = (index, ...list) => stream(events.toSpliced(index, 1, ...list));
const changed = (index, more) => edited(index, { ...events[index], ...more });
const ended = (more) => edited(13, { type: 'response.completed',
				     response: { ...events[13].response, ...more } });
const replaced = (whole, from, to) =>
	({ ...whole, bytes: Buffer.from(whole.bytes.toString().replace(from, to)) });

const broken = {
	43: [changed(4, { sequence_number: 9 }), changed(0, { sequence_number: 1 }),
	     replaced(stream(events), 'event: response.created', 'event: created'),
	     replaced(stream(events), 'event: response.created\n', '')],
	44: [ended({ tools: [] }), ended({ top_p: undefined }), edited(0), edited(13), stream([...events, events[13]]), stream([...events, events[1]]),
	     edited(1, events[0])],
	45: [edited(8), edited(2), changed(9, { output_index: 2 }), changed(4, { output_index: 1 }),
	     ended({ output: [message] }), ended({ output: [call, message] }),
	     edited(8, events[8], events[8])],
	46: [changed(5, { delta: 'la' }), changed(6, { text: 'Hell' }),
	     changed(8, { item: { ...message, content: [part('Hell')] } }), edited(3),
	     changed(11, { name: undefined }), changed(11, { name: 'g' })],
	47: [ended({ usage: null }), ended({ usage: { ...usage, total_tokens: 8 } }),
	     ended({ usage: { ...usage, input_tokens_details: undefined } }),
	     ended({ usage: { ...usage, input_tokens_details: { cached_tokens: 0 } } }),
	     ended({ usage: { ...usage, output_tokens_details: undefined } })],
	48: [changed(12, { item: { ...call, call_id: null } }),
	     changed(12, { item: { ...call, name: 'g' } }),
	     changed(12, { item: { ...call, namespace: 'ns' } }),
	     changed(12, { item: { ...call, arguments: '{"x":' } }),
	     stream(events, { sent: { tools: [], end: 'whole' } }),
	     stream(events, { sent: { tools: [{ input: { x: 2 } }] } })],
	49: [edited(13, { type: 'error', code: 'x', message: 'no' }),
	     stream([...events.slice(0, 9), { type: 'response.failed', response: response('failed', {
		     output: [message], error: { code: '', message: 'no' } }) }])],
};

test('contract_is_silent_on_a_good_responses_stream', () => {
	const sent = { text: 'Hello', thinking: '', tools: [{ input: { x: 1 } }], end: 'whole' };

	assert.deepEqual(checkStream(stream(events, { sent })), []);
});

test('contract_is_silent_on_a_failed_responses_stream_with_an_open_item', () => {
	const sent = { text: 'Hello', tools: [{ cut: true }], end: 'unmarked' };

	assert.deepEqual(checkStream(stream([...events.slice(0, 11), failed], { sent })), []);
});

test('contract_has_a_broken_responses_stream_for_every_check', () => {
	assert.deepEqual(Object.keys(broken).map(Number),
			 checks.filter(({ dialect }) => dialect === 'responses')
				 .map(({ item }) => item));
});

for (const [item, streams] of Object.entries(broken)) {
	test(`contract_item_${item}_sees_what_breaks_it`, () => {
		streams.forEach((one, index) => {
			const items = checkStream(one).map((violation) => violation.item);

			assert.ok(items.includes(Number(item)),
				  `stream ${index} of item ${item} passes it; found: ${items}`);
		});
	});
}

test('contract_sees_what_breaks_the_common_items_in_responses', () => {
	const items = (one) => checkStream(one).map((violation) => violation.item);

	assert.ok(items(stream([...events.slice(0, 13), events[13], failed])).includes(11));
	assert.ok(items(stream(events, { sent: { end: 'failed' } })).includes(11));
	assert.ok(items(stream(events, { sent: { end: 'unmarked' } })).includes(12));
	assert.ok(items(stream(events.slice(0, -1))).includes(13));
	assert.ok(items(changed(1, { response: response('in_progress', { id: 'resp_2' }) })).includes(8));
});

test('contract_reads_the_same_meaning_from_responses_stream_and_whole_answer', () => {
	assert.deepEqual(readStream(stream(events)), readWhole('responses', events[13].response));
});
