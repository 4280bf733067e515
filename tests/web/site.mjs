// A hosting mode that runs with its stand-in upstream, and what a client sends there and reads.
import assert from 'node:assert/strict';

import { payload, request, stream } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';

const sanitizerReport = /(Address|Leak|Thread)Sanitizer|runtime error:/;

// A mode that runs, and its stand-in upstream. Paths are below the mode's mount point.
export async function startSite(mode, { mount = mode.mount, settings = {} } = {}) {
	const standin = await startStandin({ args: ['--default', 'reply', '--pace', '15'] });
	let at, server;

	try {
		await standin.script('hello', { steps: [{ text: 'Hello.' }] });
		at = await (mode.install ?? makeInstallation)({
			standin,
			user: mode.user,
			...mode.layout,
			settings: { ping_interval: 1, first_byte_hold: 1, own_credentials: true, ...settings },
		});
		server = await mode.start(at, mount);
	} catch (error) {
		at?.remove();
		await standin.stop();
		throw error;
	}

	const prefix = mount === '/' ? '' : mount;
	const below = ({ path, headers, ...rest }) => ({
		port: server.port,
		via: mode.via,
		path: prefix + path,
		headers: { 'x-api-key': at.key, ...headers },
		...rest,
	});

	return {
		mode, standin, at, server,
		request: (options) => request(below(options)),
		stream: (options) => stream(below(options)),
		stop: async () => {
			try {
				await server.stop();
				assert.doesNotMatch(server.log(), sanitizerReport);
			} finally {
				await standin.stop();
				at.remove();
			}
		},
	};
}

export const message = (text, more) => ({
	path: '/v1/messages',
	headers: { 'anthropic-version': '2023-06-01' },
	body: { model: 'claude-sonnet-4-5', max_tokens: 1000,
		messages: [{ role: 'user', content: text }], ...more },
});

export const completion = (text, more) => ({
	path: '/v1/chat/completions',
	body: { model: 'claude-sonnet-4-5', messages: [{ role: 'user', content: text }], ...more },
});

export const isDelta = (event) => payload(event)?.type === 'content_block_delta';
export const textOf = (event) => payload(event)?.delta?.text ?? '';

export async function nextWhere(answer, condition) {
	for (;;) {
		const event = await answer.next();

		assert.ok(event, 'the stream ended early');
		if (condition(event))
			return event;
	}
}
