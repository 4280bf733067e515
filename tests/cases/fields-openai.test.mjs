// Every field of Chat Completions and Responses that the client API reference names, with a wrong
// type and, where it has rules, wrong values: 400, the field's path in param and in the message. The
// body that the wrong value is put into is a good one, with all fields.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

const png = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9Q' +
	    'DwADhgGAWjR9awAAAABJRU5ErkJggg==';
const pdf = 'data:application/pdf;base64,JVBERi0xLjQK';
const parameters = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] };
const absent = Symbol('absent');
/* A wrong value that shows at another path. */
const at = (elsewhere, value) => ({ elsewhere, value });

// ---- Chat Completions ----

const f = { name: 'f', description: 'd', parameters, strict: true };

const chatBody = {
	model: 'claude-sonnet-4.5',
	messages: [
		{ role: 'system', content: [{ type: 'text', text: 'S' }] },
		{ role: 'developer', content: 'D' },
		{ role: 'user', name: 'bob', content: [
			{ type: 'text', text: 'hi' },
			{ type: 'image_url', image_url: { url: png, detail: 'low' } },
			{ type: 'image_url', image_url: png },
			{ type: 'file', file: { file_data: pdf, filename: 'a.pdf' } }] },
		{ role: 'assistant', refusal: null, reasoning_content: 'hm', content: [
			{ type: 'text', text: 'I call.' }, { type: 'refusal', refusal: 'No.' }],
		  tool_calls: [
			{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } },
			{ id: 'c2', type: 'custom', custom: { name: 'g', input: 'x' } }] },
		{ role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: 'r' }] },
		{ role: 'tool', tool_call_id: 'c2', content: 'r' },
		{ role: 'user', content: 'go on' }],
	stream: false,
	stream_options: { include_usage: true, include_obfuscation: false },
	max_tokens: 100, max_completion_tokens: 200,
	temperature: 1, top_p: 1, presence_penalty: 0, frequency_penalty: 0, seed: 7,
	logit_bias: { 50256: -100 }, logprobs: false, top_logprobs: 0, n: 1, stop: ['END'],
	tools: [{ type: 'function', function: f },
		{ type: 'custom', custom: { name: 'g', description: 'd', format: {
			type: 'grammar', grammar: { syntax: 'lark', definition: 'start: X' } } } }],
	tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [
		{ type: 'function', function: { name: 'f' } }, { type: 'custom', custom: { name: 'g' } }] } },
	parallel_tool_calls: true,
	response_format: { type: 'text' },
	reasoning_effort: 'none', verbosity: 'low', user: 'u', safety_identifier: 's',
	prompt_cache_key: 'p', prompt_cache_options: {}, prompt_cache_retention: '24h',
	metadata: { k: 'v' }, store: false, service_tier: 'auto', modalities: ['text'],
	prediction: { type: 'content', content: 'x' }, moderation: {},
	web_search_options: { search_context_size: 'low', user_location: null },
};

