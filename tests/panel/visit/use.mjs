// Models, and what a client used of them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

import { page, said, step, button, rowOf, go, api } from './page.mjs';

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
	assert.match(readFileSync(await csv.path(), 'utf8'), /^day,key,key_id,account,account_label,model,.*\r\n\d{4}-\d\d-\d\d,laptop,/);
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
