// The streaming contract towards clients, as checks with numbers. One transcript in, a list of
// violations { item, text } out; an empty list is a good stream. The numbers are those of the
// client API reference, "Streaming contract checks":
//
//	 1 status 200 and text/event-stream	 21 input only by input_json_delta, an object
//	 4 payloads: one line of JSON, UTF-8	 22 known events, blocks and deltas only
//	 5 no character split over deltas	 23 no empty text block
//	 6 deltas join to the upstream's text	 24 thinking first, ends with one signature
//	 7 special characters survive		 25 no thinking behind the last text
//	 8 ids: texts, unique, constant		 26 one message_delta, then message_stop, last
//	11 failure: one error event, the last	 27 usage only grows
//	12 no marker upstream: no clean end	 28 tool_use exactly if a call was completed
//	13 nothing behind the end		 29 a cut call is never a completed block
//	14 no compression, no content-length	 30 ids and names of calls
//	15 stream and whole answer agree	 32 no [DONE]
//	16 event line equals data.type		 33 form of the error event
//	17 message_start first, once		 34 no answer without a visible block
//	18 indexes grow by 1, one block open	 36-42 Chat Completions: chunk members, constancy,
//	19 every block is closed		    tool_calls, finish_reason, usage, [DONE],
//	20 form of content_block_start		    reasoning first
//	50 chunking upstream changes nothing	 43-49 Responses: contract-responses.mjs
//
// A transcript:
//   dialect   'anthropic', 'openai' or 'responses'
//   status, headers (lower-case names), bytes (Buffer)
//   complete  false: the transport broke off
//   request   the client's JSON
//   sent      what the upstream said, where known:
//             { thinking, text, tools: [{ id, name, input, cut }], end }, with end one of
//             'whole', 'failed' (an error or damage) and 'unmarked' (no final marker)
import { isDeepStrictEqual } from 'node:util';

import { chatChecks } from './contract-chat.mjs';
import { messageChecks } from './contract-messages.mjs';
import { responsesChecks } from './contract-responses.mjs';
import { shorten } from './sse.mjs';
import {
	isCallItem,
	errorsOf, isId, isTool, ofType, readCalls, readStream, readTranscript, typeOf,
} from './transcript.mjs';

export { checkErrorEnvelope } from './contract-messages.mjs';
export { readStream, readWhole } from './transcript.mjs';

export function checkStream(stream) {
	const transcript = readTranscript(stream);
	const violations = [];

	for (const { item, dialect, check } of checks) {
		if (!dialect || dialect === stream.dialect)
			check(transcript, (text) => violations.push({ item, text }));
	}
	return violations;
}

// 15 and 50: two answers to the same request, as readStream() and readWhole() give them.
export function compareAnswers(item, one, other) {
	const violations = [];

	for (const member of ['thinking', 'signature', 'text', 'tools', 'refusal', 'stop',
			      'stopSequence', 'usage', 'model']) {
		if (one[member] === undefined || other[member] === undefined)
			continue;
		if (!isDeepStrictEqual(withoutIds(one[member]), withoutIds(other[member])))
			violations.push({ item, text: `${member} differs: ${shorten(one[member])} ` +
						      `and ${shorten(other[member])}` });
	}
	return violations;
}

// Calls are compared by their order: where the upstream names none, each answer has its own ids.
const withoutIds = (value) =>
	Array.isArray(value) ? value.map((call) => ({ ...call, id: undefined })) : value;

// ---- both dialects ----

function checkHead({ status, headers }, report) {
	if (status !== 200)
		report(`status ${status}`);
	if (!/^text\/event-stream(;|$)/.test(headers['content-type'] ?? ''))
		report(`content-type ${headers['content-type']}`);
}

function checkPayloads({ problems, events }, report) {
	for (const problem of problems)
		report(problem);
	for (const { json, data } of events) {
		if (json !== undefined && (json === null || typeof json !== 'object' || Array.isArray(json)))
			report(`no JSON object: ${shorten(data)}`);
		if (/[\u0085\u2028\u2029]/.test(data))
			report(`a line end for Python's splitlines(): ${shorten(data)}`);
		if (hasText(json, (text) => !text.isWellFormed()))
			report(`a lone surrogate: ${shorten(data)}`);
		if (hasText(json, (text) => text.includes('\0')))
			report(`a NUL character: ${shorten(data)}`);
	}
}

// Is there a text anywhere in the value that the test holds true for?
function hasText(value, test) {
	if (typeof value === 'string')
		return test(value);
	if (!value || typeof value !== 'object')
		return false;
	return Object.entries(value).some(([key, item]) => test(key) || hasText(item, test));
}

const said = ({ text = '', thinking = '', tools = [] } = {}) =>
	text + thinking + JSON.stringify(tools);

// A character cut in two shows as U+FFFD, as a surrogate alone, or as bytes that are no UTF-8.
function checkWholeCharacters({ events, sent, problems }, report) {
	const allowed = said(sent).includes('\ufffd');

	if (problems.includes('not valid UTF-8'))
		report('bytes of a character stand in different events');
	for (const { json, data } of events) {
		if (hasText(json, (text) => !text.isWellFormed() ||
					    (!allowed && text.includes('\ufffd'))))
			report(`a broken character: ${shorten(data)}`);
	}
}

