// Accounts: tested, added by every way of the wizard, imported, deleted; their table.
import assert from 'node:assert/strict';

import { standin, at, page, step, shot, button, rows, rowOf, go, actOn, api } from './page.mjs';

// Where the person's browser ends: an address at which nobody listens.
const browse = async (url) => {
	const answer = await fetch(url, { redirect: 'manual' });

	assert.equal(answer.status, 302);
	return answer.headers.get('location');
};

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

step('an account is edited: what somebody else changes meanwhile stays', async () => {
	const [one] = (await api('/accounts')).accounts;

	await actOn(one.id, 'Edit');
	await page.getByText('0: the configured one').waitFor(); /* accounts.max_inflight of the settings, which may be a limit */
	at.kiroctl(['account', 'set', one.id, '--priority', '7', '--region', 'eu-central-1']);
	await page.getByLabel('Label').fill('renamed');
	await button('Save').click();
	await rowOf('renamed').waitFor();
	const now = (await api('/accounts')).accounts.find(({ id }) => id === one.id);

	assert.deepEqual([now.label, now.priority, now.region], ['renamed', 7, 'eu-central-1']);
	at.kiroctl(['account', 'set', one.id, '--priority', '0', '--region', one.region ?? '', '--label', one.label]);
});

step('an account whose credential is known by its person is updated, and so it is called', async () => {
	const updated = page.locator('.note', { hasText: 'Account updated' });
	const entry = (end) => JSON.stringify({ refreshToken: `aor${'Twice0'.repeat(30)}${end}`, userId: 'user-who-comes-twice', email: 'twice@example.com' });
	const add = async (text) => {
		await button('Add account').click();
		await page.locator('[data-way=token]').click();
		await page.getByRole('textbox', { name: 'Refresh token or JSON' }).fill(text);
		await page.locator('dialog').getByRole('button', { name: 'Add', exact: true }).click();
		await page.locator('dialog').waitFor({ state: 'detached' });
	};

	await go('accounts');
	await add(entry('1'));
	await page.locator('.note', { hasText: 'Account added' }).waitFor();
	assert.equal(await updated.count(), 0);
	await add(entry('2'));
	await updated.waitFor();
	at.kiroctl(['account', 'remove', 'twice@example.com', '--yes']);
	await page.reload();
	await rows().first().waitFor();
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
