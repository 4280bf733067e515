// Dashboard, keys, models, usage, settings.
import { api, get, post, segment } from './api.js';
import { addAccount } from './accounts.js';
import { language, t } from './words.js';
import { bar, confirm, dialog, download, form, h, note, number, searchBox, stateOf, table, when } from './ui.js';

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

let charts;
const loadCharts = () => charts ??= new Promise((resolve, reject) => document.head.append(
	h('script', { src: 'chart.min.js', onload: () => resolve(window.Chart), onerror: reject })));

// A day's requests as columns, its tokens as a line.
async function drawDays(canvas, days, previous) {
	const Chart = await loadCharts();
	const axis = (position, title, grid) => ({ position, beginAtZero: true, title: { display: true, text: t(title), color: colour('--dim') },
		ticks: { color: colour('--dim'), precision: 0, callback: (value) => new Intl.NumberFormat(language(), { notation: 'compact' }).format(value) },
		grid: { color: colour('--line'), drawOnChartArea: grid } });

	previous?.destroy();
	if (!canvas.isConnected)
		return undefined;
	return new Chart(canvas, { data: { labels: days.map((day) => day.name.slice(5)), datasets: [
		{ type: 'bar', label: t('Requests'), data: days.map((day) => day.requests), backgroundColor: colour('--accent'), borderRadius: 3, maxBarThickness: 26, grouped: false, order: 3 },
		{ type: 'bar', label: t('Errors'), data: days.map((day) => day.errors), backgroundColor: colour('--bad'), borderRadius: 3, maxBarThickness: 26, grouped: false, order: 2 },
		{ type: 'line', label: t('tokens'), data: days.map((day) => day.input_tokens + day.output_tokens), borderColor: colour('--warn'), backgroundColor: colour('--warn'),
		  borderWidth: 2, pointRadius: 2, tension: .25, yAxisID: 'tokens', order: 1 }] },
		options: { animation: false, maintainAspectRatio: false, plugins: { legend: { position: 'bottom', labels: { color: colour('--text'), boxWidth: 10 } } },
			scales: { x: { ticks: { color: colour('--dim') }, grid: { display: false } }, y: axis('left', 'Requests', true), tokens: axis('right', 'tokens', false) } } });
}

// All of the last thirty days, those of which nothing is known too.
function thirtyDays(known) {
	const by = new Map(known.map((day) => [day.name, day]));

	return Array.from({ length: 30 }, (_, ago) => new Date(Date.now() - (29 - ago) * 86400000).toISOString().slice(0, 10))
		.map((name) => by.get(name) ?? { name, requests: 0, errors: 0, input_tokens: 0, output_tokens: 0 });
}

// ---- dashboard ----

const tile = (label, value, extra) => h('div.card.pad.tile', {}, h('div.label', {}, label), h('div.value', {}, value), extra ? h('div.small.dim', {}, extra) : null);
const order = { active: '--good', exhausted: '--warn', suspended: '--bad', refused: '--bad', invalid: '--bad', disabled: '--dim' };

async function drawStates(canvas, states, previous) {
	const Chart = await loadCharts();
	const names = Object.keys(order).filter((name) => states[name]);

	previous?.destroy();
	if (!canvas.isConnected)
		return undefined;
	return new Chart(canvas, { type: 'doughnut', data: { labels: names.map((name) => t(name)), datasets: [{ data: names.map((name) => states[name]),
		backgroundColor: names.map((name) => colour(order[name])), borderColor: colour('--card'), borderWidth: names.length > 1 ? 2 : 0 }] },
		options: { animation: false, maintainAspectRatio: false, cutout: '68%', plugins: { legend: { display: false } } } });
}

