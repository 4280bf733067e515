// Every field of a Messages request that the client API reference names in its sections 1.4 (the
// body) and 1.5 (messages, blocks, tools): a value of a wrong type, and one that is wrong though of
// the right type, are refused with the field's dotted path; a good one is taken. All against one
// long-lived process, which no refusal may harm.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { checkErrorEnvelope } from '../lib/contract.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const pdf = Buffer.from('%PDF-1.4\n').toString('base64');
const none = Symbol('none'); /* no value of the right type is wrong, or no good one is served */

const hi = { role: 'user', content: 'hi' };
const base = { model: 'claude-opus-4.8', max_tokens: 3000, messages: [hi] };
const schema = { type: 'object', properties: {} };
const tool = { name: 'f', input_schema: schema };
const call = { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} };
const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'done' };

const withTool = { ...base, tools: [tool] };
const user = (block) => ({ ...base, messages: [{ role: 'user', content: [block] }] });
const answered = (block) => ({ ...withTool, messages: [
	hi, { role: 'assistant', content: [block] }, hi] });
const called = (assistant, user_) => ({ ...withTool, messages: [
	hi, { role: 'assistant', content: [assistant] }, { role: 'user', content: [user_] }] });
const offered = (tool_) => ({ ...base, tools: [tool_] });
const systemMessage = (more) => ({ ...withTool, messages: [
	hi, { role: 'system', content: 'Be brief.', ...more }] });

// What every block and tool may have: [wrong type, wrong value, a good one].
const cacheControl = {
	cache_control: ['ephemeral', {}, { type: 'ephemeral' }, 'cache_control'],
	'cache_control.type': [5, 'eternal', 'ephemeral'],
	'cache_control.ttl': [5, '2h', '1h'],
};
const toolFields = {
	...cacheControl,
	strict: ['yes', none, true],
	defer_loading: ['yes', none, false],
	input_examples: [{}, [5], [{ a: 1 }]],
	allowed_callers: ['direct', [5], ['direct']],
};

