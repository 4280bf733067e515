// A manual page as the Markdown that tests read: what is bold or slanted between backticks, examples
// behind four blanks, the rest as it is.
const plain = (text) => text.replace(/\\f[BI]([^\\]*(?:\\[-e&][^\\]*)*)\\f[RP]/g, '`$1`')
	.replace(/\\f[BIRP]/g, '').replaceAll('\\-', '-').replaceAll('\\e', '\\').replaceAll('\\&', '')
	.replaceAll('\\(bu', '*');

const wordsOf = (text) => [...text.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word);

// A macro of fonts: .B all of it; .BR, .RB, .BI and their like by turns.
function fonts(macro, rest) {
	const words = wordsOf(rest);

	if (macro.length === 1)
		return `\`${plain(words.join(' '))}\``;
	return words.map((word, i) => macro[i % 2] === 'R' ? plain(word) :
		plain(word).replace(/\S(?:.*\S)?/, '`$&`')).join('');
}

export function markdownOf(page) {
	let example = false;

	return page.split('\n').map((line) => {
		const [, macro, rest] = /^\.([A-Z]{1,2})(?: (.*))?$/.exec(line) ?? [];

		if (macro === 'EX' || macro === 'EE')
			return (example = macro === 'EX', '');
		if (example)
			return `    ${plain(line)}`;
		if (/^([BI]|[BIR][BIR])$/.test(macro ?? '') && rest)
			return fonts(macro, rest);
		if (macro)
			return /^S[HS]$/.test(macro) ? `## ${rest}` : '';
		return plain(line);
	}).join('\n');
}
