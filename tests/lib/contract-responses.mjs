// The streaming contract's checks of Responses: items 43 to 49 of contract.mjs.
import { isDeepStrictEqual } from 'node:util';

import { shorten } from './sse.mjs';
import { isCallItem, isId, itemText, parseObject, readCallItem, typeOf, wholeCalls } from './transcript.mjs';

const terminals = ['response.completed', 'response.incomplete', 'response.failed'];
const terminalsOf = ({ events }) => events.filter((event) => terminals.includes(typeOf(event)));
const doneItems = ({ events }) =>
	events.filter((event) => typeOf(event) === 'response.output_item.done')
		.map(({ json }) => json.item);

function checkNumbers({ events }, report) {
	events.forEach(({ name, json, data }, at) => {
		if (json?.sequence_number !== at)
			report(`sequence_number ${json?.sequence_number} where ${at} is next`);
		if (!isId(json?.type) || name !== json.type)
			report(`event line ${shorten(name)} above ${shorten(data)}`);
	});
}

// What the API's types demand of a response, and what it repeats of the request.
const required = ['id', 'object', 'created_at', 'status', 'model', 'output', 'error',
		  'incomplete_details', 'instructions', 'metadata', 'parallel_tool_calls', 'temperature',
		  'tool_choice', 'tools', 'top_p', 'usage'];
const repeated = ['instructions', 'max_output_tokens', 'metadata', 'parallel_tool_calls',
		  'prompt_cache_key', 'reasoning', 'temperature', 'text', 'tool_choice', 'tools', 'top_p',
		  'truncation', 'user'];

export function checkResponse(response, request, report) {
	for (const member of required) {
		if (response[member] === undefined)
			report(`a response without ${member}`);
	}
	for (const member of repeated) {
		const asked = request?.[member] ?? undefined;

		if (asked !== undefined && !isDeepStrictEqual(response[member], asked))
			report(`${member} is ${shorten(response[member])}, asked was ${shorten(asked)}`);
	}
}

function checkFrame(transcript, report) {
	const { events } = transcript;
	const ends = terminalsOf(transcript);

	if (events.length && typeOf(events[0]) !== 'response.created')
		report(`begins with ${shorten(typeOf(events[0]))}`);
	if (events.filter((event) => typeOf(event) === 'response.created').length > 1)
		report('response.created twice');
	if (ends.length !== 1)
		report(`${ends.length} terminal events`);
	if (ends.length && events.at(-1) !== ends.at(-1))
		report('events behind the terminal one');
	/* A sign of life, behind the first two, need not repeat the request. */
	for (const [at, { json }] of events.entries()) {
		if (json?.response && (at < 2 || json.type !== 'response.in_progress'))
			checkResponse(json.response, transcript.request, report);
	}
}

// Items open and close one after the other; the last one of a failed answer may stay open.
function checkItems(transcript, report) {
	const response = terminalsOf(transcript)[0]?.json.response;
	let open = null;
	let next = 0;

	for (const { json } of transcript.events) {
		if (json?.type === 'response.output_item.added') {
			if (open !== null)
				report(`item ${json.output_index} begins inside item ${open}`);
			if (json.output_index !== next)
				report(`item ${json.output_index} where ${next} is next`);
			open = json.output_index;
			next++;
		} else if (json?.output_index !== undefined && json.output_index !== open) {
			report(`${json.type} of item ${json.output_index} while ${open} is open`);
		}
		if (json?.type === 'response.output_item.done')
			open = null;
	}
	if (open !== null && response?.status !== 'failed')
		report(`item ${open} is never done`);
	if (response && !isDeepStrictEqual(response.output, doneItems(transcript)))
		report(`output is not the done items: ${shorten(response.output)}`);
}

const textDone = /^response\.(output_text|refusal|reasoning_summary_text|function_call_arguments|custom_tool_call_input)\.done$/;

