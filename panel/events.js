// Events: the log as it grows. It stays where it is looked at; at its end it goes on.
import { get } from './api.js';
import { badge, exact, h, note } from './ui.js';
import { language, t } from './words.js';

const POLL_MS = 2000;
const MOST = 1500; /* lines that are kept */
const tones = { error: 'bad', warn: 'warn', info: '', debug: '' };
const wanted = { level: '', account: '', key: '', request_id: '', text: '' }; /* outlives the page */

const clock = (at) => new Date(at).toLocaleTimeString(language(), { hour12: false }) + `.${at.slice(20, 23)}`;

// A part that can be clicked to see no others.
const part = (name, value, label, only) => value ? h('button.part', { type: 'button', title: `${t('Only this')}: ${label} ${value}`, onclick: () => only(name, value) }, value) : null;

// Its parts stand behind it, once.
const plain = (event) => [['key', event.key ?? '-'], ['account', event.account], ['upstream', '-']].reduce((text, [name, value]) => text.replace(` ${name}=${value} `, ' ').replace(new RegExp(` ${name}=-$`), ''), event.text);

const line = (event, only) => h('li', { class: event.level }, h('time', { title: exact(event.at) }, clock(event.at)), badge(tones[event.level], event.level),
	h('span.words', {}, event.type === 'access' ? plain(event) : event.text, ' ', part('key', event.key, t('Key'), only), part('account', event.account, t('Account'), only), part('request_id', event.request_id, t('Request'), only)));

const choice = (name, label, options, changed) => {
	const select = h('select', { 'aria-label': label }, options.map(([value, text]) => h('option', { value, selected: value === wanted[name] }, text)));

	select.addEventListener('change', () => changed(name, select.value));
	return select;
};

const words = (name, label, changed) => {
	const input = h('input', { type: 'search', placeholder: label, 'aria-label': label, value: wanted[name], spellcheck: 'false' });
	let timer;

	input.addEventListener('input', () => {
		clearTimeout(timer);
		timer = setTimeout(() => changed(name, input.value.trim()), 300);
	});
	return input;
};

const query = (cursor) => new URLSearchParams(Object.entries({ ...wanted, cursor }).filter(([, value]) => value)).toString();

export async function eventsPage() {
	const [{ accounts }, { keys }] = await Promise.all([get('/accounts'), get('/keys')]);
	const list = h('ol'), scroller = h('div.log', { tabindex: 0, role: 'log', 'aria-live': 'off', 'aria-label': t('Events') }, list);
	const state = h('span.live', { role: 'status' }), below = h('button.main.below', { type: 'button', hidden: true });
	const body = h('div.card.tail', {}, scroller, below);
	const filters = h('div.filters');
	let cursor = '', paused = false, asking, day, fresh = 0, turn = 0;

	const atEnd = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 24;
	const say = (text, tone) => {
		state.className = `live ${tone}`;
		state.textContent = text;
	};
	const toEnd = () => {
		scroller.scrollTop = scroller.scrollHeight;
		fresh = 0;
		below.hidden = true;
	};
	const only = (name, value) => {
		inputs[name].value = value;
		changed(name, value);
	};

	function add(answer) {
		const follow = atEnd(), empty = !list.childElementCount;

		if (answer.missed && !empty)
			list.append(h('li.gap', {}, t('Some is left out here: there was too much, or the file is another one.')));
		for (const event of answer.events) {
			const today = new Date(event.at).toLocaleDateString(language());

			if (today !== day)
				list.append(h('li.gap', {}, today));
			day = today;
			list.append(line(event, only));
		}
		fresh += empty || follow ? 0 : answer.events.length;
		/* Above somebody who reads further up nothing is taken away. */
		while (follow && list.childElementCount > MOST)
			list.firstChild.remove();
		if (follow || empty)
			toEnd();
		below.hidden = !fresh;
		below.textContent = `↓ ${fresh} ${t('new')}`;
	}

	async function look() {
		const mine = turn;
		const answer = await get(`/events?${query(cursor)}`);

		if (mine !== turn)
			return false;
		filters.hidden = pause.hidden = !!answer.advice;
		if (answer.advice) {
			body.replaceChildren(h('div.empty', {}, h('h2', {}, t('The log is not in a file')), h('p', {}, answer.advice),
				h('pre', {}, h('code', {}, '"log": { "file": "/var/log/kiro-fcgi/kiro.log", "format": "json" }'))));
			say('', '');
			return false;
		}
		if (!list.isConnected)
			body.replaceChildren(scroller, below);
		cursor = answer.cursor;
		add(answer);
		return answer.more;
	}

	async function go() {
		if (asking || paused || document.hidden || list.childElementCount > 4 * MOST)
			return;
		asking = true;
		try {
			while (await look());
			if (list.isConnected)
				say(t('live'), 'on');
		} catch (error) {
			say(t('interrupted'), 'off');
			if (error.status && error.status !== 401 && error.field)
				note(error.message, true);
		}
		asking = false;
	}

	function changed(name, value) {
		wanted[name] = value;
		turn++;
		cursor = '';
		fresh = 0;
		day = undefined;
		list.replaceChildren();
		asking = false;
		go();
	}
	below.addEventListener('click', toEnd);
	scroller.addEventListener('scroll', () => atEnd() && toEnd());

	const inputs = {
		level: choice('level', t('Level'), [['', t('All levels')], ['info', t('info and worse')], ['warn', t('warnings and errors')], ['error', t('errors')]], changed),
		account: choice('account', t('Account'), [['', t('All accounts')], ...accounts.map((a) => [a.id, a.label ?? a.email ?? a.id])], changed),
		key: choice('key', t('Key'), [['', t('All keys')], ...[...new Set(keys.map((k) => k.name))].map((name) => [name, name])], changed),
		request_id: words('request_id', t('Request'), changed),
		text: words('text', t('Text'), changed),
	};
	const pause = h('button', { type: 'button', 'aria-pressed': 'false', onclick: () => {
		paused = !paused;
		pause.setAttribute('aria-pressed', String(paused));
		pause.textContent = t(paused ? 'Go on' : 'Pause');
		say(t(paused ? 'paused' : 'live'), paused ? 'off' : 'on');
		go();
	} }, t('Pause'));
	const clear = h('button', { type: 'button', onclick: () => {
		for (const [name, input] of Object.entries(inputs))
			input.value = wanted[name] = '';
		changed('text', '');
	} }, t('Clear filters'));
	const timer = setInterval(() => body.isConnected ? go() : clearInterval(timer), POLL_MS);

	filters.append(...Object.values(inputs), clear);
	return { title: t('Events'), tools: [state, pause], draw: go,
		 content: [filters, body] };
}
