// The admin panel in Debian's chromium, driven by playwright: what a person does there, without a
// violation of its content policy and without an error in the browser's console. Screenshots of
// every page in both themes and both widths stay in build/screens.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PASSWORD } from '../lib/admin.mjs';
import { request } from '../lib/http.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';
import { modes } from '../web/modes.mjs';
import { launch, newPage, skip } from './browser.mjs';

const screens = `${buildDir}/screens`;
const mode = modes['lighttpd FastCGI'];
const names = ['dashboard', 'accounts', 'keys', 'codes', 'models', 'usage', 'events', 'settings'];
const wrong = []; /* what the console and the page complain of */
const seeded = 'SeededSecret0123456789'; /* in every secret of the settings */
const told = []; /* texts of all answers, pages and storages, but those that are to show a key */
let standin, at, server, browser, page, base, said = 0;

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

const step = (name, run) => test(name, { skip }, run);
const shot = (name) => page.screenshot({ path: `${screens}/${name}.png`, fullPage: true });
const button = (name) => page.getByRole('button', { name, exact: true });
const rows = () => page.locator('main tbody tr');
const rowOf = (text) => page.locator('main tbody tr', { hasText: text });
const heading = (name) => page.getByRole('heading', { name, exact: true, level: 1 });
const titles = { dashboard: 'Dashboard', accounts: 'Accounts', keys: 'Client keys', codes: 'Activation codes', models: 'Models', usage: 'Usage',
		 events: 'Events', settings: 'Settings' };
const go = async (name) => {
	await page.evaluate((hash) => {
		document.querySelectorAll('dialog').forEach((left) => left.close()); /* by a step that failed */
		location.hash = hash;
	}, `#/${name}`);
	await page.waitForFunction(() => !document.querySelector('main > .wait'));
};
const actOn = async (row, action) => {
	await rowOf(row).first().getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: action, exact: true }).click();
};
const signIn = async (password) => {
	await page.getByLabel('Password of the admin panel').fill(password);
	await button('Sign in').click();
};
// What the page knows, asked as the page asks.
const api = (path) => page.evaluate(async (url) => (await fetch(url)).json(), `api/v1${path}`);
const say = async (key, text = 'hello', headers = {}) => {
	const answer = await request({ port: server.port, path: `${mode.mount}/v1/messages`,
		headers: { 'x-api-key': key, ...headers }, body: { model: 'claude-sonnet-4.5', max_tokens: 100,
			messages: [{ role: 'user', content: text }] } });

	said += answer.status === 200;
	return answer.status;
};
// Where the person's browser ends: an address at which nobody listens.
const browse = async (url) => {
	const answer = await fetch(url, { redirect: 'manual' });

	assert.equal(answer.status, 302);
	return answer.headers.get('location');
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
	await heading('Dashboard').waitFor();
	assert.deepEqual(await page.evaluate(() => document.cookie), '', 'no script can read the session');
});

step('an account is tested, disabled and enabled', async () => {
	await go('accounts');
	assert.equal(await page.locator('tbody tr').count(), 3);
	await button('Test all').click();
	await page.getByText('3 of 3: answers').waitFor();
	await page.locator('dialog footer').getByRole('button', { name: 'Close' }).click();
	await page.getByText('12.25 / 1,000').first().waitFor(); /* as the stand-in tells it */
	await page.locator('tbody tr').first().getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Disable' }).click();
	await page.locator('tbody .state', { hasText: 'disabled' }).waitFor();
	await page.locator('tbody tr', { hasText: 'disabled' }).getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Enable' }).click();
	await page.waitForFunction(() => !document.querySelector('tbody')?.textContent.includes('disabled'));
});

// way: of the wizard; fields: what is filled in; device: how the stand-in's person goes on; pages: how
// many addresses the browser ends at.
const ways = [
	{ way: 'builder-id', code: true },
	{ way: 'google', code: true },
	{ way: 'github', code: true },
	{ way: 'idc', code: true, fields: { 'Start URL': 'https://acme.awsapps.com/start' } },
	{ way: 'idc-browser', pages: 1, fields: { 'Start URL': 'https://acme.awsapps.com/start' } },
	{ way: 'external-idp', pages: 1, fields: { 'Issuer URL': () => `${standin.url}/idp`, 'Client id': 'standin-idp-client', 'Scopes': 'openid api://x/a' } },
	{ way: 'portal', pages: 1, device: { option: 'google' } },
	{ way: 'portal', pages: 2, device: { option: 'external_idp' } },
	{ way: 'portal', pages: 1, code: true, device: { option: 'awsidc' } },
];

