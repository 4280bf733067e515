// Tests of what the gateway does not serve yet. Such a test runs, fails with the words in which the
// gateway refuses, and counts as skipped. Once it passes it fails: then its waits() is to be removed.
import assert from 'node:assert/strict';
import { inspect } from 'node:util';

// The test's context is the last argument.
export const waits = (words, run) => async (...args) => {
	try {
		await run(...args);
	} catch (error) {
		if (inspect(error, { depth: 9 }).includes(words))
			return args.at(-1).skip(`not served yet: ${words}`);
		throw error;
	}
	return assert.fail(`this is served now: remove waits('${words}')`);
};