const chatFields = {
	model: [5, absent, '', []],
	messages: ['x', absent, [], at('messages.0', [7])],
	'messages.0.role': [7, absent, 'robot'],
	'messages.0.content': [7, at('messages.0.content.0', [7]), at('messages.0.content.0.type', [{
		type: 'image_url', image_url: png }])],
	'messages.0.content.0.type': [7, absent, 'poem'],
	'messages.0.content.0.text': [7, absent],
	'messages.1.content': [{}],
	'messages.2.name': [7],
	'messages.2.content': [7, absent],
	'messages.2.content.1.image_url': [7, absent],
	'messages.2.content.1.image_url.url': [7, absent, 'data:image/png,abc', 'data:image/png;base64,',
					       'data:image/png;base64,!!!!', 'data:image/png;base64,AAAA',
					       'https://example.com/x.png', 'ftp://example.com/x.png'],
	'messages.2.content.1.image_url.detail': [7, 'huge'],
	'messages.2.content.2.image_url': ['x', 'data:image/png;base64,AAAA'],
	'messages.2.content.3.file': [7, absent],
	'messages.2.content.3.file.file_data': [7, absent, 'data:application/pdf;base64,!', '',
						'data:application/pdf;base64,AAAA'],
	'messages.2.content.3.file.filename': [7],
	'messages.2.content.3.file.file_id': ['file-1'],
	'messages.2.content.0': [7, at('messages.2.content.0.input_audio', {
		type: 'input_audio', input_audio: { data: 'AAAA', format: 'wav' } })],
	'messages.3.content': [7],
	'messages.3.content.1.refusal': [7, absent],
	'messages.3.refusal': [7],
	'messages.3.reasoning_content': [7],
	'messages.3.audio': [{ id: 'audio_1' }],
	'messages.3.tool_calls': ['x', at('messages.3.tool_calls.0', [7])],
	'messages.3.tool_calls.0.id': [7, absent, ''],
	'messages.3.tool_calls.0.type': [7, 'odd'],
	'messages.3.tool_calls.0.function': ['x', absent],
	'messages.3.tool_calls.0.function.name': [7, absent, ''],
	'messages.3.tool_calls.0.function.arguments': [{}],
	'messages.3.tool_calls.1.custom': ['x', absent],
	'messages.3.tool_calls.1.custom.name': [7, absent, ''],
	'messages.3.tool_calls.1.custom.input': [{}],
	'messages.4.tool_call_id': [7, absent, ''],
	'messages.4.content': [7],
	stream: ['yes', 1],
	stream_options: [true],
	'stream_options.include_usage': ['yes'],
	'stream_options.include_obfuscation': ['yes'],
	max_tokens: ['x', 0, -1, 1.5],
	max_completion_tokens: ['x', 0, 1e12],
	temperature: ['x', -0.1, 2.1],
	top_p: ['x', -0.1, 1.1],
	presence_penalty: ['x', -2.1, 2.1],
	frequency_penalty: ['x', -2.1, 2.1],
	seed: ['x', 1.5],
	logit_bias: [[], at('logit_bias.50256', { 50256: 'x' })],
	logprobs: ['x', true],
	top_logprobs: ['x', -1, 21, 5],
	n: ['x', 0, 129, 2],
	stop: [7, at('stop.0', [7]), ['a', ''], ['1', '2', '3', '4', '5']],
	tools: [{}, at('tools.0', [7])],
	'tools.0.type': [7, absent, 'mcp'],
	'tools.0.function': [absent],
	'tools.0.function.name': [7, absent, '', 'x'.repeat(129)],
	'tools.0.function.description': [7],
	'tools.0.function.parameters': [[], 'x', { anyOf: [] }],
	'tools.0.function.parameters.type': ['string'],
	'tools.0.function.parameters.properties': [[]],
	'tools.0.function.parameters.required': [{}],
	'tools.0.function.strict': ['x'],
	'tools.1.custom': [absent],
	'tools.1.custom.name': [7, absent, ''],
	'tools.1.custom.description': [7],
	'tools.1.custom.format': ['x'],
	'tools.1.custom.format.type': [7, 'xml'],
	'tools.1.custom.format.grammar': [7],
	'tools.1.custom.format.grammar.syntax': [7, 'bnf'],
	'tools.1.custom.format.grammar.definition': [7],
	tool_choice: [7, 'sometimes'],
	'tool_choice.type': [7, 'mcp', absent],
	'tool_choice.allowed_tools': [7],
	'tool_choice.allowed_tools.mode': [7, 'none', 'sometimes'],
	'tool_choice.allowed_tools.tools': [7],
	'tool_choice.allowed_tools.tools.0.type': [7, absent, 'mcp'],
	'tool_choice.allowed_tools.tools.0.function': [absent],
	'tool_choice.allowed_tools.tools.0.function.name': [7, absent, 'h'],
	'tool_choice.allowed_tools.tools.1.custom.name': [7, absent, 'h'],
	parallel_tool_calls: ['x', 1],
	response_format: ['x', at('response_format.json_schema.schema', {
		type: 'json_schema', json_schema: { name: 'n', schema: 7 } }),
			  at('response_format.json_schema.name', {
				  type: 'json_schema', json_schema: { name: 7, schema: {} } }),
			  at('response_format.json_schema.strict', {
				  type: 'json_schema', json_schema: { name: 'n', strict: 7 } }),
			  at('response_format.json_schema.description', {
				  type: 'json_schema', json_schema: { name: 'n', description: 7 } }),
			  at('response_format.json_schema', { type: 'json_schema', json_schema: 7 })],
	'response_format.type': [7, absent, 'xml'],
	reasoning_effort: [7, 'huge'],
	verbosity: [7, 'chatty'],
	user: [7],
	safety_identifier: [7],
	prompt_cache_key: [7],
	prompt_cache_options: ['x'],
	prompt_cache_retention: [7, '48h'],
	metadata: ['x', at('metadata.k', { k: 7 })],
	store: ['x'],
	service_tier: [7, 'gold'],
	modalities: ['x', ['text', 'audio'], [7]],
	audio: [7, { voice: 'v', format: 'wav' }],
	prediction: ['x'],
	'prediction.type': [7, 'poem'],
	moderation: ['x'],
	web_search_options: ['x'],
	'web_search_options.search_context_size': [7, 'huge'],
	'web_search_options.user_location': [
		'x', at('web_search_options.user_location.approximate', { approximate: 7 }),
		at('web_search_options.user_location.approximate.city', { approximate: { city: 7 } })],
};

