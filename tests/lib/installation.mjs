// A whole installation in a directory of its own, made by commands alone: programs, configuration,
// state with accounts that the stand-in upstream knows, and a client key.
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync,
	 rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { run } from './process.mjs';
import { keepFiles, seed } from './secrets.mjs';
import { buildDir } from './standin.mjs';

// What a program started by a test gets of this process's environment.
const inherited = ['PATH', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS', 'TSAN_OPTIONS'];

const hosts = ['inference_url', 'management_url', 'social_url', 'oidc_url', 'portal_url',
	       'mcp_url'];

// { 'upstream.idle_timeout': 2 } is { upstream: { idle_timeout: 2 } } in the file.
function nested(settings) {
	const tree = {};

	for (const [name, value] of Object.entries(settings)) {
		const words = name.split('.');
		const last = words.pop();
		const at = words.reduce((node, word) => (node[word] ??= {}), tree);

		at[last] = value;
	}
	return tree;
}

// An account of the stand-in as an import file has it. expiresIn: seconds from now.
function importEntry(account) {
	if (account.kind === 'api_key')
		return { kiroApiKey: account.accessToken };
	/* The stand-in renews no external logins, and nothing of theirs may leave this machine: */
	/* they are only good until their access token ends. */
	const external = account.kind === 'external_idp' && {
		clientId: `client-${account.name}`,
		tokenEndpoint: 'https://login.microsoftonline.com/test/oauth2/v2.0/token',
	};

	return {
		authMethod: account.kind,
		accessToken: account.accessToken,
		refreshToken: account.refreshToken,
		expiresAt: new Date(Date.now() + account.expiresIn * 1000).toISOString(),
		profileArn: account.profileArn,
		clientId: account.clientId,
		clientSecret: account.clientSecret,
		region: 'us-east-1',
		...external,
	};
}

// A user's numbers, for chown: { uid, gid }.
function lookUp(user) {
	return { uid: Number(run('id', ['-u', user])), gid: Number(run('id', ['-g', user])) };
}

function giveTo({ uid, gid }, path) {
	chownSync(path, uid, gid);
	for (const entry of readdirSync(path, { withFileTypes: true })) {
		const below = join(path, entry.name);

		if (entry.isDirectory())
			giveTo({ uid, gid }, below);
		else if (entry.isFile())
			chownSync(below, uid, gid);
	}
}

// At once, so that a running responder never reads half of it.
function replaceFile(path, text, owner) {
	writeFileSync(`${path}.new`, text, { mode: 0o600 });
	if (owner)
		chownSync(`${path}.new`, owner.uid, owner.gid);
	renameSync(`${path}.new`, path);
}

// The programs, where another user's web server can get at them wherever the checkout is.
function placePrograms(at) {
	chmodSync(at.dir, 0o755);
	mkdirSync(at.programDir, { recursive: true });
	copyFileSync(join(buildDir, 'kiro.fcgi'), at.program);
	chmodSync(at.program, 0o755);
	symlinkSync('kiro.fcgi', at.cgi);
}

// Behind a CGI answer a process may still write what it has looked up: once more then.
function removeTree(dir, tries = 100) {
	try {
		rmSync(dir, { recursive: true, force: true });
	} catch (error) {
		if (error.code !== 'ENOTEMPTY' || !tries)
			throw error;
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
		removeTree(dir, tries - 1);
	}
}

function environment(at) {
	const env = { HOME: at.dir, KIRO_CONFIG: at.configFile };

	for (const name of inherited) {
		if (process.env[name] !== undefined)
			env[name] = process.env[name];
	}
	return env;
}

// options:
//   standin    of startStandin(); its address becomes every upstream URL
//   accounts   specs for the stand-in, with a name each ([{ name: 'one', kind: 'social' }])
//   settings   by their dotted names, over the defaults of the tests
//   user       when root: who will run the responder and owns the state
//   programDir, configFile   where they go below the directory ('lib', 'kiro.json')
//   stateDir   where the state goes, when it is not to be below the directory
// Returns { dir, stateDir, programDir, program, cgi, configFile, env, key, accounts, kiroctl(),
// configure(), remove() }.
export async function makeInstallation({ standin, accounts = [{ name: 'one', kind: 'social' }],
					 settings = {}, user, programDir = 'lib',
					 configFile = 'kiro.json', stateDir } = {}) {
	const dir = mkdtempSync(join(tmpdir(), 'kiro-test-'));
	const at = {
		dir,
		stateDir: stateDir ?? join(dir, 'state'),
		programDir: join(dir, programDir),
		program: join(dir, programDir, 'kiro.fcgi'),
		cgi: join(dir, programDir, 'kiro.cgi'),
		configFile: join(dir, configFile),
	};
	const owner = user && process.getuid() === 0 ? lookUp(user) : null;
	const all = { state_dir: at.stateDir, 'log.level': 'debug', ...settings };

	at.env = environment(at);
	for (const host of standin ? hosts : [])
		all[`upstream.${host}`] ??= standin.url;

	// Writes kiro.json: the settings so far, changed. Text is written as it is.
	at.configure = (changes = {}) => {
		if (typeof changes !== 'string')
			Object.assign(all, changes);
		replaceFile(at.configFile, typeof changes === 'string' ? changes :
			    JSON.stringify(nested(all), null, '\t'), owner);
	};
	at.kiroctl = (args, options = {}) => {
		const text = run(join(buildDir, 'kiroctl'), args, { env: at.env, ...options });

		if (args[0] === 'key' && ['add', 'rotate'].includes(args[1]))
			seed(`key ${args[2]}`, text.trim());
		return text;
	};
	at.remove = () => {
		keepFiles(dir);
		removeTree(dir);
	};

	try {
		placePrograms(at);
		at.configure();
		at.kiroctl(['init']);
		at.accounts = standin && accounts.length ? await standin.addAccounts(accounts) : [];
		if (at.accounts.length)
			at.kiroctl(['account', 'import', '-', '--yes'],
				   { input: JSON.stringify(at.accounts.map(importEntry)) });
		at.key = at.kiroctl(['key', 'add', 'test']).trim();
		if (owner)
			giveTo(owner, at.stateDir);
	} catch (error) {
		at.remove();
		throw error;
	}
	return at;
}
