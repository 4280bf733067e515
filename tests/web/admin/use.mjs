// What was used: as CSV, as statistics, as events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { request } from '../../lib/http.mjs';
import { until } from '../../lib/process.mjs';
import { mode, standin, at, server, client, api, ok, say } from './site.mjs';

test('usage as CSV: a line a day, key, account and model', async () => {
	const { key } = (await client.call('POST', '/api/v1/keys', { name: '=1+1,"x"' })).json;
	const today = new Date().toISOString().slice(0, 10);

	assert.equal((await say(key)).status, 200);
	await until(async () => (await api('GET', '/usage.csv')).text.includes('1+1'), 'it to be booked');
	const answer = await api('GET', '/usage.csv?days=1');
	const [head, ...lines] = answer.text.trimEnd().split('\r\n');

	assert.match(answer.headers['content-type'], /^text\/csv/);
	assert.match(answer.headers['content-disposition'], /^attachment; filename="kiro-usage.csv"$/);
	assert.match(head, /^day,key,key_id,account,account_label,model,requests,errors,/);
	const [line] = lines.filter((each) => each.includes('1+1'));

	assert.match(line, new RegExp(`^${today},"'=1\\+1,""x""",key_[0-9a-f]{16},acc_\\w+,[^,]*,claude-sonnet-4.5,1,0,`));
	assert.equal((await api('GET', '/usage.csv?days=0')).json.error.field, 'days');
});

test('kiroctl usage --csv: no name is a formula there either', async () => {
	const { key } = (await client.call('POST', '/api/v1/keys', { name: '-2+3' })).json;

	assert.equal((await say(key)).status, 200);
	await until(async () => (await api('GET', '/usage.csv')).text.includes('2+3'), 'it to be booked');
	const lines = at.kiroctl(['usage', '--csv']).split('\n');

	assert.match(lines.find((line) => line.includes('1+1')), /^"'=1\+1,""x""",1,/);
	assert.match(lines.find((line) => line.includes('2+3')), /^"'-2\+3",1,/);
	assert.match(at.kiroctl(['usage', '--csv', '--by', 'day']), /^\d{4}-\d\d-\d\d,/m);
});

test('statistics are those of what was served', async () => {
	const before = await ok('GET', '/stats');

	await standin.script('slow', { steps: [{ text: 'one' }, { sleep_ms: 600 }, { text: 'two' }] });
	const asked = say(at.key, { messages: [{ role: 'user', content: '@slow@' }] });

	await setTimeout(300);
	assert.equal((await ok('GET', '/stats')).running, 1);
	assert.equal((await asked).status, 200);
	await until(async () => (await ok('GET', '/stats')).latency.answer.count > before.latency.answer.count, 'it to be counted');
	const after = await ok('GET', '/stats');
	const beyond = (stats, bound) => stats.latency.answer.buckets
		.filter(({ up_to: to }) => to === null || to > bound).reduce((sum, { count }) => sum + count, 0);

	assert.equal(after.running, 0);
	assert.equal(after.today.requests, before.today.requests + 1);
	assert.equal(after.latency.answer.count, before.latency.answer.count + 1);
	assert.equal(beyond(after, 0.32), beyond(before, 0.32) + 1, 'it took more than 0.6 seconds');
	assert.equal(after.latency.answer.p99 >= 0.6, true);
});

test('events: without a file it is told what to do; with one they are read on from a cursor', async () => {
	assert.match((await ok('GET', '/events')).advice, /log\.file/);
	for (const format of ['text', 'json']) {
		at.configure({ 'log.file': `${at.dir}/${format}.log`, 'log.format': format });
		await ok('POST', '/reload');
		while ((await ok('GET', '/events')).advice)
			await setTimeout(50);
		const first = await ok('GET', '/events');

		await ok('PUT', '/aliases/watched', { target: 'claude-sonnet-4.5' });
		await say(at.key);
		await request({ port: server.port, path: `${mode.mount}/v1/${at.key}` });
		await until(async () => (await ok('GET', `/events?cursor=${first.cursor}`)).events.filter(({ status }) => status === 404).length,
			    'the last one to be written');
		const { events, cursor, more } = await ok('GET', `/events?cursor=${first.cursor}`);
		const texts = events.map(({ text }) => text);

		assert.equal(more, false);
		assert.ok(texts.some((text) => text.startsWith('admin: alias watched stands for')), texts.join('\n'));
		const served = events.find(({ type, status, text }) =>
			type === 'access' && status === 200 && /messages/.test(text));

		assert.deepEqual([served.key, served.model, served.level], ['test', 'claude-sonnet-4.5', 'info']);
		assert.match(served.request_id, /^req_/);
		assert.ok(at.accounts.length && served.account.startsWith('acc_'));
		assert.deepEqual((await ok('GET', `/events?cursor=${cursor}`)).events, [], 'looking is no event');
		const only = async (query) => (await ok('GET', `/events?cursor=${first.cursor}&${query}`)).events;

		assert.deepEqual((await only('level=warn')).map(({ status }) => status), [404]);
		assert.deepEqual((await only(`account=${served.account}`)).filter(({ type }) => type === 'access').map(({ request_id: id }) => id), [served.request_id]);
		assert.deepEqual((await only('key=test')).map(({ request_id: id }) => id), [served.request_id]);
		assert.deepEqual((await only('key=tes')), []);
		assert.ok((await only(`request_id=${served.request_id}`)).every(({ request_id: id }) => id === served.request_id));
		assert.deepEqual((await only('text=WATCHED')).length, 2, 'the change, and its request');
		assert.deepEqual((await only('limit=1')).length, 1);
		const old = JSON.parse((await client.call('GET', `${mode.mount}/api/logs/server-error.log`)).text);

		assert.deepEqual(old.events.filter(({ level }) => level !== 'error'), []);
		assert.equal((await client.call('GET', `${mode.mount}/api/logs/passwd`)).status, 404);
		assert.equal((await client.call('GET', `${mode.mount}/api/logs/..%2Fkiro.json`)).status, 404);
	}
	for (const query of ['cursor=x', 'level=loud', 'limit=0', 'limit=1e9'])
		assert.equal((await api('GET', `/events?${query}`)).status, 400, query);
	at.configure({ 'log.file': '' });
	await ok('POST', '/reload');
});
