// What one client asks, what the upstream will answer to it, and what may come of it: all chosen by
// chance before anything is sent, so that every answer can be judged exactly.
//
// Every text that the upstream sends for a request carries the request's own mark, and no other
// request's: an answer with a foreign mark is a crossing.

export const marks = /~[0-9a-f]{12}~/g;

const LARGE = 4000; /* lines of 1 KB: more than the sockets between hold */

const fillers = ['river', 'stone', '"quoted"', 'back\\slash', 'Größe', '漢字', '😀', 'line\nbreak',
		 'tab\there', '\u2028', '</answer>', 'data: [DONE]', '', 'z'.repeat(300)];

// weight: how often. bad: the upstream's answer is no whole one. first: HTTP answers before the good
// one, by so many tries. calm: happens in requests of which nothing may fail, too.
const faults = {
	none: { weight: 60, calm: true },
	late: { weight: 4, calm: true },         /* later than first_byte_hold */
	cut: { weight: 6, bad: 'failed' },       /* between two frames */
	torn: { weight: 6, bad: 'failed' },      /* inside a frame */
	damaged: { weight: 5, bad: 'failed' },   /* a wrong checksum */
	unmarked: { weight: 3, bad: 'unmarked' },
	stalled: { weight: 1, bad: 'failed' },
	exception: { weight: 4, bad: 'failed' }, /* inside the answer */
	rate: { weight: 3, first: [429, 'ThrottlingException', 'USER_REQUEST_RATE_EXCEEDED'] },
	quota: { weight: 0.3, first: [402, 'ServiceQuotaExceededException', 'MONTHLY_REQUEST_COUNT'] },
	broken: { weight: 3, first: [500, 'InternalServerException', null] },
	unavailable: { weight: 2, first: [503, 'ServiceUnavailableException', null] },
	dead: { weight: 1.5, first: [500, 'InternalServerException', null], always: true },
	refused: { weight: 1.5, first: [400, 'ValidationException', 'REQUEST_BODY_INVALID'], always: true },
};
const calmFaults = Object.fromEntries(Object.entries(faults).filter(([, { calm }]) => calm));
const weightsOf = (table) =>
	Object.fromEntries(Object.entries(table).map(([name, { weight }]) => [name, weight]));

const tool = { name: 'look', description: 'Looks.',
	       schema: { type: 'object', properties: { at: { type: 'string' } } } };

// Of each dialect: path, the body that asks `text`, and how tools stand in it.
const dialects = {
	anthropic: {
		path: '/v1/messages',
		body: (text) => ({ max_tokens: 4000, messages: [{ role: 'user', content: text }] }),
		tools: [{ name: tool.name, description: tool.description, input_schema: tool.schema }],
	},
	openai: {
		path: '/v1/chat/completions',
		body: (text) => ({ messages: [{ role: 'user', content: text }],
				   stream_options: undefined }),
		tools: [{ type: 'function', function: { name: tool.name, description: tool.description,
							parameters: tool.schema } }],
	},
	responses: {
		path: '/v1/responses',
		body: (text) => ({ input: text }),
		tools: [{ type: 'function', name: tool.name, description: tool.description,
			  parameters: tool.schema }],
	},
};

const say = (random, mark, most) => Array.from({ length: random.between(1, most) },
	() => `${mark} ${random.pick(fillers)} ${random.between(0, 9999)}\n`);

function makeAnswer(random, mark, shape) {
	const sent = { thinking: '', text: '', tools: [], end: 'whole' };
	const steps = [];

	if (shape === 'thinking') {
		sent.thinking = say(random, mark, 4).join('');
		steps.push({ thinking: sent.thinking, signature: 'c2ln', pieces: 3 });
	}
	if (shape === 'large') {
		const line = `${mark} ${'lorem ipsum '.repeat(80)}\n`;

		sent.text = line.repeat(LARGE);
		steps.push({ repeat: LARGE, steps: [{ text: line }] });
	} else if (shape !== 'call') {
		for (const text of say(random, mark, 14)) {
			sent.text += text;
			steps.push({ text });
		}
	}
	if (shape === 'call' || shape === 'both') {
		const input = { at: `${mark} ${random.pick(fillers)}` };

		sent.tools.push({ id: `tooluse_${mark.slice(1, -1)}`, name: tool.name, input });
		steps.push({ tool: { ...sent.tools[0], pieces: 3 } });
	}
	return { sent, steps };
}

