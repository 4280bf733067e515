// The streaming contract's checks of the Messages API: items 16 to 34 of contract.mjs.
import { isDeepStrictEqual } from 'node:util';

import { shorten } from './sse.mjs';
import {
	errorsOf, isId, isTool, isVisible, joined, ofType, parseObject, typeOf, wholeCalls,
} from './transcript.mjs';

// What the types of the official client have without a question mark, though much of it may be null:
// a user of them reads it without a look whether it is there.
const always = {
	message: ['id', 'type', 'role', 'model', 'content', 'stop_reason', 'stop_sequence',
		  'stop_details', 'container', 'context_management', 'diagnostics', 'usage'],
	usage: ['input_tokens', 'output_tokens', 'cache_creation_input_tokens',
		'cache_read_input_tokens', 'cache_creation', 'inference_geo', 'iterations',
		'output_tokens_details', 'server_tool_use', 'service_tier', 'speed'],
	end: ['delta', 'usage', 'context_management'],
	delta: ['stop_reason', 'stop_sequence', 'stop_details', 'container'],
	server_tool_use: ['web_search_requests', 'web_fetch_requests'],
};

function checkAlways(kind, value, report) {
	for (const member of always[kind]) {
		if (value?.[member] === undefined)
			report(`no ${member} in ${shorten(value)}`);
	}
}

function checkAllUsage(usage, report) {
	checkAlways('usage', usage, report);
	if (usage?.server_tool_use)
		checkAlways('server_tool_use', usage.server_tool_use, report);
}

function checkNames({ events }, report) {
	for (const { name, json, data } of events) {
		if (json && name !== json.type)
			report(`event: ${name} over ${shorten(data)}`);
	}
}

function checkStart(transcript, report) {
	const starts = ofType(transcript, 'message_start');
	const message = starts[0]?.json.message;

	if (typeOf(transcript.events[0] ?? {}) !== 'message_start')
		report('message_start is not first');
	if (starts.length > 1)
		report(`${starts.length} times message_start`);
	if (!message)
		return;
	if (!isDeepStrictEqual(message.content, []))
		report(`content ${shorten(message.content)}`);
	if (message.stop_reason !== null)
		report(`stop_reason ${shorten(message.stop_reason)}`);
	checkAlways('message', message, report);
	checkAllUsage(message.usage, report);
	for (const member of ['input_tokens', 'output_tokens']) {
		if (typeof message.usage?.[member] !== 'number')
			report(`usage.${member} ${shorten(message.usage?.[member])}`);
	}
}

function checkBlocks({ events }, report) {
	let next = 0;
	let open = null;

	for (const { json } of events) {
		switch (json?.type) {
		case 'content_block_start':
			if (json.index !== next)
				report(`block ${json.index} where ${next} is next`);
			if (open !== null)
				report(`block ${json.index} starts inside block ${open}`);
			open = json.index;
			next++;
			break;
		case 'content_block_delta':
			if (json.index !== open)
				report(`delta of block ${json.index} while ${open} is open`);
			break;
		case 'content_block_stop':
			if (json.index !== open)
				report(`stop of block ${json.index} while ${open} is open`);
			open = null;
		}
	}
}

function checkClosed(transcript, report) {
	const end = transcript.events.findIndex((event) => typeOf(event) === 'message_delta');

	if (end < 0)
		return;
	transcript.blocks.forEach((block) => {
		const stop = transcript.events.findIndex(
			({ json }) => json?.type === 'content_block_stop' && json.index === block.index);

		if (stop < 0 || stop > end)
			report(`block ${block.index} is not closed before message_delta`);
	});
}

function checkBlockStart({ blocks }, report) {
	for (const { start } of blocks) {
		if (start.type === 'text' && start.text !== '')
			report(`text starts with ${shorten(start.text)}`);
		if (start.type === 'thinking' && start.thinking !== '')
			report(`thinking starts with ${shorten(start.thinking)}`);
		if (/tool/.test(start.type) && !isId(start.caller?.type))
			report(`${start.type} without its caller`);
		if (start.type !== 'tool_use')
			continue;
		if (!isDeepStrictEqual(start.input, {}))
			report(`tool_use starts with input ${shorten(start.input)}`);
		if (!isId(start.id) || !isId(start.name))
			report(`tool_use starts without its id or name: ${shorten(start)}`);
	}
}

