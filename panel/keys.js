// Client keys: made, changed, given a new secret, revoked, removed; their limits and how much of each is used.
import { api, get, post } from './api.js';
import { alarm, badge, bar, changes, confirm, dialog, exact, form, h, menu, note, number, searchBox, table, when } from './ui.js';
import { t } from './words.js';

const HOUR = 3600;

// What an answer holds this once: a key, or an activation code.
export function showKey({ name, key, code, old_ends_at: end }, done) {
	const text = key ?? code, is = text.startsWith('act-');
	const input = h('input', { readonly: true, value: text, 'aria-label': is ? t('Code') : t('Key') });

	dialog(name, (close) => [h('p', {}, is ? t('This code is shown this once. Copy it now.') : t('This key is shown this once. Copy it now.')),
		h('div.key', {}, input, h('button', { type: 'button', onclick: async () => {
			input.select();
			try {
				await navigator.clipboard.writeText(text);
			} catch {
				document.execCommand('copy');
			}
			note(t('Copied'));
		} }, t('Copy'))),
		end ? h('p.dim', {}, new Date(end) > Date.now() ? t('The old one is good until {}.', exact(end)) : t('The old one is refused from now on.')) : null,
		h('footer', {}, h('button.main', { type: 'button', onclick: close }, t('Done')))].filter(Boolean), { onclose: done });
}

// Which accounts serve it.
export const pools = () => [['shared', t('its own and the shared ones')], ['own', t('its own only')], ['none', t('none: requests bring their own')]];

// An end at midnight is that of the day before.
const lastDay = (end) => end ? new Date(Date.parse(end) - 1000).toISOString().slice(0, 10) : '';

// What a key may do; k: as it is, none for a new one.
export const settings = (k) => [
	{ name: 'role', label: t('Role'), value: k?.role ?? 'user', options: ['user', 'viewer', 'operator', 'admin'].map((role) => [role, t(role)]), hint: t('user: the models; viewer and operator: this panel\'s API; admin: all') },
	{ name: 'requests', label: t('Limit of requests'), value: k?.limits.requests, placeholder: '60/minute, 5000/day', hint: t('empty: none') },
	{ name: 'tokens', label: t('Limit of tokens'), value: k?.limits.tokens, placeholder: '2000000/month', hint: t('empty: none') },
	{ name: 'credits', label: t('Limit of credits'), value: k?.limits.credits, placeholder: '50/month', hint: t('empty: none'), more: true },
	{ name: 'max_streams', label: t('Most requests at once'), type: 'number', min: 0, value: k?.max_streams ?? 0, hint: t('0: no limit'), more: true },
	{ name: 'expires_at', label: t('Good until the end of'), type: 'date', value: lastDay(k?.expires_at), hint: t('empty: for ever'), more: true },
	{ name: 'models', label: t('Models'), value: k?.models, placeholder: 'claude-haiku-*, claude-sonnet-4.5', hint: t('empty: all'), more: true },
	{ name: 'pool', label: t('Accounts that serve it'), value: k?.pool ?? 'shared', options: pools(), more: true },
	{ name: 'accounts', label: t('Only these accounts'), value: k?.accounts, placeholder: 'acc_…', hint: t('empty: all'), more: true },
];

function body(values, shown = []) {
	const changed = changes(values, shown);

	if (changed.expires_at)
		changed.expires_at += 'T23:59:59Z';
	return changed;
}

const newKey = (done) => dialog(t('New key'), (close) => form([{ name: 'name', label: t('Name'), required: true, hint: t('For whom or what it is') }, ...settings()],
	t('Add'), async (values) => {
		const made = await post('/keys', body(values));

		close();
		showKey(made, done);
	}, close));

function editKey(k, done) {
	const shown = settings(k);

	dialog(`${t('Edit')}: ${k.name}`, (close) => form(shown, t('Save'), async (values) => {
		await api('PATCH', `/keys/${k.id}`, body(values, shown));
		close();
		done();
	}, close));
}

export const rotateKey = (k, done) => dialog(t('New secret for “{}”', k.name), (close) => form([
	{ name: 'overlap', label: t('The old one is good for'), value: String(24 * HOUR), options: [[0, t('not at all')], [HOUR, t('an hour')], [24 * HOUR, t('a day')], [168 * HOUR, t('a week')]].map(([value, text]) => [String(value), text]),
	  hint: t('So long clients may still use it, to be changed one by one.') },
], t('Make a new secret'), async ({ overlap }) => {
	const made = await post(`/keys/${k.id}/rotate`, { overlap_seconds: Number(overlap) });

	close();
	showKey(made, done);
}, close));

export async function carryOut(run, done) {
	await run().catch((error) => note(error.message, true));
	done();
}

