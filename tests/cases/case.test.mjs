// The reader of case files, and the patterns in them.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { expand, mismatches, readCase } from './case.mjs';

test('case_reads_every_section', () => {
	const one = readCase('x', `Shows it.

== setup
{ "accounts": [] }
== request POST /v1/messages
x-api-key: -
a: b

{ "model": "m" }
== script other
{ "steps": [] }
== sent A
content-type: application/json
{ "a": 1 }
== refreshes 2
== answer
thinking "t"
text "a\\n"
text "b"
tool f {"x":1}
tool g cut
stop tool_use
`);

	assert.equal(one.what, 'Shows it.');
	assert.deepEqual(one.setup, { accounts: [] });
	const [{ expect, ...request }] = one.requests;

	assert.deepEqual(request, { method: 'POST', path: '/v1/messages',
				    headers: { 'x-api-key': '-', a: 'b' }, body: { model: 'm' },
				    dialect: 'anthropic', isChat: true });
	assert.deepEqual(one.scripts, { other: { steps: [] } });
	assert.deepEqual(one.sent, [{ account: 'A', headers: { 'content-type': 'application/json' },
				      body: { a: 1 } }]);
	assert.equal(one.refreshes, 2);
	assert.equal(expect.text, 'a\nb');
	assert.deepEqual(expect.tools, [{ name: 'f', input: { x: 1 } }, { name: 'g', cut: true }]);
});

test('case_reads_a_prompt_as_one_request_of_each_dialect', () => {
	const { requests } = readCase('x', `What.
== prompt say hi
{ "tools": ["f"] }
== error 429
openai server_error -
message "m"
header retry-after: 7
`);

	assert.deepEqual(requests.map(({ dialect }) => dialect), ['anthropic', 'openai', 'responses']);
	assert.equal(requests[0].body.messages[0].content, 'say hi');
	assert.equal(requests[1].body.tools[0].function.name, 'f');
	assert.equal(requests[2].body.tools[0].name, 'f');
	assert.deepEqual(requests[0].expect.openai, ['server_error', null]);
	assert.deepEqual(requests[1].expect.headers, { 'retry-after': '7' });
});

test('case_gives_an_expectation_to_the_requests_before_it', () => {
	const { requests } = readCase('x', `What.
== request GET /a
== request GET /b
== error 404
== request GET /c
== reply 200
empty
`);

	assert.deepEqual(requests.map(({ expect }) => expect.status), [404, 404, 200]);
	assert.throws(() => readCase('x', 'What.\n== reply 200\n'), /belongs to no request/);
});

test('case_refuses_what_it_does_not_know', () => {
	assert.throws(() => readCase('x', 'What.\n== poem\n'), /x: == poem/);
	assert.throws(() => readCase('x', 'What.\n== prompt hi\n'), /needs a request/);
	assert.throws(() => readCase('x', 'What.\n== prompt hi\n== answer\nsong "a"\n'), /song/);
	assert.throws(() => readCase('x', '== prompt hi\n== answer\ntext "a"\n'), /says nothing/);
});

test('case_expands_bytes', () => {
	assert.deepEqual(expand('a<3*[>\\x00\\xffb'), Buffer.from('a[[[\0\xffb', 'latin1'));
});

test('case_patterns_fit_or_say_where_not', () => {
	const value = { a: 1, b: [{ c: 'text', d: null }] };

	assert.deepEqual(mismatches({ b: [{ c: '/^te/', d: null, e: '@absent' }], a: '@any' }, value), []);
	assert.equal(mismatches({ b: [{ c: '/z/' }] }, value).length, 1);
	assert.equal(mismatches({ b: [] }, value).length, 1);
	assert.equal(mismatches({ a: '1' }, value).length, 1);
	assert.equal(mismatches({ a: '@absent', c: '@any' }, value).length, 2);
	assert.match(mismatches({ b: [{ c: 'y' }] }, value)[0], /^b\.0\.c: /);
});
