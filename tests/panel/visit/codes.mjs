// Activation codes: made, used on one machine, freed, changed, replaced, removed, imported.
import assert from 'node:assert/strict';

import { at, page, step, shot, button, rowOf, go, actOn, api, say, newSecret } from './page.mjs';

export const codes = []; /* that were shown */
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
