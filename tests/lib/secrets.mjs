// Secrets of a whole test file, and what the programs wrote meanwhile: at its end none of the first
// may be in any of the second, or the file has failed. Every installation of the tests takes part
// (installation.mjs, standin.mjs, process.mjs), at debug level.
import { readFileSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

import { unwrapped } from './log.mjs';

const secrets = new Map();
const written = [];

// What may hold secrets is not among them: stores, settings, captured bodies, what tests write.
const readable = /^(audit\.log|refresh\.last|.*\.(map|seen)|(?!capture).*\.log(\.\d+)?)$/;
const programs = ['kiro.fcgi', 'kiro.cgi', 'kiro-refresh', 'lighttpd', 'apache2'];

export function seed(name, secret) {
	if (secret?.length >= 16)
		secrets.set(secret, name);
}

export function seedAccounts(accounts) {
	for (const account of accounts) {
		for (const name of ['accessToken', 'refreshToken', 'clientSecret'])
			seed(`${name} of ${account.name}`, account[name]);
	}
}

// A map of megabytes is mostly nothing. Copied: what replaceAll() gives holds on to all of the text.
function withoutGaps(text) {
	return Buffer.from(text.replaceAll(/\0+/g, '\0'), 'latin1').toString('latin1');
}

// The files of a directory, before it is removed.
export function keepFiles(dir) {
	for (const entry of readdirSync(dir, { withFileTypes: true })) {
		const path = join(dir, entry.name);

		if (entry.isDirectory())
			keepFiles(path);
		else if (entry.isFile() && readable.test(entry.name))
			written.push([path, withoutGaps(readFileSync(path, 'latin1'))]);
	}
}

// What a program that has ended wrote to its error output.
export function keepOutput(command, text) {
	if (programs.includes(basename(command)))
		written.push([command, text]);
}

process.on('exit', () => {
	for (const [place, text] of written) {
		/* A long one may be cut where a line ends. */
		const records = unwrapped(text).replaceAll(/\s/g, '');

		for (const [secret, name] of secrets) {
			if (!records.includes(secret))
				continue;
			console.error(`${place} holds a secret: ${name}`);
			process.exitCode = 1;
		}
	}
});
