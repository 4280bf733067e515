// `make bench`: the gateway behind lighttpd, beside a program that only passes on and lighttpd's own
// proxy module, all in front of one source of answers; then what the program does inside. Prints
// tables, writes build/bench.json. BENCH_TIME: seconds for each row; BENCH_ONLY: rows whose names
// contain it; SHORT=1: a look at everything in half a minute.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

import { makeInstallation } from '../lib/installation.mjs';
import { request } from '../lib/http.mjs';
import { start, stop, waitForOutput } from '../lib/process.mjs';
import { processesOf, startLighttpd } from '../lib/servers.mjs';
import { buildDir, startStandin } from '../lib/standin.mjs';

const fragments = fileURLToPath(new URL('../../lighttpd', import.meta.url));
const short = Boolean(process.env.SHORT);
const seconds = Number(process.env.BENCH_TIME ?? (short ? 1 : 3));
const only = process.env.BENCH_ONLY ?? '';
const cleanup = [];

// ---- requests, as they go over the wire ----

const words = 'Have a look at these files, please.';
const large = Array.from({ length: 50 }, (_, i) => [
	{ role: 'assistant', content: [{ type: 'tool_use', id: `t${i}`, name: 'Read',
					 input: { path: `file${i}.c` } }] },
	{ role: 'user', content: [{ type: 'tool_result', tool_use_id: `t${i}`,
				    content: 'int main(void)\n{\n\treturn "0";\n}\n'.repeat(280) }] },
]).flat();
const tool = (name) => ({ name, description: 'A tool.',
			  input_schema: { type: 'object', properties: { path: { type: 'string' },
									text: { type: 'string' } } } });
const model = 'claude-sonnet-4-5';
const messages = (more = {}) => ({
	path: '/v1/messages',
	body: { model, max_tokens: 8192, stream: true, messages: [{ role: 'user', content: words }],
		...more },
});
const chat = { path: '/v1/chat/completions',
	       body: { model, stream: true, messages: [{ role: 'user', content: words }] } };
const responses = { path: '/v1/responses', body: { model, stream: true, input: words } };

// answer: kind, events, ms between them. pass: what the other programs are asked for.
const rows = [
	{ name: 'models list', clients: 8, ask: { path: '/v1/models' }, pass: '/models' },
	{ name: 'small whole message', clients: 16, ask: messages({ stream: false }),
	  answer: ['text', 3, 0], pass: '/small' },
	{ name: 'first event, one client', clients: 1, ask: messages(), answer: ['text', 1, 0] },
	{ name: 'stream, 1 client', clients: 1, ask: messages(), answer: ['text', 2000, 0] },
	{ name: 'stream, 16 clients', clients: 16, ask: messages(), answer: ['text', 2000, 0] },
	{ name: 'stream, 64 clients', clients: 64, ask: messages(), answer: ['text', 2000, 0] },
	{ name: 'paced 20 ms, 64 clients', clients: 64, once: true, ask: messages(),
	  answer: ['text', short ? 60 : 200, 20] },
	{ name: 'paced 50 ms, 1000 clients', clients: 1000, once: true, ask: messages(),
	  answer: ['text', short ? 60 : 120, 50] },
	{ name: '500 KB request', clients: 2, answer: ['text', 3, 0],
	  ask: messages({ tools: [tool('Read')], messages: [{ role: 'user', content: words },
							    ...large] }) },
	{ name: 'tool stream, 16 clients', clients: 16, ask: messages({ tools: [tool('Write')] }),
	  answer: ['tool', 2000, 0] },
	{ name: 'Chat stream, 16 clients', clients: 16, ask: chat, answer: ['text', 2000, 0] },
	{ name: 'Responses stream, 16 clients', clients: 16, ask: responses,
	  answer: ['text', 2000, 0] },
	{ name: 'CGI, small whole message', clients: 2, cgi: true, ask: messages({ stream: false }),
	  answer: ['text', 3, 0] },
	{ name: 'CGI, first event, one client', clients: 1, cgi: true, ask: messages(),
	  answer: ['text', 1, 0] },
];

function wire(at, path, { body }, method = body === undefined ? 'GET' : 'POST') {
	const text = body === undefined ? '' : JSON.stringify(body);

	return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: ${at.key}\r\n` +
		`content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n` +
		`\r\n${text}`;
}

// ---- the programs ----

const bench = (name) => join(buildDir, 'tests', `bench-${name}`);

async function startSource() {
	const child = start(bench('source'));
	const port = Number((await waitForOutput(child, /^listening (\d+)$/m))[1]);

	cleanup.push(() => stop(child));
	return { port, url: `http://127.0.0.1:${port}`,
		 set: (answer) => request({ port, path: `/_set/${answer.join('/')}` }) };
}

async function lighttpd(at, name, options) {
	const server = await startLighttpd({ dir: join(at.dir, name), ...options });

	cleanup.push(() => server.stop());
	return server;
}

