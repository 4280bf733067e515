// What open() of http.mjs is, over HTTP/2: a connection for each request.
import http2 from 'node:http2';
import { once } from 'node:events';

const { NGHTTP2_CANCEL } = http2.constants;

// scheme: 'http' (in clear, without asking first) or 'https' (any certificate). As over HTTP/1.1 the
// body's length is told, unless 'transfer-encoding' is asked for, which HTTP/2 does not have.
export const openHttp2 = (scheme) => async ({ port, path, method, headers = {}, body }) => {
	const session = http2.connect(`${scheme}://127.0.0.1:${port}`, { rejectUnauthorized: false });
	const raw = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
	const data = raw ? body : JSON.stringify(body);
	const { 'transfer-encoding': chunked, ...all } = Object.fromEntries(
		Object.entries(headers).filter(([, value]) => value !== undefined));

	if (data !== undefined) {
		all['content-type'] ??= 'application/json';
		if (!chunked)
			all['content-length'] = Buffer.byteLength(data);
	}
	session.on('error', () => {}); /* of the stream, too */
	const stream = session.request({
		...all, ':path': path, ':method': method ?? (data === undefined ? 'GET' : 'POST'),
	});

	stream.once('close', () => session.close());
	stream.end(data);
	/* A server that closes an idle connection while we were busy ends it without an error. */
	const [answer] = await Promise.race([once(stream, 'response'), once(stream, 'close').then(() => {
		throw new Error('the connection was closed before the answer');
	})]);

	/* As a client does that has more to ask on the connection. */
	stream.destroy = () => stream.close(NGHTTP2_CANCEL);
	return Object.assign(stream, { statusCode: answer[':status'], headers: answer });
};
