// A small chat of the Messages API as a client with this key sends it, for request() of fastcgi.mjs
// and requestCgi(). body: members of its JSON, more: of the request, each beside or instead of these.
export const messageRequest = (key, body = {}, { headers, ...more } = {}) => ({
	path: '/v1/messages',
	headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
	body: Buffer.from(JSON.stringify({ model: 'claude-sonnet-4.5', max_tokens: 50,
					   messages: [{ role: 'user', content: 'hi' }], ...body })),
	...more,
});
