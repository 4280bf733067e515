// The panel is the same behind every web server, as FastCGI and as CGI, below a prefix and as the
// whole host: one visit of a person to each.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { PASSWORD } from '../lib/admin.mjs';
import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';
import { modes } from '../web/modes.mjs';
import { launch, newPage, skip } from './browser.mjs';

const visits = [
	{ name: 'lighttpd FastCGI' },
	{ name: 'lighttpd FastCGI', mount: '/' },
	{ name: 'lighttpd FastCGI', mount: '/deep/below/kiro' },
	{ name: 'lighttpd CGI' },
	{ name: 'Apache mod_proxy_fcgi' },
	{ name: 'Apache mod_fcgid' },
	{ name: 'Apache CGI' },
	{ name: 'Apache .htaccess' },
];
let browser;

before(async () => (browser = skip || await launch()));
after(() => skip || browser?.close());

async function visit({ page, root, server, at, lasting }) {
	const button = (name) => page.getByRole('button', { name, exact: true });
	const go = async (name, title) => {
		await page.locator('.side a', { hasText: name }).click();
		await page.getByRole('heading', { name: title ?? name, level: 1, exact: true }).waitFor();
		await page.waitForFunction(() => !document.querySelector('main > .wait'));
	};

	await page.goto(`http://127.0.0.1:${server.port}${root}/admin`);
	await page.getByLabel('Password of the admin panel').fill(PASSWORD);
	await button('Sign in').click();
	await page.getByRole('heading', { name: 'Dashboard', level: 1 }).waitFor();
	await go('Accounts');
	await page.locator('main tbody tr').getByRole('button', { name: 'Test', exact: true }).click();
	await page.getByText('12.25 / 1,000').first().waitFor();
	await go('Keys', 'Client keys');
	await button('New key').click();
	await page.getByLabel('Name', { exact: true }).fill('visitor');
	await button('Add').click();
	const key = await page.getByLabel('Key', { exact: true }).inputValue();

	await button('Done').click();
	const answer = await request({ port: server.port, path: `${root}/v1/messages`, headers: { 'x-api-key': key },
		body: { model: 'claude-sonnet-4.5', max_tokens: 10, messages: [{ role: 'user', content: 'hello' }] } });

	assert.equal(answer.status, 200, answer.text);
	await go('Usage');
	await page.locator('tr', { hasText: 'visitor' }).first().waitFor();
	await go('Dashboard');
	assert.equal(await page.locator('.tile', { hasText: 'Requests today' }).locator('.value').textContent(), '1');
	await page.waitForFunction(() => window.Chart?.getChart(document.querySelector('canvas')));
	await go('Events');
	await page.locator('.log li', { hasText: '/v1/messages 200' }).waitFor();
	await request({ port: server.port, path: `${root}/v1/no-such-door` });
	await page.locator('.log li.warn', { hasText: 'no-such-door' }).waitFor();
	await go('Settings');
	at.configure('{\n"no_such_option": 1\n}');
	await button('Reload settings').click();
	/* Where a process ends with its request it has no old settings to go on with. */
	await page.getByText(lasting ? 'no_such_option' : 'the settings of this gateway are wrong; its log says why').first().waitFor();
	if (!lasting)
		assert.match(server.log(), /kiro\.json:2: unknown option "no_such_option"/);
	at.configure();
	await button('Reload settings').click();
	await page.getByText('Settings reloaded').waitFor();
	await page.locator('.banner').waitFor({ state: 'hidden' });
	await page.reload();
	await page.getByRole('heading', { name: 'Settings', level: 1 }).waitFor();
	await button('Sign out').click();
	await page.getByLabel('Password of the admin panel').waitFor();
}

for (const { name, mount } of visits) {
	describe(`${name} at ${mount ?? modes[name].mount}`, { skip, timeout: 120000 }, () => {
		const mode = modes[name], root = (mount ?? mode.mount).replace(/\/$/, '');
		const wrong = [];
		let standin, at, server;

		before(async () => {
			standin = await startStandin({ args: ['--default', 'reply'] });
			at = await makeInstallation({ standin, user: mode.user, ...mode.layout });
			at.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
			at.configure({ 'log.file': `${at.stateDir}/kiro.log` });
			server = await mode.start(at, mount ?? mode.mount);
		});
		after(async () => {
			await server?.stop();
			await standin?.stop();
			at?.remove();
		});

		test('a person signs in, tests, makes a key, watches, reloads and signs out', async () => {
			const page = await newPage(browser, { wrong });

			await visit({ page, root, server, at, lasting: !/ CGI$|htaccess/.test(name) });
			assert.deepEqual(wrong.filter((line) => !/status of 50\d/.test(line)), []);
			await page.context().close();
		});
	});
}
