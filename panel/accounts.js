// Accounts: the table, adding one by any login, importing with a preview.
import { api, get, post } from './api.js';
import { t } from './words.js';
import { alarm, bar, changes, confirm, dialog, form, h, menu, note, number, press, searchBox, stateOf, table, wait, when, work } from './ui.js';

const labelOf = (a) => a.label ?? a.email ?? a.id;

function stateCell(a) {
	const resting = a.state === 'active' && a.rest_until;

	return h('div', {}, resting ? h('span.state.warn', {}, t('resting')) : stateOf(a.state),
		 a.state_until || resting ? h('span.small.dim', {}, ' ', when(resting ? a.rest_until : a.state_until)) : null,
		 a.state_reason && a.state !== 'disabled' ? h('div.small.dim.why.wrap', {}, a.state_reason) : null);
}

// A key's own account serves no other, and nobody when that key is gone.
const ownerLine = (a) => a.owner_name ? h('div.small.dim.wrap', {}, t('only for “{}”', a.owner_name)) : a.owner ? h('div.small.wrong', {}, t('serves nobody: its key was removed')) : null;

function quotaCell(a) {
	if (!a.usage || a.usage.percent === null)
		return h('span.dim', {}, t('unknown'));
	return h('div', {}, bar(a.usage.percent),
		 h('span.small.dim.still', {}, `${a.usage.stale ? '~' : ''}${number(a.usage.used)} / ${number(a.usage.limit)} ${a.usage.unit ?? ''}`));
}

async function act(a, name, done) {
	try {
		const answer = await post(`/accounts/${a.id}/${name}`);

		note(name === 'test' ? `${labelOf(a)}: ${answer.plan ?? t('answers')}, ${number(answer.used)} / ${number(answer.limit)}` : `${labelOf(a)}: ${t(answer.state)}`);
	} catch (error) {
		note(`${labelOf(a)}: ${error.message}`, true);
	}
	return done();
}

function edit(a, done) {
	const shown = [
		{ name: 'label', label: t('Label'), value: a.label },
		{ name: 'priority', label: t('Priority'), type: 'number', min: 0, value: a.priority, hint: t('Lower is used first') },
		{ name: 'max_inflight', label: t('Most requests at once'), type: 'number', min: 0, value: a.max_inflight, hint: t('0: the configured one') },
		{ name: 'region', label: t('Region'), value: a.region, hint: t('empty: the configured one') },
	];

	dialog(`${t('Edit')}: ${labelOf(a)}`, (close) => form(shown, t('Save'), async (values) => {
		await api('PATCH', `/accounts/${a.id}`, changes(values, shown));
		close();
		done();
	}, close));
}

const remove = (a, done) => confirm(t('Delete account'), `${t('Delete “{}” with its tokens?', labelOf(a))} ${t('Its tokens cannot be had back.')}`, t('Delete'), async () => {
	try {
		await api('DELETE', `/accounts/${a.id}`);
		note(`${labelOf(a)}: ${t('deleted')}`);
	} catch (error) {
		note(error.message, true);
	}
	done();
});

const share = (a, done) => confirm(t('Share account'), t('Let “{}” serve all keys that use shared accounts?', labelOf(a)), t('Share'), async () => {
	try {
		await api('PATCH', `/accounts/${a.id}`, { owner: '' });
		note(`${labelOf(a)}: ${t('shared')}`);
	} catch (error) {
		note(error.message, true);
	}
	done();
});

// ---- adding ----

const ways = [
	['builder-id', 'AWS Builder ID', 'personal, with a code', []],
	['google', 'Google', 'with a code', []],
	['github', 'GitHub', 'with a code', []],
	['idc', 'IAM Identity Center', 'company, with a code', ['start_url', 'region']],
	['idc-browser', 'IAM Identity Center', 'company, with an address', ['start_url', 'region']],
	['portal', 'Kiro sign-in page', 'you choose there', []],
	['external-idp', 'External provider', 'company sign-in, e.g. Entra ID', ['issuer_url', 'client_id', 'scopes']],
	['api-key', 'API key', 'paste a key', []],
	['token', 'Refresh token or JSON', 'paste what you have', []],
];
const labels = { start_url: 'Start URL', region: 'Region', issuer_url: 'Issuer URL', client_id: 'Client id', scopes: 'Scopes' };
const preset = { region: 'us-east-1' }, optional = ['region', 'scopes'];

