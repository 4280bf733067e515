import assert from 'node:assert/strict';
import { test } from 'node:test';

import { splitEvents } from './sse.mjs';

const split = (text) => splitEvents(Buffer.from(text, 'latin1'));

test('sse_splits_named_and_unnamed_events_and_comments', () => {
	assert.deepEqual(split('event: a\ndata: {}\n\n: ping\n\ndata: [DONE]\n\n'), {
		records: [
			{ name: 'a', data: '{}', comment: undefined },
			{ name: undefined, data: undefined, comment: 'ping' },
			{ name: undefined, data: '[DONE]', comment: undefined },
		],
		problems: [],
		rest: '',
	});
});

test('sse_keeps_a_line_separator_inside_data', () => {
	const bytes = Buffer.from('data: "\u2028"\n\n');

	assert.deepEqual(splitEvents(bytes).records[0].data, '"\u2028"');
});

test('sse_gives_the_rest_of_a_broken_stream', () => {
	assert.equal(split('data: 1\n\ndata: 2\n').rest, 'data: 2\n');
	assert.equal(split('data: 1\n\ndata: 2\n').records.length, 1);
});

for (const [what, text] of [
	['carriage return', 'data: 1\r\n\r\n'],
	['NUL', 'data: "\0"\n\n'],
	['invalid UTF-8', 'data: "\xc3"\n\n'],
	['byte order mark', '\xef\xbb\xbfdata: 1\n\n'],
	['two data lines', 'data: 1\ndata: 2\n\n'],
	['event without data', 'event: a\n\n'],
	['three line ends', 'data: 1\n\n\ndata: 2\n\n'],
	['missing blank', 'data:1\n\n'],
	['unknown field', 'id: 1\ndata: 1\n\n'],
]) {
	test(`sse_reports_${what.replace(/\W+/g, '_')}`, () => {
		assert.notDeepEqual(split(text).problems, []);
	});
}
