// Elements, tables, dialogs, notes. Text only ever becomes text nodes.
import { t, language } from './words.js';

export function h(tag, attributes = {}, ...children) {
	const [name, ...classes] = tag.split('.');
	const element = document.createElement(name || 'div');

	if (classes.length)
		element.classList.add(...classes);
	for (const [key, value] of Object.entries(attributes ?? {})) {
		if (key.startsWith('on'))
			element.addEventListener(key.slice(2), value);
		else if (value === true)
			element.setAttribute(key, '');
		else if (value !== false && value !== undefined && value !== null)
			element.setAttribute(key, value);
	}
	element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
	return element;
}

export function note(text, bad = false) {
	const element = h(bad ? 'div.note.bad' : 'div.note', {}, text);

	document.getElementById('notes').append(element);
	setTimeout(() => element.remove(), bad ? 9000 : 4000);
}

// A button cannot be pressed again while what it does is under way; it keeps the focus.
export const press = (run) => async (event) => {
	const button = event.currentTarget;

	if (button.ariaBusy === 'true')
		return;
	button.ariaBusy = 'true';
	try {
		await run(event);
	} finally {
		button.ariaBusy = null;
	}
};

// What is wrong with what the page shows, told until it is over.
export function alarm() {
	const element = h('div.banner.bad', { hidden: true, role: 'alert' });

	return { element, tell(text) {
		element.textContent = text ?? '';
		element.hidden = !text;
	} };
}

export const wait = (text) => h('div.wait', {}, h('div.spin'), text);

// ---- numbers and times ----

export const number = (value, digits = 2) => value === null || value === undefined ? '–' :
	new Intl.NumberFormat(language(), { maximumFractionDigits: digits }).format(value);

const units = [['day', 86400], ['hour', 3600], ['minute', 60], ['second', 1]];

function relative(text) {
	const seconds = (new Date(text) - Date.now()) / 1000;
	const found = units.findIndex(([, length]) => Math.abs(seconds) >= length), at = found < 0 ? units.length - 1 : found;
	const rounded = Math.abs(Math.round(seconds / units[at][1])) * units[at][1];
	const [unit, size] = units[at && rounded >= units[at - 1][1] ? at - 1 : at]; /* not "60 seconds ago" */

	return new Intl.RelativeTimeFormat(language(), { numeric: 'auto' }).format(Math.round(seconds / size), unit);
}

export const exact = (text) => new Date(text).toLocaleString(language());

// Relative, with the exact time for the pointer. It goes on by itself.
export const when = (text) => text ? h('time', { datetime: text, title: exact(text) }, relative(text)) : h('span.dim', {}, '–');

setInterval(() => {
	for (const element of document.querySelectorAll('time[datetime]'))
		element.textContent = relative(element.dateTime);
}, 10000);

export const duration = (seconds) => seconds === null || seconds === undefined ? '–' :
	seconds < 1 ? `${number(seconds * 1000, 0)} ms` : `${number(seconds)} s`;

export function bar(percent) {
	const fill = h(percent >= 100 ? 'i.bad' : percent >= 80 ? 'i.warn' : 'i');

	fill.style.width = `${Math.max(0, Math.min(100, percent ?? 0))}%`;
	return h('div.bar', { role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100,
			      'aria-valuenow': Math.round(percent ?? 0), 'aria-label': t('Used') }, fill);
}

const tones = { active: 'good', exhausted: 'warn', suspended: 'bad', refused: 'bad', invalid: 'bad', disabled: '' };

export const badge = (tone, text) => h(tone ? `span.state.${tone}` : 'span.state', {}, text);

export const stateOf = (name) => h(tones[name] ? `span.state.${tones[name]}` : 'span.state', {}, t(name));

// ---- tables: they sort, filter and keep their place ----

const places = new Map();

const compare = (x, y) => typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), language(), { numeric: true });

// Only what is new, gone or elsewhere is touched, so that a refresh takes nobody's focus or scroll.
function arrange(parent, wanted) {
	const keep = new Set(wanted);

	for (const child of [...parent.children])
		if (!keep.has(child))
			child.remove();
	wanted.forEach((child, at) => parent.children[at] === child || parent.insertBefore(child, parent.children[at] ?? null));
}

// The button that has the focus, as the row and the place in it; to be found again in a row made anew.
function focusIn(body, known) {
	const at = body.contains(document.activeElement) && document.activeElement, row = at && at.closest('tr');
	const id = row && [...known].find(([, entry]) => entry.element === row)?.[0];
	const index = row && [...row.querySelectorAll('button')].indexOf(at);

	return (now) => at && !at.isConnected && now.get(id)?.element.querySelectorAll('button')[index]?.focus();
}