function finished(element, answer, done) {
	note(`${t(answer.result === 'added' ? 'Account added' : 'Account updated')}: ${labelOf(answer.account)}`);
	element.close();
	done();
}

function showFlow(element, flow, done) {
	let over = false;
	const status = h('div');
	const link = h('a.button', { href: flow.url, target: '_blank', rel: 'noopener noreferrer' }, t('Open the sign-in page'));
	const fail = (text) => {
		over = true;
		status.replaceChildren(h('p.wrong', { role: 'alert' }, text));
	};
	const step = (answer) => {
		if (answer.status === 'done')
			return over = true, finished(element, answer, done);
		if (answer.status === 'denied')
			return fail(t('The login was refused.'));
		if (answer.status === 'expired')
			return fail(t('The time is over: begin again.'));
		/* The sign-in page may lead on to another one. */
		if (answer.url !== flow.url || answer.by_callback !== flow.by_callback) {
			over = true;
			element.removeEventListener('close', cancel);
			note(t('One more step: open the next page.'));
			return showFlow(element, answer, done);
		}
		flow = answer;
	};
	const cancel = () => {
		if (!over)
			api('DELETE', `/logins/${flow.id}`).catch(() => {});
		over = true;
	};

	element.addEventListener('close', cancel);
	const ends = h('p.small.dim', {}, t('Ends'), ' ', when(flow.expires_at));

	element.show_content(
		h('div.row', {}, link, flow.code ? h('span', {}, t('and check that it shows this code:')) : null),
		flow.code ? h('div.code', {}, flow.code) : null,
		flow.by_callback ? h('div.field', {}, ends) : null,
		flow.by_callback ? form([{ name: 'url', label: t('Address'), required: true, placeholder: 'http://localhost…', hint: t('The page ends at an address that cannot be loaded. Copy that address here.') }],
			t('Continue'), async ({ url }) => step(await post(`/logins/${flow.id}/callback`, { url })), () => element.close()) :
			h('div', {}, status, ends, h('footer', {}, h('button', { type: 'button', onclick: () => element.close() }, t('Cancel')))));
	if (flow.by_callback)
		return;
	status.append(wait(t('Waiting for you to finish there')));
	const poll = async () => {
		if (over)
			return;
		try {
			step(await post(`/logins/${flow.id}/poll`));
		} catch (error) {
			if (error.status < 500 && error.status)
				fail(error.message);
		}
		if (!over)
			setTimeout(poll, 1000 * Math.max(1, flow.interval));
	};
	setTimeout(poll, 1000 * Math.max(1, flow.interval));
}

function begin(element, [method, title, , fields], done) {
	const back = () => element.show_content(...choose(element, done));

	element.querySelector('h2').textContent = t(title);
	if (method === 'api-key' || method === 'token')
		return element.show_content(form([
			{ name: 'credential', label: t(title), type: method === 'token' ? 'textarea' : 'password', required: true },
			{ name: 'label', label: t('Label') },
		], t('Add'), async ({ credential, label }) => {
			let entry = method === 'api-key' ? { kiroApiKey: credential } : { refreshToken: credential };

			if (method === 'token' && credential.startsWith('{')) {
				try {
					entry = JSON.parse(credential);
				} catch (error) {
					error.field = 'credential';
					throw error;
				}
			}
			const account = await post('/accounts', label ? { ...entry, label } : entry);

			finished(element, { result: account.isNew ? 'added' : 'updated', account }, done);
		}, back));
	element.show_content(form([
		...fields.map((name) => ({ name, label: t(labels[name]), required: !optional.includes(name), value: preset[name], hint: name === 'scopes' ? t('empty: the usual ones') : undefined })),
		{ name: 'label', label: t('Label') },
	], t('Continue'), async (values) => showFlow(element, await post('/logins', { method, ...values }), done), back));
}