function checkInputs({ blocks, sent }, report) {
	const tools = blocks.filter((block) => isTool(block) && block.stopped);

	tools.forEach((block, at) => {
		const text = joined(block, 'partial_json');
		const input = parseObject(block.deltas.length ? text : '{}');
		const wanted = wholeCalls(sent)[at]?.input;

		if (!input)
			report(`input is no object: ${shorten(text)}`);
		else if (wanted && !isDeepStrictEqual(input, wanted))
			report(`input ${shorten(text)}, upstream said ${shorten(wanted)}`);
	});
	if (sent?.end === 'whole' && sent.tools && tools.length !== sent.tools.length)
		report(`${tools.length} calls, upstream made ${sent.tools.length}`);
}

const knownEvents = ['message_start', 'content_block_start', 'content_block_delta',
		     'content_block_stop', 'message_delta', 'message_stop', 'ping', 'error'];
const knownDeltas = {
	text: ['text_delta', 'citations_delta'],
	thinking: ['thinking_delta', 'signature_delta'],
	tool_use: ['input_json_delta'],
	server_tool_use: ['input_json_delta'],
	redacted_thinking: [],
	web_search_tool_result: [],
};

function checkKnown({ events, blocks }, report) {
	for (const event of events) {
		if (event.json && !knownEvents.includes(typeOf(event)))
			report(`unknown event ${shorten(typeOf(event))}`);
	}
	for (const { start, deltas } of blocks) {
		const known = knownDeltas[start.type];

		if (!known)
			report(`unknown block ${shorten(start.type)}`);
		for (const { type } of deltas) {
			if (known && !known.includes(type))
				report(`${type} in a ${start.type} block`);
		}
	}
}

function checkEmptyText({ blocks }, report) {
	for (const block of blocks) {
		if (block.start.type === 'text' && block.stopped && !joined(block, 'text'))
			report(`text block ${block.index} is empty`);
	}
}

function checkThinking({ blocks }, report) {
	const visible = blocks.findIndex(isVisible);

	blocks.forEach((block, at) => {
		const { deltas } = block;
		const signatures = deltas.filter(({ type }) => type === 'signature_delta');

		if (block.start.type !== 'thinking')
			return;
		if (visible >= 0 && at > visible)
			report(`thinking behind a ${blocks[visible].start.type} block`);
		if (!block.stopped)
			return;
		if (signatures.length !== 1 || deltas.at(-1) !== signatures[0])
			report('thinking does not end with one signature_delta');
		else if (!isId(signatures[0].signature))
			report(`signature ${shorten(signatures[0].signature)}`);
	});
}

function checkLateThinking({ blocks }, report) {
	const last = blocks.findLastIndex((block) => block.start.type === 'text');

	if (last >= 0 && blocks.slice(last).some((block) => block.start.type === 'thinking'))
		report('thinking behind the last text');
}

function checkMessageEnd(transcript, report) {
	const deltas = ofType(transcript, 'message_delta');
	const stops = ofType(transcript, 'message_stop');
	const end = deltas[0]?.json;

	if (errorsOf(transcript).length)
		return;
	if (deltas.length !== 1)
		report(`${deltas.length} times message_delta`);
	if (stops.length !== 1)
		report(`${stops.length} times message_stop`);
	if (stops[0] !== transcript.events.at(-1))
		report('message_stop is not last');
	if (deltas[0] && transcript.events.indexOf(deltas[0]) !== transcript.events.length - 2)
		report('message_delta is not directly before message_stop');
	if (!end)
		return;
	if (!isId(end.delta?.stop_reason))
		report(`stop_reason ${shorten(end.delta?.stop_reason)}`);
	checkAlways('end', end, report);
	checkAlways('delta', end.delta, report);
	checkAllUsage(end.usage, report);
	if (!(end.usage?.output_tokens >= 1))
		report(`usage.output_tokens ${shorten(end.usage?.output_tokens)}`);
}

function checkUsage(transcript, report) {
	const first = ofType(transcript, 'message_start')[0]?.json.message?.usage ?? {};
	const last = ofType(transcript, 'message_delta')[0]?.json.usage ?? {};

	for (const [member, value] of Object.entries({ ...first, ...last })) {
		const before = first[member] ?? 0;
		const after = last[member] ?? before;

		if (typeof value !== 'number')
			continue;
		if (before < 0 || after < 0)
			report(`${member} is negative`);
		if (after < before)
			report(`${member} falls from ${before} to ${after}`);
	}
}

