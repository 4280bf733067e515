// Activation codes: client keys for one user each, with days from the first use and perhaps one machine.
import { importAccounts } from './accounts.js';
import { api, get, post, segment } from './api.js';
import { carryOut, limits, pools, revoke, rotateKey, settings, showKey } from './keys.js';
import { alarm, badge, changes, confirm, dialog, form, h, menu, note, number, searchBox, table, when } from './ui.js';
import { t } from './words.js';

const shared = ['requests', 'tokens', 'credits', 'max_streams', 'models']; /* with every key */
const labelOf = (a) => a.label ?? a.email ?? a.id;
const machineOf = (c) => c?.machine ? c.machine.replace('...', '…') : !c || c.one_machine ? t('the first that is seen') : t('any');

// c: the code as it is, none for a new one.
const fields = (c, accounts) => [
	{ name: 'days', label: t('Days'), type: 'number', min: 0, value: c?.days ?? 30, hint: t('from its first use; 0: no end') },
	{ name: 'bound', label: t('Machine'), value: !c || c.one_machine ? 'first' : 'any', options: [['first', c?.machine ? machineOf(c) : t('the first that is seen')], ['any', t('any')]],
	  hint: t('The client sends its id as X-Machine-Id') },
	{ name: 'account', label: t('Account of its own'), value: '', options: [['', c?.own.length ? t('as it is') : t('none')], ...accounts.map((a) => [a.id, a.owner_name ? `${labelOf(a)} (${t('only for “{}”', a.owner_name)})` : labelOf(a)])], hint: t('It serves this code and nobody else') },
	{ name: 'pool', label: t('Accounts that serve it'), value: c?.pool ?? 'own', options: pools().filter(([name]) => name !== 'none' || c?.pool === name),
	  hint: t('its own only: without an account of its own it serves nobody') },
	...settings(c).filter(({ name }) => shared.includes(name)).map((field) => ({ ...field, more: true })),
	{ name: 'only_accounts', label: t('Only these accounts'), value: c?.only_accounts, placeholder: 'acc_…', hint: t('empty: all'), more: true },
	{ name: 'machine', label: t('Id of its machine'), hint: t('empty: as said above'), more: true },
];

// Days that are set again begin anew.
function body(values, shown = []) {
	const { bound, ...rest } = changes(values, shown);

	if (bound && !rest.machine)
		rest.machine = bound;
	return rest;
}

const newCode = (accounts, done) => dialog(t('New code'), (close) => form([{ name: 'name', label: t('User'), required: true, hint: t('Whose code it is') }, ...fields(null, accounts)],
	t('Add'), async (values) => {
		const made = await post('/codes', body(values));

		close();
		showKey(made, done);
	}, close));

function editCode(c, accounts, done) {
	const shown = fields(c, accounts);

	dialog(`${t('Edit')}: ${c.name}`, (close) => form(shown, t('Save'), async (values) => {
		await api('PATCH', `/codes/${segment(c.name)}`, body(values, shown));
		close();
		done();
	}, close));
}

const resetMachine = (c, done) => confirm(t('Reset machine'), `${t('Free the code of “{}” from its machine?', c.name)} ${t('The next machine that uses the code has it; machine {} is refused from then on.', machineOf(c))}`, t('Reset machine'),
	() => carryOut(() => post(`/codes/${segment(c.name)}/reset`), done));

const revokeCode = (c, done) => revoke(c, t('Revoke code'), `${t('Revoke the activation code of “{}”?', c.name)} ${t('Who uses it is refused from now on.')} ${t('Its record and its usage stay.')}`, done);

const removeCode = (c, done) => confirm(t('Remove code'), [t('Remove the activation code of “{}”?', c.name), t('Who uses it is refused from now on.'), t('Its days, its machine and its limits are forgotten.'),
	c.own.length ? t('Its account {} stays stored, but serves nobody until another code has it.', c.own.map(labelOf).join(', ')) : ''].filter(Boolean).join(' '), t('Remove'),
	() => carryOut(async () => {
		await api('DELETE', `/codes/${segment(c.name)}`);
		note(`${c.name}: ${t('deleted')}`);
	}, done));

