// node seeds.mjs FOLDER: the corpus to begin with, made of the cases, the recorded requests and the
// import formats: FOLDER/TARGET/NAME. Says how many.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';

import { readCases } from '../cases/case.mjs';

const tests = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = process.argv[2];
let count = 0;

function seed(target, name, content) {
	mkdirSync(join(folder, target), { recursive: true });
	writeFileSync(join(folder, target, name), content);
	count++;
}

// The reader of a path.
function readerOf(path) {
	if (/count_tokens/.test(path))
		return 'in_count';
	if (/messages/.test(path))
		return 'in_anthropic';
	if (/completions/.test(path))
		return 'in_openai';
	return /responses/.test(path) ? 'in_responses' : null;
}

function seedBody(path, name, body) {
	const reader = readerOf(path);
	const text = Buffer.isBuffer(body) ? body : JSON.stringify(body);

	if (!reader || text === undefined || text.length > 60000) // libFuzzer would cut it
		return;
	seed(reader, name, text);
	if (reader === 'in_anthropic')
		seed('in_count', name, text);
}

function seedRequest(name, { method, path, headers, body }) {
	const text = body === undefined ? '' : Buffer.isBuffer(body) ? body : JSON.stringify(body);
	const [script, query = ''] = path.split('?');
	const lines = [`REQUEST_METHOD=${method}`, `PATH_INFO=${script}`, 'SCRIPT_NAME=/kiro',
		       `QUERY_STRING=${query}`, 'HTTP_X_API_KEY=0123456789abcdef-test',
		       'HTTP_ORIGIN=https://app.example', `CONTENT_LENGTH=${Buffer.byteLength(text)}`];

	for (const [header, value] of Object.entries(headers ?? {}))
		lines.push(`HTTP_${header.toUpperCase().replace(/-/g, '_')}=${value}`);
	if (text.length < 20000)
		seed('request', name, Buffer.concat([Buffer.from(`${lines.join('\n')}\n\n`),
						     Buffer.from(text)]));
}

// A script's steps as the lines of the target "answer".
function linesOf(steps) {
	return steps.flatMap((step) => {
		const line = (type, payload) => `${type} ${JSON.stringify(payload)}`;

		if (step.steps)
			return linesOf(step.steps);
		if (step.text !== undefined)
			return [line('assistantResponseEvent', { content: step.text.slice(0, 400) })];
		if (step.thinking !== undefined)
			return [line('reasoningContentEvent', { text: step.thinking.slice(0, 400) }),
				line('reasoningContentEvent', { signature: step.signature ?? 'c2ln' })];
		if (step.tool)
			return toolLines(step.tool, line);
		if (step.event)
			return [typeof step.payload === 'string' ? `${step.event} ${step.payload}` :
								   line(step.event, step.payload)];
		if (step.exception)
			return [line(`!${step.exception.type}`, step.exception.payload)];
		return step.error ? [`#${step.error.code} ${step.error.message}`] : [];
	});
}

function toolLines({ id, name, input = {}, stop }, line) {
	const text = typeof input === 'string' ? input : JSON.stringify(input);
	const half = text.length >> 1;
	const about = { toolUseId: id, name };

	return [line('toolUseEvent', about),
		line('toolUseEvent', { ...about, input: text.slice(0, half) }),
		line('toolUseEvent', { ...about, input: text.slice(half) }),
		...(stop === false ? [] : [line('toolUseEvent', { ...about, stop: true })])];
}

function seedAnswer(name, { steps = [], trailer = {} }) {
	const lines = linesOf(steps);

	if (trailer !== false) {
		const { stopReason = 'END_TURN', tokenUsage, stopDetails,
			contextUsagePercentage = 1.5 } = trailer;

		lines.push(`metadataEvent ${JSON.stringify({ stopReason, tokenUsage, stopDetails })}`,
			   `contextUsageEvent ${JSON.stringify({ contextUsagePercentage })}`,
			   'meteringEvent {"unit":"credit","usage":0.0125}');
	}
	const text = Buffer.from(lines.join('\n'));

	// Messages, Chat Completions and Responses, streamed; with tags; whole; with wishes; cut inside of
	// the last frame
	for (const [way, bytes] of Object.entries({ a: [0, 0, 9, 0], c: [1, 4, 9, 0], r: [2, 0, 9, 0],
						    tags: [33, 1, 0, 0], whole: [66, 0, 9, 0],
						    wishes: [48, 0xf8, 0x49, 0],
						    torn: [0, 0, 9, 9] }))
		seed('answer', `${name}-${way}`, Buffer.concat([Buffer.from(bytes), text]));
}

function seedFrame(name, headers, payload) {
	const u32 = (number) => Buffer.from([number >>> 24, number >>> 16, number >>> 8, number]);
	const body = Buffer.from(payload);

	// the checksums are mended where the first byte says so
	seed('eventstream', name, Buffer.concat([Buffer.from([1]), u32(16 + headers.length + body.length),
		u32(headers.length), u32(0), headers, body, u32(0)]));
}

