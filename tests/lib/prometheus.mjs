// Prometheus's text, read by rules of our own, and its tool, where it is installed.
import { spawnSync } from 'node:child_process';

// { families: Map(name -> type), samples: [{ name, labels, value, exemplar }] }
export function readMetrics(text) {
	const families = new Map();
	const samples = [];

	for (const line of text.split('\n')) {
		const type = /^# TYPE (\S+) (\S+)$/.exec(line);
		const sample = /^(\w+)(?:\{(.*?)\})? (\S+)(?: # \{request_id="(\w+)"\} \S+ \S+)?$/.exec(line);

		if (type)
			families.set(type[1], type[2]);
		else if (sample)
			samples.push({ name: sample[1], labels: readLabels(sample[2] ?? ''),
				       value: Number(sample[3]), exemplar: sample[4] });
		else if (line && !line.startsWith('#'))
			throw new Error(`no line of metrics: ${line}`);
	}
	return { families, samples };
}

function readLabels(text) {
	const labels = {};

	for (const [, name, value] of text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g))
		labels[name] = value;
	return labels;
}

// The sum of all series of that name that have these labels.
export function sum({ samples }, name, labels = {}) {
	return samples.filter((sample) => sample.name === name &&
			      Object.entries(labels).every(([key, value]) => sample.labels[key] === value))
		.reduce((total, { value }) => total + value, 0);
}

export const havePromtool = !spawnSync('promtool', ['--version']).error;

if (!havePromtool)
	console.error('*** promtool is not here (etc/install-deps monitoring): what only it can ' +
		      'judge is SKIPPED');

export const promtool = (args, options) =>
	spawnSync('promtool', args, { encoding: 'utf8', ...options });