async function startAll() {
	const standin = await startStandin();
	const source = await startSource();
	const at = await makeInstallation({ standin, settings: {
		'upstream.inference_url': source.url,
		'log.level': 'warn',
	} });
	const env = { ...at.env, KIRO_CONFIG: undefined };
	const pass = join(at.dir, 'proxy.conf');

	cleanup.push(() => standin.stop(), () => at.remove());
	writeFileSync(pass, `server.modules += ( "mod_proxy" )
server.max-fds = 16384
server.max-connections = 4096
server.stream-response-body = 2
proxy.server = ( "" => (( "host" => "127.0.0.1", "port" => ${source.port} )) )
`);
	const gateway = await lighttpd(at, 'gateway', {
		env, fragment: 'kiro-fastcgi.conf',
		variables: { kiro_mount: '/kiro', kiro_config: at.configFile,
			     kiro_program: at.program, kiro_spawn_socket: join(at.dir, 'g.sock') } });
	const passing = await lighttpd(at, 'passing', {
		env: { ...env, BENCH_UPSTREAM: source.url }, fragment: 'kiro-fastcgi.conf',
		variables: { kiro_mount: '/kiro', kiro_config: at.configFile,
			     kiro_program: bench('passthrough'),
			     kiro_spawn_socket: join(at.dir, 'p.sock') } });
	const proxy = await lighttpd(at, 'proxy', { env, fragment: relative(fragments, pass),
						    variables: {} });
	const cgi = await lighttpd(at, 'cgi', {
		env, fragment: 'kiro-cgi.conf',
		variables: { kiro_mount: '/kiro', kiro_config: at.configFile, kiro_cgi: at.cgi } });

	return { at, source, targets: {
		gateway: { port: gateway.port, mount: '/kiro', client: true,
			   pids: [processesOf(at.program, gateway.pid)[0], gateway.pid] },
		cgi: { port: cgi.port, mount: '/kiro', client: true, pids: [-cgi.pid, cgi.pid] },
		passthrough: { port: passing.port, mount: '/kiro',
			       pids: [processesOf(bench('passthrough'), passing.pid)[0], passing.pid] },
		proxy: { port: proxy.port, mount: '', pids: [proxy.pid] },
		direct: { port: source.port, mount: '', pids: [] },
	} };
}

// ---- measuring ----

function load(site, target, row) {
	const file = join(site.at.dir, 'request');
	const path = target.client ? row.ask.path : row.pass ?? '/sse';
	const time = row.once ? 0 : seconds;

	writeFileSync(file, wire(site.at, target.mount + path, row.ask,
				 target.client ? undefined : 'POST'));
	const run = spawnSync(bench('load'), [target.port, row.clients, time, file, ...target.pids],
			      { encoding: 'utf8' });

	if (!run.stdout)
		throw new Error(`${row.name}: ${run.stderr}`);
	const told = JSON.parse(run.stdout);
	/* Answers that are not paced were made beforehand. */
	if (!row.answer?.[2])
		delete told.late_us;
	/* Responses tells a text twice: what counts is what the source has sent. */
	if (row.answer && !row.once)
		told.events = told.requests * row.answer[1];
	const cpu = told.cpu_us.reduce((sum, us) => sum + us, 0);

	if (told.failures || !told.requests)
		console.log(`${row.name}: ${told.failures} failures\n${run.stderr}`);
	return { ...told, cpu_per_request_us: cpu / told.requests,
		 cpu_per_event_us: told.events ? cpu / told.events : undefined,
		 program_share: told.cpu_us[0] / cpu,
		 requests_per_second: told.requests / told.seconds,
		 requests_per_core: told.requests / cpu * 1e6,
		 events_per_second: told.events / told.seconds };
}

async function measure(site, row) {
	const names = row.cgi ? ['cgi'] : ['gateway', 'passthrough', 'proxy',
					   ...(row.name.startsWith('first') ? ['direct'] : [])];
	const result = { name: row.name, clients: row.clients, paced: row.answer?.[2] > 0 };

	await site.source.set(row.answer ?? ['text', 3, 0]);
	for (const name of names)
		result[name] = load(site, site.targets[name], row);
	return result;
}

function pss(pid) {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');

	return Number(/^Pss: +(\d+)/m.exec(text)[1]);
}

// What a stream costs: the difference between few and many, while all are under way.
async function memory(site) {
	const result = { name: 'memory' };

	await site.source.set(['text', 8, 500]);
	for (const name of ['gateway', 'passthrough']) {
		const { pids: [pid, server] } = site.targets[name];
		const row = (clients) => ({ name: 'memory', clients, once: true, ask: messages() });
		const few = load(site, site.targets[name], row(100)).pss_kb;
		const many = load(site, site.targets[name], row(1000)).pss_kb;

		result[name] = { idle_kb: site.idle[name], few_kb: few[0], many_kb: many[0],
				 per_stream_kb: (many[0] - few[0]) / 900,
				 server_per_stream_kb: (many[1] - few[1]) / 900,
				 after_kb: pss(pid), server_kb: pss(server) };
	}
	return result;
}