// Spoils the answer at some step, which makes what is sent the beginning of what was to be.
function spoil(random, fault, answer, script) {
	const at = random.between(0, answer.steps.length - 1);
	const { steps } = script;

	answer.sent.end = faults[fault].bad;
	for (const call of answer.sent.tools)
		call.cut = fault !== 'unmarked';
	if (fault === 'unmarked') {
		script.trailer = false;
		return;
	}
	if (fault === 'torn')
		steps[at] = { text: 'x'.repeat(50), cut_after_bytes: random.between(1, 60) };
	else if (fault === 'damaged')
		steps[at] = { text: 'spoilt', bad_crc: random.pick(['message', 'prelude']) };
	else if (fault === 'stalled')
		steps[at] = { stall: true };
	else if (fault === 'exception')
		steps[at] = { exception: { type: 'internalServerException',
					   payload: { message: 'Encountered an unexpected error' } } };
	else
		steps[at] = { cut_here: true };
	steps.length = at + 1;
	script.trailer = false;
	script.cut_as = random.pick(['close', 'reset', 'clean']);
}

const refusal = ([status, type, reason]) => ({
	status,
	headers: status === 429 ? { 'retry-after': '1' } : {},
	body: { __type: `com.amazon.kiro.runtimeservice#${type}`, message: 'Told to fail.', reason },
});

// pace_ms: the longest time between two events. large: large answers may come, which slow readers take.
// Returns { mark, dialect, stream, path, body, scripts: { name: script }, sent, fault, manner, usage,
// failing }: failing when no whole answer can come.
export function makePlan(random, { calm, large, pace_ms: pace }) {
	const mark = `~${random.between(0, 0xFFFFFF).toString(16).padStart(6, '0')}` +
		     `${random.between(0, 0xFFFFFF).toString(16).padStart(6, '0')}~`;
	const name = `s${mark.slice(1, -1)}`;
	const manner = calm ? 'reads' :
		random.weighted({ reads: 91, leaves: 8, 'reads slowly': large ? 0.5 : 0 });
	const shape = manner === 'reads slowly' ? 'large' :
		random.weighted({ text: 5, thinking: 2, call: 2, both: 2 });
	/* The Messages API has a limit of tokens, which a large answer would meet. */
	const dialect = random.weighted({ anthropic: shape === 'large' ? 0 : 4, openai: 3,
					  responses: 3 });
	const stream = shape === 'large' || random.chance(0.8);
	const fault = random.weighted(weightsOf(calm || shape === 'large' ? calmFaults : faults));
	const { first, always, bad } = faults[fault];
	const answer = makeAnswer(random, mark, shape);
	/* More than the first event's estimate of it: usage only grows. */
	const usage = { input: random.between(1000, 9000), output: random.between(1, 900) };
	const script = {
		steps: answer.steps,
		pace_ms: shape === 'large' ? undefined : random.between(10, pace),
		chunking: random.chance(0.2) ? `random:${random.between(1, 1e6)}` : undefined,
		first_byte_delay_ms: fault === 'late' ? 3000 : undefined,
		trailer: { tokenUsage: { uncachedInputTokens: usage.input, outputTokens: usage.output,
					 totalTokens: usage.input + usage.output } },
	};
	const known = dialects[dialect];
	const body = {
		model: shape === 'thinking' ? 'claude-opus-4-8-thinking' : 'claude-opus-4-8',
		...known.body(`Say it @${name}@ ${'and more '.repeat(random.between(0, 40))}`),
		stream,
	};

	if (dialect === 'openai' && stream && random.chance(0.5))
		body.stream_options = { include_usage: true };
	if (shape === 'call' || shape === 'both')
		body.tools = known.tools;
	if (dialect === 'anthropic' && random.chance(0.3))
		body.metadata = { user_id: JSON.stringify({
			session_id: `talk-${random.between(0, 50)}` }) };
	if (bad)
		spoil(random, fault, answer, script);
	if (always)
		answer.sent = { thinking: '', text: '', tools: [], end: 'failed' };

	const scripts = { [name]: script };

	if (first) {
		scripts[name] = { http: refusal(first), ...always ? {} :
				  { times: 1, next: `${name}n` } };
		if (!always)
			scripts[`${name}n`] = script;
	}
	return { mark, dialect, stream, path: known.path, body: JSON.stringify(body),
		 request: body, scripts, sent: answer.sent, fault, manner, usage, shape,
		 failing: Boolean(bad || always) };
}
