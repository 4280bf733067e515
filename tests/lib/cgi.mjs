// Runs the responder as a plain CGI program, with the environment of RFC 3875 and nothing else of
// a web server.
import { once } from 'node:events';

import { start } from './process.mjs';

// The variables of a request: { method, path, headers, body (Buffer), script }. script is where the
// program is mounted; the path behind it becomes PATH_INFO. variables: more of them, or others.
export function cgiVariables({ method = 'POST', path, headers = {}, body, script = '',
			       variables: more = {} }) {
	const [name, query = ''] = path.split('?');
	const variables = {
		GATEWAY_INTERFACE: 'CGI/1.1',
		SERVER_PROTOCOL: 'HTTP/1.1',
		SERVER_SOFTWARE: 'tests',
		SERVER_NAME: '127.0.0.1',
		SERVER_PORT: '80',
		REMOTE_ADDR: '127.0.0.1',
		REQUEST_METHOD: method,
		REQUEST_URI: `${script}${path}`,
		SCRIPT_NAME: script,
		PATH_INFO: decodeURIComponent(name),
		QUERY_STRING: query,
	};

	if (body)
		variables.CONTENT_LENGTH = String(body.length);
	for (const [header, value] of Object.entries(headers)) {
		const variable = header.toUpperCase().replaceAll('-', '_');

		variables[variable === 'CONTENT_TYPE' ? variable : `HTTP_${variable}`] = value;
	}
	return { ...variables, ...more };
}

// "Status: 200 OK\r\nname: value\r\n\r\nbody" as { status, headers, body }.
export function parseCgiAnswer(bytes) {
	const end = bytes.indexOf('\r\n\r\n');
	const headers = {};

	if (end < 0)
		throw new Error(`no end of the CGI headers: ${JSON.stringify(bytes.toString())}`);
	for (const line of bytes.subarray(0, end).toString('latin1').split('\r\n')) {
		const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): *(.*)$/.exec(line) ?? [];

		if (!name)
			throw new Error(`no CGI header: ${JSON.stringify(line)}`);
		if (headers[name.toLowerCase()] !== undefined)
			throw new Error(`CGI header twice: ${line}`);
		headers[name.toLowerCase()] = value;
	}
	return { status: Number((headers.status ?? '200').slice(0, 3)), headers,
		 body: bytes.subarray(end + 4) };
}

// installation: of makeInstallation(). Resolves with { status, headers, body (Buffer), log,
// complete }: complete is false when the program did not end by itself with 0.
export async function requestCgi(installation, request) {
	const script = '/cgi-bin/kiro.cgi';
	const child = start(installation.cgi, [], {
		stdio: ['pipe', 'pipe', 'pipe'],
		env: { ...installation.env, ...cgiVariables({ script, ...request }) },
		cwd: installation.programDir,
	});
	const bytes = [];

	child.stdout.setEncoding(null);
	child.stdout.on('data', (data) => bytes.push(Buffer.from(data)));
	/* A program that answers before it has read everything closes its end. */
	child.stdin.on('error', () => {});
	child.stdin.end(request.body);
	await Promise.all([once(child.stdout, 'close'), once(child.stderr, 'close')]);
	const { code } = await child.ended;

	return { ...parseCgiAnswer(Buffer.concat(bytes)), log: child.text, complete: code === 0 };
}
