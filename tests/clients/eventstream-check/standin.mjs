// Starts the stand-in upstream for a test file and talks to its control API.
//
// UPSTREAM_STANDIN names the program (default: the one that make builds).

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const program =
	process.env.UPSTREAM_STANDIN ??
	fileURLToPath(new URL("../../../build/tests/upstream-standin", import.meta.url));

export async function startStandin(...options) {
	const child = spawn(program, ["--port", "0", ...options], {
		stdio: ["ignore", "pipe", "inherit"],
	});
	const [first] = await Promise.race([
		once(createInterface({ input: child.stdout }), "line"),
		once(child, "exit").then(() => [`${program} ended at once`]),
	]);
	const found = /^listening (127\.0\.0\.1:\d+)$/.exec(first);
	assert.ok(found, first);
	const base = `http://${found[1]}`;

	return {
		base,
		async control(method, path, body) {
			const answer = await fetch(`${base}/_control/${path}`, {
				method,
				body: body === undefined ? undefined : JSON.stringify(body),
			});
			const text = await answer.text();
			assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${text}`);
			return text && JSON.parse(text);
		},
		// Resolves to the exit status: 0 also says that no sanitizer complained.
		async stop() {
			child.kill("SIGTERM");
			const [status] = await once(child, "exit");
			return status;
		},
	};
}