ways.forEach(({ way, code, pages = 0, fields = {}, device = {} }, index) => {
	step(`login: ${way}${device.option ? ` to ${device.option}` : ''}${code ? ', by code' : ''}${pages ? `, by ${pages} address${pages > 1 ? 'es' : ''}` : ''}`, async () => {
		await standin.device({ pending: 0, result: 'authorized', user: `user${index}`, interval: 1, ...device });
		await go('accounts');
		const before = await rows().count();

		await button('Add account').click();
		if (!index)
			await shot('add-account');
		await page.locator(`[data-way=${way}]`).click();
		for (const [label, value] of Object.entries(fields))
			await page.getByLabel(label, { exact: true }).fill(typeof value === 'function' ? value() : value);
		await page.locator('dialog').getByLabel('Label').fill(`login ${index}`);
		await button('Continue').click();
		let last;

		for (let n = 0; n < pages; n++) {
			const link = page.locator(`dialog a.button:not([href="${last}"])`);

			await link.waitFor();
			last = await link.getAttribute('href');
			await page.getByLabel('Address').fill(await browse(last));
			if (!n && way === 'portal')
				await shot('callback-login');
			await button('Continue').click();
		}
		if (code) {
			await page.locator('.code').waitFor();
			assert.match(await page.locator('dialog a.button').getAttribute('href'), /^http/);
			if (!index)
				await shot('device-login');
		}
		await page.locator('dialog').waitFor({ state: 'detached', timeout: 20000 });
		await rowOf(`login ${index}`).locator('.state', { hasText: 'active' }).waitFor();
		assert.equal(await rows().count(), before + 1);
	});
});

step('a login that is refused, one with a foreign address, and one that is given up', async () => {
	await standin.device({ pending: 0, result: 'access_denied', interval: 1 });
	await go('accounts');
	const before = await rows().count();

	await button('Add account').click();
	await page.locator('[data-way=builder-id]').click();
	await button('Continue').click();
	await page.getByText('The login was refused.').waitFor();
	await button('Cancel').click();
	await standin.device({ result: 'authorized', option: 'google' });
	await button('Add account').click();
	await page.locator('[data-way=portal]').click();
	await button('Continue').click();
	await page.getByLabel('Address').fill('http://localhost:49153/oauth/callback?code=x&state=not-this-one');
	await button('Continue').click();
	await page.locator('dialog .wrong:not([hidden])').waitFor();
	await page.keyboard.press('Escape');
	await page.locator('dialog').waitFor({ state: 'detached' });
	assert.equal(await rows().count(), before);
});

step('an import is shown before it is stored', async () => {
	await button('Import').click();
	await page.locator('dialog textarea').fill(JSON.stringify([
		{ refreshToken: `aor${'Imported0'.repeat(20)}`, label: 'imported' }, { label: 'nothing in it' }]));
	await button('Show what would be done').click();
	await page.locator('dialog .state', { hasText: 'refuse' }).waitFor();
	await shot('import-preview');
	await button('Store (1)').click();
	await rowOf('imported').waitFor();
});

step('a long import is stored in pieces, shows how far it is, and can be stopped', async () => {
	const entries = Array.from({ length: 1200 }, (_, i) => ({ refreshToken: `aor${'Long0'.repeat(30)}${i}`, label: `long ${i}` }));
	const sent = [];
	let answer;
	const second = new Promise((resolve) => {
		answer = resolve;
	});

	await page.route('**/accounts/import?store=1*', async (route) => {
		sent.push(route.request().postDataJSON().map(({ label }) => label));
		if (sent.length === 2)
			await second;
		await route.fulfill({ json: { added: sent.at(-1).length, updated: 0, entries: [] } }).catch(() => {});
	});
	await button('Import').click();
	await page.locator('dialog textarea').fill(JSON.stringify(entries));
	await button('Show what would be done').click();
	await button('Store (1200)').click();
	await page.locator('dialog [role=status]', { hasText: '2 of 3: 501–1000' }).waitFor();
	assert.equal(await page.locator('dialog progress').evaluate(({ value, max }) => `${value}/${max}`), '1/3');
	await button('Stop').click();
	await page.locator('dialog').waitFor({ state: 'detached' });
	answer();
	await page.waitForTimeout(200);
	assert.deepEqual(sent.map((piece) => [piece.length, piece[0]]), [[500, 'long 0'], [500, 'long 500']]);
	await page.unroute('**/accounts/import?store=1*');
});

