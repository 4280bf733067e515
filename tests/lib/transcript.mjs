// What an answer says: a stream's bytes, or a whole answer's JSON, as one meaning, so that the two can
// be compared. Broken streams are read as far as they go; contract.mjs says what is wrong with them.
import { shorten, splitEvents } from './sse.mjs';

// The meaning of a stream: { thinking, signature, text, tools: [{ id, name, input }], refusal, stop,
// stopSequence, usage, model, error }. stop, usage and error are undefined where it has none.
export function readStream(stream) {
	const transcript = readTranscript(stream);

	return readers[stream.dialect](transcript);
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
export const errorsOf = ({ events }) =>
	events.filter(({ json }) => json?.error || json?.type === 'response.failed');
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

// A call's input as an object; a custom tool's text is its member "input".
export const readInput = (type, text) => (type === 'custom' ? { input: text } : parseObject(text));

// { id, type, name, arguments } of each call of a chat stream, by its index.
export function readCalls(transcript) {
	const calls = [];

	for (const choice of choicesOf(transcript)) {
		for (const piece of choice.delta?.tool_calls ?? []) {
			const call = (calls[piece.index] ??= { pieces: [], arguments: '' });

			call.pieces.push(piece);
			call.id ??= piece.id;
			call.type ??= piece.type;
			call.name ??= (piece.function ?? piece.custom)?.name;
			call.arguments += piece.function?.arguments ?? piece.custom?.input ?? '';
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
			input: readInput(call?.type, call?.arguments),
		})),
		refusal: all('refusal'),
		stop: choices.find(({ finish_reason: reason }) => reason)?.finish_reason,
		usage: transcript.events.find(({ json }) => json?.usage)?.json.usage,
		model: transcript.events[0]?.json?.model,
		error: errorsOf(transcript)[0]?.json.error,
	};
}

// The text of an item of Responses: of its one part, or of a call.
export const itemText = (item) =>
	item.content?.[0]?.text ?? item.content?.[0]?.refusal ?? item.summary?.[0]?.text ??
	item.arguments ?? item.input ?? '';

// A call that the client is to answer: a web search was made by the server.
export const isCallItem = ({ type }) => /_call$/.test(type) && type !== 'web_search_call';

// A call's item as a call of any dialect. A custom tool's text is its member "input".
export const readCallItem = (item) => ({
	id: item.call_id,
	name: item.type === 'tool_search_call' ? 'tool_search' :
	      item.namespace === undefined ? item.name : `${item.namespace}__${item.name}`,
	input: item.type === 'custom_tool_call' ? { input: item.input } :
	       typeof item.arguments === 'string' ? parseObject(item.arguments) : item.arguments,
});

function readSignature({ encrypted_content: encrypted }) {
	return encrypted ? JSON.parse(Buffer.from(encrypted, 'base64')).signature : '';
}

function readItems(items, response) {
	const of = (type) => items.filter((item) => item.type === type);
	const parts = of('message').flatMap(({ content }) => content);

	return {
		thinking: join(of('reasoning').map(itemText)),
		signature: join(of('reasoning').map(readSignature)),
		text: join(parts.map(({ text }) => text)),
		tools: items.filter(isCallItem).map(readCallItem),
		refusal: join(parts.map(({ refusal }) => refusal)),
		stop: response?.status === 'failed' ? undefined :
						      response?.incomplete_details?.reason ?? response?.status,
		usage: response?.usage ?? undefined,
		model: response?.model,
		error: response?.error ?? undefined,
	};
}

function readEvents(transcript) {
	const { events } = transcript;
	const all = (type) => join(ofType(transcript, `response.${type}.delta`)
		.map(({ json }) => json.delta));
	const end = events.find(({ json }) =>
		/^response\.(completed|incomplete|failed)$/.test(json?.type));

	return {
		...readItems(ofType(transcript, 'response.output_item.done').map(({ json }) => json.item),
			     end?.json.response),
		thinking: all('reasoning_summary_text'),
		text: all('output_text'),
		refusal: all('refusal'),
		model: events[0]?.json?.response?.model,
	};
}

const readers = { anthropic: readMessages, openai: readChunks, responses: readEvents };

// The same of a whole answer.
export function readWhole(dialect, json) {
	return { anthropic: readMessage, openai: readCompletion,
		 responses: (response) => readItems(response.output, response) }[dialect](json);
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
			name: (call.function ?? call.custom).name,
			input: readInput(call.type, call.function?.arguments ?? call.custom?.input),
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
