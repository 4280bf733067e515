// The real Codex CLI, in a network namespace that has the loopback interface only.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { testInLoopback } from '../loopback.mjs';

const cli = fileURLToPath(new URL('node_modules/.bin/codex', import.meta.url));
const { status } = spawnSync(cli, ['--version']);

testInLoopback('the Codex CLI', fileURLToPath(new URL('turns.mjs', import.meta.url)),
	       status === 0 ? undefined : 'its program does not run here');
