// Choices that a seed repeats (mulberry32): what is asked and done is the same, when it happens is not.
export function makeRandom(seed) {
	let state = seed >>> 0;

	const next = () => {
		state = (state + 0x6D2B79F5) >>> 0;
		let x = Math.imul(state ^ (state >>> 15), state | 1);

		x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
		return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
	};
	const between = (least, most) => least + Math.floor(next() * (most - least + 1));

	return {
		next,
		between, /* whole numbers, both ends included */
		chance: (part) => next() < part,
		pick: (list) => list[between(0, list.length - 1)],
		// Of { name: weight } a name.
		weighted: (weights) => {
			let left = next() * Object.values(weights).reduce((sum, one) => sum + one, 0);

			return Object.keys(weights).find((name) => (left -= weights[name]) < 0) ??
			       Object.keys(weights).at(-1);
		},
		// Another sequence that depends on this one's next number.
		branch: () => makeRandom(between(0, 0xFFFFFFFF)),
	};
}
