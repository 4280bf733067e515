// Each refusal of rows.mjs, before and after the first byte, with one account and with three: what
// the client saw, which accounts were asked, and how the accounts stand then.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { checkErrorEnvelope, checkStream, readStream } from '../lib/contract.mjs';
import { startFastcgi } from '../lib/fastcgi.mjs';
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';
import { outcomes, rows } from './rows.mjs';

const BEGUN = 'Begun.';
const NEAR = 120; /* seconds that may lie between the gateway's clock and ours */

// Rows run beside each other, for a refusal that passes is waited for. A lane has a gateway of its
// own with that many accounts.
class Lane {
	generation = 0;
	accounts = [];  /* of the stand-in */
	resting = [];   /* ids of those that have to be enabled */
	spoilt = true;  /* they have met what that does not end: new ones are needed */

	constructor(count) {
		this.count = count;
	}

	async open() {
		this.standin = await startStandin();
		this.installation = await makeInstallation({ standin: this.standin, accounts: [] });
		this.fastcgi = await startFastcgi(this.installation);
		await this.standin.script('good', { steps: [{ text: 'from the other' }] });
	}

	async close() {
		assert.deepEqual(await this.fastcgi?.stop(), { code: 0, signal: null });
		this.installation?.remove();
		await this.standin?.stop();
	}

	list() {
		return JSON.parse(this.installation.kiroctl(['account', 'list', '--json']));
	}

	// Accounts that may be used.
	async provide() {
		for (const id of this.spoilt ? [] : this.resting)
			this.installation.kiroctl(['account', 'enable', id]);
		if (this.spoilt)
			await this.renew();
		this.spoilt = true; /* unless it turns out well */
	}

	// The row went as expected.
	release(row) {
		this.spoilt = this.renewed || Boolean(expected(row).pause);
	}

	async renew() {
		for (const { id } of this.list())
			this.installation.kiroctl(['account', 'remove', id, '--yes']);
		this.generation++;
		await this.standin.clearAccounts();
		this.accounts = await this.standin.addAccounts(
			Array.from({ length: this.count }, (_, at) => newAccount(this.generation, at)));
		this.installation.kiroctl(['account', 'import', '-', '--yes'],
					  { input: JSON.stringify(this.accounts.map(importEntry)) });
	}

	ask() {
		const body = { model: 'claude-sonnet-4.5', max_tokens: 50, stream: true,
			       messages: [{ role: 'user', content: 'hi' }] };

		return this.fastcgi.request({
			method: 'POST', path: '/v1/messages', body: Buffer.from(JSON.stringify(body)),
			headers: { 'content-type': 'application/json',
				   'x-api-key': this.installation.key },
		});
	}

	// Asks once: { answer, asked: names of accounts in order, renewed, states by name, began,
	// ended }.
	async run(script) {
		await this.provide();
		await this.standin.clearRequests();
		await this.standin.clearStats();
		await this.standin.script('default', script);
		const began = new Date();
		const answer = await this.ask();
		const ended = new Date();
		const chats = (await this.standin.requests({ wait: 2000 }))
			.filter(({ operation }) => operation === 'GenerateAssistantResponse');
		const list = this.list();
		const states = new Map(list.map((account) => [this.nameOf(account), account]));

		this.resting = list.filter(({ state }) => state !== 'active').map(({ id }) => id);
		this.renewed = list.some(({ refreshed_at }) => refreshed_at !== null);
		return { answer, began, ended, states, asked: chats.map(({ account }) => account),
			 renewed: (await this.standin.stats()).refresh.calls };
	}

	nameOf(account) {
		return this.accounts.find(({ profileArn }) => profileArn === account.profile_arn).name;
	}
}

function newAccount(generation, at) {
	const name = `G${generation}N${at}`;

	return { name, kind: 'social',
		 profileArn: `arn:aws:codewhisperer:us-east-1:123456789012:profile/${name}` };
}

const importEntry = ({ accessToken, refreshToken, profileArn }) => ({
	authMethod: 'social', accessToken, refreshToken, profileArn, region: 'us-east-1',
	expiresAt: new Date(Date.now() + 3600000).toISOString(),
});

const distinct = (names) => [...new Set(names)];
// Of the upstream's message: some outcomes have words of their own instead.
const wordsOf = (row) => expected(row).says ?? row.message;
const expected = (row) => ({ ...outcomes[row.outcome], ...row });

// ---- what the client saw ----

function checkRefusal(row, { answer }) {
	const { error: [status, type, retries], words } = expected(row);
	const { error, ...envelope } = JSON.parse(answer.body);

	assert.equal(answer.status, status);
	assert.deepEqual(checkErrorEnvelope({ error, ...envelope }), []);
	assert.equal(error.type, type);
	assert.ok(error.message.includes(wordsOf(row)), error.message);
	assert.match(error.message, words ?? /./);
	assert.equal(answer.headers['x-should-retry'], retries);
}

// A date in the answer or a record may have been made at any moment of the request.
function isNear(got, wanted, what) {
	assert.ok(Math.abs(got - wanted) <= NEAR, `${what}: ${got}, not about ${wanted}`);
}