function checkTexts({ events }, report) {
	let text = '';
	let part = false;
	let name;

	for (const { json } of events) {
		const type = json?.type ?? '';

		if (type === 'response.output_item.added') {
			text = '';
			name = json.item.name;
			part = false;
		} else if (/part\.added$/.test(type)) {
			part = true;
		} else if (/part\.done$/.test(type)) {
			part = false;
		} else if (/\.delta$/.test(type)) {
			if (/text|refusal/.test(type) && !part)
				report(`${type} outside a part`);
			text += json.delta;
		} else if (textDone.test(type)) {
			const whole = json.text ?? json.refusal ?? json.arguments ?? json.input;

			if (type === 'response.function_call_arguments.done' && json.name !== name)
				report(`${type} names ${shorten(json.name)}, the item ${shorten(name)}`);
			if (whole !== text)
				report(`${type} says ${shorten(whole)}, the deltas ${shorten(text)}`);
		} else if (type === 'response.output_item.done' && json.item.type !== 'tool_search_call' &&
			   itemText(json.item) !== text) {
			report(`the done item says ${shorten(json.item)}, the deltas ${shorten(text)}`);
		}
	}
}

function checkUsage(transcript, report) {
	const response = terminalsOf(transcript)[0]?.json.response;
	const usage = response?.usage;

	if (!response || response.status === 'failed')
		return;
	for (const path of [['input_tokens'], ['output_tokens'], ['total_tokens'],
			    ['input_tokens_details', 'cached_tokens'],
			    ['input_tokens_details', 'cache_write_tokens'],
			    ['output_tokens_details', 'reasoning_tokens']]) {
		const value = path.reduce((at, key) => at?.[key], usage);

		if (!Number.isInteger(value) || value < 0)
			report(`usage.${path.join('.')} ${shorten(value)}`);
	}
	if (usage?.input_tokens + usage?.output_tokens !== usage?.total_tokens)
		report(`the sum is wrong: ${shorten(usage)}`);
}

// The client's tools as [namespace, name].
const knownTools = (tools = []) => tools.flatMap((tool) =>
	(tool.type === 'namespace' ? tool.tools.map(({ name }) => [tool.name, name]) :
				     [[undefined, tool.name]]));

function checkCalls(transcript, report) {
	const { request, sent } = transcript;
	const known = knownTools(request?.tools);
	const items = doneItems(transcript).filter(isCallItem);

	items.forEach((item, at) => {
		const wanted = wholeCalls(sent)[at]?.input;
		const { input } = readCallItem(item);

		if (!isId(item.call_id))
			report(`call_id ${shorten(item.call_id)}`);
		if (item.type === 'tool_search_call')
			return;
		if (known.length &&
		    !known.some((tool) => isDeepStrictEqual(tool, [item.namespace, item.name])))
			report(`${shorten([item.namespace, item.name])} is no tool of the request`);
		if (item.type === 'function_call' && !parseObject(item.arguments))
			report(`arguments are no object: ${shorten(item.arguments)}`);
		if (wanted && !isDeepStrictEqual(input, wanted))
			report(`arguments ${shorten(input)}, upstream said ${shorten(wanted)}`);
	});
	if (sent?.end === 'whole' && sent.tools && items.length !== sent.tools.length)
		report(`${items.length} calls, upstream made ${sent.tools.length}`);
}

function checkFailed({ events }, report) {
	for (const { json, data } of events) {
		if (json?.type === 'error' || json?.error)
			report(`an error event: ${shorten(data)}`);
		if (json?.type !== 'response.failed')
			continue;
		if (!isId(json.response?.error?.code) || !isId(json.response?.error?.message))
			report(`response.failed without code and message: ${shorten(data)}`);
	}
}

export const responsesChecks = [
	{ item: 43, dialect: 'responses', check: checkNumbers },
	{ item: 44, dialect: 'responses', check: checkFrame },
	{ item: 45, dialect: 'responses', check: checkItems },
	{ item: 46, dialect: 'responses', check: checkTexts },
	{ item: 47, dialect: 'responses', check: checkUsage },
	{ item: 48, dialect: 'responses', check: checkCalls },
	{ item: 49, dialect: 'responses', check: checkFailed },
];
