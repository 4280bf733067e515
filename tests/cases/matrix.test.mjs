// The conversion matrix of the Messages API: each row of the client API reference's section 5 that
// speaks of it, and the cases that show it. A row without a case fails, and so does a case that is
// gone or asks nothing of the Messages API.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { readCases } from './case.mjs';

const matrix = {
	'system string, blocks': ['system-text'],
	'system: billing line dropped': ['system-billing'],
	'role system: in the middle': ['system-behind-result', 'system-in-conversation'],
	'role system: last, behind a tool result': ['system-behind-result'],
	'role system: empty content': ['system-in-conversation'],
	'role system: clear_at': ['system-one-turn'],
	'role system: tool_addition, tool_removal': ['system-tool-changes', 'system-tool-changes-search', 'system-tool-changes-search-added'],
	'consecutive same role': ['history-same-role'],
	'conversation starts with assistant': ['history-same-role'],
	'assistant prefill': ['wish-prefill'],
	'assistant prefill {': ['wish-prefill-object'],
	'image base64: magic bytes before media_type': ['image-base64'],
	'image base64: size and sides': ['image-wrong-size'],
	'image url': ['client-unsupported-messages', 'fetch.test.mjs'],
	'image file_id, other media types': ['client-unsupported-messages', 'client-wrong-fields-messages'],
	'image inside tool_result': ['image-in-result'],
	'many images in history': ['image-many'],
	'image for a model without eyes': ['image-no-eyes'],
	'document text, content': ['document-text'],
	'document PDF': ['document-pdf'],
	'document csv, docx, xlsx, html, md': ['document-kinds'],
	'document where the service takes none': ['document-rts'],
	'document that upstream refuses': ['document-refused'],
	'document url, file': ['document-wrong', 'client-unsupported-messages'],
	'search_result block': ['document-text'],
	'pairing of tool_use and tool_result, both ways': ['history-missing-result'],
	'tool_result is_error': ['history-error-result'],
	'tool_result array content': ['history-tool-results', 'tool-result-kinds'],
	'tool_result empty': ['tool-result-empty'],
	'tool_reference in tool_result': ['tool-deferred'],
	'defer_loading tools': ['tool-deferred'],
	'several tool results and text in one turn': ['history-tool-results'],
	'tools used in history but absent now': ['history-forgotten-tool'],
	'tools [] or absent': ['tool-none'],
	'tool name beyond the limit or with odd characters': ['tool-long-name'],
	'tool names that become the same when cut': ['tool-name-collision'],
	'tool description too long': ['tool-long-description'],
	'tool description empty': ['tool-schema-oddities'],
	'input_schema oddities': ['tool-schema-oddities'],
	'typed client tools': ['tool-typed'],
	'web_search alone': ['search-alone'],
	'web_search beside other tools': ['search-beside-tools'],
	'web_search not available': ['search-unavailable'],
	'web_fetch, code_execution, tool_search, mcp_servers': ['client-unsupported-messages', 'search-bad-fields'],
	'server tools in history': ['search-history'],
	'tool_choice auto': ['client-hints'],
	'tool_choice none': ['tool-choice-none'],
	'tool_choice any': ['wish-forced-any', 'wish-forced-tool-again', 'wish-forced-tool-never'],
	'tool_choice tool': ['wish-forced-tool'],
	'disable_parallel_tool_use': ['wish-one-call'],
	'stop_sequences': ['wish-stop-sequence', 'wish-stop-sequence-not-in-calls',
			   'wish-stop-sequence-empty'],
	'max_tokens': ['wish-max-tokens', 'wish-max-tokens-fits', 'wish-max-tokens-call'],
	'temperature, top_p, top_k, service_tier, speed, metadata': ['client-accepted-fields', 'client-hints'],
	'temperature, top_p, top_k out of range': ['client-wrong-fields-messages'],
	'output_config.format': ['wish-json-schema', 'wish-json-schema-again', 'wish-json-schema-never',
				 'wish-json-schema-call'],
	'output_format': ['wish-json-old-name'],
	'strict tools': ['client-hints'],
	'thinking adaptive, effort': ['thinking-native', 'models-catalogue-effort'],
	'thinking enabled with a budget, by tags': ['thinking-budget', 'thinking-tags'],
	'thinking disabled': ['thinking-disabled'],
	'thinking display omitted': ['thinking-omitted', 'thinking-omitted-tags'],
	'thinking by the suffix of a name': ['thinking-suffix', 'thinking-suffix-own', 'thinking-suffix-off'],
	'thinking_format': ['thinking-format-thinking', 'thinking-format-think', 'thinking-format-plain'],
	'thinking blocks in history: finished turns': ['thinking-history'],
	'thinking blocks in history: the running loop': ['thinking-replayed'],
	'thinking signature in answers': ['thinking-native', 'thinking-without-signature'],
	'thinking signature refused upstream': ['thinking-signature-refused'],
	'redacted_thinking': ['thinking-history', 'thinking-redacted'],
	'cache_control anywhere': ['client-hints'],
	'context_management, container, diagnostics, betas': ['client-hints'],
	'thread': ['client-unsupported-messages'],
	'safeguards': ['client-hints'],
	'metadata.user_id as conversation': ['history-conversation-id', 'history-session-header'],
	'X-Claude-Code-Session-Id as conversation': ['history-session-header'],
	'input too long upstream': ['upstream-too-long', 'upstream-too-long-by-message'],
	'upstream breaks mid-answer': ['cut-in-frame', 'cut-no-marker', 'exception-throttling'],
	'unknown model': ['client-model-unknown'],
	'model names': ['client-model-names', 'client-model-alias', 'client-model-default'],
};

const folder = new URL('.', import.meta.url);
const cases = new Map(readCases(fileURLToPath(folder)).map((one) => [one.name, one]));
const asksMessages = ({ requests }) =>
	requests.some(({ method, dialect }) => method === 'POST' && dialect === 'anthropic');

for (const [row, names] of Object.entries(matrix)) {
	test(`matrix: ${row}`, () => {
		assert.ok(names.length > 0);
		for (const name of names) {
			if (name.endsWith('.mjs'))
				assert.ok(existsSync(new URL(name, folder)), name);
			else
				assert.ok(cases.has(name) && asksMessages(cases.get(name)), name);
		}
	});
}

// Cases of these areas exist to show rows of the matrix: one that shows none is missing above.
test('matrix: every case of a conversion has its row', () => {
	const areas = /^(system|image|document|thinking-(format|omitted|history)|tool-(none|result|long|name|deferred))/;
	const shown = new Set(Object.values(matrix).flat());

	assert.deepEqual([...cases.keys()].filter((name) => areas.test(name) && !shown.has(name)), []);
});
