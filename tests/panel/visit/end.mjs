// What is left at the end: no secret, no complaint; then another installation, and a lockout.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { PASSWORD } from '../../lib/admin.mjs';
import { request } from '../../lib/http.mjs';
import { makeInstallation } from '../../lib/installation.mjs';
import { newPage } from '../browser.mjs';
import { codes } from './codes.mjs';
import { laptop } from './keys.mjs';
import {
	screens, mode, wrong, seeded, told, standin, at, server, browser, page, base, step,
	shot, button, go, signIn,
} from './page.mjs';

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

	for (const name of readdirSync(fileURLToPath(new URL('../../../panel/', import.meta.url))).filter((file) => file !== 'embed')) {
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
