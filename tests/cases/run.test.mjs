// Runs every case (README.md) as plain CGI and as FastCGI, streamed and whole.
//
// Cases that change accounts or settings get an installation of their own; all others share one
// long-lived FastCGI process, which so also proves that no request harms the next.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { requestCgi } from '../lib/cgi.mjs';
import { checkErrorEnvelope, checkStream, compareAnswers, readStream, readWhole }
	from '../lib/contract.mjs';
import { shown, testItems } from '../lib/contract-items.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';
import { mismatches, readCases } from './case.mjs';

const LANES = 3; /* cases at once; each lane has its own stand-ins */

const CHUNKINGS = [1, 'random:4711'];

// Where streams of all cases broke the contract, and how many were looked at.
const seen = { streams: 0, violations: [] };

function violates(one, label, { item, text }) {
	seen.violations.push({ item, text, label: `${one.name} ${label}` });
	return `contract ${item}: ${text}`;
}

// Stop reasons of the Messages API as finish_reason of Chat Completions.
const finishReasons = {
	end_turn: 'stop',
	stop_sequence: 'stop',
	pause_turn: 'stop',
	tool_use: 'tool_calls',
	max_tokens: 'length',
	model_context_window_exceeded: 'length',
	refusal: 'content_filter',
};

// ... and as what Responses tells: why an answer is incomplete, else its status.
const responseEnds = {
	end_turn: 'completed',
	stop_sequence: 'completed',
	pause_turn: 'completed',
	tool_use: 'completed',
	max_tokens: 'max_output_tokens',
	model_context_window_exceeded: 'max_output_tokens',
	refusal: 'content_filter',
};

const stopOf = { anthropic: (stop) => stop, openai: (stop) => finishReasons[stop],
		 responses: (stop) => responseEnds[stop] };

// Codex repeats every status but 400, and 429 without a time: so Responses answers 400 to what is
// final, 429 with a time to what passes.
function refusalOf({ status, openai, headers }) {
	const [, code] = openai ?? [];
	const passes = [429, 500, 502, 504, 529].includes(status) || /\d/.test(headers['retry-after']);

	if (code === 'not_found' || code === 'method_not_allowed')
		return { status, headers };
	if (code === 'insufficient_quota')
		return { status: 429, headers: { ...headers, 'retry-after': '-' } };
	if (!passes)
		return { status: 400, headers };
	return { status: 429, headers: { 'retry-after': '/^[1-9][0-9]*$/', ...headers,
					 ...(headers['retry-after'] === '-' &&
					     { 'retry-after': '/^[1-9][0-9]*$/' }) } };
}

// The code of response.failed: three that Codex knows, or whether it shall try again.
function failureCode({ status, openai: [, code] }) {
	if (['context_length_exceeded', 'insufficient_quota', 'rate_limit_exceeded'].includes(code))
		return code;
	return status >= 500 && status !== 503 ? 'server_error' : 'invalid_prompt';
}

const isGood = (kind) => kind === 'answer' || kind === 'broken';

// ---- where a case runs ----

async function makePlace(standin, setup = {}) {
	const accounts = setup.accounts ?? [{ name: 'one', kind: 'social' }];
	const settings = Object.fromEntries(Object.entries(setup.settings ?? {}).map(([name, value]) =>
		[name, typeof value === 'string' ? value.replace('STANDIN', `127.0.0.1:${standin.port}`) :
						   value]));
	const installation = await makeInstallation({ standin, accounts, settings });

	if (setup.later)
		await standin.addAccounts(setup.later);
	if (setup.refresh)
		await standin.refresh(setup.refresh);
	if (setup.keys === false)
		installation.kiroctl(['key', 'remove', 'test']);
	for (const command of setup.commands ?? [])
		installation.kiroctl(command);
	return { standin, installation, fastcgi: null };
}

async function leavePlace({ installation, fastcgi }) {
	const ended = await fastcgi?.stop();

	installation.remove();
	/* Also says that no sanitizer complained. */
	if (fastcgi)
		assert.deepEqual(ended, { code: 0, signal: null }, fastcgi.log());
}

async function makeLane() {
	const shared = await makePlace(await startStandin());

	shared.fastcgi = await startFastcgi(shared.installation);
	return { shared, own: await startStandin() };
}

