// The items of the streaming contract by number and name, and a test for each of those that a stream
// of bytes can show.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { checks } from './contract.mjs';

export const items = {
	1: 'status 200 and text/event-stream only once the upstream took the request',
	2: 'headers and first event leave before the upstream has finished',
	3: 'each event is flushed when it is written',
	4: 'payloads are one line of JSON in UTF-8, without NUL and lone surrogates',
	5: 'no character is split over deltas',
	6: 'deltas join to the upstream\'s text',
	7: 'control characters, quotes, U+2028 survive',
	8: 'ids are texts, unique, the same throughout a stream',
	9: 'a client that leaves ends the upstream request and frees its place',
	10: 'silence of the upstream gives keep-alives',
	11: 'a failure is one error event and the end',
	12: 'an end without its marker is a failure',
	13: 'the connection stays usable behind a stream',
	14: 'no compression and no length on streams',
	15: 'stream and whole answer say the same',
	16: 'the event line equals data.type',
	17: 'message_start is first, once, with numbers',
	18: 'indexes grow by 1, one block is open',
	19: 'every block is closed before message_delta',
	20: 'blocks start empty, calls with id and name',
	21: 'input comes by input_json_delta alone, an object',
	22: 'only known events, blocks and deltas',
	23: 'no empty text block',
	24: 'thinking stands first and ends with one signature',
	25: 'no thinking behind the last text',
	26: 'one message_delta, then one message_stop, last',
	27: 'usage only grows',
	28: 'stop_reason tool_use exactly if a call was completed',
	29: 'a cut call is never a completed block',
	30: 'ids and names of calls',
	31: 'a stop sequence ends the text before it, also when cut',
	32: 'no [DONE] in Messages',
	33: 'the error event has its form and a known type',
	34: 'no answer without a visible block',
	35: 'tags of the emulation never show, wherever they are cut',
	36: 'chunks have their members, the first one the role',
	37: 'id, created and model are constant',
	38: 'pieces of calls',
	39: 'one finish_reason, tool_calls exactly with calls',
	40: 'the usage chunk: asked for, once, before [DONE]',
	41: '[DONE] is last, no event lines',
	42: 'reasoning precedes content, no nulls',
	43: 'events count from 0, the event line equals data.type',
	44: 'response.created first, one terminal event, last',
	45: 'every item is opened and closed, in order, and stands in the response',
	46: 'deltas join to what their done events say',
	47: 'terminal usage is whole',
	48: 'calls have id, name and an object of arguments',
	49: 'failures are response.failed with code and message',
	50: 'cuts of the upstream\'s bytes change no meaning',
	51: 'no cross-talk between 26 counts and 50 streams at once',
	52: '32 MB are taken, more is refused unread, deep nesting is a 400',
	/* 53, the recorded requests: tests/clients/fixtures. */
};

// The items that checkStream() and compareAnswers() look at, of one dialect or of all.
export const shown = (dialect) => [...new Set([
	...checks.filter((one) => !dialect || !one.dialect || one.dialect === dialect)
		.map(({ item }) => item), 15, 50])].sort((one, other) => one - other);

// found() gives { streams, violations: [{ item, text, label }] } when all streams have been seen.
export function testItems(over, numbers, found) {
	for (const number of numbers) {
		test(`contract ${number} over ${over}: ${items[number]}`, () => {
			const { streams, violations } = found();

			assert.ok(streams > 0, 'no stream was seen');
			assert.deepEqual(violations.filter(({ item }) => item === number), []);
		});
	}
}
