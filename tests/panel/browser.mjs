// Debian's chromium, and what a page complains of and is told.
import { existsSync } from 'node:fs';

const path = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const skip = existsSync(path) ? false : `SKIPPED: no ${path}: apt-get install chromium`;

if (skip)
	console.error(`panel: ${skip}`);

/* the browser notes these by itself */
const expected = /status of (401|404|400|412|429)/;

export async function launch() {
	const { chromium } = await import('playwright-core');

	return chromium.launch({ executablePath: path, args: ['--no-sandbox'] });
}

// A new page. wrong: console errors, violations of the policy, exceptions; told: the texts of all
// answers but those that are to show a key or a code.
export async function newPage(browser, { wrong, told = [], ...options }) {
	const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US',
						   colorScheme: 'light', ...options });
	const page = await context.newPage();

	page.setDefaultTimeout(15000);
	page.on('console', (message) => message.type() === 'error' && !expected.test(message.text()) &&
		wrong.push(message.text()));
	page.on('pageerror', (error) => wrong.push(String(error)));
	page.on('response', (answer) => answer.text().then((text) => {
		if (!/"(key":"kiro|(key|code)":"act)-/.test(text))
			told.push({ what: answer.url(), text: text + JSON.stringify(answer.headers()) });
	}, () => {}));
	return page;
}
