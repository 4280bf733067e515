// What the programs write to their logs.
import { readFileSync } from 'node:fs';

const head = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warn|info|debug) +[\w[\]-]+: /;

// The text of a log with each record in one line, however long.
export function unwrapped(text) {
	const records = [];

	for (const line of text.split('\n')) {
		const rest = line.replace(head, '');

		if (rest !== line && rest.startsWith('  '))
			records.push(`${records.pop()} ${rest.trim()}`);
		else
			records.push(line);
	}
	return records.join('\n');
}

// The records of a log of JSON lines; each line must be one.
export function records(file) {
	const text = readFileSync(file, 'utf8');

	return text.split('\n').slice(0, -1).map((line) => JSON.parse(line));
}