step('an account is deleted after its name was told', async () => {
	await actOn('imported', 'Delete');
	await page.locator('dialog', { hasText: 'imported' }).waitFor();
	await page.locator('dialog footer').getByRole('button', { name: 'Delete' }).click();
	await rowOf('imported').waitFor({ state: 'detached' });
});

step('a table sorts, filters, and keeps its place over a refresh', async () => {
	const column = () => page.locator('main tbody tr td:first-child .name').allTextContents();
	const byName = (a, b) => a.localeCompare(b, 'en', { numeric: true });

	assert.deepEqual(await column(), (await column()).toSorted(byName));
	await button('Account').click();
	assert.deepEqual(await column(), (await column()).toSorted(byName).toReversed());
	await page.getByRole('searchbox').fill('user3@EXAMPLE login');
	assert.deepEqual(await column(), ['login 3']);
	await page.getByRole('searchbox').fill('login');
	at.kiroctl(['account', 'set', (await api('/accounts')).accounts.find(({ label }) => label === 'login 4').id, '--priority', '7']);
	await rowOf('login 3').getByRole('button', { name: 'Test' }).click();
	await rowOf('login 4').locator('td.number', { hasText: '7' }).waitFor();
	assert.equal((await column())[0], 'login 8', 'the order that was asked for');
	assert.equal((await column()).length, 9, 'and the filter');
	assert.match(await page.evaluate(() => document.activeElement.closest('tr')?.textContent ?? ''), /login 3/);
	await page.getByRole('searchbox').fill('');
	await button('Account').click();
});

const newSecret = async (label = 'Key', form = /^kiro-/) => {
	const key = await page.getByLabel(label, { exact: true }).inputValue();

	await button('Done').click();
	await page.locator('dialog').waitFor({ state: 'detached' });
	assert.match(key, form);
	assert.ok(!(await page.content()).includes(key));
	return key;
};

let laptop;

step('a key is made, shown once, and serves a client until its limit is reached, which is shown', async () => {
	await go('keys');
	await button('New key').click();
	await page.getByLabel('Name', { exact: true }).fill('laptop');
	await page.getByLabel('Limit of requests').fill('often');
	await button('Add').click();
	await page.locator('.field.bad .wrong', { hasText: 'requests' }).waitFor();
	await page.getByLabel('Limit of requests').fill('3/day');
	await button('Add').click();
	laptop = await newSecret();
	for (const status of [200, 200, 200, 429])
		assert.equal(await say(laptop), status);
	await go('models');
	await go('keys');
	await rowOf('laptop').getByText('3 / 3 requests/day').waitFor();
	await rowOf('laptop').getByText('reached').waitFor();
	await shot('key-limit');
});

step('a key is changed, gets a new secret beside the old one, is revoked and removed', async () => {
	at.kiroctl(['key', 'set', 'laptop', '--expires', '2031-05-31']);
	await go('models');
	await go('keys');
	await actOn('laptop', 'Edit');
	await page.getByLabel('Limit of requests').fill('');
	await page.getByText('More settings').click();
	assert.equal(await page.getByLabel('Good until the end of').inputValue(), '2031-05-31');
	await page.getByLabel('Most requests at once').fill('2');
	await button('Save').click();
	await rowOf('laptop').getByText('0 / 2 at once').waitFor();
	assert.equal((await api('/keys')).keys.find(({ name }) => name === 'laptop').expires_at, '2031-06-01T00:00:00Z', 'it was not touched');
	assert.equal(await say(laptop), 200);
	await actOn('laptop', 'New secret');
	await button('Make a new secret').click();
	await page.getByText('The old one is good until').waitFor();
	const fresh = await newSecret();

	assert.deepEqual([await say(laptop), await say(fresh)], [200, 200]);
	await rowOf('replaced').waitFor();
	await page.locator('main tbody tr', { hasText: 'laptop' }).filter({ hasNotText: 'replaced' })
		.getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Revoke', exact: true }).click();
	await page.locator('dialog', { hasText: 'laptop' }).getByRole('button', { name: 'Revoke', exact: true }).click();
	await rowOf('revoked').first().waitFor();
	assert.deepEqual([await say(laptop), await say(fresh)], [401, 401]);
	await button('New key').click();
	await page.getByLabel('Name', { exact: true }).fill('short-lived');
	await button('Add').click();
	const gone = await newSecret();

	await actOn('short-lived', 'Remove');
	await page.locator('dialog', { hasText: 'short-lived' }).getByRole('button', { name: 'Remove', exact: true }).click();
	await rowOf('short-lived').waitFor({ state: 'detached' });
	assert.equal(await say(gone), 401);
});

