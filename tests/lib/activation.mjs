// A stand-in for the service that verifies activation codes: POST /api/tunnel/check with
// {"code", "machineId"}, answered as that service is known to answer, or badly.
import { once } from 'node:events';
import { createServer } from 'node:http';

const refusals = {
	missing: '缺少参数', /* a field is missing */
	invalid: '激活码无效',
	device: '激活码未激活或设备不匹配',
	expired: '内网穿透权限已过期（过期时间：2026/3/13 12:23:04）',
	right: '您的账户暂无内网穿透权限，请联系管理员开通',
};

// Returns { url, calls, codes, behave(how), stop() }. codes: { 'XXXX-...': { machine, ends, days } };
// calls: { method, path, headers, body } of each request. behave: 'well', or { status, text }, or 'hang',
// 'reset'; delay (ms) before each answer.
export async function startActivation() {
	const at = { calls: [], codes: {}, delay: 0, under: 0, most: 0 };
	let how = 'well';

	function judge({ code, machineId }) {
		const known = at.codes[code];

		if (!code || !machineId)
			return 'missing';
		if (!known)
			return 'invalid';
		if (known.machine !== machineId)
			return 'device';
		if (!(known.days ?? 30))
			return 'right';
		return known.ends && known.ends <= Date.now() ? 'expired' : null;
	}
	function answer(response, body) {
		const why = judge(body);
		const ends = at.codes[body.code]?.ends ?? Date.now() + 86400_000;

		response.writeHead(200, { 'content-type': 'application/json' });
		response.end(JSON.stringify(why ? { success: false, message: refusals[why] } :
			{ success: true, message: '验证通过', tunnelDays: 30,
			  expiresAt: new Date(ends).toISOString() }));
	}
	const server = createServer(async (request, response) => {
		const pieces = [];

		at.most = Math.max(at.most, ++at.under);
		response.on('close', () => at.under--);
		for await (const piece of request)
			pieces.push(piece);
		const body = JSON.parse(Buffer.concat(pieces).toString());

		at.calls.push({ method: request.method, path: request.url, headers: request.headers, body });
		if (at.delay)
			await new Promise((resolve) => setTimeout(resolve, at.delay));
		if (how === 'hang')
			return;
		if (how === 'reset')
			request.socket.destroy();
		else if (how === 'well')
			answer(response, body);
		else
			response.writeHead(how.status ?? 200).end(how.text ?? '');
	});

	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	at.url = `http://127.0.0.1:${server.address().port}`;
	at.behave = (next) => { how = next; };
	at.stop = async () => {
		server.closeAllConnections();
		server.close();
		await once(server, 'close');
	};
	return at;
}