// columns: { head, cell(row), text(row) for the filter, sort(row), number }; key(row): what it is,
// over refreshes. Returns { element, update(rows) }.
export function table(name, columns, { filter, empty, key = (row) => row.id ?? row.name } = {}) {
	const place = places.get(name) ?? { sort: Math.max(0, columns.findIndex((column) => column.first)), down: columns.some((column) => column.first === 'down') };
	const body = h('tbody'), head = h('tr'), whole = h('table.fold', {}, h('thead', {}, head), body);
	const element = h('div.card.scroll');
	let rows = [], known = new Map();

	places.set(name, place);
	columns.forEach((column, index) => {
		const classes = column.number ? 'th.number' : 'th';

		if (!column.sort)
			return head.append(h(classes, { scope: 'col' }, column.head ? t(column.head) : h('span.unseen', {}, t('Actions'))));
		head.append(h(classes, { scope: 'col' }, h('button', { type: 'button', onclick: () => {
			place.down = place.sort === index && !place.down;
			place.sort = index;
			draw();
		} }, t(column.head))));
	});

	const line = (row) => h('tr', {}, columns.map((column) =>
		h(column.number ? 'td.number' : column.act ? 'td.act' : 'td', { 'data-label': column.head ? t(column.head) : '' }, column.cell(row))));

	function lineOf(row, now) {
		const id = String(key(row)), shape = JSON.stringify(row);
		const before = known.get(id);
		const entry = before?.shape === shape ? before : { shape, element: line(row) };

		now.set(id, entry);
		return entry.element;
	}

	function draw() {
		const words = (filter?.value ?? '').toLowerCase().split(/\s+/).filter(Boolean);
		const by = columns[place.sort]?.sort, now = new Map();
		const shown = rows.filter((row) => {
			const text = columns.map((column) => column.text?.(row) ?? column.sort?.(row) ?? '').join(' ').toLowerCase();

			return words.every((word) => text.includes(word));
		});

		if (by)
			shown.sort((a, b) => compare(by(a) ?? '', by(b) ?? '') * (place.down ? -1 : 1));
		[...head.children].forEach((cell, index) => {
			if (columns[index].sort)
				cell.setAttribute('aria-sort', place.sort !== index ? 'none' : place.down ? 'descending' : 'ascending');
		});
		const refocus = focusIn(body, known);

		arrange(body, shown.map((row) => lineOf(row, now)));
		known = now;
		arrange(element, [shown.length ? whole : !rows.length && empty ? empty() : h('div.empty', {}, t('Nothing matches the filter.'))]);
		refocus(now);
	}
	filter?.addEventListener('input', draw);
	return { element, update: (all) => {
		rows = all;
		draw();
	} };
}

export const searchBox = () => h('input.search', { type: 'search', placeholder: t('Filter'), 'aria-label': t('Filter') });

// ---- dialogs ----

// fill(close) gives the content. Returns the dialog; onclose is told when it is gone.
export function dialog(title, fill, { wide, onclose } = {}) {
	const id = `d${Math.random().toString(36).slice(2)}`;
	const element = h(wide ? 'dialog.wide' : 'dialog', { 'aria-labelledby': id });
	const close = () => element.close();
	const content = h('div.content');

	element.append(h('header', {}, h('h2', { id }, title),
			 h('button.plain', { type: 'button', 'aria-label': t('Close'), onclick: close }, '✕')), content);
	element.addEventListener('close', () => {
		element.remove();
		onclose?.();
	});
	element.show_content = (...children) => content.replaceChildren(...children.filter(Boolean));
	document.body.append(element);
	content.append(...[fill(close, element)].flat());
	element.showModal();
	content.querySelector('input,textarea,select,button')?.focus();
	return element;
}

export const confirm = (title, text, action, run) => dialog(title, (close) => [
	h('p', {}, text),
	h('footer', {}, h('button', { type: 'button', onclick: close }, t('Cancel')),
	  h('button.main.danger', { type: 'button', onclick: async () => {
		close();
		await run();
	  } }, action)),
]);

// Long work, one piece after the other: how far it is, what failed, and a way to stop. outcome: the word for
// what a piece is that went well.
export function work(title, pieces, run, done, outcome) {
	const meter = h('progress', { max: pieces.length, value: 0, 'aria-label': title }), words = h('p', { role: 'status' });
	const failures = h('ul.failures');
	const stop = h('button', { type: 'button' }, t('Stop'));
	let over = false, good = 0, at = 0;
	const element = dialog(title, (close) => {
		stop.onclick = close;
		return [meter, words, failures, h('footer', {}, stop)];
	}, { onclose: () => {
		over = true;
		done();
	} });

	(async () => {
		for (const piece of pieces) {
			if (over)
				return;
			words.textContent = `${at + 1} ${t('of')} ${pieces.length}: ${piece.label}`;
			try {
				await run(piece);
				good++;
			} catch (error) {
				failures.append(h('li.wrong', {}, `${piece.label}: ${error.message}`));
			}
			meter.value = ++at;
		}
		words.textContent = `${good} ${t('of')} ${at}: ${t(outcome)}`;
		stop.textContent = t('Close');
	})();
	return element;
}