export async function dashboardPage() {
	const tiles = h('div.tiles'), quotas = h('div'), banner = h('div.banner.bad', { hidden: true, role: 'alert' });
	const canvas = h('canvas', { role: 'img', 'aria-label': t('Accounts by state') });
	const words = h('div.row.middle');
	const daily = h('canvas', { role: 'img', 'aria-label': t('Last 30 days') });
	let chart, days, last, lastDays;

	async function update() {
		const [health, usage] = await Promise.all([get('/health'), get('/usage')]);
		const broken = health.states.suspended + health.states.refused + health.states.invalid;
		const known = usage.accounts.filter((a) => a.usage && a.usage.percent !== null);
		const left = known.reduce((sum, a) => sum + (a.usage.remaining ?? 0), 0);
		const ran = health.refresher.last_run_at;
		const shape = JSON.stringify(health.states) + document.documentElement.dataset.theme + language();

		banner.hidden = !health.damage;
		banner.textContent = health.damage ?? '';
		tiles.replaceChildren(tile(t('Accounts'), number(health.accounts)), tile(t('Can serve now'), number(health.usable)),
			tile(t('Need attention'), number(broken)), tile(t('Remaining'), known.length ? number(left, 0) : '–', known[0]?.usage.unit),
			tile(t('Token refresher'), ran ? t(health.refresher.well ? 'runs well' : 'failed') : t('never ran'), ran ? when(ran) : null));
		quotas.replaceChildren(...(known.length ? known.sort((a, b) => b.usage.percent - a.usage.percent).map((a) => h('div.quota', {},
			h('div.name', { title: a.label }, a.label ?? a.id), bar(a.usage.percent),
			h('div.small', {}, `${number(a.usage.percent, 0)} %`, h('span.dim', {}, ` · ${number(a.usage.used)} / ${number(a.usage.limit)}`)))) :
			[h('p.dim', {}, t('Nothing is known yet. kiro-refresh asks for it, or test an account.'))]));
		words.replaceChildren(...Object.keys(order).filter((name) => health.states[name]).map((name) => h('span', {}, stateOf(name), ` ${number(health.states[name])}`)));
		if (shape !== last && health.accounts)
			drawStates(canvas, health.states, chart).then((made) => {
				chart = made;
				last = made && shape; /* before it was in the page there was none */
			}).catch(() => {});
		const counted = JSON.stringify(usage.days) + document.documentElement.dataset.theme;

		if (counted !== lastDays)
			drawDays(daily, thirtyDays(usage.days), days).then((made) => {
				days = made;
				lastDays = made && counted;
			}).catch(() => {});
		if (!health.accounts)
			quotas.replaceChildren(h('div.empty', {}, h('h2', {}, t('No accounts yet')), h('p', {}, t('Log in with a Kiro account, or take over what another program has.')),
				h('div.row', {}, h('button.main', { type: 'button', onclick: () => addAccount(update) }, t('Add account')))));
	}
	await update();
	return { title: t('Dashboard'), update, content: [banner, h('div.stack', {}, tiles,
		h('div.card.pad', {}, h('h2', {}, t('Last 30 days')), h('div.chart', {}, daily)), h('div.columns', {},
		h('div.card.pad', {}, h('h2', {}, t('Allowance')), quotas),
		h('div.card.pad', {}, h('h2', {}, t('Accounts by state')), h('div.chart', {}, canvas), words)))] };
}

// ---- keys ----

function showKey({ name, key }, done) {
	const input = h('input', { readonly: true, value: key, 'aria-label': t('Key') });

	dialog(name, (close) => [h('p', {}, t('This key is shown this once. Copy it now.')),
		h('div.key', {}, input, h('button', { type: 'button', onclick: async () => {
			input.select();
			try {
				await navigator.clipboard.writeText(key);
			} catch {
				document.execCommand('copy');
			}
			note(t('Copied'));
		} }, t('Copy'))),
		h('footer', {}, h('button.main', { type: 'button', onclick: close }, t('Done')))], { onclose: done });
}

const newKey = (done) => dialog(t('New key'), (close) => form([{ name: 'name', label: t('Name'), required: true, hint: t('For whom or what it is') },
	{ name: 'role', label: t('Role'), value: 'user', options: ['user', 'viewer', 'operator', 'admin'].map((role) => [role, t(role)]), hint: t('user: the models; viewer and operator: this panel\'s API; admin: all') },
	{ name: 'requests', label: t('Limit of requests'), placeholder: '60/minute, 5000/day', hint: t('empty: none') },
	{ name: 'tokens', label: t('Limit of tokens'), placeholder: '2000000/month', hint: t('empty: none') }],
	t('Add'), async (values) => {
		const made = await post('/keys', values);

		close();
		showKey(made, done);
	}, close));

