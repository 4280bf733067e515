// What the panel says in Chinese: each word that its code names and each setting. Needs no browser.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { buildDir } from '../lib/standin.mjs';

const panel = new URL('../../panel/', import.meta.url);
const same = new Set(['Tokens', 'tokens']); /* in both languages */

globalThis.localStorage = { getItem: () => 'zh' };
globalThis.document = { documentElement: {} };
const { t } = await import(new URL('words.js', panel));
const { default: settings } = await import(new URL('setting-words.js', panel));

test('each word has its Chinese one', () => {
	const sources = readdirSync(panel).filter((name) => /^(?!.*words).*\.js$/.test(name));
	const code = sources.map((name) => readFileSync(new URL(name, panel), 'utf8')).join('\n');
	const named = [...code.matchAll(/(?:\bt\(|\bhead: )'((?:\\.|[^'\\])*)'/g)]
		.map((match) => match[1].replace(/\\(.)/g, '$1'));

	assert.ok(named.length > 200, `${named.length} words`);
	assert.deepEqual(named.filter((word) => t(word) === word && !same.has(word)), []);
});

test('each setting has its Chinese text, and no text is left of one that is gone', () => {
	const example = execFileSync(join(buildDir, 'kiroctl'), ['config', 'example'], { encoding: 'utf8' });
	const texts = [...example.matchAll(/(?:\{|\n)\n\t+\/\/ (.+)/g)].map((match) => match[1]);

	assert.ok(texts.length > 60, `${texts.length} settings`);
	assert.deepEqual(Object.keys(settings), texts);
});