// A form whose errors stand near their field. fields: { name, label, type, hint, value, options, required,
// more: folded away }.
export function form(fields, action, submit, close) {
	const inputs = new Map(), wraps = new Map();
	const general = h('p.wrong', { role: 'alert', hidden: true });
	const button = h('button.main', { type: 'submit' }, action);
	const more = h('details', {}, h('summary', {}, t('More settings')));
	const build = (field) => {
		const id = `f${field.name}${Math.random().toString(36).slice(2, 7)}`;
		const input = field.options ?
			h('select', { id }, field.options.map(([value, text]) => h('option', { value, selected: value === field.value }, text))) :
			h(field.type === 'textarea' ? 'textarea' : 'input', { id, type: field.type === 'textarea' ? undefined : field.type ?? 'text',
				required: field.required, value: field.type === 'textarea' ? undefined : field.value, max: field.max, autocomplete: field.autocomplete ?? 'off', spellcheck: 'false', placeholder: field.placeholder, min: field.min });
		const wrong = h('div.wrong', { role: 'alert', hidden: true, id: `${id}w` });
		const wrap = h('div.field', {}, h('label', { for: id }, field.label), input,
			       field.hint ? h('div.hint', {}, field.hint) : null, wrong);

		inputs.set(field.name, input);
		wraps.set(field.name, { wrap, wrong, input });
		return wrap;
	};
	const clear = () => {
		general.hidden = true;
		for (const { wrap, wrong, input } of wraps.values()) {
			wrap.classList.remove('bad');
			wrong.hidden = true;
			input.removeAttribute('aria-invalid');
		}
	};
	const fail = (error) => {
		const place = wraps.get(error.field);

		if (!place) {
			general.textContent = error.message;
			general.hidden = false;
			return;
		}
		place.wrap.classList.add('bad');
		place.wrong.textContent = error.message;
		place.wrong.hidden = false;
		more.open = more.open || more.contains(place.input);
		place.input.setAttribute('aria-invalid', 'true');
		place.input.setAttribute('aria-describedby', place.wrong.id);
		place.input.focus();
	};

	return h('form', { onsubmit: async (event) => {
		event.preventDefault();
		clear();
		button.disabled = true;
		button.setAttribute('aria-busy', 'true');
		try {
			await submit(Object.fromEntries([...inputs].map(([name, input]) => [name, input.type === 'number' ? Number(input.value) : input.value.trim()])));
		} catch (error) {
			fail(error);
		}
		button.disabled = false;
		button.removeAttribute('aria-busy');
	} }, fields.filter((field) => !field.more).map(build),
	fields.some((field) => field.more) ? (more.append(...fields.filter((field) => field.more).map(build)), more) : null, h('div.field', {}, general),
	h('footer', {}, close ? h('button', { type: 'button', onclick: close }, t('Cancel')) : null, button));
}

// What differs from the fields as they were shown. The rest is not said, so that it stays as somebody else
// has made it meanwhile.
export function changes(values, shown) {
	const before = new Map(shown.map(({ name, value }) => [name, String(value ?? '')]));

	return Object.fromEntries(Object.entries(values).filter(([name, value]) => String(value) !== (before.get(name) ?? '')));
}

// A button with the rarer actions of a row.
export function menu(label, items) {
	const list = h('div', { role: 'menu', hidden: true });
	const opener = h('button', { type: 'button', 'aria-haspopup': 'menu', 'aria-expanded': 'false', 'aria-label': label }, '⋯');
	const shut = () => {
		list.hidden = true;
		opener.setAttribute('aria-expanded', 'false');
		document.removeEventListener('click', outside);
		removeEventListener('scroll', shut, true);
	};
	const outside = (event) => list.parentNode.contains(event.target) || shut();

	for (const [text, run, danger] of items)
		list.append(h(danger ? 'button.danger' : 'button', { type: 'button', role: 'menuitem', onclick: () => {
			shut();
			opener.focus(); /* where a dialog that it opens leads back to */
			run();
		} }, text));
	opener.addEventListener('click', () => {
		if (!list.hidden)
			return shut();
		const box = opener.getBoundingClientRect();

		list.hidden = false;
		list.style.right = `${innerWidth - box.right}px`;
		list.style.top = `${Math.min(box.bottom + 4, innerHeight - list.offsetHeight - 8)}px`;
		opener.setAttribute('aria-expanded', 'true');
		list.firstChild.focus();
		document.addEventListener('click', outside);
		addEventListener('scroll', shut, true);
	});
	list.addEventListener('keydown', (event) => {
		const at = [...list.children].indexOf(document.activeElement);

		if (event.key === 'Escape') {
			shut();
			opener.focus();
		} else if (event.key === 'Tab') {
			shut();
		} else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
			event.preventDefault();
			list.children[(at + (event.key === 'ArrowDown' ? 1 : list.children.length - 1)) % list.children.length].focus();
		}
	});
	return h('div.menu', {}, opener, list);
}