export async function keysPage() {
	const filter = searchBox();
	const list = table('keys', [
		{ head: 'Name', sort: (k) => k.name.toLowerCase(), text: (k) => k.name, cell: (k) => h('span.name.wrap', {}, k.name) },
		{ head: 'Key', text: (k) => k.prefix, cell: (k) => h('span.mono.dim', {}, `${k.prefix}…`) },
		{ head: 'Role', sort: (k) => k.role, text: (k) => k.role, cell: (k) => h('div', {}, t(k.role), k.refusal ? h('div.small.wrong', {}, k.refusal) : null) },
		{ head: 'Limits', cell: (k) => h('span.small.wrap', {}, Object.entries(k.limits).filter(([, limit]) => limit).map(([name, limit]) => `${limit} ${t(name)}`).join('; ') || '–') },
		{ head: 'Added', sort: (k) => k.added_at, cell: (k) => when(k.added_at) },
		{ act: true, cell: (k) => h('button.danger', { type: 'button', onclick: () => confirm(t('Remove key'),
			`${t('Remove the key “{}”?', k.name)} ${t('Clients that use it are refused from now on.')}`, t('Remove'), async () => {
				await api('DELETE', `/keys/${segment(k.name)}`).catch((error) => note(error.message, true));
				update();
			}) }, t('Remove')) },
	], { filter, empty: () => h('div.empty', {}, h('h2', {}, t('No keys yet')), h('p', {}, t('A client needs a key to use this gateway.')),
		h('div.row', {}, h('button.main', { type: 'button', onclick: () => newKey(update) }, t('New key')))) });

	async function update() {
		list.update((await get('/keys')).keys);
	}
	await update();
	return { title: t('Client keys'), tools: [filter, h('button.main', { type: 'button', onclick: () => newKey(update) }, t('New key'))], content: [list.element], update };
}

// ---- models ----

const newAlias = (models, done) => dialog(t('New alias'), (close) => form([
	{ name: 'name', label: t('Clients call it'), required: true, placeholder: 'gpt-4o' },
	{ name: 'target', label: t('They get'), options: models.map((m) => [m.id, m.id]) },
], t('Save'), async ({ name, target }) => {
	await api('PUT', `/aliases/${segment(name)}`, { target });
	close();
	done();
}, close));

export async function modelsPage() {
	let models = [];
	const filter = searchBox();
	const aliases = table('aliases', [
		{ head: 'Clients call it', sort: (a) => a.name, cell: (a) => h('span.mono.wrap', {}, a.name) },
		{ head: 'They get', sort: (a) => a.target, cell: (a) => h('span.mono.wrap', {}, a.target) },
		{ act: true, cell: (a) => h('button.danger', { type: 'button', onclick: () => confirm(t('Remove'), t('Remove the alias “{}”?', a.name), t('Remove'), async () => {
			await api('DELETE', `/aliases/${segment(a.name)}`).catch((error) => note(error.message, true));
			update();
		}) }, t('Remove')) },
	], { empty: () => h('div.empty', {}, h('h2', {}, t('No aliases')), h('p', {}, t('An alias lets clients call a model by another name; “default” catches every unknown one.'))) });
	const list = table('models', [
		{ head: 'Model', sort: (m) => m.id, text: (m) => `${m.id} ${m.name}`, cell: (m) => h('div', {}, h('div.name', {}, m.name), h('div.small.dim.mono.wrap', {}, m.id)) },
		{ head: 'Window', number: true, sort: (m) => m.window, cell: (m) => number(m.window) },
		{ head: 'Output', number: true, sort: (m) => m.max_output, cell: (m) => number(m.max_output) },
		{ head: 'Images', sort: (m) => String(m.images), cell: (m) => t(m.images ? 'yes' : 'no') },
	], { filter });
	const result = h('p', { role: 'status' });
	const tester = form([{ name: 'name', label: t('Model name'), required: true, placeholder: 'claude-sonnet-4-5' }], t('Test'), async ({ name }) => {
		result.textContent = '';
		const m = await get(`/models/test?name=${segment(name)}`);

		result.replaceChildren(h('span.mono', {}, m.asked), ' → ', h('b.mono', {}, m.id), m.through ? ` (${t('Aliases')})` : '', `, ${number(m.window)} ${t('tokens')}`);
	});

	async function update() {
		const answer = await get('/models');

		models = answer.models;
		aliases.update(answer.aliases);
		list.update(models);
	}
	await update();
	return { title: t('Models'), update, tools: [filter, h('button.main', { type: 'button', onclick: () => newAlias(models, update) }, t('New alias'))],
		content: [h('div.stack', {}, h('div.columns', {}, h('div.stack', {}, h('h2', {}, t('Aliases')), aliases.element),
			h('div.stack', {}, h('h2', {}, t('Test a name')), h('div.card.pad', {}, tester, result))), h('h2', {}, t('Models')), list.element)] };
}

