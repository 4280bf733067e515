// The admin panel in Debian's chromium, driven by playwright: what a person does there, without a
// violation of its content policy and without an error in the browser's console. Screenshots of
// every page in both themes and both widths stay in build/screens.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PASSWORD } from '../lib/admin.mjs';
import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';
import { modes } from '../web/modes.mjs';

const browserPath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const skip = existsSync(browserPath) ? false : `SKIPPED: no ${browserPath}: apt-get install chromium`;

if (skip)
	console.error(`panel: ${skip}`);

const screens = `${buildDir}/screens`;
const mode = modes['lighttpd FastCGI'];
const names = ['dashboard', 'accounts', 'keys', 'models', 'usage', 'settings'];
const wrong = []; /* what the console and the page complain of */
const expected = /status of (401|404|400|412|429)/; /* the browser notes these by itself */
let standin, at, server, browser, page, base;

before(async () => {
	if (skip)
		return;
	const { chromium } = await import('playwright-core');

	mkdirSync(screens, { recursive: true });
	standin = await startStandin({ args: ['--default', 'reply'] });
	at = await makeInstallation({ standin, accounts: [
		{ name: 'one', kind: 'social' },
		{ name: 'two', kind: 'api_key' }, { name: 'three', kind: 'idc' }] });
	server = await mode.start(at, mode.mount);
	base = `http://127.0.0.1:${server.port}${mode.mount}/admin`;
	browser = await chromium.launch({ executablePath: browserPath, args: ['--no-sandbox'] });
	page = await (await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US',
						 colorScheme: 'light' })).newPage();
	page.setDefaultTimeout(15000);
	page.on('console', (message) => message.type() === 'error' && !expected.test(message.text()) &&
		wrong.push(message.text()));
	page.on('pageerror', (error) => wrong.push(String(error)));
});

after(async () => {
	await browser?.close();
	await server?.stop();
	await standin?.stop();
	at?.remove();
});

const step = (name, run) => test(name, { skip }, run);
const shot = (name) => page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });
const button = (name) => page.getByRole('button', { name, exact: true });
const go = async (name) => {
	await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
	await page.waitForFunction(() => !document.querySelector('.wait'));
};
const signIn = async (password) => {
	await page.getByLabel('Password of the admin panel').fill(password);
	await button('Sign in').click();
};

step('first run: the page says how to set a password, and nothing else', async () => {
	await page.goto(base);
	await page.getByText('kiroctl admin passwd').waitFor();
	assert.equal(await page.locator('input').count(), 0);
	await shot('first-run');
	at.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
});

step('signing in: a wrong password is told at its field, the right one opens the panel', async () => {
	await button('Load again').click();
	await signIn('not-the-password');
	await page.getByText('this is not the password').waitFor();
	await shot('sign-in');
	await signIn(PASSWORD);
	await page.getByRole('heading', { name: 'Dashboard' }).waitFor();
	assert.deepEqual(await page.evaluate(() => document.cookie), '', 'no script can read the session');
});

step('an account is tested, disabled and enabled', async () => {
	await go('accounts');
	assert.equal(await page.locator('tbody tr').count(), 3);
	await button('Test all').click();
	await page.getByText('3 of 3: answers').waitFor();
	await page.getByText('12.25 / 1,000').first().waitFor(); /* as the stand-in tells it */
	await page.locator('tbody tr').first().getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Disable' }).click();
	await page.locator('tbody .state', { hasText: 'disabled' }).waitFor();
	await page.locator('tbody tr', { hasText: 'disabled' }).getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Enable' }).click();
	await page.waitForFunction(() => !document.querySelector('tbody')?.textContent.includes('disabled'));
});

step('a device login shows link and code, and ends with the account', async () => {
	await standin.device({ pending: 1, user: 'ann' });
	await button('Add account').click();
	await shot('add-account');
	await page.locator('[data-way=builder-id]').click();
	await button('Continue').click();
	await page.locator('.code').waitFor();
	assert.match(await page.locator('dialog a.button').getAttribute('href'), /^http/);
	await shot('device-login');
	await page.locator('dialog').waitFor({ state: 'detached', timeout: 20000 });
	await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 4);
});

step('an import is shown before it is stored', async () => {
	await button('Import').click();
	await page.locator('dialog textarea').fill(JSON.stringify([
		{ refreshToken: `aor${'Imported0'.repeat(20)}`, label: 'imported' }, { label: 'nothing in it' }]));
	await button('Show what would be done').click();
	await page.locator('dialog .state', { hasText: 'refuse' }).waitFor();
	await shot('import-preview');
	await button('Store (1)').click();
	await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 5);
});

step('an account is deleted after its name was told', async () => {
	await page.locator('main tbody tr', { hasText: 'imported' }).getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Delete' }).click();
	await page.locator('dialog', { hasText: 'imported' }).waitFor();
	await page.locator('dialog footer').getByRole('button', { name: 'Delete' }).click();
	await page.waitForFunction(() => document.querySelectorAll('main tbody tr').length === 4);
});

