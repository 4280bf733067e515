// Charts, by the library that comes when the first one is drawn. What is the same is not drawn again.
import { h } from './ui.js';
import { language } from './words.js';

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const compact = (value) => new Intl.NumberFormat(language(), { notation: 'compact', maximumFractionDigits: 1 }).format(value);

let library;
const load = () => library ??= new Promise((resolve, reject) => document.head.append(
	h('script', { src: 'chart.min.js', onload: () => resolve(window.Chart), onerror: reject })));

export const axis = (title, more = {}) => ({ beginAtZero: true, title: { display: !!title, text: title, color: colour('--dim') },
	ticks: { color: colour('--dim'), precision: 0, maxTicksLimit: 6, callback: compact }, border: { display: false }, grid: { color: colour('--line') }, ...more });
export const plainAxis = () => ({ ticks: { color: colour('--dim'), maxRotation: 0, autoSkipPadding: 12 }, border: { color: colour('--line') }, grid: { display: false } });
export const bars = (label, data, name, more = {}) => ({ type: 'bar', label, data, backgroundColor: colour(name), borderRadius: 2, maxBarThickness: 22, ...more });
export const line = (label, data, name, more = {}) => ({ type: 'line', label, data, borderColor: colour(name), backgroundColor: colour(name), borderWidth: 2,
	pointRadius: data.length < 3 ? 3 : 0, pointHitRadius: 8, tension: .25, ...more });

const common = () => ({ animation: false, maintainAspectRatio: false, interaction: { mode: 'index', intersect: false },
	plugins: { legend: { position: 'bottom', align: 'start', labels: { color: colour('--text'), boxWidth: 10, boxHeight: 10 } } } });

// One chart. show(make): make() gives { data, options }, in the colours of the moment; of a page that is
// not shown yet nothing is drawn. say(text): what it shows, for those who do not see it.
export function plot(label, kind = 'div.chart') {
	const canvas = h('canvas', { role: 'img', 'aria-label': label });
	let chart, shape;

	return { element: h(kind, {}, canvas), say: (text) => canvas.setAttribute('aria-label', `${label}: ${text}`), async show(make) {
		const Chart = await load();
		const config = make(), theme = document.documentElement.dataset.theme + language();
		const now = JSON.stringify(config.data) + theme;

		if (!canvas.isConnected || (chart && now === shape))
			return;
		if (chart && shape.endsWith(theme)) {
			config.data.datasets.forEach((set, at) => Object.assign(chart.data.datasets[at] ??= {}, set));
			chart.data.labels = config.data.labels;
			chart.update('none');
		} else {
			chart?.destroy();
			chart = new Chart(canvas, { ...config, options: { ...common(), ...config.options, plugins: { ...common().plugins, ...config.options?.plugins } } });
		}
		shape = now;
	} };
}
