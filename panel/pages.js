// Models, usage, settings.
import { api, get, post, segment } from './api.js';
import { axis, bars, colour, plainAxis, plot } from './charts.js';
import { alarm, confirm, dialog, form, h, note, number, press, searchBox, table, when } from './ui.js';
import { t } from './words.js';

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
	const banner = alarm();
	const aliases = table('aliases', [
		{ head: 'Clients call it', sort: (a) => a.name, text: (a) => a.name, cell: (a) => h('span.mono.wrap', {}, a.name) },
		{ head: 'They get', sort: (a) => a.target, cell: (a) => h('span.mono.wrap', {}, a.target) },
		{ act: true, cell: (a) => h('button.danger', { type: 'button', onclick: () => confirm(t('Remove alias'), `${t('Remove the alias “{}”?', a.name)} ${t('Clients that ask for it get what the name itself means.')}`, t('Remove'), async () => {
			await api('DELETE', `/aliases/${segment(a.name)}`).catch((error) => note(error.message, true));
			update();
		}) }, t('Remove')) },
	], { filter, empty: () => h('div.empty', {}, h('h2', {}, t('No aliases')), h('p', {}, t('An alias lets clients call a model by another name; “default” catches every unknown one.'))) });
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
		banner.tell(answer.damage);
		aliases.update(answer.aliases);
		list.update(models);
	}
	await update();
	return { title: t('Models'), update, tools: [filter, h('button.main', { type: 'button', onclick: () => newAlias(models, update) }, t('New alias'))],
		content: [banner.element, h('div.stack', {}, h('div.columns', {}, h('div.stack', {}, h('h2', {}, t('Aliases')), aliases.element),
			h('div.stack', {}, h('h2', {}, t('Test a name')), h('div.card.pad', {}, tester, result))), h('h2', {}, t('Models')), list.element)] };
}

// ---- usage ----

const ranges = [[7, 'Last 7 days'], [30, 'Last 30 days'], [90, 'Last 90 days']];
let range = 30; /* outlives the page */

const short = (text) => text.length > 18 ? `${text.slice(0, 17)}…` : text;

const shareChart = (known) => () => ({ data: { labels: known.map((a) => short(a.label ?? a.id)), datasets: [bars(t('Used'), known.map((a) => a.usage.percent), '--accent', { maxBarThickness: 34,
	backgroundColor: known.map((a) => colour(a.usage.percent >= 100 ? '--bad' : a.usage.percent >= 80 ? '--warn' : '--accent')) })] },
	options: { plugins: { legend: { display: false } }, scales: { x: plainAxis(), y: axis('', { min: 0, suggestedMax: 100, ticks: { color: colour('--dim'), callback: (value) => `${value} %` } }) } } });

