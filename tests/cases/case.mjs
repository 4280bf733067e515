// Reads case files: README.md tells the form.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export function readCases(folder, part = '') {
	return readdirSync(folder)
		.filter((file) => file.endsWith('.case') && file.includes(part))
		.sort()
		.map((file) => readCase(file.slice(0, -'.case'.length),
					readFileSync(join(folder, file), 'utf8')));
}

// { name, what, requests, scripts, setup, sent, refreshes }; each request has what to expect of it.
export function readCase(name, text) {
	const [what, ...sections] = text.split(/^== /m);
	const result = { name, what: what.trim(), requests: [], scripts: {}, setup: null, sent: null,
			 refreshes: null };

	if (!result.what)
		throw new Error(`${name}: says nothing about itself`);
	for (const section of sections) {
		const line = section.split('\n', 1)[0];
		const [word, ...args] = line.trim().split(/\s+/);

		try {
			if (!readers[word])
				throw new Error('no such section');
			readers[word](result, args, section.slice(line.length + 1), line);
		} catch (error) {
			throw new Error(`${name}: == ${line}: ${error.message}`);
		}
	}
	if (!result.requests.length || result.requests.some(({ expect }) => !expect))
		throw new Error(`${name}: needs a request and what to expect`);
	return result;
}

const readers = {
	prompt(result, args, content, line) {
		const more = content.trim() ? JSON.parse(content) : {};

		result.requests.push(...promptRequests(line.trim().slice('prompt '.length), more));
	},
	request(result, [method, path], content) {
		const { headers, body } = readMessage(content);

		result.requests.push(makeRequest(method, path, headers, body));
	},
	script(result, [name = 'default'], content) {
		result.scripts[name] = JSON.parse(content);
	},
	setup(result, args, content) {
		result.setup = JSON.parse(content.trim() || '{}');
	},
	sent(result, [account], content) {
		result.sent ??= [];
		if (account !== 'none')
			result.sent.push({ account, ...readMessage(content) });
	},
	refreshes(result, [count]) {
		result.refreshes = Number(count);
	},
	answer(result, args, content) {
		expect(result, { kind: 'answer', ...readLines(content) });
	},
	error(result, [status], content) {
		expect(result, { kind: 'error', status: Number(status), ...readLines(content) });
	},
	broken(result, [status, end = 'failed'], content) {
		expect(result, { kind: 'broken', status: Number(status), end, ...readLines(content) });
	},
	reply(result, [status], content) {
		expect(result, { kind: 'reply', status: Number(status), ...readMessage(content) });
	},
};

// An expectation is that of all requests before it which have none yet.
function expect({ requests }, what) {
	const waiting = requests.filter((request) => !request.expect);

	if (!waiting.length)
		throw new Error('belongs to no request');
	waiting.forEach((request) => (request.expect = what));
}

// Header lines, then JSON, "bytes: ..." or "empty".
function readMessage(content) {
	const lines = content.split('\n');
	const headers = {};
	let body;

	while (lines.length) {
		const [, name, value] = /^([a-z][a-z0-9-]*): (.*)$/.exec(lines[0]) ?? [];

		if (name === 'bytes') {
			body = expand(value);
			break;
		}
		if (name)
			headers[name] = value.trim();
		else if (lines[0].trim())
			break;
		lines.shift();
	}
	const rest = lines.join('\n').trim();

	if (body === undefined && rest)
		body = rest === 'empty' ? '' : JSON.parse(rest);
	return { headers, body };
}

// The text of a "bytes:" line as a Buffer.
export function expand(text) {
	const repeated = text.replace(/<(\d+)\*([^>]*)>/g, (all, count, what) => what.repeat(count));
	const bytes = repeated.split(/\\x([0-9a-f]{2})/).map((part, at) =>
		at % 2 ? Buffer.from(part, 'hex') : Buffer.from(part));

	return Buffer.concat(bytes);
}