// { of: where the reference tells of it, body: a good request, at: where the fields stand in it,
// says: how errors call that place, fields: { name: [wrong type, wrong value, good, says] } }
const groups = [{
	of: '1.4', body: { ...base, tools: [tool] }, at: '', says: '', fields: {
		model: [5, '', 'claude-opus-4.8'],
		max_tokens: ['ten', -1, 100],
		messages: [{}, [], [hi]],
		system: [5, [{ type: 'image' }], [{ type: 'text', text: 'Be brief.' }]],
		stream: ['yes', none, true],
		stop_sequences: ['END', [' '], ['END']],
		temperature: ['hot', 1.5, 1],
		top_p: [[], -0.5, 0.9],
		top_k: ['5', 2.5, 40],
		metadata: ['me', none, {}],
		'metadata.user_id': [5, none, 'user_1'],
		tools: [{}, [5], [tool]],
		tool_choice: ['auto', { type: 'sometimes' }, { type: 'any' }],
		'tool_choice.type': [5, none, 'auto'],
		'tool_choice.disable_parallel_tool_use': ['yes', none, true],
		thinking: ['on', { type: 'loud' }, { type: 'adaptive' }],
		'thinking.type': [5, none, 'adaptive'],
		'thinking.display': [5, 'loud', 'updates'],
		'thinking.block_binding': [5, { prefix_mismatch_behavior: 'x' }, {}],
		output_config: ['json', none, {}],
		'output_config.effort': [5, 'huge', 'xhigh'],
		'output_config.format': ['json', { type: 'xml' }, { type: 'json_schema', schema }],
		'output_config.task_budget': [5, { type: 'days', total: 1 }, { type: 'tokens', total: 9000 }],
		output_format: [5, { type: 'xml' }, { type: 'json_schema', schema }],
		service_tier: [5, 'gold', 'standard_only'],
		speed: [5, 'warp', 'fast'],
		...cacheControl,
		context_management: [[], none, {}],
		'context_management.edits': [{}, [5], []],
		container: [5, { skills: [5] }, { id: 'container_1' }],
		'container.id': [5, none, 'container_1'],
		'container.skills': [{}, [{ type: 'own', skill_id: 's' }], []],
		mcp_servers: [{}, [{ type: 'url', name: 'x', url: 'https://x/' }], []],
		safeguards: [{}, [5], [{ type: 'dangerous_tool_use' }]],
		diagnostics: [5, { previous_message_id: 5 }, { previous_message_id: null }],
		inference_geo: [5, none, 'eu'],
		fallbacks: [5, 'all', 'default'],
		fallback_credit_token: [5, none, 'token'],
		billing_policy: [5, {}, { type: 'billing_policy' }],
		compaction: [5, { type: 'summarize' }, none],
		thread: [5, { type: 'continue' }, none],
		tags: [5, none, {}],
	},
}, {
	of: '1.4 tool_choice', body: { ...withTool, tool_choice: { type: 'tool', name: 'f' } },
	at: 'tool_choice', says: 'tool_choice', fields: { name: [5, 'g', 'f'] },
}, {
	of: '1.4 thinking', body: { ...base, thinking: { type: 'enabled', budget_tokens: 2000 } },
	at: 'thinking', says: 'thinking.enabled', fields: {
		budget_tokens: ['much', 5, 1024],
	},
}, {
	of: '1.4 output_config.format',
	body: { ...base, output_config: { format: { type: 'json_schema', schema } } },
	at: 'output_config.format', says: 'output_config.format', fields: {
		type: [5, 'xml', 'json_schema'],
		schema: ['{}', none, schema],
	},
}, {
	of: '1.4 output_config.task_budget',
	body: { ...base, output_config: { task_budget: { type: 'tokens', total: 9000 } } },
	at: 'output_config.task_budget', says: 'output_config.task_budget', fields: {
		type: [5, 'days', 'tokens'], total: ['all', 0, 1], remaining: ['all', 0.5, 5],
	},
}, {
	of: '1.4 context_management',
	body: { ...base, context_management: { edits: [{ type: 'clear_thinking_20251015' }] } },
	at: 'context_management.edits.0', says: 'context_management.edits.0', fields: {
		type: [5, '', 'compact_20260112'],
		keep: [5, 'some', 'all'],
		'keep.type': [5, '', 'thinking_turns'],
		trigger: [5, {}, { type: 'input_tokens', value: 1000 }],
	},
}, {
	of: '1.4 context_management.keep',
	body: { ...base, context_management: { edits: [
		{ type: 'clear_thinking_20251015', keep: { type: 'thinking_turns', value: 1 } }] } },
	at: 'context_management.edits.0.keep', says: 'context_management.edits.0.keep',
	fields: { value: ['one', -1, 2] },
}, {
	of: '1.4 container',
	body: { ...base, container: { skills: [{ type: 'custom', skill_id: 's' }] } },
	at: 'container.skills.0', says: 'container.skills.0', fields: {
		type: [5, 'own', 'anthropic'], skill_id: [5, '', 's'], version: [5, none, '1'],
	},
}, {
	of: '1.4 safeguards', body: { ...base, safeguards: [{ type: 'dangerous_tool_use' }] },
	at: 'safeguards.0', says: 'safeguards.0', fields: {
		type: [5, '', 'dangerous_tool_use'], classifier_context: [5, none, {}],
	},
}, {
	of: '1.5', body: base, at: 'messages.0', says: 'messages.0', fields: {
		role: [5, 'robot', 'user'],
		content: [5, [], 'hi'],
		clear_at: [5, 'noon', 'never'],
		output_config: [5, none, {}],
		'output_config.effort': [5, 'huge', 'low'],
	},
}, {
	of: '1.5 system message', body: systemMessage(), at: 'messages.1', says: 'messages.1', fields: {
		content: [5, [{ type: 'image' }], [], 'content'],
		clear_at: [5, 'noon', 'next_user_message'],
		'output_config.effort': [5, 'huge', 'max'],
	},
}, {
	of: '1.5 system message tool_addition',
	body: systemMessage({ content: [{ type: 'tool_addition', tool: { type: 'tool_reference', name: 'f' } }] }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.tool_addition', fields: {
		...cacheControl,
		tool: [5, {}, { type: 'tool_reference', name: 'f' }],
		'tool.type': [5, 'tool_definition', 'tool_reference'],
		'tool.name': [5, '', 'f'],
	},
}, {
	of: '1.5 system message tool_removal',
	body: systemMessage({ content: [{ type: 'tool_removal', tool: { type: 'tool_reference', name: 'f' } }] }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.tool_removal', fields: {
		tool: [5, {}, { type: 'tool_reference', name: 'f' }],
		'tool.name': [5, '', 'f'],
	},
}, {
	of: '1.4 system', body: { ...base, system: [{ type: 'text', text: 'Be brief.' }] },
	at: 'system.0', says: 'system.0', fields: {
		...cacheControl,
		type: [5, 'image', 'text'],
		text: [5, none, 'Be brief.'],
		citations: [{}, [{}], []],
	},
}, {
	of: '1.5.1', body: user({ type: 'text', text: 'hi' }),
	at: 'messages.0.content.0', says: 'messages.0.content.0', fields: {
		type: [5, { wrong: 'poem', says: 'messages.0.content.0' }, 'text'],
	},
}, {
	of: '1.5.1 text', body: user({ type: 'text', text: 'hi' }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.text', fields: {
		...cacheControl,
		text: [5, { wrong: '', says: 'messages' }, 'hi'],
		citations: [{}, [{}], [{ type: 'char_location' }]],
	},
}, {
	of: '1.5.1 image',
	body: user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.image', fields: {
		...cacheControl,
		source: [5, { type: 'hearsay' }, { type: 'base64', media_type: 'image/jpg', data: pixel }],
		'source.type': [5, none, 'base64'],
		'source.media_type': [5, none, 'image/png', 'source.base64.media_type'],
		'source.data': [5, '!!!!', pixel, 'source.base64'],
		transformations: [5, { oversized_image: 5 }, {}],
		'transformations.oversized_image': [5, 'crop', 'downsize'],
	},
}, {
	of: '1.5.1 image of an unknown kind',
	body: user({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: pixel } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.image', fields: {
		source: [null, { type: 'base64', media_type: 'image/tiff', data: 'TU0AKg==' }, none],
	},
}, {
	of: '1.5.1 image by URL',
	body: user({ type: 'image', source: { type: 'url', url: 'https://x/a.png' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.image', fields: {
		'source.url': [5, 'ftp://x/a.png', none, 'source'],
	},
}, {
	of: '1.5.1 image by file', body: user({ type: 'image', source: { type: 'file', file_id: 'f' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.image', fields: {
		'source.file_id': [5, 'f', none, 'source'],
	},
}, {
	of: '1.5.1 document',
	body: user({ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: pdf } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.document', fields: {
		...cacheControl,
		source: [5, { type: 'hearsay' }, { type: 'text', media_type: 'text/plain', data: 'x' }],
		'source.type': [5, none, 'base64'],
		'source.media_type': [5, none, 'application/pdf', 'source.base64.media_type'],
		'source.data': [5, 'bm8gUERG', pdf, 'source.base64'],
		title: [5, none, 'A title'],
		context: [5, none, 'A context'],
		citations: [5, { enabled: 5 }, {}],
		'citations.enabled': ['yes', none, true],
	},
}, {
	of: '1.5.1 document of text',
	body: user({ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'x' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.document', fields: {
		'source.media_type': [5, 'text/rtf', 'text/plain', 'source.text.media_type'],
		'source.data': [5, none, 'x', 'source.text.data'],
	},
}, {
	of: '1.5.1 document of content',
	body: user({ type: 'document', source: { type: 'content', content: 'x' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.document', fields: {
		'source.content': [5, [{ type: 'poem' }], [{ type: 'text', text: 'x' }]],
	},
}, {
	of: '1.5.1 document by URL',
	body: user({ type: 'document', source: { type: 'url', url: 'https://x/a.pdf' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.document', fields: {
		'source.url': [5, 'ftp://x/a.pdf', none, 'source'],
	},
}, {
	of: '1.5.1 document by file',
	body: user({ type: 'document', source: { type: 'file', file_id: 'f' } }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.document', fields: {
		'source.file_id': [5, 'f', none, 'source'],
	},
}, {
	of: '1.5.1 search_result',
	body: user({ type: 'search_result', source: 's', title: 't', content: [{ type: 'text', text: 'x' }] }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.search_result', fields: {
		...cacheControl,
		source: [5, none, 's'],
		title: [5, none, 't'],
		content: ['x', [{ type: 'image' }], [{ type: 'text', text: 'x' }]],
		citations: [5, { enabled: 5 }, {}],
	},
}, {
	of: '1.5.1 tool_result', body: called(call, result),
	at: 'messages.2.content.0', says: 'messages.2.content.0.tool_result', fields: {
		...cacheControl,
		tool_use_id: [5, '', 'toolu_1'],
		content: [5, [{ type: 'poem' }], ''],
		is_error: ['yes', none, true],
		toolset_name: [5, none, 'set'],
	},
}, {
	of: '1.5.1 tool_reference',
	body: called(call, { ...result, content: [{ type: 'tool_reference', tool_name: 'f' }] }),
	at: 'messages.2.content.0.content.0',
	says: 'messages.2.content.0.tool_result.content.0.tool_reference',
	fields: { tool_name: [5, '', 'f'] },
}, {
	of: '1.5.1 container_upload', body: user({ type: 'container_upload', file_id: 'f' }),
	at: 'messages.0.content.0', says: 'messages.0.content.0.container_upload',
	fields: { file_id: [5, '', none] },
}, {
	of: '1.5.2 thinking', body: answered({ type: 'thinking', thinking: 'Hm.', signature: 's' }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.thinking', fields: {
		thinking: [5, none, 'Hm.'], signature: [5, none, ''],
	},
}, {
	of: '1.5.2 redacted_thinking', body: answered({ type: 'redacted_thinking', data: 'x' }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.redacted_thinking',
	fields: { data: [5, none, 'x'] },
}, {
	of: '1.5.2 tool_use', body: called(call, result),
	at: 'messages.1.content.0', says: 'messages.1.content.0.tool_use', fields: {
		...cacheControl,
		id: [5, '', 'toolu_1'],
		name: [5, '', 'f'],
		input: ['{}', none, { a: 1 }],
		caller: [5, {}, { type: 'direct' }],
		toolset_name: [5, none, 'set'],
	},
}, {
	of: '1.5.2 server_tool_use',
	body: called({ ...call, type: 'server_tool_use', id: 'srvtoolu_1', name: 'web_search' },
		     { type: 'text', text: 'hi' }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.server_tool_use', fields: {
		id: [5, '', 'srvtoolu_1'], name: [5, '', 'web_search'], input: [5, none, {}],
	},
}, {
	of: '1.5.2 web_search_tool_result',
	body: answered({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: [
		{ type: 'web_search_result', url: 'https://x/', title: 't' }] }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.web_search_tool_result', fields: {
		tool_use_id: [5, '', 'srvtoolu_1'],
		content: [5, [5], []],
		'content.0.type': [5, '', 'web_search_result'],
		'content.0.url': [5, none, 'https://x/'],
		'content.0.title': [5, none, 't'],
		'content.0.encrypted_content': [5, none, 'x'],
		'content.0.page_age': [5, none, 'a day'],
	},
}, {
	of: '1.5.2 web_search_tool_result_error',
	body: answered({ type: 'web_search_tool_result', tool_use_id: 'srvtoolu_1', content: {
		type: 'web_search_tool_result_error', error_code: 'unavailable' } }),
	at: 'messages.1.content.0', says: 'messages.1.content.0.web_search_tool_result',
	fields: { 'content.error_code': [5, none, 'unavailable'] },
}, {
	of: '1.5.3 tool', body: offered(tool), at: 'tools.0', says: 'tools.0.custom', fields: {
		...toolFields,
		name: [5, 'a b', 'f'],
		description: [5, none, 'Does f.'],
		input_schema: ['{}', { type: 'array' }, schema, 'input_schema'],
		'input_schema.properties': [[], none, null],
		'input_schema.required': [{}, none, null],
		eager_input_streaming: ['yes', none, true],
	},
}, {
	of: '1.5.3 type', body: offered(tool), at: 'tools.0', says: 'tools.0', fields: {
		type: [5, { wrong: 'poem', says: 'tools.0' }, 'custom'],
	},
}, {
	of: '1.5.3 bash', body: offered({ type: 'bash_20250124', name: 'bash' }),
	at: 'tools.0', says: 'tools.0.bash_20250124', fields: {
		...toolFields, name: [5, 'sh', 'bash'],
	},
}, {
	of: '1.5.3 text_editor',
	body: offered({ type: 'text_editor_20250728', name: 'str_replace_based_edit_tool' }),
	at: 'tools.0', says: 'tools.0.text_editor_20250728', fields: {
		name: [5, 'editor', 'str_replace_based_edit_tool'],
		max_characters: ['all', 0, 1000],
	},
}, {
	of: '1.5.3 memory', body: offered({ type: 'memory_20250818', name: 'memory' }),
	at: 'tools.0', says: 'tools.0.memory_20250818', fields: { name: [5, 'diary', 'memory'] },
}, {
	of: '1.5.3 computer', body: offered({ type: 'computer_20251124', name: 'computer',
		display_width_px: 800, display_height_px: 600 }),
	at: 'tools.0', says: 'tools.0.computer_20251124', fields: {
		name: [5, 'laptop', 'computer'],
		display_width_px: ['wide', 0, 800],
		display_height_px: ['high', -1, 600],
		display_number: ['one', -1, 1],
		enable_zoom: ['yes', none, true],
	},
}, {
	of: '1.5.3 web_search', body: offered({ type: 'web_search_20250305', name: 'web_search' }),
	at: 'tools.0', says: 'tools.0.web_search_20250305', fields: {
		...cacheControl,
		name: [5, 'search', none],
		max_uses: ['many', 0, none],
		allowed_domains: ['x', [5], none],
		blocked_domains: ['x', [5], none],
		user_location: [5, { type: 'exact' }, none],
		'user_location.city': [5, none, none],
		response_inclusion: [5, 'some', 'excluded'],
	},
}, {
	of: '1.5.3 allowed_domains xor blocked_domains',
	body: offered({ type: 'web_search_20250305', name: 'web_search', allowed_domains: ['x.org'] }),
	at: 'tools.0', says: 'tools.0.web_search_20250305',
	fields: { blocked_domains: ['x', ['y.org'], none] },
}];

// The names in the reference's tables and texts, section by section.
const reference = {
	'1.4': 'model max_tokens messages system stream stop_sequences temperature top_p top_k ' +
	       'metadata metadata.user_id tools tool_choice tool_choice.type ' +
	       'tool_choice.disable_parallel_tool_use thinking thinking.type thinking.display ' +
	       'thinking.block_binding ' +
	       'output_config output_config.effort output_config.format output_config.task_budget ' +
	       'output_format service_tier speed cache_control cache_control.type ' +
	       'cache_control.ttl context_management context_management.edits container ' +
	       'container.id container.skills mcp_servers safeguards diagnostics inference_geo ' +
	       'fallbacks fallback_credit_token billing_policy compaction thread tags',
	'1.4 tool_choice': 'name',
	'1.4 thinking': 'budget_tokens',
	'1.4 output_config.format': 'type schema',
	'1.4 context_management': 'type keep',
	'1.4 context_management.keep': 'value',
	'1.4 safeguards': 'type classifier_context',
	'1.4 system': 'type text cache_control citations',
	'1.5': 'role content clear_at output_config output_config.effort',
	'1.5 system message': 'content clear_at output_config.effort',
	'1.5 system message tool_addition': 'tool',
	'1.5 system message tool_removal': 'tool',
	'1.5.1': 'type',
	'1.5.1 text': 'text cache_control citations',
	'1.5.1 image': 'source source.type source.media_type source.data transformations ' +
		       'transformations.oversized_image',
	'1.5.1 image by URL': 'source.url',
	'1.5.1 image by file': 'source.file_id',
	'1.5.1 document': 'source source.type source.media_type source.data title context citations ' +
			  'citations.enabled',
	'1.5.1 document of text': 'source.media_type source.data',
	'1.5.1 document of content': 'source.content',
	'1.5.1 document by URL': 'source.url',
	'1.5.1 document by file': 'source.file_id',
	'1.5.1 search_result': 'source title content citations',
	'1.5.1 tool_result': 'tool_use_id content is_error toolset_name',
	'1.5.1 tool_reference': 'tool_name',
	'1.5.1 container_upload': 'file_id',
	'1.5.2 thinking': 'thinking signature',
	'1.5.2 redacted_thinking': 'data',
	'1.5.2 tool_use': 'id name input caller toolset_name cache_control',
	'1.5.2 server_tool_use': 'id name input',
	'1.5.2 web_search_tool_result': 'tool_use_id content content.0.type content.0.url ' +
					'content.0.title content.0.encrypted_content content.0.page_age',
	'1.5.2 web_search_tool_result_error': 'content.error_code',
	'1.5.3 tool': 'name description input_schema input_schema.properties ' +
		      'input_schema.required cache_control strict defer_loading ' +
		      'eager_input_streaming input_examples allowed_callers',
	'1.5.3 type': 'type',
	'1.5.3 bash': 'name',
	'1.5.3 text_editor': 'name',
	'1.5.3 memory': 'name',
	'1.5.3 computer': 'name',
	'1.5.3 web_search': 'name max_uses allowed_domains blocked_domains user_location',
};

// Blocks and tools that only the service itself could serve: named, wherever they stand.
const unserved = [
	...['web_fetch_tool_result', 'code_execution_tool_result', 'bash_code_execution_tool_result',
	    'text_editor_code_execution_tool_result', 'tool_search_tool_result', 'mcp_tool_use',
	    'compaction'].map((type) => ['messages.1.content.0', answered({ type, tool_use_id: 's' })]),
	['messages.0.content.0', user({ type: 'mcp_tool_result', tool_use_id: 's' })],
	['messages.2.content.0.tool_result.content.0',
	 called(call, { ...result, content: [{ type: 'browser_state' }] })],
	...['web_fetch_20250910', 'web_fetch_20260318', 'code_execution_20250522',
	    'code_execution_20260521', 'tool_search_tool_regex_20251119',
	    'tool_search_tool_bm25_20251119', 'mcp_toolset', 'computer_toolset_20260801']
		.map((type) => ['tools.0', offered({ type, name: 'x' })]),
];

// What an object has that is absent from the good request, beside the member in question.
const beside = { cache_control: { type: 'ephemeral' }, tool_choice: { type: 'auto' },
		thinking: { type: 'adaptive' }, keep: { type: 'all' },
		user_location: { type: 'approximate' } };

// The body with another value at the dotted path.
function changed(body, path, value) {
	const [key, ...rest] = path.split('.');
	const copy = Array.isArray(body) ? [...body] : { ...body };

	copy[key] = rest.length ? changed(copy[key] ?? beside[key] ?? {}, rest.join('.'), value) : value;
	return copy;
}

const dotted = (...names) => names.filter(Boolean).join('.');

describe('fields of the Messages API', () => {
	let standin, installation, fastcgi;

	before(async () => {
		standin = await startStandin();
		installation = await makeInstallation({ standin });
		fastcgi = await startFastcgi(installation);
		await standin.script('default', { steps: [
			{ tool: { id: 'tooluse_1', name: 'f', input: {} } }] });
	});
	after(async () => {
		assert.deepEqual(await fastcgi?.stop(), { code: 0, signal: null });
		installation?.remove();
		await standin?.stop();
	});

	const ask = (body) => fastcgi.request({
		method: 'POST', path: '/v1/messages', body: Buffer.from(JSON.stringify(body)),
		headers: { 'content-type': 'application/json', 'x-api-key': installation.key },
	});

	async function refused(body, path) {
		const { status, body: bytes } = await ask(body);
		const what = `${path}: ${JSON.stringify(body)}\n${bytes}`;

		assert.equal(status, 400, what);
		const json = JSON.parse(bytes);

		assert.deepEqual(checkErrorEnvelope(json), [], what);
		assert.equal(json.error.type, 'invalid_request_error', what);
		assert.ok(json.error.message.startsWith(`${path}: `) ||
			  json.error.message.startsWith(`${path}.`), what);
	}

	for (const { of, body, at, says, fields } of groups) {
		test(`${of}: ${Object.keys(fields).length} fields`, async () => {
			for (const [name, [type, value, good, alias]] of Object.entries(fields)) {
				const place = dotted(at, name), path = dotted(says, alias ?? name);

				await refused(changed(body, place, type), path);
				if (value?.says)
					await refused(changed(body, place, value.wrong), value.says);
				else if (value !== none)
					await refused(changed(body, place, value), path);
				if (good === none)
					continue;
				const { status, body: bytes } = await ask(changed(body, place, good));

				assert.equal(status, 200, `${place}: ${JSON.stringify(good)}: ${bytes}`);
			}
		});
	}

	test('what only the service itself could serve is named', async () => {
		for (const [path, body] of unserved)
			await refused(body, path);
	});

	/* The stand-in refuses what the service would refuse. */
	test('the upstream took all that was sent', async () => {
		const sent = await standin.requests({ wait: 2000 });

		assert.ok(sent.length > 0);
		assert.deepEqual(sent.filter(({ refused: why }) => why), []);
	});

	test('every field that the reference names has its row', () => {
		for (const [of, names] of Object.entries(reference)) {
			const rows = Object.keys(groups.find((group) => group.of === of)?.fields ?? {});

			assert.deepEqual(names.split(' ').filter((name) => !rows.includes(name)), [], of);
		}
	});
});
