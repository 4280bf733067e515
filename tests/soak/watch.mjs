// Memory, descriptors and threads of the responders over time, and whether they leak.
import { readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MB = 1024;

function sample(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);

	return { rss: number('VmRSS'), threads: number('Threads'),
		 fds: readdirSync(`/proc/${pid}/fd`).length };
}

// What a process has open: { files, sockets, others }, each by name; others are events, pipes and so on.
export function descriptors(pid) {
	const found = { files: [], sockets: [], others: [] };

	for (const fd of readdirSync(`/proc/${pid}/fd`)) {
		let name;

		try {
			name = readlinkSync(`/proc/${pid}/fd/${fd}`);
		} catch {
			continue; /* closed meanwhile */
		}
		if (name.startsWith('/dev/'))
			continue;
		(name.startsWith('/') ? found.files : name.startsWith('socket:') ? found.sockets :
			found.others).push(name);
	}
	return found;
}

// Locks that anybody holds on files of the directory: "FLOCK kiro.lock".
export function locksIn(dir) {
	const inodes = new Map(readdirSync(dir).map((name) => {
		const { dev, ino } = statSync(join(dir, name));

		return [`${(dev >> 8 & 0xfff).toString(16).padStart(2, '0')}:` +
			`${(dev & 0xff | dev >> 12 & 0xfff00).toString(16).padStart(2, '0')}:${ino}`, name];
	}));

	return readFileSync('/proc/locks', 'utf8').split('\n').flatMap((line) => {
		const words = line.split(/\s+/).filter((word) => word !== '->');
		const name = inodes.get(words[5]);

		return name ? [`${words[1]} ${words[3]} ${name} ${words.slice(6).join('-')}`] : [];
	});
}

// Samples all kept doors every so often until stop(); rows are { at, door, pid, rss, threads, fds }.
export function watch(site, every) {
	const rows = [];
	const take = () => {
		for (const door of Object.values(site.doors).filter(({ kept }) => kept)) {
			const pid = door.pid();

			try {
				rows.push({ at: (Date.now() - site.began) / 1000, door: door.name, pid,
					    ...sample(pid) });
			} catch {
				/* it was killed just now */
			}
		}
	};
	const timer = setInterval(take, every);

	take();
	return { rows, stop: () => clearInterval(timer) };
}

// KiB a second, by least squares.
function slope(rows) {
	const mean = (of) => rows.reduce((sum, row) => sum + of(row), 0) / rows.length;
	const at = mean((row) => row.at), rss = mean((row) => row.rss);
	const spread = rows.reduce((sum, row) => sum + (row.at - at) ** 2, 0);

	return rows.reduce((sum, row) => sum + (row.at - at) * (row.rss - rss), 0) / (spread || 1);
}

/*
 * What a process may grow after the warm-up, while it serves the same load, by the fitted line from
 * the beginning of the window to its end. A leak of 1 KB a request is 3 MB a minute at 50 requests a
 * second, so a window of minutes finds it. Not zero: arenas of malloc fill up as chance has it (4 MB).
 * With AddressSanitizer the same load fills what its allocator keeps for each thread, for eight minutes
 * (75 MB were measured), and then costs the record of each thread that ever was: 4 MB in five minutes,
 * at 25 threads a second. So it warms up longer and may grow more; LeakSanitizer looks at the end
 * besides.
 */
const WARM_UP = 60, SANITIZED_WARM_UP = 480; /* seconds of a process's life */
const LEAST_SECONDS = 90; /* in less of it nothing can be told from chance */
const MAY_GROW = 4 * MB, SANITIZED_MAY_GROW = 24 * MB, SANITIZED_PART = 0.15;

export function judgeMemory(rows, from, to, sanitized) {
	const found = [];

	for (const pid of new Set(rows.map((row) => row.pid))) {
		const all = rows.filter((row) => row.pid === pid);
		const warm = Math.max(from, all[0].at + (sanitized ? SANITIZED_WARM_UP : WARM_UP));
		const mine = all.filter((row) => row.at >= warm && row.at <= to);

		if (!mine.length || mine.at(-1).at - mine[0].at < LEAST_SECONDS)
			continue;
		const growth = slope(mine) * (mine.at(-1).at - mine[0].at);
		const most = sanitized ? Math.max(SANITIZED_MAY_GROW, SANITIZED_PART * mine[0].rss) :
					 MAY_GROW;

		found.push({ pid, door: mine[0].door, growth, most,
			     minutes: (mine.at(-1).at - mine[0].at) / 60, leaks: growth > most });
	}
	return found;
}

export function table(rows, lines = 24) {
	const times = [...new Set(rows.map((row) => row.at.toFixed(0)))];
	const step = Math.max(1, Math.ceil(times.length / lines));
	const shown = new Set(times.filter((_, index) => index % step === 0));
	const out = ['  seconds  door       pid      RSS MB  threads  descriptors'];

	for (const row of rows) {
		/* one of a second is enough */
		const first = `${row.at.toFixed(0)} ${row.door}`;

		if (!shown.has(row.at.toFixed(0)) || shown.has(first))
			continue;
		shown.add(first);
		out.push([row.at.toFixed(0).padStart(9), row.door.padEnd(9), String(row.pid).padEnd(8),
			  (row.rss / MB).toFixed(1).padStart(6), String(row.threads).padStart(7),
			  String(row.fds).padStart(11)].join('  '));
	}
	return out.join('\n');
}

export function writeRows(file, rows) {
	writeFileSync(file, ['seconds\tdoor\tpid\trss_kb\tthreads\tdescriptors',
			     ...rows.map((row) => [row.at.toFixed(1), row.door, row.pid, row.rss, row.threads,
						   row.fds].join('\t')), ''].join('\n'));
}
