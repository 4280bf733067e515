// The admin API: JSON, the session's token on every change, errors with their field.
import { t } from './words.js';

let token;

export class ApiError extends Error {
	constructor(status, error) {
		super(error?.message ?? `HTTP ${status}`);
		this.status = status;
		this.field = error?.field;
		this.retryAfter = error?.retry_after;
	}
}

export const signedOut = new EventTarget();

export async function api(method, path, body, { etag, signal } = {}) {
	const headers = {};

	if (body !== undefined)
		headers['content-type'] = 'application/json';
	if (method !== 'GET')
		headers['x-csrf-token'] = token ?? '';
	if (etag)
		headers['if-match'] = etag;
	let answer;

	try {
		answer = await fetch(`api/v1${path}`, { method, headers, cache: 'no-store', signal,
			body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body) });
	} catch {
		signal?.throwIfAborted();
		throw new ApiError(0, { message: t('The server cannot be reached.') });
	}
	const text = await answer.text();
	let json;

	try {
		json = JSON.parse(text);
	} catch {
		throw new ApiError(answer.status, { message: `The server answered ${answer.status} without JSON.` });
	}
	if (!answer.ok) {
		if (answer.status === 401 && path !== '/session')
			signedOut.dispatchEvent(new Event('out'));
		throw new ApiError(answer.status, json.error);
	}
	if ('csrf_token' in json)
		token = json.csrf_token ?? undefined;
	Object.defineProperties(json, { etag: { value: answer.headers.get('etag') }, isNew: { value: answer.status === 201 } });
	return json;
}

export const get = (path, options) => api('GET', path, undefined, options);
export const post = (path, body, options) => api('POST', path, body, options);
export const segment = encodeURIComponent;
