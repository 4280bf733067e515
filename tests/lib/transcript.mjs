// What an answer says: a stream's bytes, or a whole answer's JSON, as one meaning, so that the two can
// be compared. Broken streams are read as far as they go; contract.mjs says what is wrong with them.
import { shorten, splitEvents } from './sse.mjs';

// The meaning of a stream: { thinking, signature, text, tools: [{ id, name, input }], refusal, stop,
// stopSequence, usage, model, error }. stop, usage and error are undefined where it has none.
export function readStream(stream) {
	const transcript = readTranscript(stream);

	return stream.dialect === 'anthropic' ? readMessages(transcript) : readChunks(transcript);
}

export function readTranscript(stream) {
	const { records, problems, rest } = splitEvents(stream.bytes);
	const events = [];

	for (const { name, data } of records) {
		if (data === undefined)
			continue;
		const event = { name, data, done: data === '[DONE]' };

		try {
			event.json = event.done ? undefined : JSON.parse(data);
		} catch {
			problems.push(`not JSON: ${shorten(data)}`);
		}
		events.push(event);
	}
	return { ...stream, events, problems, rest, blocks: readBlocks(events) };
}

export const typeOf = (event) => event.json?.type;
export const ofType = (transcript, type) => transcript.events.filter((event) => typeOf(event) === type);
export const errorsOf = ({ events }) => events.filter(({ json }) => json?.error);
export const choicesOf = ({ events }) =>
	events.flatMap(({ json }) => (Array.isArray(json?.choices) ? json.choices : []));
const join = (pieces) => pieces.filter((piece) => typeof piece === 'string').join('');

// Blocks of a Messages stream in order of their start, however broken the stream is.
function readBlocks(events) {
	const blocks = [];
	const open = new Map();

	events.forEach(({ json }, at) => {
		if (json?.type === 'content_block_start') {
			const block = { index: json.index, start: json.content_block ?? {}, at,
					deltas: [], stopped: false };

			blocks.push(block);
			open.set(json.index, block);
		} else if (json?.type === 'content_block_delta') {
			open.get(json.index)?.deltas.push(json.delta ?? {});
		} else if (json?.type === 'content_block_stop' && open.has(json.index)) {
			open.get(json.index).stopped = true;
		}
	});
	return blocks;
}

export const joined = (block, member) => join(block.deltas.map((delta) => delta[member]));
export const isTool = (block) => block.start.type === 'tool_use';
export const isVisible = (block) => !['thinking', 'redacted_thinking'].includes(block.start.type);

export function parseObject(text) {
	try {
		const value = JSON.parse(text);

		return value && typeof value === 'object' && !Array.isArray(value) ? value : undefined;
	} catch {
		return undefined;
	}
}

function readMessages(transcript) {
	const { blocks } = transcript;
	const start = ofType(transcript, 'message_start')[0]?.json.message;
	const end = ofType(transcript, 'message_delta').at(-1)?.json;
	const all = (member) => join(blocks.map((block) => joined(block, member)));

	return {
		thinking: all('thinking'),
		signature: all('signature'),
		text: all('text'),
		tools: blocks.filter(isTool).map((block) => ({
			id: block.start.id,
			name: block.start.name,
			input: parseObject(joined(block, 'partial_json') || '{}'),
		})),
		refusal: end?.delta.stop_details?.explanation ?? '',
		stop: end?.delta.stop_reason,
		stopSequence: end?.delta.stop_sequence,
		usage: end && { ...start?.usage, ...end.usage },
		model: start?.model,
		error: errorsOf(transcript)[0]?.json.error,
	};
}

// { id, name, arguments } of each call of a chat stream, by its index.
export function readCalls(transcript) {
	const calls = [];

	for (const choice of choicesOf(transcript)) {
		for (const piece of choice.delta?.tool_calls ?? []) {
			const call = (calls[piece.index] ??= { pieces: [], arguments: '' });

			call.pieces.push(piece);
			call.id ??= piece.id;
			call.name ??= piece.function?.name;
			call.arguments += piece.function?.arguments ?? '';
		}
	}
	return calls;
}

function readChunks(transcript) {
	const choices = choicesOf(transcript);
	const all = (member) => join(choices.map(({ delta }) => delta?.[member]));

	return {
		thinking: all('reasoning_content'),
		text: all('content'),
		tools: Array.from(readCalls(transcript), (call) => ({
			id: call?.id,
			name: call?.name,
			input: parseObject(call?.arguments),
		})),
		refusal: all('refusal'),
		stop: choices.find(({ finish_reason: reason }) => reason)?.finish_reason,
		usage: transcript.events.find(({ json }) => json?.usage)?.json.usage,
		model: transcript.events[0]?.json?.model,
		error: errorsOf(transcript)[0]?.json.error,
	};
}

// The same of a whole answer.
export function readWhole(dialect, json) {
	return dialect === 'anthropic' ? readMessage(json) : readCompletion(json);
}

function readMessage(json) {
	const of = (type) => json.content.filter((block) => block.type === type);

	return {
		thinking: join(of('thinking').map((block) => block.thinking)),
		signature: join(of('thinking').map((block) => block.signature)),
		text: join(of('text').map((block) => block.text)),
		tools: of('tool_use').map(({ id, name, input }) => ({ id, name, input })),
		refusal: json.stop_details?.explanation ?? '',
		stop: json.stop_reason,
		stopSequence: json.stop_sequence,
		usage: json.usage,
		model: json.model,
	};
}

function readCompletion(json) {
	const { message, finish_reason: stop } = json.choices[0];

	return {
		thinking: message.reasoning_content ?? '',
		text: message.content ?? '',
		tools: (message.tool_calls ?? []).map((call) => ({
			id: call.id,
			name: call.function.name,
			input: parseObject(call.function.arguments),
		})),
		refusal: message.refusal ?? '',
		stop,
		usage: json.usage,
		model: json.model,
	};
}

export const isId = (id) => typeof id === 'string' && id.length > 0;

// Calls that upstream closed, in its order.
export const wholeCalls = (sent) => (sent?.tools ?? []).filter((tool) => !tool.cut);
