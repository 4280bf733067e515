// The page that a person visits in panel.test.mjs, the installation behind it, and what a person
// does there in all parts.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { after, before, test } from 'node:test';

import { request } from '../../lib/http.mjs';
import { makeInstallation } from '../../lib/installation.mjs';
import { buildDir, startStandin } from '../../lib/standin.mjs';
import { modes } from '../../web/modes.mjs';
import { launch, newPage, skip } from '../browser.mjs';

export const screens = `${buildDir}/screens`;
export const mode = modes['lighttpd FastCGI'];
export const wrong = []; /* what the console and the page complain of */
export const seeded = 'SeededSecret0123456789'; /* in every secret of the settings */
export const told = []; /* texts of all answers, pages and storages, but those that are to show a key */
export let standin, at, server, browser, page, base;
export let said = 0; /* requests that were served */

before(async () => {
	if (skip)
		return;
	mkdirSync(screens, { recursive: true });
	standin = await startStandin({ args: ['--default', 'reply'] });
	at = await makeInstallation({ standin, accounts: [
		{ name: 'one', kind: 'social' },
		{ name: 'two', kind: 'api_key' }, { name: 'three', kind: 'idc' }],
		settings: { 'upstream.signin_url': standin.url, 'upstream.idp_hosts': `127.0.0.1:${standin.port}`,
			    client_token: `client-${seeded}`, metrics_token: `metrics-${seeded}`,
			    webhook_secret: `hook-${seeded}` } });
	at.configure({ 'log.file': `${at.dir}/kiro.log` });
	server = await mode.start(at, mode.mount);
	base = `http://127.0.0.1:${server.port}${mode.mount}/admin`;
	browser = await launch();
	page = await newPage(browser, { wrong, told });
});

after(async () => {
	await browser?.close();
	await server?.stop();
	await standin?.stop();
	at?.remove();
});

export const step = (name, run) => test(name, { skip }, run);
export const shot = (name) => page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });
export const button = (name) => page.getByRole('button', { name, exact: true });
export const rows = () => page.locator('main tbody tr');
export const rowOf = (text) => page.locator('main tbody tr', { hasText: text });
export const heading = (name) => page.getByRole('heading', { name, exact: true, level: 1 });
export const go = async (name) => {
	await page.evaluate((hash) => {
		document.querySelectorAll('dialog').forEach((left) => left.close()); /* by a step that failed */
		location.hash = hash;
	}, `#/${name}`);
	await page.waitForFunction(() => !document.querySelector('main > .wait'));
};
export const actOn = async (row, action) => {
	await rowOf(row).first().getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: action, exact: true }).click();
};
export const signIn = async (password) => {
	await page.getByLabel('Password of the admin panel').fill(password);
	await button('Sign in').click();
};
// What the page knows, asked as the page asks.
export const api = (path) => page.evaluate(async (url) => (await fetch(url)).json(), `api/v1${path}`);
export const say = async (key, text = 'hello', headers = {}) => {
	const answer = await request({ port: server.port, path: `${mode.mount}/v1/messages`,
		headers: { 'x-api-key': key, ...headers }, body: { model: 'claude-sonnet-4.5', max_tokens: 100,
			messages: [{ role: 'user', content: text }] } });

	said += answer.status === 200;
	return answer.status;
};
// The secret that a dialog shows this once; then it is nowhere.
export const newSecret = async (label = 'Key', form = /^kiro-/) => {
	const key = await page.getByLabel(label, { exact: true }).inputValue();

	await button('Done').click();
	await page.locator('dialog').waitFor({ state: 'detached' });
	assert.match(key, form);
	assert.ok(!(await page.content()).includes(key));
	return key;
};
