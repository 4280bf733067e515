// An upstream whose certificate nobody vouches for is not spoken to; `upstream.ca_file` vouches.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';

import { requestCgi } from '../lib/cgi.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { messageRequest } from '../lib/message.mjs';
import { run } from '../lib/process.mjs';
import { startStandin } from '../lib/standin.mjs';

const account = { name: 'one', kind: 'social', accessToken: 'aoaStandinTokenOfTheTlsTest' };

function makeCertificate(dir, name, subject) {
	const cert = join(dir, `${name}.pem`), key = join(dir, `${name}.key`);

	run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
			'-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=stand-in',
			'-addext', `subjectAltName=${subject}`], { stdio: 'pipe' });
	return { cert, key };
}

describe('TLS to the upstream', { timeout: 60000 }, () => {
	let dir, plain, right, wrong, log;
	const secure = {};

	/* The control interface of a stand-in with TLS speaks TLS, too: it gets files instead. */
	async function startSecure(name, { cert, key }) {
		secure[name] = await startStandin({ args: [
			'--tls-cert', cert, '--tls-key', key, '--log', log,
			'--accounts', join(dir, 'accounts.json'), '--script', join(dir, 'scripts.json')] });
	}

	before(async () => {
		dir = mkdtempSync(join(tmpdir(), 'kiro-tls-'));
		log = join(dir, 'log');
		writeFileSync(join(dir, 'accounts.json'), JSON.stringify([account]));
		writeFileSync(join(dir, 'scripts.json'),
			      JSON.stringify({ default: { steps: [{ text: 'over TLS' }] } }));
		right = makeCertificate(dir, 'right', 'IP:127.0.0.1');
		wrong = makeCertificate(dir, 'wrong', 'DNS:elsewhere.example');
		plain = await startStandin();
		await startSecure('right', right);
		await startSecure('wrong', wrong);
	});
	after(async () => {
		for (const standin of [plain, secure.right, secure.wrong])
			await standin?.stop();
		rmSync(dir, { recursive: true, force: true });
	});

	async function ask(server, settings) {
		const installation = await makeInstallation({ standin: plain, accounts: [account], settings: {
			'upstream.inference_url': `https://127.0.0.1:${secure[server].port}`, ...settings } });
		const fastcgi = await startFastcgi(installation);

		writeFileSync(log, '');
		try {
			const answers = [await requestCgi(installation, messageRequest(installation.key)),
					 await fastcgi.request(messageRequest(installation.key))];

			return answers.map(({ status, body }) =>
				({ status, json: JSON.parse(body.toString()) }));
		} finally {
			await fastcgi.stop();
			installation.remove();
		}
	}

	const isRefused = (answers) => {
		for (const { status, json } of answers) {
			assert.equal(status, 502);
			assert.equal(json.error.type, 'api_error');
		}
		assert.equal(readFileSync(log, 'utf8'), '', 'a request went to a stranger');
	};

	test('an unknown issuer is refused', async () => isRefused(await ask('right', {})));

	test('another host\'s certificate is refused', async () =>
		isRefused(await ask('wrong', { 'upstream.ca_file': wrong.cert })));

	test('a certificate that ca_file vouches for is taken', async () => {
		for (const { status, json } of await ask('right', { 'upstream.ca_file': right.cert })) {
			assert.equal(status, 200, JSON.stringify(json));
			assert.equal(json.content[0].text, 'over TLS');
		}
		assert.match(readFileSync(log, 'utf8'), /GenerateAssistantResponse/);
	});
});
