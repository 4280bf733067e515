// Splits the body of an event stream, far more strictly than the standard allows: the gateway
// promises one form, so that the crudest client can read it. An event is
//
//	[event: NAME\n]data: ONE LINE\n\n	or a comment:	: TEXT\n\n
//
// Lines end with \n alone; the whole is UTF-8 without NUL and byte order mark.

// bytes: Buffer or Uint8Array. Returns { records, problems, rest }:
//   records   [{ name, data, comment }], undefined where absent
//   problems  texts, each a breach of the form above
//   rest      text behind the last complete event: '' unless the stream broke off inside one
export function splitEvents(bytes) {
	const problems = [];
	const text = decode(bytes, problems);
	const blocks = text.split('\n\n');
	const rest = blocks.pop();

	return { records: blocks.map((block) => readBlock(block, problems)), problems, rest };
}

function decode(bytes, problems) {
	if (bytes.includes(0))
		problems.push('a NUL byte');
	if (bytes.includes(13))
		problems.push('a carriage return');
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		problems.push('not valid UTF-8');
		return new TextDecoder().decode(bytes);
	}
}

function readBlock(block, problems) {
	const match = /^(?:event: (?<name>[a-z_.]+)\n)?data: (?<data>[^\n]+)$/.exec(block) ??
		      /^: ?(?<comment>[^\n]*)$/.exec(block);

	if (!match)
		problems.push(`not an event of the promised form: ${shorten(block)}`);
	return { name: match?.groups.name, data: match?.groups.data,
		 comment: match?.groups.comment };
}

// For messages: what it is, without filling the screen.
export function shorten(text, length = 160) {
	const quoted = JSON.stringify(text) ?? String(text);

	return quoted.length > length ? `${quoted.slice(0, length)}...` : quoted;
}