export async function usagePage() {
	const filter = searchBox();
	const chart = plot(t('Share of the allowance used, per account'));
	const holder = h('div.card.pad', {}, h('h2', {}, t('Share of the allowance used, per account')), chart.element);
	const title = h('h2'), csv = h('a.button', { download: 'kiro-usage.csv' }, t('Download CSV'));
	let known = [];
	const list = table('usage', [
		{ head: 'Account', sort: (a) => (a.label ?? a.id).toLowerCase(), text: (a) => `${a.label} ${a.id}`, cell: (a) => h('span.name.wrap', {}, a.label ?? a.id) },
		{ head: 'Plan', sort: (a) => a.usage?.plan, cell: (a) => h('span.still', {}, a.usage?.plan ?? '–') },
		{ head: 'Used', number: true, sort: (a) => a.usage?.used ?? -1, cell: (a) => number(a.usage?.used) },
		{ head: 'Limit', number: true, sort: (a) => a.usage?.limit ?? -1, cell: (a) => number(a.usage?.limit) },
		{ head: 'Remaining', number: true, sort: (a) => a.usage?.remaining ?? -1, cell: (a) => number(a.usage?.remaining) },
		{ head: 'Resets', sort: (a) => a.usage?.reset_at, cell: (a) => when(a.usage?.reset_at) },
		{ head: 'As of', sort: (a) => a.usage?.read_at, cell: (a) => h('span', {}, when(a.usage?.read_at), a.usage?.failure ? h('div.small.dim.why.wrap', {}, a.usage.failure) : null) },
	], { filter, empty: () => h('div.empty', {}, h('h2', {}, t('No accounts yet'))) });

	const counted = (head, first) => table(`usage ${head}`, [
		{ head, sort: (g) => g.name, text: (g) => g.name, first, cell: (g) => h('span.wrap', {}, g.name === '-' ? t('none') : g.name) },
		{ head: 'Requests', number: true, sort: (g) => g.requests, cell: (g) => number(g.requests) },
		{ head: 'Errors', number: true, sort: (g) => g.errors, cell: (g) => number(g.errors) },
		{ head: 'Input', number: true, sort: (g) => g.input_tokens, cell: (g) => number(g.input_tokens) },
		{ head: 'Output tokens', number: true, sort: (g) => g.output_tokens, cell: (g) => number(g.output_tokens) },
		{ head: 'Credits', number: true, sort: (g) => g.credits, cell: (g) => number(g.credits) },
	], { filter, empty: () => h('div.empty', {}, t('Nothing was counted yet.')) });
	const groups = [['keys', counted('Key')], ['accounts_used', counted('Account')], ['models', counted('Model')], ['days', counted('Day', 'down')]];
	const days = h('select.short', { 'aria-label': t('Time'), onchange: () => {
		range = Number(days.value);
		update().catch((error) => note(error.message, true));
	} }, ranges.map(([value, text]) => h('option', { value, selected: value === range }, t(text))));
	const draw = () => known.length && chart.show(shareChart(known)).catch(() => {});

	async function update() {
		const answer = await get(`/usage?days=${range}`);
		const labels = new Map(answer.accounts.map((a) => [a.id, a.label ?? a.id]));

		title.textContent = t(ranges.find(([value]) => value === range)[1]);
		csv.href = `api/v1/usage.csv?days=${range}`;
		list.update(answer.accounts);
		for (const group of answer.accounts_used)
			group.name = labels.get(group.name) ?? group.name;
		groups.forEach(([name, each], at) => {
			each.update(answer[name]);
			each.element.hidden = at > 0 && !answer.days.length; /* empty once, not four times */
		});
		known = answer.accounts.filter((a) => a.usage && a.usage.percent !== null).slice(0, 24);
		holder.hidden = !known.length;
		draw();
	}
	await update();
	return { title: t('Usage'), update, draw, tools: [filter, days, csv], content: [h('div.stack', {}, holder, list.element, title, h('div.stack.even', {}, groups.map(([, each]) => each.element)))] };
}

// ---- settings ----

export async function settingsPage() {
	const filter = searchBox();
	const where = h('p.dim');
	const banner = alarm();
	const show = h('select.short', { 'aria-label': t('Origin'), onchange: () => draw() }, h('option', { value: '' }, t('All settings')), h('option', { value: 'set' }, t('Those that were set')));
	let options = [];
	const list = table('settings', [
		{ head: 'Option', sort: (o) => o.name, text: (o) => `${o.name} ${t(o.text)} ${o.variable}`, cell: (o) => h('div', {}, h('div.mono.name', {}, o.name), h('div.small.dim', {}, t(o.text))) },
		{ head: 'Value', text: (o) => o.value, sort: (o) => o.value, cell: (o) => h('span.mono.wrap', {}, o.value || '–') },
		{ head: 'Origin', sort: (o) => o.origin, text: (o) => o.origin, cell: (o) => h(o.origin === 'default' ? 'span.state' : 'span.state.good', { title: o.variable }, t(o.origin)) },
	], { filter });
	const draw = () => list.update(show.value ? options.filter((o) => o.origin !== 'default') : options);

	async function update() {
		const config = await get('/config');

		where.textContent = `${t('Configuration file')}: ${config.file ?? t('none')}. ${t('Settings are changed in the file or the environment, then reloaded.')}`;
		options = config.options;
		draw();
	}
	await update();
	return { title: t('Settings'), update, tools: [filter, show, h('button.main', { type: 'button', onclick: press(async () => {
		try {
			await post('/reload');
			banner.tell(null);
			note(t('Settings reloaded'));
			setTimeout(update, 300);
		} catch (error) {
			banner.tell(error.message);
		}
	}) }, t('Reload settings'))], content: [h('div.stack', {}, banner.element, where, list.element)] };
}
