// The frame: sign-in, navigation, theme and language. Pages give { title, tools, content }, update() where
// they look again, and draw() where something wants to be in the page first.
import { accountsPage } from './accounts.js';
import { api, get, post, signedOut } from './api.js';
import { codesPage } from './codes.js';
import { dashboardPage } from './dashboard.js';
import { eventsPage } from './events.js';
import { keysPage } from './keys.js';
import { modelsPage, settingsPage, usagePage } from './pages.js';
import { language, setLanguage, t } from './words.js';
import { form, h, note, wait } from './ui.js';

const REFRESH_MS = 15000;
const app = document.getElementById('app');
const pages = [['dashboard', 'Dashboard', dashboardPage], ['accounts', 'Accounts', accountsPage], ['keys', 'Keys', keysPage], ['codes', 'Codes', codesPage],
	       ['models', 'Models', modelsPage], ['usage', 'Usage', usagePage], ['events', 'Events', eventsPage], ['settings', 'Settings', settingsPage]];
let session, shown, ended, asking, turn = 0; /* asking: the page that waits for an answer to its last look */

// ---- theme ----

const dark = matchMedia('(prefers-color-scheme: dark)');
const theme = () => localStorage.getItem('theme') ?? (dark.matches ? 'dark' : 'light');
const applyTheme = () => (document.documentElement.dataset.theme = theme());

dark.addEventListener('change', applyTheme);

const brand = () => h('div.brand', {}, h('img', { src: 'icon.svg', alt: '' }), h('span', {}, 'kiro-fcgi'));
const switches = (redraw) => h('div.pair', {},
	h('button', { type: 'button', onclick: () => {
		localStorage.setItem('theme', theme() === 'dark' ? 'light' : 'dark');
		applyTheme();
		redraw();
	} }, t(theme() === 'dark' ? 'Light' : 'Dark')),
	h('button', { type: 'button', lang: language() === 'en' ? 'zh-CN' : 'en', onclick: () => {
		setLanguage(language() === 'en' ? 'zh' : 'en');
		redraw();
	} }, language() === 'en' ? '中文' : 'English'));

// ---- before signing in ----

function gate(...children) {
	document.title = 'kiro-fcgi';
	shown = null;
	app.replaceChildren(h('main.gate', {}, h('div.card', {}, h('h1', {}, brand()), children, h('div.field'), switches(start))));
	app.querySelector('input')?.focus();
}

const notConfigured = () => gate(h('h2', {}, t('No password is set')), h('p.dim', {}, t('The owner of this installation sets one on the server:')),
	h('pre', {}, h('code', {}, 'kiroctl admin passwd')), h('p.dim', {}, t('Then load this page again.')), h('div.field'),
	h('button.main', { type: 'button', onclick: start }, t('Load again')));

const signIn = () => gate(ended ? h('p', { role: 'status' }, t('The session has ended: sign in again.')) : null,
	session.encrypted ? null : h('div.banner', {}, t('This connection is not encrypted: the password and all you see here can be read on the way. Serve the panel over HTTPS.')),
	form([{ name: 'password', label: t('Password of the admin panel'), type: 'password', required: true, autocomplete: 'current-password' }], t('Sign in'), async ({ password }) => {
		try {
			session = await post('/session', { password });
		} catch (error) {
			error.field = 'password';
			error.message = error.retryAfter ? t('too many wrong passwords: try again in {} seconds', error.retryAfter) : t(error.message);
			throw error;
		}
		frame();
	}));

async function start() {
	try {
		session = await get('/session');
	} catch (error) {
		return gate(h('p.wrong', { role: 'alert' }, error.message), h('div.field'), h('button', { type: 'button', onclick: start }, t('Load again')));
	}
	return !session.configured ? notConfigured() : session.signed_in ? frame() : signIn();
}

// ---- signed in ----

const current = () => pages.find(([name]) => location.hash === `#/${name}`) ?? pages[0];

async function open(main) {
	const [name, title, make] = current(), mine = ++turn;

	document.title = `${t(title)} · kiro-fcgi`;
	for (const link of app.querySelectorAll('.side a')) {
		if (link.hash === `#/${name}`) {
			link.setAttribute('aria-current', 'page');
			link.scrollIntoView({ block: 'nearest', inline: 'center' });
		} else {
			link.removeAttribute('aria-current');
		}
	}
	main.replaceChildren(h('div.head', {}, h('h1', {}, t(title))), wait(t('Loading')));
	shown = null;
	try {
		const page = await make();

		if (mine !== turn)
			return;
		main.replaceChildren(h('div.head', {}, h('h1', {}, page.title), page.tools ?? []), ...page.content);
		shown = page;
		page.draw?.();
	} catch (error) {
		if (mine === turn && error.status !== 401)
			main.replaceChildren(h('div.head', {}, h('h1', {}, t(title))), h('div.banner.bad', { role: 'alert' }, error.message),
				h('button', { type: 'button', onclick: () => open(main) }, t('Load again')));
	}
}

function frame() {
	const main = h('main', { id: 'main', tabindex: -1 });
	const links = pages.map(([name, title]) => h('a', { href: `#/${name}` }, t(title)));

	app.replaceChildren(h('a.skip', { href: '#main', onclick: (event) => {
		event.preventDefault();
		main.focus();
	} }, t('Skip to content')), h('div.frame', {}, h('nav.side', { 'aria-label': t('Sections') }, brand(), links,
		h('div.foot', {}, switches(frame), h('button', { type: 'button', onclick: async () => {
			await api('DELETE', '/session').catch(() => {});
			start();
		} }, t('Sign out')))), main));
	ended = false;
	onhashchange = () => open(main);
	open(main);
}

// A dialog would stand before the password.
signedOut.addEventListener('out', () => {
	if (shown === undefined)
		return;
	ended = true;
	document.querySelectorAll('dialog[open]').forEach((left) => left.close());
	start();
});

// What is seen is kept fresh, unless somebody is at it.
setInterval(async () => {
	const mine = shown;

	if (!mine?.update || mine === asking || document.hidden || document.querySelector('dialog[open], .menu > div:not([hidden])'))
		return;
	asking = mine;
	await mine.update().catch((error) => error.status === 401 || note(error.message, true));
	asking = asking === mine ? null : asking;
}, REFRESH_MS);

start();