function checkToolStop(transcript, report) {
	const stop = ofType(transcript, 'message_delta')[0]?.json.delta?.stop_reason;
	const completed = transcript.blocks.filter((block) => isTool(block) && block.stopped).length;

	if (stop === undefined)
		return;
	if (stop === 'tool_use' && !completed)
		report('stop_reason tool_use without a completed call');
	if (completed && stop !== 'tool_use' && stop !== 'max_tokens')
		report(`stop_reason ${stop} behind a completed call`);
}

function checkCutCalls({ blocks, sent, events }, report) {
	for (const block of blocks.filter(isTool)) {
		if (block.stopped && block.deltas.length && !parseObject(joined(block, 'partial_json')))
			report(`a completed call with half its input: ${shorten(block)}`);
		if (!block.stopped && events.some((event) => typeOf(event) === 'message_stop'))
			report('an open call in a stream that ends well');
	}
	const completed = blocks.filter((block) => isTool(block) && block.stopped).length;

	if (sent?.tools && completed > wholeCalls(sent).length)
		report('a call that upstream did not finish is a completed block');
}

function checkCallIds({ blocks, request }, report) {
	const tools = blocks.filter(isTool).map((block) => block.start);
	const known = (request?.tools ?? []).map((tool) => tool.name);

	for (const { id, name } of tools) {
		if (!/^[A-Za-z0-9_-]{1,64}$/.test(id))
			report(`id ${shorten(id)}`);
		if (known.length && !known.includes(name))
			report(`${shorten(name)} is no tool of the request`);
	}
	if (new Set(tools.map(({ id }) => id)).size !== tools.length)
		report('ids of calls are not unique');
}

function checkNoDone({ events }, report) {
	if (events.some((event) => event.done))
		report('[DONE]');
}

const errorTypes = ['invalid_request_error', 'authentication_error', 'billing_error',
		    'permission_error', 'not_found_error', 'request_too_large', 'rate_limit_error',
		    'timeout_error', 'conflict_error', 'api_error', 'overloaded_error',
		    'not_supported'];

// Also for bodies: the envelope is the same.
export function checkErrorEnvelope(json) {
	const wrong = [];

	if (json?.type !== 'error')
		wrong.push(`type ${shorten(json?.type)}`);
	if (!errorTypes.includes(json?.error?.type))
		wrong.push(`error.type ${shorten(json?.error?.type)}`);
	if (!isId(json?.error?.message))
		wrong.push(`error.message ${shorten(json?.error?.message)}`);
	return wrong;
}

function checkErrorEvent(transcript, report) {
	for (const { name, json } of transcript.events) {
		if (name === 'error' || json?.type === 'error' || json?.error)
			checkErrorEnvelope(json).forEach(report);
	}
}

// Stops that tell themselves why nothing is to be seen.
const mayBeEmpty = ['refusal', 'max_tokens', 'model_context_window_exceeded', 'stop_sequence'];

function checkVisible(transcript, report) {
	const stop = ofType(transcript, 'message_delta')[0]?.json.delta?.stop_reason;

	if (stop !== undefined && !transcript.blocks.some(isVisible) && !mayBeEmpty.includes(stop))
		report(`an answer without text and calls ends with ${stop}`);
}

export const messageChecks = [
	{ item: 16, dialect: 'anthropic', check: checkNames },
	{ item: 17, dialect: 'anthropic', check: checkStart },
	{ item: 18, dialect: 'anthropic', check: checkBlocks },
	{ item: 19, dialect: 'anthropic', check: checkClosed },
	{ item: 20, dialect: 'anthropic', check: checkBlockStart },
	{ item: 21, dialect: 'anthropic', check: checkInputs },
	{ item: 22, dialect: 'anthropic', check: checkKnown },
	{ item: 23, dialect: 'anthropic', check: checkEmptyText },
	{ item: 24, dialect: 'anthropic', check: checkThinking },
	{ item: 25, dialect: 'anthropic', check: checkLateThinking },
	{ item: 26, dialect: 'anthropic', check: checkMessageEnd },
	{ item: 27, dialect: 'anthropic', check: checkUsage },
	{ item: 28, dialect: 'anthropic', check: checkToolStop },
	{ item: 29, dialect: 'anthropic', check: checkCutCalls },
	{ item: 30, dialect: 'anthropic', check: checkCallIds },
	{ item: 32, dialect: 'anthropic', check: checkNoDone },
	{ item: 33, dialect: 'anthropic', check: checkErrorEvent },
	{ item: 34, dialect: 'anthropic', check: checkVisible },
];