export const revoke = (k, title, text, done) => confirm(title, text, t('Revoke'), () => carryOut(() => post(`/keys/${k.id}/revoke`, {}), done));

const revokeKey = (k, done) => revoke(k, t('Revoke key'), `${t('Revoke the key “{}”?', k.name)} ${t('Clients that use it are refused from now on.')} ${t('Its record and its usage stay.')}`, done);

const removeKey = (k, done) => confirm(t('Remove key'), `${t('Remove the key “{}”?', k.name)} ${t('Clients that use it are refused from now on.')}`, t('Remove'),
	() => carryOut(() => api('DELETE', `/keys/${k.id}`), done));

function stateCell(k) {
	if (k.revoked_at)
		return h('div', {}, badge('bad', t('revoked')), ' ', h('span.small.dim', {}, when(k.revoked_at)));
	if (k.ends_at)
		return h('div', {}, badge(k.refusal ? '' : 'warn', t(k.refusal ? 'ended' : 'replaced')), ' ', h('span.small.dim', {}, k.refusal ? null : `${t('ends')} `, when(k.ends_at)));
	if (k.expires_at)
		return h('div', {}, badge(k.refusal ? 'bad' : 'good', t(k.refusal ? 'expired' : 'active')), ' ', h('span.small.dim', {}, k.refusal ? null : `${t('ends')} `, when(k.expires_at)));
	return badge(k.refusal ? 'bad' : 'good', t(k.refusal ? 'refused' : 'active'));
}

// Each limit with what is used of it.
const limit = (u) => h('div.limit', {}, h('span', {}, `${number(u.used)} / ${number(u.limit)} ${t(u.measure)}/${t(u.window)}`),
	u.remaining ? null : h('span.wrong', {}, ` ${t('reached')}, `, t('again'), ' ', when(u.resets_at)), bar(100 * u.used / u.limit));

export const limits = (k) => h('div.small.limits', {}, k.used.map(limit), k.max_streams ? h('div', {}, `${number(k.running)} / ${number(k.max_streams)} ${t('at once')}`) : null,
	!k.used.length && !k.max_streams ? h('span.dim', {}, t('none')) : null);

const scope = (k) => h('div', {}, t(k.role), h('div.small.dim.wrap', {}, [k.models?.replaceAll(',', ', '), k.pool === 'shared' ? null : `${t('Accounts')}: ${k.pool}`, k.accounts].filter(Boolean).join('; ')));

export async function keysPage() {
	const filter = searchBox();
	const banner = alarm();
	const list = table('keys', [
		{ head: 'Name', sort: (k) => k.name, text: (k) => `${k.name} ${k.id}`, cell: (k) => h('div', {}, h('div.name.wrap', {}, k.name), h('div.small.mono.dim.still', {}, `${k.prefix}…`)) },
		{ head: 'State', sort: (k) => k.revoked_at ? 'revoked' : k.refusal ? 'z' : k.ends_at ? 'replaced' : 'active', cell: stateCell },
		{ head: 'Role', sort: (k) => k.role, text: (k) => `${k.role} ${k.models ?? ''} ${k.accounts ?? ''}`, cell: scope },
		{ head: 'Limits', sort: (k) => Math.max(-1, ...k.used.map((u) => u.used / u.limit)), text: (k) => k.used.some((u) => !u.remaining) ? t('reached') : '', cell: limits },
		{ head: 'Last used', sort: (k) => k.running ? 'z' : k.last_used_at, cell: (k) => k.running ? h('span.still', {}, badge('good', `${number(k.running)} ${t('running')}`)) : when(k.last_used_at) },
		{ head: 'Added', sort: (k) => k.added_at, cell: (k) => when(k.added_at) },
		{ act: true, cell: (k) => h('div.row.end', {}, k.ends_at ? null : menu(`${t('Actions')}: ${k.name}`, [ /* the key is that of the other row */
			...(k.revoked_at ? [] : [[t('Edit'), () => editKey(k, update)], [t('New secret'), () => rotateKey(k, update)], [t('Revoke'), () => revokeKey(k, update), true]]),
			[t('Remove'), () => removeKey(k, update), true]])) },
	], { filter, key: (k) => k.id + k.prefix + k.added_at, empty: () => h('div.empty', {}, h('h2', {}, t('No keys yet')), h('p', {}, t('A client needs a key to use this gateway.')),
		h('div.row', {}, h('button.main', { type: 'button', onclick: () => newKey(update) }, t('New key')))) });

	async function update() {
		const answer = await get('/keys');

		banner.tell(answer.damage);
		list.update(answer.keys.filter((k) => !k.code)); /* codes have their own page */
	}
	await update();
	return { title: t('Client keys'), tools: [filter, h('button.main', { type: 'button', onclick: () => newKey(update) }, t('New key'))], content: [banner.element, list.element], update };
}
