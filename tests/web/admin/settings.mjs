// Models, settings, older paths, and the files of the panel.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mode, at, client, api, ok } from './site.mjs';

test('models: an alias is set, tested and removed', async () => {
	await ok('PUT', '/aliases/gpt-mine', { target: 'claude-sonnet-4.5' });
	const meaning = await ok('GET', '/models/test?name=gpt-mine');

	assert.deepEqual([meaning.through, meaning.id], ['claude-sonnet-4.5', 'claude-sonnet-4.5']);
	await ok('DELETE', '/aliases/gpt-mine');
	assert.equal((await api('GET', '/models/test?name=gpt-mine')).status, 404);
});

test('settings tell their origin; a bad file is refused with its line', async () => {
	const { options } = await ok('GET', '/config');
	const named = (name) => options.find((option) => option.name === name);

	assert.equal(named('state_dir').origin, 'file');
	assert.equal(named('auth').origin, 'default');
	await ok('POST', '/reload');
	at.configure('{\n"no_such_option": 1\n}');
	const refused = await api('POST', '/reload');

	assert.equal(refused.status, 400);
	assert.match(refused.json.error.message, /no_such_option/);
	at.configure();
	await ok('POST', '/reload');
});

test('older gateways\' paths are the same behind the same guard', async () => {
	const { text } = await client.call('GET', `${mode.mount}/api/accounts`);

	assert.equal(JSON.parse(text).accounts.length,
		     (await ok('GET', '/accounts')).accounts.length);
});

test('the panel: a page, its files, and what a browser keeps', async () => {
	const page = await client.call('GET', `${mode.mount}/admin/`);
	const moved = await client.call('GET', `${mode.mount}/admin`);
	const again = await client.call('GET', `${mode.mount}/admin/`, undefined,
					{ 'if-none-match': page.headers.etag });

	assert.equal(page.status, 200);
	assert.doesNotMatch(page.text, /<script(?![^>]*\bsrc=)|style=|\son\w+=/);
	assert.equal(moved.status, 308);
	assert.equal(moved.headers.location, 'admin/');
	assert.equal(again.status, 304);
	assert.equal((await client.call('GET', `${mode.mount}/admin/../kiro.json`)).status, 404);
});