const choose = (element, done) => [
	h('p.dim', {}, t('How do you want to add it?')), h('div.field'),
	h('div.choices', {}, ways.map((way) => h('button', { type: 'button', 'data-way': way[0], onclick: () => begin(element, way, done) },
		h('b', {}, t(way[1])), h('span', {}, t(way[2]))))),
];

export const addAccount = (done) => dialog(t('Add account'), (close, element) => choose(element, done));

// ---- importing ----

const PIECE = 500; /* entries of a long list that are stored at once */

// A long list in pieces, each of which is stored whole or not at all; any other file whole.
function piecesOf(text) {
	const all = JSON.parse(text), pieces = [];

	for (let at = 0; Array.isArray(all) && all.length > PIECE && at < all.length; at += PIECE)
		pieces.push({ label: `${at + 1}–${Math.min(at + PIECE, all.length)}`, text: JSON.stringify(all.slice(at, at + PIECE)) });
	return pieces.length ? pieces : [{ text }];
}

// codes: the file holds activation codes, and it is asked which accounts may serve them.
export function importAccounts(done, codes = false) {
	const share = h('input', { type: 'checkbox' });
	const query = () => share.checked ? 'share=1' : '';
	const going = new AbortController(); /* a preview ends with the dialog */
	const element = dialog(t('Import'), () => source(''), { wide: true, onclose: () => going.abort() });

	function source(text) {
		const area = h('textarea', { 'aria-label': t('Paste the file here, or choose it'), placeholder: '[{"refreshToken": "…"}]', spellcheck: 'false' });
		const wrong = h('p.wrong', { role: 'alert' });
		const file = h('input', { type: 'file', 'aria-label': t('File'), accept: '.json,application/json', onchange: async () => {
			area.value = await file.files[0].text();
		} });

		area.value = text;
		return [h('div.field', {}, h('label', {}, t('Paste the file here, or choose it')), area), h('div.field', {}, file),
			codes ? h('label.field', {}, share, ' ', t('Codes without an account of their own may use the shared ones')) : null,
			h('p.small.dim', {}, t('Nothing is stored before you have seen what would be done.')), wrong,
			h('footer', {}, h('button', { type: 'button', onclick: () => element.close() }, t('Cancel')),
			  h('button.main', { type: 'button', onclick: press(async () => {
				try {
					preview(area.value, await post(`/accounts/import?${query()}`, area.value, { signal: going.signal }));
				} catch (error) {
					wrong.textContent = error.message;
				}
			  }) }, t('Show what would be done')))];
	}

	async function store(text, plan) {
		const pieces = piecesOf(text);
		const send = (piece) => post(`/accounts/import?store=1&${query()}`, piece.text, { etag: piece === pieces[0] ? plan.etag : undefined });

		if (pieces.length > 1) {
			element.close();
			work(t('Import'), pieces, send, done, 'stored');
			return;
		}
		try {
			const stored = await send(pieces[0]);

			note(`${t('Done')}: +${stored.added}, ~${stored.updated}`);
			element.close();
			done();
		} catch (error) {
			note(error.message, true);
		}
	}

	function preview(text, plan) {
		const changes = plan.added + plan.updated, filter = searchBox();
		const list = table('import', [
			{ head: 'Entry', cell: (e) => String(e.entry), sort: (e) => e.entry },
			{ head: 'Account', sort: (e) => e.account, cell: (e) => e.account },
			{ head: 'Kind', sort: (e) => e.kind, cell: (e) => e.kind ?? '–' },
			{ head: 'What', cell: (e) => h(`span.state.${{ add: 'good', update: 'good', refuse: 'bad' }[e.what] ?? 'x'}`, {}, t(e.what)), sort: (e) => e.what },
			{ head: 'Why', sort: (e) => e.why, cell: (e) => h('span.small.wrap', {}, e.why) },
		], { filter, key: (e) => e.entry });

		list.update(plan.entries);
		element.show_content(h('div.field', {}, filter), list.element, h('div.field'), h('footer', {},
			h('button', { type: 'button', onclick: () => element.show_content(...source(text)) }, t('Back')),
			h('button.main', { type: 'button', disabled: !changes, onclick: press(() => store(text, plan)) }, `${t('Store')} (${changes})`)));
	}
}

