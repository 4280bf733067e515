// A person's browser as far as the admin API can tell: a cookie, a token, an origin.
import { request } from './http.mjs';

export const PASSWORD = 'a-password-of-the-tests';

// base: "/kiro/admin". Returns { call(method, path, body, headers), signIn(password), cookie, token }.
export function adminClient({ port, base, host = `127.0.0.1:${port}` }) {
	const client = { cookie: undefined, token: undefined };

	client.call = (method, path, body, headers = {}) => request({
		port,
		method,
		path: path.startsWith('/api/v1') ? base + path : path,
		body,
		headers: {
			host,
			origin: method === 'GET' ? undefined : `http://${host}`,
			cookie: client.cookie,
			'x-csrf-token': method === 'GET' ? undefined : client.token,
			...headers,
		},
	});
	client.signIn = async (password = PASSWORD, headers) => {
		const answer = await client.call('POST', '/api/v1/session', { password }, headers);

		if (answer.status === 200) {
			client.cookie = answer.headers['set-cookie'][0].split(';')[0];
			client.token = answer.json.csrf_token;
		}
		return answer;
	};
	return client;
}
