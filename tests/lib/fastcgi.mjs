// A small FastCGI web server side: starts one long-lived responder on a Unix socket and sends it
// requests, one a connection.
import { unwrapped } from './log.mjs';
import { renameSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

import { cgiVariables, parseCgiAnswer } from './cgi.mjs';
import { start, stop } from './process.mjs';

const VERSION = 1;
const BEGIN_REQUEST = 1;
const END_REQUEST = 3;
const PARAMS = 4;
const STDIN = 5;
const STDOUT = 6;
const STDERR = 7;

const RESPONDER = 1;
const KEEP_CONNECTION = 1;
const REQUEST_COMPLETE = 0;
const MAX_CONTENT = 65528; /* below 2^16 and needs no padding */

const BODY_BEHIND_MS = 50; /* enough for an answer that does not wait for the body */

let sockets = 0;

// Starts build's kiro.fcgi of an installation with the listening socket as descriptor 0. Returns
// { socket, pid, ended, log(), request(), stop() }.
export async function startFastcgi(installation) {
	const socket = join(installation.dir, `fcgi-${++sockets}.sock`);
	const server = net.createServer();

	server.listen(`${socket}.own`);
	await once(server, 'listening');
	/* close() removes the socket by its name; under another one it stays for the child. */
	renameSync(`${socket}.own`, socket);
	const child = start(installation.program, [], {
		stdio: [server._handle.fd, 'pipe', 'pipe'],
		env: installation.env,
		cwd: installation.programDir,
	});

	server.close();
	return {
		socket,
		pid: child.pid,
		ended: child.ended,
		log: () => unwrapped(child.text),
		request: (request) => requestFastcgi(socket, request),
		stop: () => stop(child),
	};
}

// request: { method, path, headers, body (Buffer) }, and
//   onData   called with each piece of the answer (Buffer, headers included), as it arrives
//   signal   hangs up when aborted
// Resolves with { status, headers, body (Buffer), log, complete }.
export async function requestFastcgi(socket, { onData = () => {}, signal, ...request }) {
	const connection = net.connect(socket);
	const output = [];
	const log = [];
	let complete = false;
	const read = recordReader((type, content) => {
		if (type === STDOUT && content.length) {
			output.push(content);
			onData(content);
		} else if (type === STDERR) {
			log.push(content);
		} else if (type === END_REQUEST) {
			complete = content[4] === REQUEST_COMPLETE;
		}
	});

	connection.on('data', read);
	connection.on('error', () => {}); /* shows as an answer that is not complete */
	signal?.addEventListener('abort', () => connection.destroy());
	connection.write(requestBytes(request));
	await once(connection, 'close');
	if (signal?.aborted)
		return { complete: false };
	return { ...parseCgiAnswer(Buffer.concat(output)), log: Buffer.concat(log).toString(),
		 complete };
}

// A connection for several requests, one behind the other, as web servers keep them. The body of
// each is sent a moment behind its head.
export async function keepFastcgi(socket) {
	const connection = net.connect(socket);
	let output, ended;
	const read = recordReader((type, content) => {
		if (type === STDOUT)
			output.push(content);
		else if (type === END_REQUEST)
			ended();
	});

	connection.on('data', read);
	connection.on('error', () => {});
	await once(connection, 'connect');
	return {
		request: async (request) => {
			output = [];
			const end = new Promise((resolve) => { ended = resolve; });
			const closed = new Promise((resolve) => connection.once('close', resolve));

			connection.write(headBytes(request, KEEP_CONNECTION));
			await delay(BODY_BEHIND_MS);
			connection.write(Buffer.concat([...stream(STDIN, request.body ?? Buffer.alloc(0))]));
			await Promise.race([end, closed]);
			if (connection.destroyed)
				throw new Error('the connection was closed');
			return parseCgiAnswer(Buffer.concat(output));
		},
		end: () => connection.destroy(),
	};
}

function requestBytes(request) {
	return Buffer.concat([
		headBytes(request, 0), /* flags 0: close behind it */
		...stream(STDIN, request.body ?? Buffer.alloc(0)),
	]);
}

function headBytes(request, flags) {
	const begin = Buffer.from([0, RESPONDER, flags, 0, 0, 0, 0, 0]);
	const params = Object.entries(cgiVariables(request)).map(([name, value]) => pair(name, value));

	return Buffer.concat([
		record(BEGIN_REQUEST, begin),
		...stream(PARAMS, Buffer.concat(params)),
	]);
}

function record(type, content) {
	const head = Buffer.from([VERSION, type, 0, 1, content.length >> 8, content.length & 255, 0, 0]);

	return Buffer.concat([head, content]);
}

// Records of a stream; an empty one ends it.
function* stream(type, bytes) {
	for (let at = 0; at < bytes.length; at += MAX_CONTENT)
		yield record(type, bytes.subarray(at, at + MAX_CONTENT));
	yield record(type, Buffer.alloc(0));
}

function length(text) {
	const bytes = Buffer.alloc(4);

	if (text.length < 128)
		return Buffer.from([text.length]);
	bytes.writeUInt32BE((text.length | 0x80000000) >>> 0);
	return bytes;
}

function pair(name, value) {
	const texts = [Buffer.from(name), Buffer.from(value)];

	return Buffer.concat([...texts.map(length), ...texts]);
}

// A function that takes bytes as they come and hands out whole records.
function recordReader(take) {
	let bytes = Buffer.alloc(0);

	return (more) => {
		bytes = Buffer.concat([bytes, more]);
		for (;;) {
			const content = bytes.length < 8 ? 0 : bytes.readUInt16BE(4);
			const whole = 8 + content + (bytes[6] ?? 0);

			if (bytes.length < 8 || bytes.length < whole)
				return;
			take(bytes[1], Buffer.from(bytes.subarray(8, 8 + content)));
			bytes = bytes.subarray(whole);
		}
	};
}