step('a key is made, shown once, and serves a client', async () => {
	await go('keys');
	await button('New key').click();
	await page.getByLabel('Name', { exact: true }).fill('laptop');
	await button('Add').click();
	const key = await page.getByLabel('Key', { exact: true }).inputValue();
	const answer = await request({ port: server.port, path: `${mode.mount}/v1/models`,
				       headers: { 'x-api-key': key } });

	assert.equal(answer.status, 200);
	for (let n = 0; n < 3; n++) {
		const said = await request({ port: server.port, path: `${mode.mount}/v1/messages`,
			headers: { 'x-api-key': key }, body: { model: 'claude-sonnet-4.5', max_tokens: 100,
				messages: [{ role: 'user', content: 'hello' }] } });

		assert.equal(said.status, 200, said.text);
	}
	await button('Done').click();
	await page.locator('tbody', { hasText: 'laptop' }).waitFor();
	assert.ok(!(await page.content()).includes(key));
});

step('an alias is made and a name tested', async () => {
	await go('models');
	await button('New alias').click();
	await page.getByLabel('Clients call it').fill('gpt-mine');
	await button('Save').click();
	await page.locator('tbody', { hasText: 'gpt-mine' }).waitFor();
	await page.getByLabel('Model name').fill('gpt-mine');
	await button('Test').click();
	await page.getByText('tokens').first().waitFor();
	await page.getByLabel('Model name').fill('no-such-model');
	await button('Test').click();
	await page.getByText('no model is called').waitFor();
});

step('what a client used is counted', async () => {
	await go('usage');
	assert.equal((await page.locator('tr', { hasText: 'laptop' }).locator('td').nth(1).textContent()), '3');
});

step('a bad settings file is told, the old settings stay', async () => {
	await go('settings');
	at.configure('{\n"no_such_option": 1\n}');
	await button('Reload settings').click();
	await page.locator('.banner', { hasText: 'no_such_option' }).waitFor();
	at.configure();
});

step('every page in both themes and both widths, without a serious finding of axe', async () => {
	const axe = readFileSync(fileURLToPath(new URL('node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
	const findings = [];

	for (const theme of ['light', 'dark']) {
		await page.evaluate((name) => localStorage.setItem('theme', name), theme);
		for (const [width, viewport] of [['desktop', { width: 1280, height: 800 }], ['phone', { width: 390, height: 844 }]]) {
			await page.setViewportSize(viewport);
			await page.reload();
			for (const name of names) {
				await go(name);
				await page.waitForLoadState('networkidle');
				await shot(`${name}-${theme}-${width}`);
				assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
					  `${name} is wider than a ${width}`);
				await page.evaluate(axe); /* by the driver, which no policy binds */
				const { violations } = await page.evaluate(() => axe.run());

				findings.push(...violations.filter(({ impact }) => ['serious', 'critical'].includes(impact))
					.map(({ id, nodes }) => `${name} ${theme} ${width}: ${id}: ${nodes[0].html}`));
			}
		}
	}
	assert.deepEqual(findings, []);
});

step('Chinese', async () => {
	await page.setViewportSize({ width: 1280, height: 800 });
	await button('中文').click();
	await page.getByRole('heading', { name: '配置' }).or(page.getByRole('heading', { name: '设置' })).waitFor();
	assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
	await go('accounts');
	await shot('accounts-chinese');
	await button('English').click();
});

step('by the keyboard alone: a page is opened, a dialog is left', async () => {
	await go('dashboard');
	await page.locator('.side a', { hasText: 'Keys' }).focus();
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Client keys' }).waitFor();
	await button('New key').focus();
	await page.keyboard.press('Enter');
	await page.keyboard.type('typed');
	await page.keyboard.press('Escape');
	await page.locator('dialog').waitFor({ state: 'detached' });
});

step('nothing comes from elsewhere, nothing secret is kept, nobody complains', async () => {
	const outside = [];

	page.on('request', (sent) => sent.url().startsWith(base) || outside.push(sent.url()));
	await page.reload();
	await go('dashboard');
	await page.waitForLoadState('networkidle');
	const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));

	assert.deepEqual(outside, []);
	assert.match(kept, /theme/);
	assert.ok(!kept.includes(PASSWORD) && !/kiro-[A-Za-z0-9]{20}/.test(kept));
	await button('Sign out').click();
	await page.getByLabel('Password of the admin panel').waitFor();
	assert.deepEqual(wrong, []);
});

step('who guesses too often is told how long to wait', async () => {
	for (let guess = 0; guess < 7; guess++) {
		await signIn(`wrong-password-${guess}`);
		await page.waitForFunction(() => !document.querySelector('button.main').disabled);
	}
	await page.getByText(/try again in \d+ seconds/).waitFor();
});