// ---- the page ----

const testAll = (accounts, done) => work(t('Test all'), accounts.filter((a) => a.state !== 'disabled').map((a) => ({ label: labelOf(a), id: a.id })),
	({ id }) => post(`/accounts/${id}/test`), done, 'answers');

export async function accountsPage() {
	const filter = searchBox();
	let all = [];
	const list = table('accounts', [
		{ head: 'Account', sort: (a) => labelOf(a).toLowerCase(), text: (a) => `${labelOf(a)} ${a.id} ${a.email ?? ''} ${a.owner_name ?? ''}`,
		  cell: (a) => h('div', {}, h('div.name.wrap', {}, labelOf(a)), h('div.small.dim.mono', {}, a.id), ownerLine(a)) },
		{ head: 'Kind', sort: (a) => a.kind, text: (a) => `${a.kind} ${a.provider ?? ''}`, cell: (a) => a.provider ?? a.kind },
		{ head: 'State', sort: (a) => a.state, text: (a) => `${a.state} ${a.state_reason ?? ''}`, cell: stateCell },
		{ head: 'Allowance', sort: (a) => a.usage?.percent ?? -1, text: () => '', cell: quotaCell },
		{ head: 'Last used', sort: (a) => a.last_used_at, text: () => '', cell: (a) => when(a.last_used_at) },
		{ head: 'Priority', number: true, sort: (a) => a.priority, cell: (a) => String(a.priority) },
		{ act: true, cell: (a) => h('div.row.end', {}, h('button', { type: 'button', onclick: press(() => act(a, 'test', update)) }, t('Test')),
			menu(`${t('Actions')}: ${labelOf(a)}`, [
				[t('Edit'), () => edit(a, update)],
				a.state === 'disabled' ? [t('Enable'), () => act(a, 'enable', update)] : [t('Disable'), () => act(a, 'disable', update)],
				...(a.kind === 'api_key' ? [] : [[t('Refresh token'), () => act(a, 'refresh', update)]]),
				[t('Reset'), () => act(a, 'reset', update)],
				...(a.owner ? [[t('Share'), () => share(a, update)]] : []),
				[t('Delete'), () => remove(a, update), true],
			])) },
	], { filter, empty: () => h('div.empty', {}, h('h2', {}, t('No accounts yet')), h('p', {}, t('Log in with a Kiro account, or take over what another program has.')),
		h('div.row', {}, h('button.main', { type: 'button', onclick: () => addAccount(update) }, t('Add account')))) });
	const banner = alarm();
	const tester = h('button', { type: 'button', onclick: () => testAll(all, update) }, t('Test all'));

	async function update() {
		const answer = await get('/accounts');
		const owners = answer.accounts.some((a) => a.owner) ? (await get('/keys')).keys : [];

		all = answer.accounts.map((a) => ({ ...a, owner_name: a.owner && owners.find((k) => k.id === a.owner)?.name }));
		banner.tell(answer.damage);
		list.update(all);
	}
	await update();
	return { title: t('Accounts'), tools: [filter, tester, h('button', { type: 'button', onclick: () => importAccounts(update) }, t('Import')),
		h('button.main', { type: 'button', onclick: () => addAccount(update) }, t('Add account'))],
		content: [banner.element, list.element], update };
}
