// lighttpd FastCGI with the whole host as mount point; how lighttpd itself is stopped.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { payload } from '../lib/http.mjs';
import { startSite } from './site.mjs';
import { modes } from './modes.mjs';

describe('lighttpd FastCGI as the whole host', { timeout: 60000 }, () => {
	let site;

	before(async () => (site = await startSite(modes['lighttpd FastCGI'], { mount: '/' })));
	after(() => site?.stop());

	test('paths are found without a prefix', async () => {
		for (const path of ['/', '/health/live', '/v1/models',
				    '/v1/models/claude-sonnet-4-5'])
			assert.equal((await site.request({ path })).status, 200, path);
		assert.equal((await site.request({ path: '/nothing' })).status, 404);
	});

	test('SIGINT to lighttpd lets the running stream end', async () => {
		await site.standin.script('long', {
			steps: [{ text: 'one' }, { sleep_ms: 1500 }, { text: 'two' }],
		});
		const answer = await site.stream({
			path: '/v1/messages',
			body: { model: 'claude-sonnet-4-5', max_tokens: 100, stream: true,
				messages: [{ role: 'user', content: '@long@' }] },
		});

		assert.equal(payload(await answer.next()).type, 'message_start');
		process.kill(site.server.pid, 'SIGINT');
		const events = await answer.rest();

		assert.deepEqual(events.map((event) => payload(event)?.delta?.text).filter(Boolean),
				 ['one', 'two']);
		assert.equal(payload(events.at(-1)).type, 'message_stop');
		assert.deepEqual(await site.server.ended, { code: 0, signal: null });
	});
});
