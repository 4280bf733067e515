// The gateway as a client meets it: a real lighttpd with the project's own configuration, the
// responder behind it, and the stand-in upstream.
import { makeInstallation } from '../lib/installation.mjs';
import { startStandin } from '../lib/standin.mjs';
import { modes } from '../web/modes.mjs';

// aliases: model names of clients to names that the upstream knows. Returns { url, port, key,
// standin, log(), stop() }.
export async function startGateway({ aliases = {}, settings, accounts } = {}) {
	const mode = modes['lighttpd FastCGI'];
	const standin = await startStandin();
	let at, server;

	try {
		at = await makeInstallation({ standin, settings, accounts });
		for (const [name, target] of Object.entries(aliases))
			at.kiroctl(['model', 'alias', name, target]);
		server = await mode.start(at, '/');
	} catch (error) {
		at?.remove();
		await standin.stop();
		throw error;
	}
	return {
		url: `http://127.0.0.1:${server.port}`,
		port: server.port,
		key: at.key,
		standin,
		log: () => server.log(),
		stop: async () => {
			await server.stop();
			await standin.stop();
			at.remove();
		},
	};
}
