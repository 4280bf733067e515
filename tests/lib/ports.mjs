// Free TCP ports on the loopback interface, asked from the system.
import net from 'node:net';
import { once } from 'node:events';

const given = new Set();

// Nobody else has it now; within this process it is given out once.
export async function freePort() {
	for (;;) {
		const server = net.createServer().listen(0, '127.0.0.1');

		await once(server, 'listening');
		const { port } = server.address();

		server.close();
		await once(server, 'close');
		if (!given.has(port)) {
			given.add(port);
			return port;
		}
	}
}