const serves = (c) => c.own.length > 0 || c.pool !== 'own';
const stateOf = (c) => c.revoked_at ? 'revoked' : c.ends_at ? c.refusal ? 'ended' : 'replaced' : c.refusal ? 'expired' : !serves(c) ? 'serves nobody' : c.first_used_at ? 'active' : 'not used yet';
const tones = { revoked: 'bad', replaced: 'warn', expired: 'bad', 'serves nobody': 'warn', active: 'good' };

function stateCell(c) {
	const state = stateOf(c), at = c.revoked_at ?? c.ends_at ?? c.expires_at;

	return h('div', {}, badge(tones[state], t(state)), at ? [' ', h('span.small.dim', {}, c.refusal ? null : `${t('ends')} `, when(at))] : null,
		state === 'serves nobody' ? h('div.small.dim.why.wrap', {}, t('It has no account of its own.')) : null);
}

const served = (c) => h('div', {}, c.own.map((a) => h('div.wrap', {}, labelOf(a))), h('div.small.dim.wrap', {}, pools().find(([name]) => name === c.pool)?.[1]));

// A row for each secret: while one replaces another there are two of a code.
function rowsOf(codes, keys, accounts) {
	const by = new Map(codes.map((c) => [c.id, c]));

	return keys.filter((k) => k.code).map((k) => {
		const c = by.get(k.id);

		return { ...c, ...k, only_accounts: c?.only_accounts, own: (c?.accounts ?? []).map((id) => accounts.find((a) => a.id === id) ?? { id }) };
	});
}

export async function codesPage() {
	const filter = searchBox();
	const banner = alarm();
	let accounts = [];
	const add = () => h('button.main', { type: 'button', onclick: () => newCode(accounts, update) }, t('New code'));
	const take = () => h('button', { type: 'button', onclick: () => importAccounts(update, true) }, t('Import'));
	const actions = (c) => [
		...(c.revoked_at || c.ends_at ? [] : [[t('Edit'), () => editCode(c, accounts, update)], ...(c.machine ? [[t('Reset machine'), () => resetMachine(c, update)]] : []),
			[t('New secret'), () => rotateKey(c, update)], [t('Revoke'), () => revokeCode(c, update), true]]),
		...(c.ends_at ? [] : [[t('Remove'), () => removeCode(c, update), true]])];
	const list = table('codes', [
		{ head: 'User', sort: (c) => c.name, text: (c) => `${c.name} ${c.id}`, cell: (c) => h('div', {}, h('div.name.wrap', {}, c.name), h('div.small.mono.dim.still', {}, `${c.prefix}…`)) },
		{ head: 'State', sort: (c) => t(stateOf(c)), cell: stateCell },
		{ head: 'Days', number: true, sort: (c) => c.days || Infinity, text: () => '', cell: (c) => c.days ? number(c.days) : '–' },
		{ head: 'Machine', sort: machineOf, cell: (c) => h(c.machine ? 'span.mono.still' : 'span.dim', {}, machineOf(c)) },
		{ head: 'Accounts', sort: (c) => c.own.map(labelOf).join(' '), cell: served },
		{ head: 'Limits', sort: (c) => Math.max(-1, ...c.used.map((u) => u.used / u.limit)), text: (c) => c.used.some((u) => !u.remaining) ? t('reached') : '', cell: limits },
		{ head: 'First use', sort: (c) => c.first_used_at, text: () => '', cell: (c) => when(c.first_used_at) },
		{ act: true, cell: (c) => h('div.row.end', {}, actions(c).length ? menu(`${t('Actions')}: ${c.name}`, actions(c)) : null) },
	], { filter, key: (c) => c.id + c.prefix + c.added_at, empty: () => h('div.empty', {}, h('h2', {}, t('No activation codes yet')),
		h('p', {}, t('A code is a key for one user of many: so many days from its first use, on one machine if you like.')), h('div.row', {}, take(), add())) });

	async function update() {
		const [{ codes, damage }, { keys }, known] = await Promise.all([get('/codes'), get('/keys'), get('/accounts')]);

		accounts = known.accounts.map((a) => ({ ...a, owner_name: a.owner && keys.find((k) => k.id === a.owner)?.name }));
		banner.tell(damage);
		list.update(rowsOf(codes, keys, accounts));
	}
	await update();
	return { title: t('Activation codes'), tools: [filter, take(), add()], content: [banner.element, list.element], update };
}