step('a session that ended while a dialog was open: the page says so and asks for the password', async () => {
	await go('keys');
	await button('New key').click();
	await page.getByLabel('Name', { exact: true }).fill('too late');
	await page.context().clearCookies();
	await button('Add').click();
	await page.getByText('The session has ended: sign in again.').waitFor();
	assert.equal(await page.locator('dialog').count(), 0);
	await shot('session-ended');
	await signIn(PASSWORD);
	await heading('Client keys').waitFor();
	assert.equal((await api('/keys')).keys.filter(({ name }) => name === 'too late').length, 0);
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

step('what a client used is counted, and charts are drawn from the counters', async () => {
	await go('usage');
	const counted = (await api('/usage')).keys.find(({ name }) => name === 'laptop');

	assert.equal(counted.requests, said);
	assert.equal(await rowOf('laptop').locator('td').nth(1).textContent(), String(said));
	const [csv] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download CSV' }).click()]);

	assert.equal(csv.suggestedFilename(), 'kiro-usage.csv');
	assert.match(readFileSync(await csv.path(), 'utf8'), /^day,key,key_id,account,account_label,model,.*\r\n\d{4}-\d\d-\d\d,"laptop",/);
	await go('dashboard');
	const charts = await page.waitForFunction(() => {
		const all = [...document.querySelectorAll('canvas')].map((canvas) => window.Chart?.getChart(canvas));

		return all.length === 6 && all.every(Boolean) && all.map(({ data }) => data.datasets.map((set) => set.data));
	}).then((handle) => handle.jsonValue());
	const sum = (list) => list.reduce((all, one) => all + one, 0);
	const [requests, tokens, first, answer] = charts;
	const stats = await api('/stats');

	assert.equal(sum(requests.flat()), said);
	assert.equal(sum(tokens[1]) + sum(tokens[2]), counted.input_tokens + counted.output_tokens);
	assert.deepEqual([sum(first[0]), sum(answer[0])], [said, said]);
	assert.equal(stats.latency.answer.count, said);
});

const codes = []; /* that were shown */
const newCode = async () => codes.push(await newSecret('Code', /^act-([A-Z0-9]{4}-){6}[A-Z0-9]{4}$/)) && codes.at(-1);

step('a code is made, shown once, has the first machine, is freed, changed, replaced, revoked and removed', async () => {
	const on = (machine, code) => say(code, 'hello', machine && { 'x-machine-id': machine });
	const told = async (text) => page.locator('dialog', { hasText: text }).waitFor();
	const confirmed = (action) => page.locator('dialog footer').getByRole('button', { name: action, exact: true }).click();

	await go('codes');
	await page.getByText('No activation codes yet').waitFor();
	await shot('codes-empty');
	await page.locator('.head').getByRole('button', { name: 'New code', exact: true }).click();
	await page.getByLabel('User', { exact: true }).fill('ann');
	await page.getByLabel('Days', { exact: true }).fill('99999');
	await page.locator('dialog form').evaluate((form) => (form.noValidate = true));
	await button('Add').click();
	await page.locator('.field.bad .wrong', { hasText: 'days' }).waitFor();
	await page.getByLabel('Days', { exact: true }).fill('30');
	await shot('code-new');
	await button('Add').click();
	await page.getByText('This code is shown this once.').waitFor();
	const ann = await newCode();

	await rowOf('ann').getByText('serves nobody').waitFor();
	assert.equal(await on('machine-of-ann', ann), 403, 'without an account of its own');
	await actOn('ann', 'Edit');
	await page.getByLabel('Accounts that serve it').selectOption('shared');
	await page.getByLabel('Days', { exact: true }).fill('60');
	await button('Save').click();
	await rowOf('ann').getByText('active').waitFor();
	assert.equal((await api('/codes/ann')).days, 60);
	assert.deepEqual([await on('machine-of-ann', ann), await on('another', ann), await on('', ann)], [200, 403, 403]);
	await go('keys');
	assert.equal(await rowOf('ann').count(), 0, 'the keys are on their own page');
	await go('codes');
	await rowOf('ann').getByText('mac…', { exact: true }).waitFor();
	const { expires_at: end } = await api('/codes/ann');

	await actOn('ann', 'Edit');
	await page.getByText('More settings').click();
	await page.getByLabel('Limit of requests').fill('50/day');
	await button('Save').click();
	await rowOf('ann').getByText('/ 50 requests/day').waitFor();
	assert.equal((await api('/codes/ann')).expires_at, end, 'what was not touched stays');
	await actOn('ann', 'Reset machine');
	await told('machine mac…');
	await confirmed('Reset machine');
	await rowOf('ann').getByText('the first that is seen').waitFor();
	assert.deepEqual([await on('another', ann), await on('machine-of-ann', ann)], [200, 403]);
	await actOn('ann', 'New secret');
	await button('Make a new secret').click();
	const fresh = await newCode();

	assert.deepEqual([await on('another', ann), await on('another', fresh)], [200, 200]);
	await rowOf('replaced').waitFor();
	assert.equal(await rowOf('ann').count(), 2);
	const now = page.locator('main tbody tr', { hasText: 'ann' }).filter({ hasNotText: 'replaced' });

	await now.getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Revoke', exact: true }).click();
	await told('ann');
	await confirmed('Revoke');
	await rowOf('revoked').first().waitFor();
	assert.deepEqual([await on('another', ann), await on('another', fresh)], [403, 403]);
	await now.getByRole('button', { name: /^Actions/ }).click();
	await page.getByRole('menuitem', { name: 'Remove', exact: true }).click();
	await told('Remove the activation code of “ann”?');
	await confirmed('Remove');
	await page.getByText('No activation codes yet').waitFor();
	assert.equal(await on('another', fresh), 401);
});

step('a code has an account of its own, and its removal names it', async () => {
	await page.locator('.head').getByRole('button', { name: 'New code', exact: true }).click();
	await page.getByLabel('User', { exact: true }).fill('ben');
	await page.getByLabel('Machine', { exact: true }).selectOption('any');
	await page.getByLabel('Account of its own').selectOption({ label: 'login 8' });
	await button('Add').click();
	const ben = await newCode();

	await rowOf('ben').getByText('not used yet').waitFor();
	await rowOf('ben').getByText('login 8').waitFor();
	assert.equal(await say(ben), 200);
	await actOn('ben', 'Remove');
	await page.locator('dialog', { hasText: 'login 8' }).waitFor();
	await page.locator('dialog footer').getByRole('button', { name: 'Cancel' }).click();
	assert.equal(await say(ben), 200);
	at.kiroctl(['code', 'add', 'gone', '--account', (await api('/accounts')).accounts.find(({ label }) => label === 'login 6').id]);
	await go('accounts');
	await rowOf('login 8').getByText('only for “ben”').waitFor();
	await rowOf('login 6').getByText('only for “gone”').waitFor();
	await go('codes');
	await actOn('gone', 'Remove');
	await page.locator('dialog footer').getByRole('button', { name: 'Remove', exact: true }).click();
	await rowOf('gone').waitFor({ state: 'detached' });
	await go('accounts');
	await rowOf('login 6').getByText('serves nobody').waitFor();
	await actOn('login 6', 'Share');
	await page.locator('dialog', { hasText: 'login 6' }).getByRole('button', { name: 'Share', exact: true }).click();
	await rowOf('login 6').getByText('serves nobody').waitFor({ state: 'detached' });
	assert.equal((await api('/accounts')).accounts.find(({ label }) => label === 'login 6').owner, null);
});

step('codes are imported, and may use the accounts of nobody where that is ticked', async () => {
	const file = [{ code: 'Q7W2-E9R4-T6Y8-U3P5', active: true, machineId: 'machine-of-cai', activatedAt: new Date().toISOString(), tunnelDays: 30 }];
	const code = `act-${file[0].code}`;

	codes.push(code);
	await go('codes');
	await page.locator('.head').getByRole('button', { name: 'Import', exact: true }).click();
	await page.getByLabel('may use the shared ones').check();
	await page.locator('dialog textarea').fill(JSON.stringify(file));
	await button('Show what would be done').click();
	await page.locator('dialog .state', { hasText: 'add' }).waitFor();
	await shot('codes-import');
	await button('Store (1)').click();
	await rowOf('act-Q7W2').getByText('its own and the shared ones').waitFor();
	assert.equal(await say(code, 'hello', { 'x-machine-id': 'machine-of-cai' }), 200);
});

step('times are told as a person tells them', async () => {
	const told = await page.evaluate(async (url) => {
		const { when } = await import(url);

		return [-20, -59.7, -100, -3599, -86390, 29.99 * 86400].map((s) => when(new Date(Date.now() + 1000 * s).toISOString()).textContent);
	}, `${base}/ui.js`);

	assert.deepEqual(told, ['20 seconds ago', '1 minute ago', '2 minutes ago', '1 hour ago', 'yesterday', 'in 30 days']);
});

step('a request that runs is seen running', async () => {
	await standin.script('long', { steps: [{ text: 'one' }, { sleep_ms: 2500 }, { text: 'two' }] });
	const running = say(at.key, '@long@');
	const tile = page.locator('.tile', { hasText: 'Running now' }).locator('.value');

	await go('models');
	await go('dashboard');
	assert.equal(await tile.textContent(), '1');
	assert.equal(await running, 200);
	await go('models');
	await go('dashboard');
	assert.equal(await tile.textContent(), '0');
});

step('events come as they happen, are filtered, and stay where they are read', async () => {
	const lines = page.locator('.log li:not(.gap)');
	const text = () => page.locator('.log').textContent();

	await go('events');
	await lines.first().waitFor();
	await page.locator('.live.on').waitFor();
	await request({ port: server.port, path: `${mode.mount}/v1/no-such-door` });
	await page.locator('.log li.warn', { hasText: 'no-such-door' }).waitFor();
	assert.ok(await page.evaluate(() => {
		const list = document.querySelector('.log');

		return list.scrollHeight - list.scrollTop - list.clientHeight < 30;
	}), 'at its end it goes on');
	await page.locator('.log').evaluate((list) => (list.scrollTop = 0));
	await request({ port: server.port, path: `${mode.mount}/v1/another-door` });
	await page.locator('.below', { hasText: '1 new' }).waitFor();
	assert.equal(await page.locator('.log').evaluate((list) => list.scrollTop), 0);
	await page.locator('.below').click();
	await page.getByLabel('Level').selectOption('warn');
	await page.waitForFunction(() => document.querySelectorAll('.log li.warn').length && !document.querySelector('.log li.info'));
	await button('Clear filters').click();
	await page.locator('.log li.info').first().waitFor();
	await page.getByLabel('Key', { exact: true }).selectOption('laptop');
	await page.waitForFunction(() => document.querySelectorAll('.log li:not(.gap)').length && [...document.querySelectorAll('.log li:not(.gap)')].every((line) => line.textContent.includes('laptop')));
	const id = await page.locator('.log .part', { hasText: /^req_/ }).first().textContent();

	await button('Clear filters').click();
	await page.getByLabel('Request', { exact: true }).fill(id);
	await page.waitForFunction((wanted) => document.querySelectorAll('.log li:not(.gap)').length && [...document.querySelectorAll('.log li:not(.gap)')].every((line) => line.textContent.includes(wanted)), id);
	await button('Clear filters').click();
	await page.getByLabel('Text', { exact: true }).fill('alias');
	await page.waitForFunction(() => document.querySelectorAll('.log li:not(.gap)').length && [...document.querySelectorAll('.log li:not(.gap)')].every((line) => line.textContent.includes('alias')));
	await button('Clear filters').click();
	await lines.first().waitFor();
	await button('Pause').click();
	await request({ port: server.port, path: `${mode.mount}/v1/while-it-rests` });
	await page.locator('.live', { hasText: 'paused' }).waitFor();
	await button('Go on').click();
	await page.locator('.log li', { hasText: 'while-it-rests' }).waitFor();
	assert.ok(!(await text()).includes('while-it-rests'.toUpperCase()));
});

step('where the log is in no file, the events say what to do', async () => {
	at.configure({ 'log.file': '' });
	await go('settings');
	await button('Reload settings').click();
	await page.getByText('Settings reloaded').waitFor();
	await go('events');
	await page.getByText('The log is not in a file').waitFor();
	await shot('events-advice');
	at.configure({ 'log.file': `${at.dir}/kiro.log` });
	await go('settings');
	await button('Reload settings').click();
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
				await heading(titles[name]).waitFor();
				await page.waitForLoadState('networkidle', { timeout: 1900 }).catch(() => {}); /* events go on */
				told.push({ what: `${name} ${theme} ${width}`, text: await page.evaluate(() => document.documentElement.outerHTML + document.documentElement.innerText) });
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
	await go('codes');
	await page.getByRole('heading', { name: '激活码', level: 1 }).waitFor();
	await rowOf('ben').getByText('任意').waitFor();
	await shot('codes-chinese');
	await go('accounts');
	await button('English').click();
});

// Tab until that has the focus; a page from which it cannot be reached fails.
async function tabTo(locator) {
	const reached = () => locator.evaluate((element) => element === document.activeElement).catch(() => false);

	for (let tabs = 0; tabs < 80 && !await reached(); tabs++)
		await page.keyboard.press('Tab');
	assert.ok(await reached(), String(locator));
	assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none', 'the focus is seen');
}

step('by the keyboard alone: sign in, make a key, act on its row, leave a dialog', async () => {
	await button('Sign out').click();
	await page.getByLabel('Password of the admin panel').waitFor();
	await page.keyboard.type(PASSWORD);
	await page.keyboard.press('Enter');
	await page.locator('.side').getByText('Keys').waitFor();
	await page.reload();
	await page.locator('main h1').waitFor();
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.className), 'skip', 'past the sections with one key');
	await tabTo(page.locator('.side a', { hasText: 'Keys' }));
	await page.keyboard.press('Enter');
	await heading('Client keys').waitFor();
	await tabTo(button('New key'));
	await page.keyboard.press('Enter');
	await page.keyboard.type('typed');
	await page.keyboard.press('Enter');
	await tabTo(button('Done'));
	await page.keyboard.press('Enter');
	await rowOf('typed').waitFor();
	await tabTo(rowOf('typed').getByRole('button', { name: /^Actions/ }));
	await page.keyboard.press('Enter');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('ArrowDown');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Remove');
	await page.keyboard.press('Enter');
	await page.locator('dialog', { hasText: 'typed' }).waitFor();
	await page.keyboard.press('Escape');
	await page.locator('dialog').waitFor({ state: 'detached' });
	assert.match(await page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? ''), /typed/, 'back where it began');
	await page.keyboard.press('Enter');
	await page.keyboard.press('Tab');
	assert.equal(await page.locator('.menu > div:not([hidden])').count(), 0, 'a menu that is left is shut');
	await rowOf('typed').waitFor();
});

