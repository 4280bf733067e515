// The streaming contract's checks of Chat Completions: items 36 to 42 of contract.mjs.
import { isDeepStrictEqual } from 'node:util';

import { shorten } from './sse.mjs';
import { choicesOf, errorsOf, isId, readCalls, readInput, wholeCalls } from './transcript.mjs';

const chunksOf = ({ events }) => events.filter(({ json }) => json && !json.error);

function checkChunks(transcript, report) {
	const chunks = chunksOf(transcript);

	if (chunks.length && chunks[0].json.choices?.[0]?.delta?.role !== 'assistant')
		report(`the first chunk has no role: ${shorten(chunks[0].data)}`);
	for (const { json, data } of chunks) {
		if (!isId(json.id) || !isId(json.object) || !Number.isInteger(json.created) ||
		    !isId(json.model) || !Array.isArray(json.choices))
			report(`a member is missing: ${shorten(data)}`);
	}
}

function checkConstant(transcript, report) {
	const chunks = chunksOf(transcript);

	for (const { json } of chunks) {
		for (const member of ['id', 'created', 'model']) {
			if (json[member] !== chunks[0].json[member])
				report(`${member} changes to ${shorten(json[member])}`);
		}
		if (json.object !== 'chat.completion.chunk')
			report(`object ${shorten(json.object)}`);
	}
}

function checkCalls(transcript, report) {
	const { sent, request } = transcript;
	const known = (request?.tools ?? []).map((tool) => (tool.function ?? tool.custom ?? tool).name);
	const calls = readCalls(transcript);
	const finished = choicesOf(transcript).some((choice) => choice.finish_reason);

	Array.from(calls).forEach((call, index) => {
		if (!call) {
			report(`there is no call ${index}`);
			return;
		}
		const [first, ...later] = call.pieces;
		const input = readInput(call.type, call.arguments);
		const wanted = wholeCalls(sent)[index]?.input;

		if (!isId(first.id) || !['function', 'custom'].includes(first.type) ||
		    !isId(first[first.type]?.name))
			report(`first piece ${shorten(first)}`);
		if (known.length && !known.includes(call.name))
			report(`${shorten(call.name)} is no tool of the request`);
		if (later.some((piece) => piece.function?.name || (piece.id && piece.id !== first.id)))
			report(`call ${index} changes its id or name`);
		if (finished && !input)
			report(`arguments are no object: ${shorten(call.arguments)}`);
		if (finished && input && wanted && !isDeepStrictEqual(input, wanted))
			report(`arguments ${shorten(call.arguments)}, upstream said ${shorten(wanted)}`);
	});
	if (calls.some((call, index) => call.pieces.some((piece) => piece.index !== index)))
		report('index is no number');
	if (sent?.end === 'whole' && sent.tools && calls.length !== sent.tools.length)
		report(`${calls.length} calls, upstream made ${sent.tools.length}`);
}

function checkFinish(transcript, report) {
	const finishes = choicesOf(transcript).filter((choice) => choice.finish_reason);
	const called = readCalls(transcript).length > 0;

	if (errorsOf(transcript).length)
		return;
	if (finishes.length !== 1)
		report(`${finishes.length} times finish_reason`);
	for (const { finish_reason: reason, delta } of finishes) {
		if (Object.keys(delta ?? {}).length)
			report(`finish_reason beside ${shorten(delta)}`);
		if (called ? !['tool_calls', 'length'].includes(reason) : reason === 'tool_calls')
			report(`finish_reason ${reason} ${called ? 'with' : 'without'} calls`);
	}
}

function checkUsageChunk(transcript, report) {
	const { events, request } = transcript;
	const carriers = events.filter(({ json }) => json?.usage);
	const wanted = request?.stream_options?.include_usage === true;
	const usage = carriers[0]?.json.usage;

	if (carriers.length > (wanted ? 1 : 0))
		report(`${carriers.length} usage chunks, ${wanted ? 'one was' : 'none were'} asked for`);
	if (wanted && !carriers.length && !errorsOf(transcript).length)
		report('no usage chunk');
	if (!usage)
		return;
	if (!isDeepStrictEqual(carriers[0].json.choices, []))
		report(`choices of the usage chunk: ${shorten(carriers[0].json.choices)}`);
	if (!events[events.indexOf(carriers[0]) + 1]?.done)
		report('the usage chunk is not directly before [DONE]');
	if (usage.prompt_tokens + usage.completion_tokens !== usage.total_tokens)
		report(`the sum is wrong: ${shorten(usage)}`);
}

function checkDone(transcript, report) {
	const { events } = transcript;

	if (events.some(({ name }) => name !== undefined))
		report('an event: line');
	if (!errorsOf(transcript).length && !events.at(-1)?.done)
		report('[DONE] is not last');
	if (errorsOf(transcript).length && events.some(({ done }) => done))
		report('[DONE] in a stream that failed');
	if (events.filter(({ done }) => done).length > 1)
		report('[DONE] twice');
}

function checkReasoning(transcript, report) {
	let content = false;

	for (const { delta } of choicesOf(transcript)) {
		if (delta?.reasoning_content && content)
			report('reasoning_content behind content');
		content ||= Boolean(delta?.content || delta?.tool_calls);
		for (const [key, value] of Object.entries(delta ?? {})) {
			if (value === null)
				report(`${key}: null in a delta`);
		}
	}
}

export const chatChecks = [
	{ item: 36, dialect: 'openai', check: checkChunks },
	{ item: 37, dialect: 'openai', check: checkConstant },
	{ item: 38, dialect: 'openai', check: checkCalls },
	{ item: 39, dialect: 'openai', check: checkFinish },
	{ item: 40, dialect: 'openai', check: checkUsageChunk },
	{ item: 41, dialect: 'openai', check: checkDone },
	{ item: 42, dialect: 'openai', check: checkReasoning },
];