async function leaveLane(lane) {
	await leavePlace(lane.shared);
	await lane.shared.standin.stop();
	await lane.own.stop();
}

// Failures of the upstream leave traces on accounts; so they are never met on the shared place.
const needsOwnPlace = ({ setup, scripts, requests }) =>
	setup !== null || (Object.keys(scripts).length > 0 &&
			   requests.some(({ expect }) => expect.kind !== 'answer'));

async function enterPlace(lane, one, transport) {
	if (!needsOwnPlace(one))
		return lane.shared;
	await lane.own.reset();
	const place = await makePlace(lane.own, one.setup ?? {});

	if (transport === 'fastcgi')
		place.fastcgi = await startFastcgi(place.installation);
	return place;
}

// ---- how it runs ----

// The ways in which a request of a case is made: { transport, stream, chunking }.
function variantsOf(one, request) {
	const { body, isChat, expect } = request;
	const asked = body?.stream;
	const both = isChat && expect.kind !== 'reply' && asked === undefined &&
		     !Buffer.isBuffer(body) && body;
	const forms = both ? [true, false] : [asked];
	const cuttable = isChat && isGood(expect.kind) && forms[0] &&
			 Object.values(one.scripts).every((script) => !script.chunking && !script.cut_as);

	/* A refusal comes before the forms part: each transport with one of them is enough. */
	if (expect.kind === 'error' && both) {
		const streamed = request.dialect === 'anthropic';

		return [{ transport: 'cgi', stream: streamed }, { transport: 'fastcgi', stream: !streamed }];
	}
	return [
		...['cgi', 'fastcgi'].flatMap((transport) =>
			forms.map((stream) => ({ transport, stream }))),
		...(cuttable ? CHUNKINGS : []).map((chunking) =>
			({ transport: 'fastcgi', stream: true, chunking })),
	];
}

function bodyOf({ body, dialect, isChat }, { stream, chunking }) {
	if (!isChat || body === null || typeof body !== 'object' || Buffer.isBuffer(body))
		return body;
	const whole = stream === undefined ? body : { ...body, stream };

	/* One of the forms asks for the usage, the others show that it stays away unasked. */
	if (dialect === 'openai' && stream && !chunking && !body.stream_options)
		return { ...whole, stream_options: { include_usage: true } };
	return whole;
}

function headersOf({ dialect, headers, method }, key) {
	const all = {
		...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
		...(dialect === 'anthropic' ? { 'x-api-key': 'KEY', 'anthropic-version': '2023-06-01' } :
					      { authorization: 'Bearer KEY' }),
		...headers,
	};

	return Object.fromEntries(Object.entries(all)
		.filter(([, value]) => value !== '-')
		.map(([name, value]) => [name, value.replace('KEY', key)]));
}

function encode(body) {
	if (body === undefined || body === '' || Buffer.isBuffer(body))
		return body || undefined;
	return Buffer.from(JSON.stringify(body));
}

async function perform(lane, one, request, variant) {
	const place = await enterPlace(lane, one, variant.transport);
	const { standin, installation, fastcgi } = place;

	try {
		for (const [name, script] of Object.entries(one.scripts)) {
			await standin.script(name, variant.chunking && !script.http ?
						     { ...script, chunking: variant.chunking } : script);
		}
		await standin.clearRequests();
		await standin.clearStats();
		const body = bodyOf(request, variant);
		const message = { method: request.method, path: request.path, body: encode(body),
				  headers: headersOf(request, installation.key) };
		const answer = variant.transport === 'cgi' ? await requestCgi(installation, message) :
							     await fastcgi.request(message);
		const chats = await standin.chats({ wait: 2000 });

		return { answer, body, chats,
			 refreshes: (await standin.stats()).refresh.calls };
	} finally {
		if (place !== lane.shared)
			await leavePlace(place);
	}
}

