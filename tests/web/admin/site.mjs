// The installation of the admin API's tests: one behind a real lighttpd, through which all parts of
// admin.test.mjs go one after the other, with one client of the API.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';

import { adminClient } from '../../lib/admin.mjs';
import { request } from '../../lib/http.mjs';
import { makeInstallation } from '../../lib/installation.mjs';
import { startStandin } from '../../lib/standin.mjs';
import { modes } from '../modes.mjs';

export const mode = modes['lighttpd FastCGI'];
const document = JSON.parse(readFileSync(
	fileURLToPath(new URL('../../../etc/openapi/admin.json', import.meta.url)), 'utf8'));
export const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
	Object.entries(operations).map(([method, operation]) => ({
		method: method.toUpperCase(),
		path: mode.mount + path.replace(/\{\w+\}/, 'nobody'),
		open: operation.security?.length === 0,
		role: operation['x-role'],
	})));
export const roles = ['user', 'viewer', 'operator', 'admin'];

export let standin, at, server;
export let client; /* signed in from guard.mjs on */
export const answers = []; /* the text of all, with their headers */
export const codes = []; /* that were made */

export const api = (method, path, body, headers) => client.call(method, `/api/v1${path}`, body, headers)
	.then((answer) => {
		answers.push({ path, text: answer.text + JSON.stringify(answer.headers) });
		return answer;
	});
export const ok = async (...args) => {
	const answer = await api(...args);

	assert.ok(answer.status < 300, `${args[0]} ${args[1]}: ${answer.status} ${answer.text}`);
	return answer.json;
};

export const say = (key, extra) => request({ port: server.port, path: `${mode.mount}/v1/messages`,
	headers: { 'x-api-key': key }, body: { model: 'claude-sonnet-4.5', max_tokens: 100,
		messages: [{ role: 'user', content: 'hello' }], ...extra } });

before(async () => {
	standin = await startStandin({ args: ['--default', 'reply'] });
	at = await makeInstallation({
		standin,
		accounts: [{ name: 'one', kind: 'social' }, { name: 'two', kind: 'api_key' }],
		settings: { client_token: 'secret-of-the-settings-0123', 'upstream.proxy_url': '' },
	});
	server = await mode.start(at, mode.mount);
	client = adminClient({ port: server.port, base: `${mode.mount}/admin` });
});

after(async () => {
	await server?.stop();
	await standin?.stop();
	at?.remove();
});