// The deprecated members, which cannot stand beside their successors.
const legacyBody = {
	model: 'claude-sonnet-4.5',
	messages: [
		{ role: 'user', content: 'hi' },
		{ role: 'assistant', content: null, function_call: { name: 'f', arguments: '{}' } },
		{ role: 'function', name: 'f', content: 'r' }],
	functions: [{ name: 'f', description: 'd', parameters }],
	function_call: { name: 'f' },
};

const legacyFields = {
	'messages.1.function_call': ['x'],
	'messages.1.function_call.name': [7, absent, ''],
	'messages.1.function_call.arguments': [{}],
	'messages.2.name': [7, absent, ''],
	'messages.2.content': [7],
	functions: ['x', at('functions.0', [7])],
	'functions.0.name': [7, absent, ''],
	'functions.0.description': [7],
	'functions.0.parameters': [7],
	function_call: [7, 'sometimes'],
	'function_call.name': [7, absent, 'g'],
};

// ---- Responses ----

const flat = { type: 'function', ...f, defer_loading: false, allowed_callers: ['direct'],
	       output_schema: parameters };

const responsesBody = {
	model: 'claude-sonnet-4.5', instructions: 'I',
	input: [
		{ type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'D' }] },
		{ role: 'user', content: [
			{ type: 'input_text', text: 'hi' },
			{ type: 'input_image', image_url: png, detail: 'auto' },
			{ type: 'input_file', file_data: pdf, filename: 'a.pdf' }] },
		{ type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }],
		  content: null, encrypted_content: 'gAAA' },
		{ type: 'message', id: 'msg_1', role: 'assistant', status: 'completed', phase: 'commentary', content: [
			{ type: 'output_text', text: 'I call.', annotations: [] },
			{ type: 'refusal', refusal: 'No.' }] },
		{ type: 'function_call', id: 'fc_1', call_id: 'c1', name: 'f', namespace: 'ns',
		  arguments: '{}', status: 'completed' },
		{ type: 'function_call_output', call_id: 'c1', output: [
			{ type: 'input_text', text: 'r' }, { type: 'input_image', image_url: png }] },
		{ type: 'custom_tool_call', call_id: 'c2', name: 'g', input: 'x' },
		{ type: 'custom_tool_call_output', call_id: 'c2', output: 'r' },
		{ type: 'additional_tools', role: 'developer', tools: [{ ...flat, name: 'more' }] },
		{ role: 'user', content: 'go on' }],
	tools: [flat,
		{ type: 'namespace', name: 'ns', description: 'd', tools: [flat] },
		{ type: 'custom', name: 'g', description: 'd',
		  format: { type: 'grammar', syntax: 'lark', definition: 'start: X' } },
		{ type: 'web_search', search_context_size: 'low', user_location: null,
		  external_web_access: true, filters: { allowed_domains: ['a.example'] } },
		{ type: 'tool_search', execution: 'client', description: 'd', parameters }],
	tool_choice: { type: 'allowed_tools', mode: 'auto', tools: [{ type: 'function', name: 'f' }] },
	parallel_tool_calls: true, stream: false, store: false, background: false,
	stream_options: { include_obfuscation: false },
	reasoning: { effort: 'none', summary: 'auto', context: 'all_turns', mode: 'standard' },
	context_management: [{ type: 'compaction', compact_threshold: 1000 }],
	include: ['reasoning.encrypted_content'],
	prompt_cache_key: 'p', text: { verbosity: 'low', format: { type: 'text' } },
	client_metadata: { a: 'b' }, max_output_tokens: 100, temperature: 1, top_p: 1, top_logprobs: 0,
	metadata: { k: 'v' }, user: 'u', truncation: 'auto', service_tier: 'auto', max_tool_calls: 3,
	safety_identifier: 's', prompt_cache_retention: '24h',
};

