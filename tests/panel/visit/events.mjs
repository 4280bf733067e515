// What happens: as it happens, and as it is told.
import assert from 'node:assert/strict';

import { request } from '../../lib/http.mjs';
import { mode, standin, at, server, page, base, step, shot, button, go, say } from './page.mjs';

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
