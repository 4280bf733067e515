// Child processes of the tests: ended by pid, whatever becomes of the test.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

import { keepOutput } from './secrets.mjs';

/* Of a responder that has nothing to do: the main one, and those that wait (KEEP of fcgi/workers.c). */
export const QUIET_THREADS = 1 + 32;

const running = new Set();

/* Where Debian has its servers; not everybody's path leads there. */
process.env.PATH += ':/usr/sbin:/sbin';

process.on('exit', () => {
	for (const child of running)
		child.kill('SIGKILL');
});

// Starts a program; its output is collected in child.text and goes nowhere else.
export function start(command, args = [], options = {}) {
	const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });

	running.add(child);
	child.text = '';
	let errors = '';

	child.stderr?.on('data', (data) => (errors += data));
	for (const stream of [child.stdout, child.stderr])
		stream?.setEncoding('utf8').on('data', (data) => (child.text += data));
	child.ended = new Promise((resolve) => {
		child.once('exit', (code, signal) => {
			running.delete(child);
			resolve({ code, signal });
		});
		child.once('close', () => {
			keepOutput(command, errors);
		});
		child.once('error', (error) => {
			running.delete(child);
			child.text += `cannot start ${command}: ${error.message}\n`;
			resolve({ code: null, signal: null, error });
		});
	});
	return child;
}

// Waits until the child's output matches; fails with that output when the child ends first.
export async function waitForOutput(child, pattern) {
	let over = false;

	child.ended.then(() => (over = true));
	for (;;) {
		const match = pattern.exec(child.text);

		if (match)
			return match;
		if (over)
			throw new Error(`${child.spawnfile} ended early:\n${child.text}`);
		await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'),
				    child.ended]);
	}
}

// Asks it to end; a child that does not within `patience` ms is killed, and that is an error.
export async function stop(child, { signal = 'SIGTERM', patience = 15000 } = {}) {
	if (child.exitCode !== null || child.signalCode !== null)
		return child.ended;
	child.kill(signal);

	let timer;
	const late = new Promise((resolve) => (timer = setTimeout(resolve, patience, 'late')));
	const result = await Promise.race([child.ended, late]);

	clearTimeout(timer);
	if (result !== 'late')
		return result;
	child.kill('SIGKILL');
	await child.ended;
	throw new Error(`${child.spawnfile} did not end on ${signal}:\n${child.text}`);
}

// Runs a command to its end; fails with its output unless it exits 0. Returns standard output.
export function run(command, args, options = {}) {
	const done = spawnSync(command, args, { encoding: 'utf8', ...options });

	if (done.error)
		throw done.error;
	if (done.status !== 0) {
		const how = done.status ?? done.signal;

		throw new Error(`${command} ${args.join(' ')}: exit ${how}\n` +
				done.stdout + done.stderr);
	}
	return done.stdout;
}

export async function until(condition, what, patience = 10000) {
	const end = Date.now() + patience;

	for (;;) {
		const value = await condition();

		if (value)
			return value;
		if (Date.now() > end)
			throw new Error(`waited ${patience} ms for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}
