// The stand-in upstream: start, script, look at what reached it, stop (tests/upstream/README.md).
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { request } from './http.mjs';
import { start, stop, waitForOutput } from './process.mjs';
import { seedAccounts } from './secrets.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

// Where the programs are: BUILD names another build, for example one with sanitizers.
export const buildDir = resolve(process.env.BUILD ?? `${root}/build`);

const isChat = ({ operation }) => operation === 'GenerateAssistantResponse' || operation === 'SendMessage';

// args: further options of the program, such as ['--default', 'reply'].
export async function startStandin({ args = [] } = {}) {
	const child = start(`${buildDir}/tests/upstream-standin`, ['--port', '0', ...args]);
	const port = Number((await waitForOutput(child, /^listening 127\.0\.0\.1:(\d+)$/m))[1]);

	async function control(method, path, body) {
		const answer = await request({ port, method, path, body });

		if (answer.status >= 300)
			throw new Error(`stand-in: ${method} ${path}: ` +
					`${answer.status} ${answer.text}`);
		return answer.text ? answer.json : undefined;
	}

	async function accounts(method, specs) {
		const all = await control(method, '/_control/accounts', specs);

		seedAccounts(all);
		return all;
	}

	const requests = ({ since = 0, wait = 0 } = {}) =>
		control('GET', `/_control/requests?since=${since}&wait=${wait}`);
	const named = (kind, name) => `/_control/${kind}/${encodeURIComponent(name)}`;

	return {
		port,
		url: `http://127.0.0.1:${port}`,
		pid: child.pid,

		// A chat whose text holds @NAME@ plays the script NAME, others play "default".
		script: (name, script) => control('PUT', named('script', name), script),
		removeScript: (name) => control('DELETE', named('script', name)),
		// Another operation's answer: { http: { status, headers, body } }.
		answer: (operation, script) => control('PUT', named('answer', operation), script),
		removeAnswer: (operation) => control('DELETE', named('answer', operation)),

		// What reached it, oldest first; wait: ms to wait for answers still under way. chats: no
		// searches, renewals and look-ups.
		requests,
		chats: async (which) => (await requests(which)).filter(isChat),
		clearRequests: () => control('DELETE', '/_control/requests'),
		stats: () => control('GET', '/_control/stats'),
		clearStats: () => control('DELETE', '/_control/stats'),

		// Adds or changes accounts; returns them with their tokens.
		addAccounts: (specs) => accounts('POST', specs),
		accounts: () => accounts('GET'),
		clearAccounts: () => control('DELETE', '/_control/accounts'),

		refresh: (how) => control('POST', '/_control/refresh', how),
		device: (how) => control('POST', '/_control/device', how),
		settings: (changes) => control('POST', '/_control/settings', changes),
		reset: () => control('POST', '/_control/reset'),

		output: () => child.text,
		async stop() {
			if (child.exitCode === null && child.signalCode === null)
				await accounts('GET').catch(() => {}); /* those of renewals */
			return stop(child);
		},
	};
}