function micro() {
	const run = spawnSync(bench('micro'), [String(short ? 100 : 500)], { encoding: 'utf8' });

	return run.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

// ---- telling ----

const number = (value, digits = 1) => value === undefined || Number.isNaN(value) ? '-' :
	value >= 1000 ? Math.round(value).toLocaleString('en') : value.toFixed(digits);

function table(head, lines) {
	const all = [head, ...lines].map((line) => line.map(String));
	const widths = head.map((_, i) => Math.max(...all.map((line) => line[i].length)));

	for (const line of all)
		console.log(line.map((cell, i) => i ? cell.padStart(widths[i]) :
				     cell.padEnd(widths[i])).join('  '));
	console.log('');
}

// Of an event, where answers are long.
const per = (run, row) => run?.events > 100 * run?.requests || row.paced ? run?.cpu_per_event_us :
	run?.cpu_per_request_us;

function tellRows(results) {
	table(['', 'requests/s', 'events/s', 'us CPU each', 'program', 'x pass', 'x proxy',
	       'first p50 ms', 'p99', 'late p50 ms', 'p99', 'peak MB'],
	      results.map((r) => {
		      const own = r.gateway ?? r.cgi, each = per(own, r);
		      const late = (i) => r.paced ? number(own.late_us[i] / 1000, 2) : '-';

		      return [r.name, number(own.requests_per_second), number(own.events_per_second),
			      number(each), number(each * own.program_share),
			      number(each / per(r.passthrough, r), 2), number(each / per(r.proxy, r), 2),
			      number(own.first_us[0] / 1000, 2), number(own.first_us[2] / 1000, 2),
			      late(0), late(2),
			      number(own.peak_kb[0] / 1024)];
	      }));
}

// Section by section what was promised. Missing rows (BENCH_ONLY) are left out.
function tellBudgets(found) {
	const row = (name) => found.rows.find((r) => r.name === name);
	const unit = (name) => found.micro.find((m) => m.name === name);
	const paced = row('paced 50 ms, 1000 clients'), first = row('first event, one client');
	const small = row('small whole message'), cgi = row('CGI, first event, one client');
	const ratio = (r) => per(r.gateway, r) / per(r.passthrough, r);
	const budgets = [
		['idle responder, PSS MB', found.memory?.gateway.idle_kb / 1024, '<=', 6],
		['a further stream, KiB', found.memory?.gateway.per_stream_kb, '<=', 64],
		['1000 streams: complete', paced?.gateway.requests, '>=', 1000],
		['1000 streams: p99 of lateness, ms', paced?.gateway.late_us[2] / 1000, '<=', 100],
		...['stream, 16 clients', 'paced 20 ms, 64 clients'].map((name) =>
			[`CPU per event x pass-through, ${name}`, row(name) && ratio(row(name)), '<=',
			 1.3]),
		['added to the first event, ms',
		 (first?.gateway.first_us[0] - first?.direct.first_us[0]) / 1000, '<=', 0.5],
		['EventStream decode, MB/s', unit('decode')?.mb_per_second, '>=', 500],
		['allocations per frame', unit('decode')?.allocations, '<=', 0],
		['400 KB request, ms', unit('request 400 KB')?.ns / 1e6, '<=', 3],
		['small messages/s and core', small?.gateway.requests_per_core, '>=', 3400],
		['CGI start to first event, ms', cgi?.cgi.first_us[0] / 1000, '<=', 15],
	].filter(([, value]) => value !== undefined && !Number.isNaN(value));

	table(['budget', 'measured', '', 'limit', ''], budgets.map(([name, value, how, limit]) =>
		[name, number(value, 2), how, limit,
		 (how === '<=' ? value <= limit : value >= limit) ? 'holds' : 'MISSED']));
	return budgets;
}

async function main() {
	const site = await startAll();
	const found = { date: new Date().toISOString(), cpu: os.cpus()[0].model,
			cores: os.cpus().length, load: os.loadavg()[0], seconds, rows: [] };

	site.idle = { gateway: pss(site.targets.gateway.pids[0]),
		      passthrough: pss(site.targets.passthrough.pids[0]) };
	if ('memory'.includes(only)) /* first: what other rows have left would hide it */
		found.memory = await memory(site);
	for (const row of rows.filter((r) => r.name.includes(only)))
		found.rows.push(await measure(site, row));
	found.micro = only && only !== 'micro' ? [] : micro();

	console.log(`${found.cpu}, ${found.cores} cores, load ${found.load.toFixed(1)}; ` +
		    `${seconds} s a row\n`);
	tellRows(found.rows);
	table(['inside', 'ns', 'MB/s', 'allocations'], found.micro.map((m) =>
		[m.name, number(m.ns), number(m.mb_per_second), m.allocations]));
	if (found.memory)
		table(['memory, KiB', 'idle', '100 streams', '1000', 'a stream', 'in lighttpd'],
		      ['gateway', 'passthrough'].map((n) => [n, ...['idle_kb', 'few_kb', 'many_kb',
				'per_stream_kb', 'server_per_stream_kb'].map(
					(key) => number(found.memory[n][key]))]));
	found.budgets = tellBudgets(found);
	writeFileSync(join(buildDir, 'bench.json'), JSON.stringify(found, null, '\t') + '\n');
}

try {
	await main();
} finally {
	for (const undo of cleanup.reverse())
		await undo();
}
