// Dashboard: what is there, what happens now, and how it was, from counters that all processes share.
import { addAccount } from './accounts.js';
import { get } from './api.js';
import { axis, bars, colour, compact, line, plainAxis, plot } from './charts.js';
import { alarm, bar, duration, h, number, stateOf, when } from './ui.js';
import { language, t } from './words.js';

const SAMPLES = 61; /* a quarter of an hour */
const order = { active: '--good', exhausted: '--warn', suspended: '--bad', refused: '--bad', invalid: '--bad', disabled: '--dim' };
const samples = []; /* of this window: they outlive the page */

const tile = (label, value, extra, tone) => h('div.card.pad.tile', {}, h('div.label', {}, label),
	h(tone ? `div.value.${tone}` : 'div.value', {}, value), h('div.small.dim', {}, extra ?? '\u00a0'));

// All of the last days, those of which nothing is known too.
export function lastDays(known, count) {
	const by = new Map(known.map((day) => [day.name, day]));

	return Array.from({ length: count }, (_, ago) => new Date(Date.now() - (count - 1 - ago) * 86400000).toISOString().slice(0, 10))
		.map((name) => by.get(name) ?? { name, requests: 0, errors: 0, input_tokens: 0, output_tokens: 0, credits: 0 });
}

const sum = (days, name) => days.reduce((all, day) => all + day[name], 0);

const requestsChart = (days) => () => ({ data: { labels: days.map((day) => day.name.slice(5)), datasets: [
	bars(t('Requests'), days.map((day) => day.requests - day.errors), '--accent', { stack: 'all' }),
	bars(t('Errors'), days.map((day) => day.errors), '--bad', { stack: 'all' })] },
	options: { scales: { x: { ...plainAxis(), stacked: true }, y: axis('', { stacked: true }) } } });

const tokensChart = (days) => () => ({ data: { labels: days.map((day) => day.name.slice(5)), datasets: [
	line(t('Credits'), days.map((day) => day.credits), '--warn', { yAxisID: 'credits' }),
	bars(t('Input'), days.map((day) => day.input_tokens), '--accent', { stack: 'all' }),
	bars(t('Output tokens'), days.map((day) => day.output_tokens), '--second', { stack: 'all' })] },
	options: { scales: { x: { ...plainAxis(), stacked: true }, y: axis('', { stacked: true }),
		credits: axis(t('Credits'), { position: 'right', grid: { display: false }, suggestedMax: 1 }) } } });

function take(stats) {
	if (samples.at(-1)?.at !== stats.at)
		samples.push({ at: stats.at, day: stats.day, running: stats.running ?? 0, requests: stats.today.requests, errors: stats.today.errors });
	samples.splice(0, samples.length - SAMPLES);
}

// Between two looks of one day: how many came a minute.
function rates() {
	return samples.slice(1).map((now, at) => {
		const before = samples[at], minutes = (new Date(now.at) - new Date(before.at)) / 60000;

		return { at: new Date(now.at).toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit', second: '2-digit' }), running: now.running,
			 requests: now.day === before.day ? Math.max(0, now.requests - before.requests) / minutes : 0 };
	});
}

const liveChart = (points) => () => ({ data: { labels: points.map((point) => point.at), datasets: [
	line(t('Running now'), points.map((point) => point.running), '--good', { stepped: true, tension: 0 }),
	bars(t('Requests per minute'), points.map((point) => point.requests), '--accent')] },
	options: { scales: { x: plainAxis(), y: axis('', { suggestedMax: 4 }) } } });

// The bounds between which anything was.
function filled(buckets) {
	const first = buckets.findIndex((bucket) => bucket.count), last = buckets.findLastIndex((bucket) => bucket.count);

	return buckets.slice(Math.max(0, first - 1), last + 2);
}

const bound = ({ up_to: to }, last) => to === null ? `> ${duration(last)}` : `≤ ${duration(to)}`;

function latencyChart({ buckets }) {
	const shown = filled(buckets), last = buckets.at(-2).up_to;

	return () => ({ data: { labels: shown.map((bucket) => bound(bucket, last)), datasets: [bars(t('Answers'), shown.map((bucket) => bucket.count), '--accent', { maxBarThickness: 34 })] },
		options: { plugins: { legend: { display: false } }, scales: { x: plainAxis(), y: axis('') } } });
}

function latencyCard(title) {
	const chart = plot(title), words = h('div.row.small.dim');

	return { element: h('div.card.pad', {}, h('h2', {}, title), words, chart.element), show(latency) {
		const shares = [['50 %', latency.p50], ['90 %', latency.p90], ['99 %', latency.p99]];

		words.replaceChildren(...(latency.count ? shares.map(([share, value]) => h('span', {}, `${share} `, h('b', {}, value === null ? '–' : `≤ ${duration(value)}`))) :
			[t('Nothing was counted yet.')]));
		chart.say(shares.map(([share, value]) => `${share} ≤ ${duration(value)}`).join(', '));
		chart.show(latencyChart(latency)).catch(() => {});
	} };
}

const noAccounts = (update) => h('div.empty', {}, h('h2', {}, t('No accounts yet')), h('p', {}, t('Log in with a Kiro account, or take over what another program has.')),
	h('div.row', {}, h('button.main', { type: 'button', onclick: () => addAccount(update) }, t('Add account'))));

// The second step of a new installation; client_token of the settings is a key too.
async function noKeys(used) {
	if (used.days.length || (await get('/keys')).keys.length || (await get('/config')).options.some((o) => o.name === 'client_token' && o.origin !== 'default'))
		return null;
	return h('div.empty', {}, h('h2', {}, t('No keys yet')), h('p', {}, t('A client needs a key to use this gateway.')), h('div.row', {}, h('a.button', { href: '#/keys' }, t('Keys'))));
}