// ---- usage ----

const csvCell = (value) => {
	const text = String(value ?? '');

	/* A spreadsheet must not take a label for a formula. */
	return `"${(/^[=+\-@\t\r]/.test(text) && typeof value !== 'number' ? `'${text}` : text).replaceAll('"', '""')}"`;
};

const counts = ['requests', 'errors', 'estimated', 'input_tokens', 'output_tokens', 'cache_read_tokens', 'cache_write_tokens', 'credits'];

// One line an account, key, model and day.
const usageRows = (answer) => [['what', 'name', 'id', 'plan', 'used', 'limit', 'remaining', 'unit', 'reset_at', 'read_at', ...counts],
	...answer.accounts.map((a) => ['account', a.label ?? a.id, a.id, a.usage?.plan, a.usage?.used, a.usage?.limit, a.usage?.remaining, a.usage?.unit, a.usage?.reset_at, a.usage?.read_at]),
	...['keys', 'models', 'days'].flatMap((what) => answer[what].map((g) => [what.slice(0, -1), g.name, '', '', '', '', '', '', '', '', ...counts.map((name) => g[name])]))];

export async function usagePage() {
	const filter = searchBox();
	const canvas = h('canvas', { role: 'img', 'aria-label': t('Share of the allowance used, per account') });
	const holder = h('div.card.pad', {}, h('h2', {}, t('Share of the allowance used, per account')), h('div.chart', {}, canvas));
	let all = [], chart, last;
	const list = table('usage', [
		{ head: 'Account', sort: (a) => (a.label ?? a.id).toLowerCase(), text: (a) => `${a.label} ${a.id}`, cell: (a) => h('span.name.wrap', {}, a.label ?? a.id) },
		{ head: 'Plan', sort: (a) => a.usage?.plan, text: (a) => a.usage?.plan, cell: (a) => a.usage?.plan ?? '–' },
		{ head: 'Used', number: true, sort: (a) => a.usage?.used ?? -1, cell: (a) => number(a.usage?.used) },
		{ head: 'Limit', number: true, sort: (a) => a.usage?.limit ?? -1, cell: (a) => number(a.usage?.limit) },
		{ head: 'Remaining', number: true, sort: (a) => a.usage?.remaining ?? -1, cell: (a) => number(a.usage?.remaining) },
		{ head: 'Resets', sort: (a) => a.usage?.reset_at, cell: (a) => when(a.usage?.reset_at) },
		{ head: 'As of', sort: (a) => a.usage?.read_at, cell: (a) => h('span', {}, when(a.usage?.read_at), a.usage?.failure ? h('div.small.dim.why.wrap', {}, a.usage.failure) : null) },
	], { filter, empty: () => h('div.empty', {}, h('h2', {}, t('No accounts yet'))) });

	const counted = (head) => table(`usage ${head}`, [
		{ head, sort: (g) => g.name, cell: (g) => h('span.wrap', {}, g.name === '-' ? t('none') : g.name) },
		{ head: 'Requests', number: true, sort: (g) => g.requests, cell: (g) => number(g.requests) },
		{ head: 'Errors', number: true, sort: (g) => g.errors, cell: (g) => number(g.errors) },
		{ head: 'Input', number: true, sort: (g) => g.input_tokens, cell: (g) => number(g.input_tokens) },
		{ head: 'Output tokens', number: true, sort: (g) => g.output_tokens, cell: (g) => number(g.output_tokens) },
		{ head: 'Credits', number: true, sort: (g) => g.credits, cell: (g) => number(g.credits) },
	], { empty: () => h('div.empty', {}, t('Nothing was counted yet.')) });
	const groups = [['keys', counted('Key')], ['models', counted('Model')], ['days', counted('Day')]];
	let answer = {};

	async function draw(known) {
		const Chart = await loadCharts();

		chart?.destroy();
		if (!canvas.isConnected)
			return false;
		chart = new Chart(canvas, { type: 'bar', data: { labels: known.map((a) => a.label ?? a.id), datasets: [{ data: known.map((a) => a.usage.percent),
			backgroundColor: known.map((a) => colour(a.usage.percent >= 100 ? '--bad' : a.usage.percent >= 80 ? '--warn' : '--accent')), borderRadius: 4, maxBarThickness: 34 }] },
			options: { animation: false, maintainAspectRatio: false, plugins: { legend: { display: false } },
				scales: { y: { min: 0, suggestedMax: 100, ticks: { color: colour('--dim'), callback: (value) => `${value} %` }, grid: { color: colour('--line') } },
					x: { ticks: { color: colour('--dim') }, grid: { display: false } } } } });
		return true;
	}
	async function update() {
		answer = await get('/usage');
		all = answer.accounts;
		list.update(all);
		groups.forEach(([name, each]) => each.update(answer[name]));
		const known = all.filter((a) => a.usage && a.usage.percent !== null).slice(0, 24);
		const shape = JSON.stringify(known.map((a) => [a.label, a.usage.percent])) + document.documentElement.dataset.theme;

		holder.hidden = !known.length;
		if (known.length && shape !== last)
			draw(known).then((drawn) => (last = drawn && shape)).catch(() => {});
	}
	await update();
	return { title: t('Usage'), update, tools: [filter, h('button', { type: 'button', onclick: () => download('kiro-usage.csv', 'text/csv;charset=utf-8',
		usageRows(answer).map((row) => row.map(csvCell).join(',')).join('\r\n')) }, t('Download CSV'))], content: [h('div.stack', {}, holder, list.element, h('h2', {}, t('Last 30 days')), groups.map(([, each]) => each.element))] };
}

// ---- settings ----

export async function settingsPage() {
	const filter = searchBox();
	const where = h('p.dim');
	const banner = h('div.banner.bad', { hidden: true, role: 'alert' });
	const list = table('settings', [
		{ head: 'Option', sort: (o) => o.name, text: (o) => `${o.name} ${o.text} ${o.variable}`, cell: (o) => h('div', {}, h('div.mono.name', {}, o.name), h('div.small.dim', {}, o.text)) },
		{ head: 'Value', text: (o) => o.value, sort: (o) => o.value, cell: (o) => h('span.mono.wrap', {}, o.value || '–') },
		{ head: 'Origin', sort: (o) => o.origin, text: (o) => o.origin, cell: (o) => h(o.origin === 'default' ? 'span.state' : 'span.state.good', { title: o.variable }, t(o.origin)) },
	], { filter });

	async function update() {
		const config = await get('/config');

		where.textContent = `${t('Configuration file')}: ${config.file ?? t('none')}. ${t('Settings are changed in the file or the environment, then reloaded.')}`;
		list.update(config.options);
	}
	await update();
	return { title: t('Settings'), update, tools: [filter, h('button.main', { type: 'button', onclick: async () => {
		try {
			await post('/reload');
			banner.hidden = true;
			note(t('Settings reloaded'));
			setTimeout(update, 300);
		} catch (error) {
			banner.textContent = error.message;
			banner.hidden = false;
		}
	} }, t('Reload settings'))], content: [h('div.stack', {}, banner, where, list.element)] };
}
