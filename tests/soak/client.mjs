// One client: asks, reads to the end (or leaves, or reads slowly), and judges what came.
import http from 'node:http';

import { checkErrorEnvelope, checkStream, readStream, readWhole } from '../lib/contract.mjs';
import { shorten } from '../lib/sse.mjs';
import { errorsOf, readTranscript } from '../lib/transcript.mjs';
import { marks } from './plan.mjs';

const HANGS_MS = 240000; /* far above any time that the settings of the soak allow */
const SLOW_PIECE = 256 * 1024, SLOW_PAUSE_MS = 300;

// Resolves with { status, headers, bytes, complete, left, error }; never fails. leave_after: hang up
// after so many ms. slowly: stop reading again and again.
export function ask({ port, path, headers, body, leave_after: leaveAfter, slowly }) {
	return new Promise((resolve) => {
		const result = { status: 0, headers: {}, complete: false, left: false, pieces: [] };
		const timers = [];
		let over = false;
		const sent = http.request({ host: '127.0.0.1', port, path, method: 'POST', agent: false,
					    headers: { 'content-type': 'application/json',
						       'content-length': Buffer.byteLength(body),
						       ...headers } });
		const end = (changes) => {
			if (over)
				return;
			over = true;
			timers.forEach(clearTimeout);
			Object.assign(result, changes, { bytes: Buffer.concat(result.pieces) });
			sent.destroy();
			resolve(result);
		};

		timers.push(setTimeout(() => end({ error: 'hangs' }), HANGS_MS));
		if (leaveAfter !== undefined)
			timers.push(setTimeout(() => end({ left: true }), leaveAfter));
		sent.once('error', (error) => end({ error: error.code ?? error.message }));
		sent.once('response', (answer) => {
			let unread = 0;

			result.status = answer.statusCode;
			result.headers = answer.headers;
			answer.on('data', (piece) => {
				result.pieces.push(piece);
				unread += piece.length;
				if (!slowly || unread < SLOW_PIECE)
					return;
				unread = 0;
				answer.pause();
				timers.push(setTimeout(() => answer.resume(), SLOW_PAUSE_MS));
			});
			answer.once('end', () => end({ complete: answer.complete }));
			answer.once('error', (error) => end({ error: error.code ?? error.message }));
			answer.once('close', () => end({ error: 'cut' }));
		});
		sent.end(body);
	});
}

function checkEnvelope(dialect, json) {
	if (dialect === 'anthropic')
		return checkErrorEnvelope(json);
	return typeof json?.error?.message === 'string' && typeof json.error.type === 'string' ?
		[] : ['no error.message and error.type'];
}

function parse(text) {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

function foreignMarks(plan, bytes) {
	const found = new Set(bytes.toString('latin1').match(marks) ?? []);

	found.delete(plan.mark);
	return [...found].map((mark) => `carries the mark ${mark} of another request`);
}

function checkMeaning(plan, got) {
	const wrong = [];

	for (const member of ['text', 'thinking']) {
		if (got[member] !== plan.sent[member])
			wrong.push(`${member} is ${shorten(got[member])}, upstream said ` +
				   shorten(plan.sent[member]));
	}
	if (JSON.stringify(got.tools.map(({ input }) => input)) !==
	    JSON.stringify(plan.sent.tools.map(({ input }) => input)))
		wrong.push(`calls ${shorten(got.tools)}`);
	return wrong.concat(checkUsage(plan, got.usage));
}

function checkUsage(plan, usage) {
	const input = usage?.input_tokens ?? usage?.prompt_tokens;
	const output = usage?.output_tokens ?? usage?.completion_tokens;

	if (!usage || (input === plan.usage.input && output === plan.usage.output))
		return [];
	return [`usage ${shorten(usage)}, upstream said ${shorten(plan.usage)}`];
}

// The answer had begun when it turned out that no account is free: a failure of the request, told
// as it must be, before the upstream said anything.
function isLateRefusal(stream) {
	const got = readStream(stream);

	return errorsOf(readTranscript(stream)).length === 1 && !got.text && !got.thinking &&
	       !got.tools.length;
}

function judgeStream(plan, answer) {
	/* Where all of a stream is there at once, lighttpd sends it with its length. */
	const headers = { ...answer.headers, 'content-length': undefined };
	const stream = { dialect: plan.dialect, request: plan.request, sent: plan.sent, ...answer,
			 headers };
	const late = !plan.failing && isLateRefusal(stream);
	const wrong = checkStream(late ? { ...stream, sent: undefined } : stream)
		.map(({ item, text }) => `contract ${item}: ${text}`);

	if (late)
		return { outcome: 'refused late', wrong };
	if (plan.failing)
		return { outcome: 'error event', wrong };
	return { outcome: 'whole', wrong: wrong.concat(checkUsage(plan, readStream(stream).usage)) };
}

function judgeWhole(plan, answer) {
	const json = parse(answer.bytes.toString());

	if (!json)
		return { outcome: 'whole', wrong: ['a 200 answer that is no JSON'] };
	if (plan.failing)
		return { outcome: 'whole', wrong: ['status 200, and the upstream failed'] };
	return { outcome: 'whole', wrong: checkMeaning(plan, readWhole(plan.dialect, json)) };
}

// Statuses of a failure that the gateway itself tells: where the plan fails, that failure's; else
// there may be no account free at the moment.
function judgeRefusal(plan, answer, may) {
	const json = parse(answer.bytes.toString());
	const wrong = checkEnvelope(plan.dialect, json);
	const allowed = [429, 529, ...plan.failing ? [500, 502, 503, 504] : [],
			 ...plan.fault === 'refused' ? [400] : [], ...may];

	if (!allowed.includes(answer.status))
		wrong.push(`status ${answer.status}: ${shorten(answer.bytes.toString(), 400)}`);
	return { outcome: `${answer.status}`, wrong, why: plan.failing ? undefined :
		`${answer.status} ${json?.error?.message}`.replace(/acc_[\w-]+|\S*\d\S*Z|\d+/g, '#') };
}

// may: { cut: the responder was killed meanwhile, statuses: others that are right now }.
// Returns { outcome, wrong: [text], why }: why a request was refused that might have been served.
export function judge(plan, answer, may) {
	const foreign = foreignMarks(plan, answer.bytes);
	const own = Boolean(answer.headers['request-id'] ?? answer.headers['x-request-id']);
	let verdict;

	if (answer.left)
		verdict = { outcome: 'left', wrong: [] };
	else if (answer.error === 'hangs')
		verdict = { outcome: 'hangs', wrong: [`no end after ${HANGS_MS / 1000} s`] };
	else if (!answer.complete || (answer.status !== 200 && !own))
		verdict = { outcome: may.cut ? 'killed' : 'cut', wrong: may.cut ? [] :
			[`cut (${answer.error ?? 'no end'}), status ${answer.status}, after ` +
			 `${answer.bytes.length} bytes: ${shorten(answer.bytes.toString().slice(-300), 400)}`] };
	else if (answer.status !== 200)
		verdict = judgeRefusal(plan, answer, may.statuses);
	else
		verdict = plan.stream ? judgeStream(plan, answer) : judgeWhole(plan, answer);
	return { ...verdict, wrong: foreign.concat(verdict.wrong) };
}