const responsesFields = {
	model: [5, absent, ''],
	instructions: [7, at('instructions.0', [7])],
	input: [7, absent, at('input.0', [7])],
	'input.0.type': [7, 'local_shell_call', 'item_reference', 'compaction'],
	'input.0.role': [7, absent, 'robot'],
	'input.0.content': [7, at('input.0.content.0.type', [{ type: 'input_image', image_url: png }])],
	'input.0.content.0.type': [7, absent, 'poem'],
	'input.0.content.0.text': [7, absent],
	'input.1.content': [7, absent],
	'input.1.content.1.image_url': [7, absent, 'data:image/png,abc', 'https://example.com/x.png'],
	'input.1.content.1.detail': [7, 'huge'],
	'input.1.content.1.file_id': ['file-1'],
	'input.1.content.2.file_data': [7, absent, '!', 'data:application/pdf;base64,AAAA'],
	'input.1.content.2.filename': [7],
	'input.1.content.2.file_url': ['https://example.com/a.pdf'],
	'input.1.content.2.file_id': ['file-1'],
	'input.2.id': [7],
	'input.3.phase': [7],
	'input.2.summary': [7, at('input.2.summary.0', [7])],
	'input.2.summary.0.text': [7, absent],
	'input.2.content': [7],
	'input.2.encrypted_content': [7],
	'input.3.id': [7],
	'input.3.status': [7, 'asleep'],
	'input.3.content.1.refusal': [7, absent],
	'input.4.call_id': [7, absent, ''],
	'input.4.name': [7, absent, ''],
	'input.4.namespace': [7],
	'input.4.arguments': [{}],
	'input.4.status': [7, 'asleep'],
	'input.5.call_id': [7, absent, ''],
	'input.5.output': [7, at('input.5.output.0', [7])],
	'input.5.output.0.text': [7],
	'input.6.call_id': [7, absent, ''],
	'input.6.name': [7, absent],
	'input.6.input': [{}],
	'input.7.call_id': [7, absent, ''],
	'input.7.output': [{}],
	'input.8.tools': [{}, at('input.8.tools.0', [7])],
	'input.8.tools.0.name': [7, absent],
	tools: [{}, at('tools.0', [7])],
	'tools.0.type': [7, absent, 'mcp', 'file_search'],
	'tools.0.name': [7, absent, '', 'x'.repeat(129)],
	'tools.0.description': [7],
	'tools.0.parameters': [7, { oneOf: [] }],
	'tools.0.strict': ['x'],
	'tools.0.defer_loading': ['x'],
	'tools.0.allowed_callers': ['x', at('tools.0.allowed_callers.0', [7])],
	'tools.0.output_schema': ['x'],
	'tools.1.name': [7, absent, ''],
	'tools.1.description': [7],
	'tools.1.tools': [7],
	'tools.1.tools.0.type': [7, absent, 'namespace'],
	'tools.1.tools.0.name': [7, absent],
	'tools.2.name': [7, absent],
	'tools.2.format': ['x'],
	'tools.2.format.type': [7, 'xml'],
	'tools.2.format.syntax': [7, 'bnf'],
	'tools.2.format.definition': [7],
	'tools.3.search_context_size': [7, 'huge'],
	'tools.3.user_location': ['x', at('tools.3.user_location.type', { type: 'exact' }),
				  at('tools.3.user_location.country', { country: 7 })],
	'tools.3.external_web_access': ['x'],
	'tools.3.filters': ['x'],
	'tools.3.filters.allowed_domains': ['x', at('tools.3.filters.allowed_domains.0', [7])],
	'tools.3.filters.blocked_domains': ['x', ['b.example']],
	'tools.4.execution': [7, at('tools.4.type', 'server')],
	'tools.4.description': [7],
	tool_choice: [7, 'sometimes'],
	'tool_choice.type': [7, absent, 'file_search'],
	'tool_choice.mode': [7, 'none'],
	'tool_choice.tools': [7],
	'tool_choice.tools.0.name': [7, absent, 'h'],
	parallel_tool_calls: ['x'],
	stream: ['yes'],
	stream_options: [7],
	'stream_options.include_obfuscation': ['x'],
	store: ['x'],
	background: ['x', true],
	reasoning: ['x'],
	'reasoning.effort': [7, 'huge'],
	'reasoning.summary': [7, 'long'],
	'reasoning.context': [7],
	'reasoning.mode': [7],
	context_management: ['x', at('context_management.0', [7]), at('context_management.0.type', [{}])],
	include: ['x', at('include.0', [7]), at('include.0', ['message.output_text.logprobs'])],
	prompt_cache_key: [7],
	text: ['x'],
	'text.verbosity': [7, 'chatty'],
	'text.format': [7, at('text.format.schema', { type: 'json_schema', name: 'n', schema: 7 }),
			at('text.format.name', { type: 'json_schema', name: 7, schema: {} })],
	'text.format.type': [7, absent, 'xml'],
	client_metadata: ['x', at('client_metadata.a', { a: 7 })],
	max_output_tokens: ['x', 0, 1.5],
	temperature: ['x', 3],
	top_p: ['x', 2],
	top_logprobs: ['x', 21, 2],
	metadata: ['x', at('metadata.k', { k: 7 })],
	user: [7],
	truncation: [7, 'some'],
	service_tier: [7, 'gold'],
	max_tool_calls: ['x', 0],
	safety_identifier: [7],
	prompt_cache_retention: [7, '48h'],
	previous_response_id: [7, 'resp_1'],
	conversation: [7, 'conv_1'],
	prompt: ['x', { id: 'pmpt_1' }],
};