const quotaLine = (a) => h('div.quota', {}, h('div.name', { title: a.label ?? a.id }, a.label ?? a.id), bar(a.usage.percent),
	h('div.small', {}, `${number(a.usage.percent, 0)} %`, h('span.dim', {}, ` · ${number(a.usage.used)} / ${number(a.usage.limit)}`)));

function stateChart(states) {
	const names = Object.keys(order).filter((name) => states[name]);

	return () => ({ type: 'doughnut', data: { labels: names.map((name) => t(name)), datasets: [{ data: names.map((name) => states[name]),
		backgroundColor: names.map((name) => colour(order[name])), borderColor: colour('--card'), borderWidth: names.length > 1 ? 2 : 0 }] },
		options: { cutout: '68%', plugins: { legend: { display: false } } } });
}

function fillTiles(tiles, { health, usage, stats }) {
	const broken = health.states.suspended + health.states.refused + health.states.invalid;
	const known = usage.accounts.filter((a) => a.usage?.remaining !== undefined && a.usage?.percent !== null);
	const ran = health.refresher.last_run_at, { sessions, today } = stats;

	tiles.replaceChildren(
		tile(t('Can serve now'), `${number(health.usable)} / ${number(health.accounts)}`, t('Accounts'), health.accounts && !health.usable ? 'bad' : ''),
		tile(t('Need attention'), number(broken), t('Accounts'), broken ? 'bad' : ''),
		tile(t('Running now'), number(stats.running), sessions.limit ? `${t('of')} ${number(sessions.limit)}, ${number(sessions.waiting)} ${t('waiting')}` : t('requests')),
		tile(t('Requests today'), number(today.requests), today.errors ? h('span.wrong', {}, `${t('Errors')}: ${number(today.errors)}`) : `${t('Errors')}: ${number(0)}`),
		tile(t('Tokens today'), compact(today.input_tokens + today.output_tokens), `${number(today.credits)} ${t('credits')}`),
		tile(t('Remaining'), known.length ? number(known.reduce((all, a) => all + a.usage.remaining, 0), 0) : '–', known[0]?.usage.unit),
		tile(t('Token refresher'), ran ? t(health.refresher.well ? 'runs well' : 'failed') : t('never ran'), ran ? when(ran) : t('cron starts it'), ran && !health.refresher.well ? 'text.bad' : 'text'));
}

export async function dashboardPage() {
	const begin = h('div.card', { hidden: true }), tiles = h('div.tiles'), quotas = h('div.quotas'), banner = alarm(), words = h('div.row.middle'), soon = h('p.dim.small');
	const states = plot(t('Accounts by state'), 'div.chart.low'), requests = plot(t('Requests')), tokens = plot(t('Tokens')), live = plot(t('Since this page was opened'));
	const first = latencyCard(t('Until the first word')), answer = latencyCard(t('Until the end of an answer'));
	let seen;

	function draw() {
		const { health, usage, stats } = seen, days = lastDays(usage.days, 30), points = rates();

		requests.say(`${number(sum(days, 'requests'))}, ${number(sum(days, 'errors'))} ${t('Errors')}`);
		tokens.say(`${number(sum(days, 'input_tokens') + sum(days, 'output_tokens'))}, ${number(sum(days, 'credits'))} ${t('credits')}`);
		live.say(`${number(stats.running)} ${t('Running now')}`);
		soon.textContent = points.length ? '' : t('Drawn as it happens; the first column comes in a moment.');
		for (const [chart, make] of [[requests, requestsChart(days)], [tokens, tokensChart(days)], [live, liveChart(points)], [states, stateChart(health.states)]])
			chart.show(make).catch(() => {}); /* the numbers stand in the tiles too */
		first.show(stats.latency.first_event);
		answer.show(stats.latency.answer);
	}
	async function update() {
		const [health, usage, stats] = await Promise.all([get('/health'), get('/usage'), get('/stats')]);
		const step = health.accounts ? await noKeys(usage) : noAccounts(update);
		const known = usage.accounts.filter((a) => a.usage && a.usage.percent !== null).sort((a, b) => b.usage.percent - a.usage.percent);

		seen = { health, usage, stats };
		take(stats);
		banner.tell(health.damage);
		fillTiles(tiles, seen);
		begin.hidden = !step;
		begin.replaceChildren(step ?? '');
		quotas.replaceChildren(...(known.length ? known.map(quotaLine) :
			[h('p.dim', {}, t('Nothing is known yet. kiro-refresh asks for it, or test an account.'))]));
		words.replaceChildren(...Object.keys(order).filter((name) => health.states[name]).map((name) => h('span', {}, stateOf(name), ` ${number(health.states[name])}`)));
		draw();
	}
	const card = (title, ...content) => h('div.card.pad', {}, h('h2', {}, title), content);

	await update();
	return { title: t('Dashboard'), update, draw, content: [banner.element, h('div.stack', {}, begin, tiles,
		h('div.halves', {}, card(`${t('Requests')} · ${t('Last 30 days')}`, requests.element), card(`${t('Tokens')} · ${t('Last 30 days')}`, tokens.element)),
		h('div.halves', {}, first.element, answer.element),
		h('div.columns', {}, card(t('Since this page was opened'), soon, live.element), card(t('Accounts by state'), states.element, words)),
		card(t('Allowance'), quotas))] };
}