step('every text has its Chinese', () => {
	const folder = fileURLToPath(new URL('../../panel/', import.meta.url));
	const words = readFileSync(`${folder}words.js`, 'utf8');
	const missing = [];

	for (const name of readdirSync(folder).filter((file) => file.endsWith('.js') && file !== 'words.js')) {
		for (const [, inside, head] of readFileSync(folder + name, 'utf8')
			.matchAll(/\bt\(((?:[^()']|'(?:[^'\\]|\\.)*')*)\)|head: ('(?:[^'\\]|\\.)*')/g)) {
			for (const [text] of (inside ?? head).matchAll(/'(?:[^'\\]|\\.)*'/g))
				if (!words.includes(`${text}: `) && !/^'(set|added|light|dark)'$/.test(text))
					missing.push(`${name}: ${text}`);
		}
	}
	assert.deepEqual(missing, []);
});

step('nothing comes from elsewhere, nothing secret is told or kept, nobody complains', async () => {
	const outside = [];

	page.on('request', (sent) => sent.url().startsWith(base) || sent.url().startsWith('blob:') || outside.push(sent.url()));
	await page.reload();
	await go('dashboard');
	const kept = await page.evaluate(async () => JSON.stringify({ ...localStorage, ...sessionStorage,
		databases: (await indexedDB.databases()).map(({ name }) => name), caches: await caches?.keys?.() }));

	told.push({ what: 'storage', text: kept });
	assert.deepEqual(outside, []);
	assert.match(kept, /theme/);
	const secrets = new Set([...await standin.accounts(), ...at.accounts].flatMap((account) =>
		[account.accessToken, account.refreshToken, account.clientSecret, account.apiKey]).filter(Boolean));

	for (const more of [at.key, laptop, ...codes, PASSWORD, seeded, '$y$', 'aoaStandin', 'aorStandin', 'standin-secret-'])
		secrets.add(more);
	assert.ok(secrets.size >= 30, `${secrets.size} secrets`);
	assert.ok(told.length > 100, `${told.length} texts`);
	for (const { what, text } of told)
		for (const secret of secrets)
			assert.ok(!text.includes(secret), `${what} holds ${secret.slice(0, 8)}…`);
	await button('Sign out').click();
	await page.getByLabel('Password of the admin panel').waitFor();
	assert.deepEqual(wrong, []);
});

step('the page is small, and how soon it is seen is told', async () => {
	const sizes = {};

	for (const name of readdirSync(fileURLToPath(new URL('../../panel/', import.meta.url))).filter((file) => file !== 'embed')) {
		const { status, headers, text } = await request({ port: server.port, path: `${mode.mount}/admin/${name}`, headers: { 'accept-encoding': 'gzip' } });

		assert.deepEqual([status, headers['content-encoding']], [200, 'gzip'], `${name} ${text.length}`);
		sizes[name] = Number(headers['content-length']);
	}
	const all = Object.values(sizes).reduce((sum, size) => sum + size, 0);

	assert.ok(all < 100 * 1024, `${all} bytes: ${JSON.stringify(sizes)}`);
	const paints = [];

	for (let n = 0; n < 5; n++) {
		await page.goto(`${base}/`);
		paints.push(await page.waitForFunction(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime).then((handle) => handle.jsonValue()));
	}
	console.log(`# panel: ${all} bytes compressed without charts; first contentful paint ${paints.map(Math.round).join(', ')} ms`);
});

step('a new installation: the dashboard begins with what is to be done next', async () => {
	const bare = await makeInstallation({ standin, accounts: [] });
	const { port, stop } = await mode.start(bare, mode.mount);
	const fresh = await newPage(browser, { wrong, told });
	const top = () => fresh.locator('main .card').first();

	try {
		bare.kiroctl(['key', 'remove', 'test']);
		bare.kiroctl(['admin', 'passwd'], { input: `${PASSWORD}\n` });
		await fresh.goto(`http://127.0.0.1:${port}${mode.mount}/admin`);
		await fresh.getByLabel('Password of the admin panel').fill(PASSWORD);
		await fresh.getByRole('button', { name: 'Sign in', exact: true }).click();
		await top().getByText('No accounts yet').waitFor();
		await fresh.screenshot({ path: `${screens}/new-installation.png`, fullPage: true });
		bare.kiroctl(['account', 'import', '-', '--yes'], { input: JSON.stringify({ kiroApiKey: 'ksk_standin_0123456789abcdef' }) });
		await fresh.reload();
		await top().getByText('No keys yet').waitFor();
		await top().getByRole('link', { name: 'Keys' }).click();
		await fresh.getByText('A client needs a key').waitFor();
		bare.kiroctl(['key', 'add', 'laptop']);
		await fresh.evaluate(() => { location.hash = '#/dashboard'; });
		await fresh.getByRole('heading', { name: 'Dashboard', level: 1 }).waitFor();
		await fresh.getByText('Can serve now').waitFor();
		assert.equal(await fresh.getByText('No keys yet').count(), 0);
	} finally {
		await fresh.context().close();
		await stop();
		bare.remove();
	}
});

step('who guesses too often is told how long to wait', async () => {
	const waits = page.getByText(/try again in \d+ seconds/);

	/* The pause doubles, so that it is met however slow this machine is. */
	for (let guess = 0; guess < 14 && !await waits.count(); guess++) {
		await signIn(`wrong-password-${guess}`);
		await page.waitForFunction(() => !document.querySelector('button.main').disabled);
	}
	await waits.waitFor();
	await shot('locked-out');
	await button('中文').click();
	await page.getByLabel('管理面板密码').fill('wrong-password');
	await button('登录').click();
	await page.getByText(/^密码错误/).waitFor();
});
