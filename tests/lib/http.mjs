// A plain HTTP/1.1 client: whole answers, event streams as they arrive, connections to keep.
import http from 'node:http';

// options: { port, path, method, headers, body, agent, socketPath }. A body that is no string and
// no Buffer is sent as JSON. via: another open(), as http2.mjs has it. Resolves with { status,
// headers, text, json }.
export async function request({ via = open, ...options }) {
	const answer = await via(options);
	let text = '';

	for await (const chunk of answer.setEncoding('utf8'))
		text += chunk;
	return {
		status: answer.statusCode,
		headers: answer.headers,
		text,
		get json() {
			return JSON.parse(text);
		},
	};
}

// Resolves when the headers are there: with node's IncomingMessage.
export function open({ port, path, method, headers = {}, body, agent = false, socketPath }) {
	const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
	const data = raw ? body : JSON.stringify(body);
	const all = Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== undefined));

	if (data !== undefined) {
		all['content-type'] ??= 'application/json';
		if (all['transfer-encoding'] !== 'chunked')
			all['content-length'] = Buffer.byteLength(data);
	}
	return new Promise((resolve, reject) => {
		const sent = http.request({
			host: '127.0.0.1',
			port,
			socketPath,
			path,
			agent,
			method: method ?? (data === undefined ? 'GET' : 'POST'),
			headers: all,
		});

		sent.once('response', resolve);
		sent.once('error', reject);
		sent.end(data);
	});
}

// An event stream. Resolves when the headers are there, with
//   status, headers    of the response
//   next()             the next { event, data, comment }, undefined at the end
//   rest()             all that are still to come
//   bytes()            what has arrived so far
//   pieces()           in how many pieces
//   close()            hangs up
// next() and rest() fail when the connection breaks off.
export async function stream({ via = open, ...options }) {
	const answer = await via(options);
	const pieces = [];
	const source = parse(answer, pieces);

	return {
		status: answer.statusCode,
		headers: answer.headers,
		next: async () => (await source.next()).value,
		rest: async () => {
			const all = [];

			for await (const event of source)
				all.push(event);
			return all;
		},
		bytes: () => Buffer.concat(pieces),
		pieces: () => pieces.length,
		close: () => answer.destroy(),
	};
}

async function* parse(answer, pieces) {
	const decoder = new TextDecoder();
	let text = '';

	for await (const piece of answer) {
		pieces.push(piece);
		text += decoder.decode(piece, { stream: true });
		for (let end; (end = text.indexOf('\n\n')) >= 0; text = text.slice(end + 2))
			yield readEvent(text.slice(0, end));
	}
	if (text)
		throw new Error(`the stream ends inside an event: ${JSON.stringify(text)}`);
}

function readEvent(block) {
	const event = { event: undefined, data: undefined, comment: undefined };

	for (const line of block.split('\n')) {
		const colon = line.indexOf(':');
		const value = line.slice(colon + 1).replace(/^ /, '');

		if (colon === 0)
			event.comment = value;
		else if (line.startsWith('event:'))
			event.event = value;
		else if (line.startsWith('data:'))
			event.data = (event.data === undefined ? '' : `${event.data}\n`) + value;
	}
	return event;
}

// The data of an event as JSON, undefined for comments and [DONE].
export function payload(event) {
	return event?.data && event.data !== '[DONE]' ? JSON.parse(event.data) : undefined;
}
