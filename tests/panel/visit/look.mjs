// How it looks, in both themes, widths and languages, and how it is used without a mouse.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { PASSWORD } from '../../lib/admin.mjs';
import { told, page, step, shot, button, rowOf, heading, go } from './page.mjs';

const names = ['dashboard', 'accounts', 'keys', 'codes', 'models', 'usage', 'events', 'settings'];
const titles = { dashboard: 'Dashboard', accounts: 'Accounts', keys: 'Client keys', codes: 'Activation codes', models: 'Models', usage: 'Usage',
		 events: 'Events', settings: 'Settings' };

step('every page in both themes and both widths, without a serious finding of axe', async () => {
	const axe = readFileSync(fileURLToPath(new URL('../node_modules/axe-core/axe.min.js', import.meta.url)), 'utf8');
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
	const folder = fileURLToPath(new URL('../../../panel/', import.meta.url));
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
