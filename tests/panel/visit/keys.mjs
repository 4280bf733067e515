// Client keys: made, limited, changed, replaced, revoked, removed.
import assert from 'node:assert/strict';

import { PASSWORD } from '../../lib/admin.mjs';
import { until } from '../../lib/process.mjs';
import { newPage } from '../browser.mjs';
import {
	at, browser, wrong, page, base, step, shot, button, rowOf, heading, go, actOn, signIn, api, say, newSecret,
} from './page.mjs';

export let laptop;

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
	await rowOf('replaced').getByText('ends').waitFor();
	assert.equal(await rowOf('replaced').getByRole('button', { name: /^Actions/ }).count(), 0, 'removing a secret would remove the key');
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

step('a key is edited: what somebody else changes meanwhile stays', async () => {
	at.kiroctl(['key', 'add', 'two-editors']);
	await go('models');
	await go('keys');
	await actOn('two-editors', 'Edit');
	at.kiroctl(['key', 'set', 'two-editors', '--tokens', '1000/day', '--expires', '2031-05-31', '--max-streams', '5']);
	await page.getByLabel('Limit of requests').fill('60/minute');
	await button('Save').click();
	await rowOf('two-editors').getByText('60 requests/minute').waitFor();
	const { limits, expires_at: end, max_streams: streams } = (await api('/keys')).keys.find(({ name }) => name === 'two-editors');

	assert.deepEqual([limits.requests, limits.tokens, end, streams], ['60/minute', '1000/day', '2031-06-01T00:00:00Z', 5]);
	at.kiroctl(['key', 'remove', 'two-editors']);
});

step('a key of any name is removed', async () => {
	for (const name of ['..', 'a/b']) {
		at.kiroctl(['key', 'add', name]);
		await go('models');
		await go('keys');
		const row = page.locator('main tbody tr').filter({ has: page.getByText(name, { exact: true }) });

		await row.getByRole('button', { name: /^Actions/ }).click();
		await page.getByRole('menuitem', { name: 'Remove', exact: true }).click();
		await page.locator('dialog footer').getByRole('button', { name: 'Remove', exact: true }).click();
		await row.waitFor({ state: 'detached' });
	}
});

step('while an answer is awaited the page does not ask again', async () => {
	const other = await newPage(browser, { wrong, storageState: await page.context().storageState() });
	let asked = 0;

	try {
		await other.clock.install();
		await other.goto(`${base}/#/keys`);
		await other.locator('main tbody tr').first().waitFor();
		await other.route('**/api/v1/keys', () => {
			asked++; /* and there is no answer */
		});
		await other.clock.runFor(60000);
		await until(() => asked, 'the page to ask');
		await other.clock.runFor(60000);
		await other.evaluate(() => fetch('api/v1/session')); /* what was asked before has come */
		assert.equal(asked, 1);
	} finally {
		await other.context().close();
	}
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
