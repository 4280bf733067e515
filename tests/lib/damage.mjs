// Damage by hand: a record's text, changed in the file of its store, fails its checksum.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// As many bytes as before: a length would be found out otherwise. store: "tokens", "keys".
export function damage(stateDir, store, from, to) {
	const file = join(stateDir, `${store}.gdbm`);
	const bytes = readFileSync(file, 'latin1');

	assert.equal(to.length, from.length);
	assert.ok(bytes.includes(from), `${from} in ${file}`);
	writeFileSync(file, bytes.replaceAll(from, to), 'latin1');
}