function makeRequest(method, path, headers, body) {
	const openai = /\/(chat|completions|embeddings)(\/|$)/.test(path) ||
		       (/\/models/.test(path) && !headers['anthropic-version']);
	const responses = /\/responses(\/|$)/.test(path);

	return { method, path, headers, body,
		 dialect: responses ? 'responses' : openai ? 'openai' : 'anthropic',
		 isChat: method === 'POST' && /\/(messages|chat\/completions|responses)$/.test(path) };
}

function promptRequests(text, { model = 'claude-sonnet-4.5', tools, max_tokens: limit = 1000 }) {
	const messages = [{ role: 'user', content: text }];
	const schema = { type: 'object', properties: {} };
	const of = (make) => tools?.map((name) => make({ name, description: `The tool ${name}.` }));

	return [
		makeRequest('POST', '/v1/messages', {}, {
			model, max_tokens: limit, messages,
			tools: of((tool) => ({ ...tool, input_schema: schema })),
		}),
		makeRequest('POST', '/v1/chat/completions', {}, {
			model, messages,
			tools: of((tool) => ({ type: 'function',
					       function: { ...tool, parameters: schema } })),
		}),
		makeRequest('POST', '/v1/responses', {}, {
			model, input: messages,
			tools: of((tool) => ({ type: 'function', ...tool, parameters: schema })),
		}),
	];
}

// What an answer says and how a refusal looks, line by line.
function readLines(content) {
	const result = { thinking: '', text: '', tools: [], messages: [], headers: {} };

	for (const line of content.split('\n').filter((text) => text.trim())) {
		const [, word, rest] = /^(\w+) (.*)$/.exec(line) ?? [];

		if (!lineReaders[word])
			throw new Error(`no such line: ${line}`);
		lineReaders[word](result, rest);
	}
	return result;
}

const lineReaders = {
	thinking: (result, rest) => (result.thinking += JSON.parse(rest)),
	signature: (result, rest) => (result.signature = JSON.parse(rest)),
	text: (result, rest) => (result.text += JSON.parse(rest)),
	refusal: (result, rest) => (result.refusal = JSON.parse(rest)),
	tool(result, rest) {
		const [, name, input] = /^(\S+) (.*)$/.exec(rest);

		result.tools.push(input === 'cut' ? { name, cut: true } :
						    { name, input: JSON.parse(input) });
	},
	stop: (result, rest) => (result.stop = rest.trim()),
	sequence: (result, rest) => (result.sequence = JSON.parse(rest)),
	usage: (result, rest) => (result.usage = JSON.parse(rest)),
	anthropic: (result, rest) => (result.anthropic = rest.trim()),
	openai: (result, rest) =>
		(result.openai = rest.trim().split(' ').map((word) => (word === '-' ? null : word))),
	message: (result, rest) => result.messages.push(JSON.parse(rest)),
	param: (result, rest) => (result.param = rest.trim()),
	header(result, rest) {
		const [, name, value] = /^([a-z-]+): (.*)$/.exec(rest);

		result.headers[name] = value;
	},
};

// Where the value does not fit the pattern: [] or texts with the path.
export function mismatches(pattern, value, path = '') {
	if (pattern === '@any' && value !== undefined)
		return [];
	if (pattern === '@absent')
		return value === undefined ? [] : [`${path}: is there: ${JSON.stringify(value)}`];
	if (typeof pattern === 'string' && /^\/.*\/$/s.test(pattern)) {
		return typeof value === 'string' && new RegExp(pattern.slice(1, -1), 'su').test(value) ? [] :
			[`${path}: ${JSON.stringify(value)} does not match ${pattern}`];
	}
	if (Array.isArray(pattern) && Array.isArray(value) && pattern.length === value.length)
		return pattern.flatMap((item, at) => mismatches(item, value[at], `${path}.${at}`));
	if (isObject(pattern) && isObject(value)) {
		return Object.entries(pattern).flatMap(([key, item]) =>
			mismatches(item, value[key], path ? `${path}.${key}` : key));
	}
	return Object.is(pattern, value) ? [] :
		[`${path}: ${JSON.stringify(value)?.slice(0, 300)}, not ${JSON.stringify(pattern)}`];
}

const isObject = (value) => value !== null && typeof value === 'object' && !Array.isArray(value);