async function runCase(lane, one) {
	const wrong = [];

	for (const request of one.requests) {
		let first = null;

		for (const variant of variantsOf(one, request)) {
			const label = [request.path, ...Object.entries(variant).flat()]
				.filter((word) => word !== undefined).join(' ');
			const run = await perform(lane, one, request, variant);
			const report = (text) => wrong.push(`${label}: ${text.item ?
				violates(one, label, text) : text}`);
			const meaning = checkRun(one, request, variant, run, report);

			first ??= meaning;
			if (first && meaning)
				compareAnswers(variant.chunking ? 50 : 15, first, meaning).forEach(report);
			if (wrong.length)
				wrong.push(`${label}: log:\n${run.answer.log}`);
		}
		if (wrong.length)
			break;
	}
	assert.equal(wrong.join('\n'), '');
}

// ---- what must have come out ----

// Returns the meaning of a good answer, to be compared with the other forms.
function checkRun(one, request, variant, run, report) {
	const { expect } = request;
	const { answer } = run;

	if (!answer.complete)
		report('the answer broke off');
	if (!/^req_\w+$/.test(answer.headers['request-id'] ?? ''))
		report(`request-id: ${answer.headers['request-id']}`);
	if (answer.headers['x-request-id'] !== answer.headers['request-id'])
		report(`x-request-id: ${answer.headers['x-request-id']}`);
	checkSent(one, run, report);
	if (expect.kind === 'reply')
		checkReply(expect, answer, report);
	else if (expect.kind === 'error' || (expect.kind === 'broken' && !variant.stream))
		checkError(expect, request, answer, report);
	else
		return checkAnswer(expect, request, variant, run, report);
	return undefined;
}

function checkSent({ sent, refreshes }, run, report) {
	const accounts = new Map();

	if (refreshes !== null && run.refreshes !== refreshes)
		report(`${run.refreshes} refreshes, not ${refreshes}`);
	if (!sent)
		return;
	if (run.chats.length !== sent.length)
		report(`${run.chats.length} requests reached the upstream, not ${sent.length}`);
	sent.slice(0, run.chats.length).forEach(({ account, headers, body }, at) => {
		const chat = run.chats[at];
		const known = accounts.get(account) ?? chat.account;

		mismatches(headers, chat.headers, 'sent').forEach(report);
		if (body !== undefined)
			mismatches(body, chat.body, `sent ${at}`).forEach(report);
		if (account && (known !== chat.account ||
				(!accounts.has(account) && [...accounts.values()].includes(chat.account))))
			report(`request ${at} went out with account ${chat.account}`);
		accounts.set(account, chat.account);
	});
}

function checkHeaders(expected, headers, report) {
	for (const [name, value] of Object.entries(expected)) {
		const wrong = mismatches(value === '-' ? '@absent' : value, headers[name], name);

		wrong.forEach(report);
	}
}

function parse(bytes, report) {
	try {
		return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
	} catch (error) {
		report(`no JSON: ${error.message}: ${bytes.subarray(0, 300)}`);
		return undefined;
	}
}

function checkReply(expect, answer, report) {
	if (answer.status !== expect.status)
		report(`status ${answer.status}: ${answer.body.subarray(0, 300)}`);
	checkHeaders(expect.headers, answer.headers, report);
	if (expect.body === '' && answer.body.length)
		report(`a body: ${answer.body.subarray(0, 300)}`);
	if (expect.body)
		mismatches(expect.body, parse(answer.body, report)).forEach(report);
}

function checkError(expect, { dialect, method }, answer, report) {
	const { status, headers } = dialect === 'responses' ? refusalOf(expect) : expect;

	if (answer.status !== status)
		report(`status ${answer.status}: ${answer.body.subarray(0, 300)}`);
	checkHeaders({ 'content-type': '/^application\\/json/', ...headers }, answer.headers, report);
	if (method === 'HEAD')
		return;
	const json = parse(answer.body, report);

	if (dialect === 'anthropic' && json) {
		checkErrorEnvelope(json).forEach(report);
		if (json.request_id !== answer.headers['request-id'])
			report(`request_id ${json.request_id}`);
	}
	checkErrorWords(expect, dialect, json?.error, report);
}

function checkErrorWords(expect, dialect, error, report) {
	if (dialect === 'anthropic' && expect.anthropic)
		mismatches({ type: expect.anthropic }, error, 'error').forEach(report);
	if (dialect !== 'anthropic' && expect.openai) {
		const [type, code] = expect.openai;

		mismatches({ message: '/./', type, code, param: expect.param ?? '@any' }, error, 'error')
			.forEach(report);
	}
	for (const message of expect.messages) {
		if (!error?.message?.includes(message))
			report(`message ${JSON.stringify(error?.message)} without "${message}"`);
	}
}