function checkRetryAfter(row, { answer, began }) {
	const { until, pause } = expected(row);
	const header = answer.headers['retry-after'];

	if (pause)
		assert.equal(header, String(pause));
	else if (until)
		isNear(Number(header), (until(began) - began) / 1000, 'retry-after');
	else
		assert.equal(header, undefined);
}

// The beginning, one error event, and nothing that looks like an end.
function checkBroken(row, { answer }) {
	const stream = { ...answer, dialect: 'anthropic', bytes: answer.body };
	const { error: [, type], words } = expected(row);
	const meaning = readStream(stream);

	assert.equal(answer.status, 200);
	assert.deepEqual(checkStream(stream), []);
	assert.equal(meaning.text, BEGUN);
	assert.equal(meaning.error?.type, type);
	assert.ok(meaning.error.message.includes(wordsOf(row)), meaning.error.message);
	assert.match(meaning.error.message, words ?? /./);
	assert.equal(meaning.stop, undefined);
	assert.ok(!answer.body.includes('message_stop'));
}

function checkGood({ answer }) {
	const meaning = readStream({ dialect: 'anthropic', bytes: answer.body });

	assert.equal(answer.status, 200);
	assert.equal(meaning.text, 'from the other');
	assert.equal(meaning.stop, 'end_turn');
}

// ---- the accounts ----

function checkStates(row, { states, began, ended }, refused, state) {
	const { until } = expected(row);

	for (const [name, account] of states) {
		const wanted = refused.includes(name) ? state : 'active';

		assert.equal(account.state, wanted, name);
		if (wanted === 'active') {
			assert.equal(account.state_reason, null);
			continue;
		}
		assert.ok(account.state_reason.includes(row.message), account.state_reason);
		const end = Date.parse(account.state_until);

		assert.ok(end >= until(began) - 1000 && end <= until(ended) + 1000,
			  `until ${account.state_until}`);
	}
}

// Who rests is not asked, and the client learns until when.
async function checkAtRest(lane, row) {
	const { error: [, type], pause } = expected(row);

	await lane.standin.clearRequests();
	const answer = await lane.ask();

	assert.equal(JSON.parse(answer.body).error.type, type);
	assert.ok(Number(answer.headers['retry-after']) >= 1);
	if (pause)
		assert.ok(Number(answer.headers['retry-after']) <= pause);
	assert.deepEqual(await lane.standin.requests(), []);
}

// ---- the table ----

async function oneAccount(lane, row) {
	const { tries, renews = 0, state, until, pause } = expected(row);
	const result = await lane.run({ http: row.http });

	checkRefusal(row, result);
	checkRetryAfter(row, result);
	assert.deepEqual(result.asked, Array(tries).fill(lane.accounts[0].name));
	assert.equal(result.renewed, renews);
	checkStates(row, result, [lane.accounts[0].name], state);
	if (until || pause)
		await checkAtRest(lane, row);
}

// The first account refuses, the others would answer.
async function threeAccounts(lane, row) {
	const { tries, renews = 0, state, other } = expected(row);
	const result = await lane.run({ http: row.http, times: tries, next: 'good' });
	const [first, second] = distinct(result.asked);

	if (other)
		checkGood(result);
	else
		checkRefusal(row, result);
	assert.deepEqual(result.asked, [...Array(tries).fill(first), ...(other ? [second] : [])]);
	assert.ok(!other || second);
	assert.equal(result.renewed, renews);
	checkStates(row, result, [first], state);
}

async function allOfThree(lane, row) {
	const { tries, renews = 0, state } = expected(row);
	const result = await lane.run({ http: row.http });

	checkRefusal(row, result);
	checkRetryAfter(row, result);
	assert.deepEqual(result.asked.toSorted(),
			 lane.accounts.flatMap(({ name }) => Array(tries).fill(name)).toSorted());
	assert.equal(distinct(result.asked).length, 3);
	assert.equal(result.renewed, 3 * renews);
	checkStates(row, result, lane.accounts.map(({ name }) => name), state);
}

async function insideAnAnswer(lane, row) {
	const { state, late = state } = expected(row);
	const result = await lane.run({ steps: [
		{ text: BEGUN },
		{ exception: { type: row.exception, payload: row.http.body } },
	] });

	checkBroken(row, result);
	assert.equal(result.asked.length, 1);
	assert.equal(result.renewed, 0);
	checkStates(row, result, result.asked, late);
}

function testRow(lane, row) {
	const { other, once, exception } = expected(row);
	const check = (name, run) => test(name, async () => {
		await run(lane, row);
		lane.release(row);
	});

	describe(`${row.name}: ${row.outcome}`, () => {
		check('before the first byte', lane.count === 1 ? oneAccount : threeAccounts);
		if (lane.count > 1 && other && !once)
			check('before the first byte, all refuse', allOfThree);
		if (exception)
			check('after the first byte', insideAnAnswer);
	});
}

function testLane(name, count, rows) {
	describe(name, { concurrency: 1 }, () => {
		const lane = new Lane(count);

		before(() => lane.open());
		after(() => lane.close());
		rows.forEach((row) => testRow(lane, row));
	});
}

describe('refusals', { concurrency: true }, () => {
	const half = (at) => rows.filter((_, index) => index % 2 === at);

	testLane('one account', 1, half(0));
	testLane('one account, other half', 1, half(1));
	testLane('three accounts', 3, half(0));
	testLane('three accounts, other half', 3, half(1));
});
