// The first run and the first sign-in.
import assert from 'node:assert/strict';

import { PASSWORD } from '../../lib/admin.mjs';
import { at, page, base, step, shot, button, heading, signIn } from './page.mjs';

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