function checkAnswer(expect, request, variant, run, report) {
	const { dialect } = request;
	const { answer, body } = run;

	if (!variant.stream)
		return checkWhole(expect, dialect, answer, report);
	const transcript = {
		dialect, status: answer.status, headers: answer.headers, bytes: answer.body,
		complete: answer.complete, request: body,
		sent: { thinking: expect.thinking, text: expect.text, tools: expect.tools,
			end: expect.kind === 'answer' ? 'whole' : expect.end },
	};
	const meaning = readStream(transcript);

	seen.streams++;
	checkStream(transcript).forEach(report);
	checkMeaning(expect, dialect, meaning, report);
	if (expect.kind === 'broken' && dialect === 'responses')
		checkFailed(expect, meaning.error, report);
	else if (expect.kind === 'broken')
		checkErrorWords(expect, dialect, meaning.error, report);
	return meaning;
}

function checkFailed(expect, error, report) {
	if (expect.openai)
		mismatches({ code: failureCode(expect) }, error, 'error').forEach(report);
	checkErrorWords({ messages: expect.messages }, 'responses', error, report);
}

const wholeForms = {
	anthropic: { id: '/^msg_/', type: 'message', role: 'assistant', content: '@any' },
	openai: { id: '/^chatcmpl-/', object: 'chat.completion', created: '@any',
		  choices: [{ index: 0, message: { role: 'assistant' } }] },
	responses: { id: '/^resp_/', object: 'response', created_at: '@any', output: '@any' },
};

function checkWhole(expect, dialect, answer, report) {
	const json = parse(answer.body, report);

	if (answer.status !== 200)
		report(`status ${answer.status}: ${answer.body.subarray(0, 300)}`);
	if (!json || answer.status !== 200)
		return undefined;
	const wrong = mismatches(wholeForms[dialect], json);

	wrong.forEach(report);
	if (wrong.length)
		return undefined;
	const meaning = readWhole(dialect, json);

	checkMeaning(expect, dialect, meaning, report);
	return meaning;
}

const inputOf = (usage) => usage.input_tokens + (usage.cache_read_input_tokens ?? 0) +
			   (usage.cache_creation_input_tokens ?? 0);
const usageOf = {
	anthropic: (usage) => usage,
	openai: (usage) => ({ prompt_tokens: inputOf(usage), completion_tokens: usage.output_tokens }),
	responses: (usage) => ({ input_tokens: inputOf(usage), output_tokens: usage.output_tokens }),
};

function checkMeaning(expect, dialect, meaning, report) {
	const { thinking, text, signature, refusal, stop, usage } = expect;
	const pattern = {
		tools: expect.tools.filter((tool) => !tool.cut),
		refusal: refusal ?? '',
		stop: stopOf[dialect](stop),
	};

	if (meaning.thinking !== thinking || meaning.text !== text)
		report(`says ${JSON.stringify({ thinking: meaning.thinking, text: meaning.text })}`);
	if (signature !== undefined && dialect === 'anthropic')
		pattern.signature = signature;
	if (dialect === 'anthropic' && expect.kind === 'answer')
		pattern.stopSequence = expect.sequence ?? null;
	if (usage && meaning.usage)
		pattern.usage = usageOf[dialect](usage);
	if (expect.kind === 'broken')
		meaning = { ...meaning, tools: meaning.tools.slice(0, pattern.tools.length) };
	mismatches(pattern, meaning).forEach(report);
}

// ---- all of them ----

const cases = readCases(fileURLToPath(new URL('.', import.meta.url)), process.env.CASES);

describe('cases', { concurrency: LANES }, () => {
	const lanes = [];

	before(async () => {
		for (let i = 0; i < LANES; i++)
			lanes.push(await makeLane());
	});

	after(async () => {
		for (const lane of lanes)
			await leaveLane(lane);
	});

	for (const one of cases) {
		test(`${one.name}: ${one.what}`, async () => {
			const lane = lanes.pop();

			try {
				await runCase(lane, one);
			} finally {
				lanes.push(lane);
			}
		});
	}
});

describe('the contract over every case', () => testItems('every case', shown(), () => seen));