// ---- the rows ----

// A copy of the body with another value at the path.
function put(body, path, value) {
	const copy = JSON.parse(JSON.stringify(body));
	const keys = path.split('.');
	const last = keys.pop();
	const inner = keys.reduce((node, key) => node[key], copy);

	if (value === absent)
		delete inner[last];
	else
		inner[last] = value;
	return copy;
}

const suites = [
	['Chat Completions', '/v1/chat/completions', chatBody, chatFields],
	['Chat Completions\' legacy members', '/v1/chat/completions', legacyBody, legacyFields],
	['Responses', '/v1/responses', responsesBody, responsesFields],
];

describe('fields of the OpenAI APIs', { timeout: 60000 }, () => {
	let standin, installation, responder;

	before(async () => {
		standin = await startStandin();
		installation = await makeInstallation({ standin,
							accounts: [{ name: 'one', kind: 'social' }] });
		responder = await startFastcgi(installation);
		await standin.script('default', { steps: [{ text: 'ok' }] });
	});
	after(async () => {
		await responder?.stop();
		await standin?.stop();
		installation?.remove();
	});

	async function ask(path, body) {
		const answer = await responder.request({
			method: 'POST', path, body: Buffer.from(JSON.stringify(body)),
			headers: { 'content-type': 'application/json',
				   authorization: `Bearer ${installation.key}` },
		});

		return { status: answer.status, json: JSON.parse(answer.body.toString()) };
	}

	for (const [api, path, body, fields] of suites) {
		test(`${api}: a good body is taken, and one with a null for each optional field`, async () => {
			const needed = ['model', 'messages', 'input', 'tools', 'functions'];
			const { status, json } = await ask(path, body);

			assert.equal(status, 200, JSON.stringify(json));
			for (const field of Object.keys(fields).filter((name) => !name.includes('.'))) {
				if (needed.includes(field))
					continue;
				const nulled = await ask(path, put(body, field, null));

				assert.equal(nulled.status, 200, `${field}: ${JSON.stringify(nulled.json)}`);
			}
		});

		test(`${api}: a wrong field is named`, async () => {
			const wrong = [];

			for (const [field, values] of Object.entries(fields)) {
				for (const value of values) {
					const { elsewhere: param, value: put_ } =
						value?.elsewhere ? value : { elsewhere: field, value };
					const { status, json: { error } } =
						await ask(path, put(body, field, put_));

					if (status !== 400 || error.type !== 'invalid_request_error' ||
					    error.param !== param || !error.message.includes(param))
						wrong.push(`${param} = ${String(JSON.stringify(put_))}: ` +
							   `${status} ${JSON.stringify(error)}`);
				}
			}
			assert.equal(wrong.join('\n'), '');
		});
	}

	test('an unknown model has its code', async () => {
		const chat = await ask('/v1/chat/completions', put(chatBody, 'model', 'nobody'));
		const responses = await ask('/v1/responses', put(responsesBody, 'model', 'nobody'));

		assert.deepEqual([chat.status, responses.status], [404, 400]);
		for (const { json: { error } } of [chat, responses])
			assert.equal(error.code, 'model_not_found');
	});
});