for (const one of readCases(join(tests, 'cases'))) {
	one.requests.forEach((request, at) => {
		seedBody(request.path, `${one.name}-${at}`, request.body);
		seedRequest(`${one.name}-${at}`, request);
	});
	for (const [name, script] of Object.entries(one.scripts))
		seedAnswer(`${one.name}-${name}`, script);
	if (one.setup?.settings)
		seed('config', one.name, JSON.stringify(one.setup.settings));
}
for (const data of ['clients/fixtures/data', 'unit/data/requests']) {
	for (const file of readdirSync(join(tests, data))) {
		const bytes = readFileSync(join(tests, data, file));
		const { path, body } = JSON.parse(file.endsWith('.gz') ? gunzipSync(bytes) : bytes);

		seedBody(path, file, body);
	}
}
for (const file of readdirSync(join(tests, 'unit/data/import')))
	seed('import', file, readFileSync(join(tests, 'unit/data/import', file)));

const example = readFileSync(join(tests, '../etc/kiro.json.example'), 'utf8');

seed('config', 'example', example);
seed('config', 'example-set', example.replace(/^(\s*)\/\/ ("[a-z_.]+":)/gm, '$1$2'));

for (let i = 0; i < 32; i++) {
	const bytes = [0, 1, 2, 3, 4, 5].map((part) =>
		createHash('sha256').update(`${i}/${part}`).digest());

	seed('up_request', `${i}`, Buffer.concat(bytes).subarray(0, 8 + 6 * i));
}
seedFrame('event', Buffer.from('\x0b:event-type\x07\0\x16assistantResponseEvent' +
			       '\x0d:message-type\x07\0\x05event', 'latin1'), '{"content":"Hi"}');
seedFrame('all-types', Buffer.from('017400016601016202ff0173030102016904010203040' +
	'16c0500000000000000010179060002dead017a070002c3a9016d080000018bcfe56800' +
	'0175090102030405060708090a0b0c0d0e0f10', 'hex'), '');
seedFrame('empty', Buffer.alloc(0), '');

for (const [name, text] of Object.entries({
	block: '<thinking>\nLet me see.\n</thinking>\n\nDone.', open: '<thinking>never closed',
	quoted: '<thinking>\na "</thinking>" b\n</thinking>\n\nx', late: 'x <thinking>y</thinking>' }))
	seed('up_think', name, `\x03${text}`);

const account = { v: 1, rev: 3, id: 'acc_abcdefghijkl', kind: 'idc', label: 'Ann', provider: 'BuilderId',
	auth_region: 'eu-west-1', client_id: 'c', client_secret: 's', machine_id: 'a'.repeat(64),
	access_token: 'at', refresh_token: 'rt', expires_at: 1893553445, added_at: 1790000000,
	state: 'exhausted', state_reason: 'quota', state_since: 1790000000, state_until: 1893553445 };

seed('record', 'idc', JSON.stringify(account));
seed('record', 'key', JSON.stringify({ v: 1, rev: 1, id: 'acc_k', kind: 'api_key', label: 'k',
	machine_id: 'b'.repeat(64), api_key: 'ksk_FAKE', added_at: 1, state: 'active' }));
seed('record', 'client-key', JSON.stringify({ v: 1, rev: 1, id: 'key_0123456789abcdef', name: 'laptop',
	prefix: 'kiro-Ab12', hash: 'c'.repeat(64), added_at: 1790000000, role: 'user', expires_at: 1893553445,
	models: 'claude-*', pool: 'shared', accounts: 'acc_1,acc_2', max_streams: 2,
	limits: { requests: { minute: 100 }, credits: { month: 50000000 } }, own: 'a member of later' }));
seed('record', 'code', JSON.stringify({ v: 1, rev: 2, id: 'key_0123456789abcdef', name: 'bob',
	prefix: 'kiro-Ab12', hash: 'd'.repeat(64), added_at: 1790000000, role: 'user', code: true, days: 30,
	first_used_at: 1790000000, machine: 'c0a08047', machine_hash: 'e'.repeat(64) }));
seed('catalogue', 'two', JSON.stringify({ v: 1, rev: 1, fetched_at: 1790000000, tried_at: 1790000000,
	models: [{ id: 'claude-opus-5', name: 'Claude Opus 5', input: 1000000, output: 64000,
		   types: ['TEXT', 'IMAGE'], thinking: ['adaptive'], efforts: ['low', 'max'] },
		 { id: 'gpt-5.6-sol', name: 'GPT', reasoning: ['none', 'high'] }] }));

const found = JSON.stringify({ results: [{ title: 't', url: 'https://example.com/a', snippet: 's',
	publishedDate: 1777500000000 }], totalResults: 1, query: 'q', error: null });

seed('mcp', 'found', JSON.stringify({ jsonrpc: '2.0', id: '1',
	result: { content: [{ type: 'text', text: found }], isError: false } }));
seed('mcp', 'error', '{"jsonrpc":"2.0","id":"1","error":{"code":-32000,"message":"no"}}');
console.log(`${count} seeds in ${folder}`);