function checkText(transcript, report) {
	const { sent } = transcript;
	const got = readStream(transcript);

	for (const member of ['text', 'thinking']) {
		if (sent?.[member] === undefined)
			continue;
		const good = sent.end === 'whole' ? sent[member] === got[member] :
						    sent[member].startsWith(got[member]);

		if (!good)
			report(`${member} is ${shorten(got[member])}, upstream said ` +
			       shorten(sent[member]));
	}
}

const specials = /[\u0000-\u001f"\\\u007f\u2028\u2029]/g;

function checkSpecials(transcript, report) {
	const { sent } = transcript;
	const got = readStream(transcript);

	for (const member of sent?.end === 'whole' ? ['text', 'thinking'] : []) {
		const before = (sent[member] ?? got[member]).match(specials) ?? [];
		const after = got[member].match(specials) ?? [];

		if (before.join('') !== after.join(''))
			report(`special characters of ${member}: ${shorten(before.join(''))} became ` +
			       shorten(after.join('')));
	}
}

// The ids of the answer as often as they are told, and those of its parts.
const idReaders = {
	anthropic: (transcript) => ({
		ids: ofType(transcript, 'message_start').map(({ json }) => json.message?.id),
		calls: transcript.blocks.filter(isTool).map((block) => block.start.id),
	}),
	openai: (transcript) => ({
		ids: transcript.events.filter(({ json }) => json?.choices).map(({ json }) => json.id),
		calls: readCalls(transcript).map((call) => call.id),
	}),
	responses: (transcript) => ({
		ids: transcript.events.filter(({ json }) => json?.response)
			.map(({ json }) => json.response.id),
		calls: ofType(transcript, 'response.output_item.added').flatMap(({ json: { item } }) =>
			(isCallItem(item) ? [item.id, item.call_id] : [item.id])),
	}),
};

function checkIds(transcript, report) {
	const { dialect } = transcript;
	const { ids, calls } = idReaders[dialect](transcript);

	for (const id of [...ids, ...calls]) {
		if (!isId(id))
			report(`id ${shorten(id)}`);
	}
	if (new Set(ids).size > 1)
		report(`ids of one stream differ: ${shorten([...new Set(ids)])}`);
	if (new Set([...calls, ids[0]]).size !== calls.length + 1)
		report(`ids are not unique: ${shorten([...calls, ids[0]])}`);
}

// Ends that say: all went well.
const isSuccess = (event) => event.done || typeOf(event) === 'message_stop' ||
			     typeOf(event) === 'message_delta' ||
			     typeOf(event) === 'response.completed' ||
			     typeOf(event) === 'response.incomplete' ||
			     (event.json?.choices ?? []).some((choice) => choice.finish_reason);

function checkFailure(transcript, report) {
	const { events, sent } = transcript;
	const errors = errorsOf(transcript);

	if (errors.length > 1)
		report(`${errors.length} error events`);
	if (errors.length && events.some(isSuccess))
		report('an error event and a successful end');
	if (errors.length && events.at(-1) !== errors.at(-1))
		report('events behind the error');
	if (sent?.end === 'failed' && !errors.length)
		report('upstream failed, and there is no error event');
	if (sent?.end === 'whole' && errors.length)
		report(`upstream ended well, and there is an error: ${shorten(errors[0].data)}`);
}

function checkMarker(transcript, report) {
	const { events, sent } = transcript;

	if (sent?.end === 'unmarked' && events.some(isSuccess))
		report('upstream sent no final marker, and the stream ends well');
	if (sent?.end === 'unmarked' && !errorsOf(transcript).length)
		report('upstream sent no final marker, and there is no error event');
}

function checkEnd(transcript, report) {
	const { dialect, events, rest, complete } = transcript;
	const isEnd = {
		anthropic: (event) => typeOf(event) === 'message_stop',
		openai: (event) => event.done,
		responses: isSuccess,
	}[dialect];
	const ends = (event) => isEnd(event) || errorsOf({ events: [event] }).length;
	const first = events.findIndex(ends);

	if (rest)
		report(`ends inside an event: ${shorten(rest)}`);
	if (complete === false)
		report('the transport broke off');
	if (first < 0)
		report('neither an end nor an error');
	else if (first < events.length - 1)
		report(`events behind the end: ${shorten(events[first + 1].data)}`);
}

function checkEncoding({ headers }, report) {
	for (const name of ['content-encoding', 'content-length']) {
		if (headers[name] !== undefined)
			report(`${name}: ${headers[name]}`);
	}
}

export const checks = [
	{ item: 1, check: checkHead },
	{ item: 4, check: checkPayloads },
	{ item: 5, check: checkWholeCharacters },
	{ item: 6, check: checkText },
	{ item: 7, check: checkSpecials },
	{ item: 8, check: checkIds },
	{ item: 11, check: checkFailure },
	{ item: 12, check: checkMarker },
	{ item: 13, check: checkEnd },
	{ item: 14, check: checkEncoding },
	...messageChecks,
	...chatChecks,
	...responsesChecks,
];
