// Images by URL are fetched from listed hosts only, over TLS, and must be images.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { run } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

const account = { name: 'one', kind: 'social', accessToken: 'aoaStandinTokenOfTheFetchTest' };
const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA' +
	    'AABJRU5ErkJggg==';

// What the host of the images answers.
const pages = {
	'/dot.png': (r) => r.end(Buffer.from(png, 'base64')),
	'/page': (r) => r.end('<html>no image</html>'),
	'/large': (r) => r.end(Buffer.alloc(5242881)),
	'/moved': (r) => r.writeHead(302, { location: '/dot.png' }).end(),
	'/gone': (r) => r.writeHead(404).end(),
	'/broken': (r) => r.socket.destroy(),
};

describe('images by URL', { timeout: 60000 }, () => {
	let dir, standin, host, port, cert;
	const asked = [];

	before(async () => {
		dir = mkdtempSync(join(tmpdir(), 'kiro-fetch-'));
		cert = join(dir, 'cert.pem');
		run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt',
				'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(dir, 'key'),
				'-out', cert, '-days', '2', '-subj', '/CN=images',
				'-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'pipe' });
		host = createServer({ cert: readFileSync(cert), key: readFileSync(join(dir, 'key')) },
				    (request, reply) => {
					    asked.push(request.url);
					    pages[request.url](reply);
				    });
		await new Promise((ready) => host.listen(0, '127.0.0.1', ready));
		port = host.address().port;
		standin = await startStandin();
		await standin.script('default', { steps: [{ text: 'seen' }] });
	});
	after(async () => {
		await standin?.stop();
		host.closeAllConnections();
		await new Promise((closed) => host.close(closed));
		rmSync(dir, { recursive: true, force: true });
	});
	beforeEach(() => asked.splice(0));

	// Status, answer, and the images that went upstream.
	async function ask(path, settings = {}) {
		const installation = await makeInstallation({ standin, accounts: [account], settings: {
			'upstream.ca_file': cert, 'fetch_urls.allow': `127.0.0.1:${port}`,
			'fetch_urls.private': true, ...settings } });

		await standin.clearRequests();
		try {
			const { status, body } = await requestCgi(installation, messageRequest(installation.key, {
				messages: [{ role: 'user', content: [{ type: 'image', source: {
					type: 'url', url: `https://127.0.0.1:${port}${path}` } }] }] }));
			const sent = (await standin.chats())
				.map((r) => r.body.conversationState.currentMessage.userInputMessage.images);

			return { status, json: JSON.parse(body.toString()), sent };
		} finally {
			installation.remove();
		}
	}

	test('a listed host\'s image goes upstream', async () => {
		const { status, sent } = await ask('/dot.png');

		assert.equal(status, 200);
		assert.deepEqual(sent, [[{ format: 'png', source: { bytes: png } }]]);
	});

	const refusals = {
		'/page': 'Could not process image',
		'/large': 'image exceeds 5 MB maximum',
		'/moved': 'answered with status 302',
		'/gone': 'answered with status 404',
		'/broken': 'cannot be reached',
	};

	for (const [path, words] of Object.entries(refusals)) {
		test(`${path} is refused`, async () => {
			const { status, json, sent } = await ask(path);

			assert.equal(status, 400);
			assert.match(json.error.message, /^messages\.0\.content\.0\.image\.source: /);
			assert.ok(json.error.message.includes(words), json.error.message);
			assert.deepEqual(sent, []);
			assert.deepEqual(asked, [path]);
		});
	}

	test('nothing is asked of other hosts', async () => {
		const { status, json } = await ask('/dot.png', { 'fetch_urls.allow': 'elsewhere.example' });

		assert.equal(status, 400);
		assert.match(json.error.message, /URL images are not supported/);
		assert.deepEqual(asked, []);
	});

	test('nothing is asked of private addresses', async () => {
		const { status, json } = await ask('/dot.png', { 'fetch_urls.private': false });

		assert.equal(status, 400);
		assert.match(json.error.message, /cannot be reached/);
		assert.deepEqual(asked, []);
	});

	test('nothing is asked of a host without a good certificate', async () => {
		const { status, json } = await ask('/dot.png', { 'upstream.ca_file': '' });

		assert.equal(status, 400);
		assert.match(json.error.message, /cannot be reached/);
		assert.deepEqual(asked, []);
	});
});
