// The hosting modes as the package has them: Debian's own configuration of the servers, with ours
// enabled as the README says, and the ports changed.
import { rmSync } from 'node:fs';

import { start, stop, until } from '../lib/process.mjs';
import { accepts, onFreePort, processesOf, serve } from '../lib/servers.mjs';
import { packageInstallation } from './root.mjs';

const paths = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
const lighttpdConf = 'etc/lighttpd/conf-available/50-kiro.conf';
const apacheConf = 'etc/apache2/conf-available/kiro.conf';

// Starts a server in the root on a free port, which configure(port) has given it before.
function serveIn(root, log, configure, command) {
	return onFreePort((port) => {
		configure(port);
		rmSync(root.path(log), { force: true });
		return serve(port, root.path(log), 'chroot', [root.dir, 'sh', '-ec', command], paths);
	});
}

function lighttpd(root, { include }) {
	root.edit(lighttpdConf, /kiro-\w+\.conf"/, `kiro-${include}.conf"`);
	root.sh('lighty-enable-mod kiro >/dev/null || [ $? = 2 ]');
	return serveIn(root, 'var/log/lighttpd/error.log', (port) => {
		root.edit('etc/lighttpd/lighttpd.conf', /^server\.port .*$/m, `server.port = ${port}`);
		root.sh(`sed -i '/use-ipv6/d' /etc/lighttpd/lighttpd.conf
			 install -d -o www-data -g www-data /run/lighttpd /var/log/lighttpd
			 lighttpd -tt -f /etc/lighttpd/lighttpd.conf`);
	}, 'exec lighttpd -D -f /etc/lighttpd/lighttpd.conf');
}

function apache(root, { include, modules = [], mount = '/kiro' }) {
	root.edit(apacheConf, /kiro-[\w-]+\.conf$/m, `kiro-${include}.conf`);
	root.edit(apacheConf, /^Define KIRO_MOUNT .*$/m, `Define KIRO_MOUNT ${mount}`);
	root.sh(`for m in ${modules.join(' ')}; do a2enmod -q $m; done; a2enconf -q kiro`);
	return serveIn(root, 'var/log/apache2/error.log', (port) => {
		root.write('etc/apache2/ports.conf', `Listen 127.0.0.1:${port}\n`);
	}, `. /etc/apache2/envvars; mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR
	    install -d -o www-data $APACHE_RUN_DIR/socks # as apache2ctl
	    exec apache2 -DFOREGROUND -c 'ServerName 127.0.0.1'`);
}

// The responder as kiro.service starts it: the socket is its descriptor 0, and belongs to www-data.
async function withResponder(at, startServer) {
	const socket = at.root.path('run/kiro-fcgi/kiro.sock');

	at.root.sh('mkdir -p /run/kiro-fcgi');
	rmSync(socket, { force: true });
	const child = start('spawn-fcgi', ['-n', '-s', socket, '-M', '0660', '-U', 'www-data', '-G',
		'www-data', '--', '/usr/sbin/chroot', '--userspec=kiro-fcgi:www-data', at.dir,
		'/usr/lib/kiro-fcgi/kiro.fcgi', '--config', '/etc/kiro-fcgi/kiro.json'], { env: paths });
	let server;

	await until(() => accepts(socket), 'the responder');
	try {
		server = await startServer();
	} catch (error) {
		await stop(child);
		throw error;
	}
	return {
		...server,
		responder: () => child.pid,
		process: { socket, pid: child.pid, ended: child.ended },
		log: () => child.text + server.log(),
		stop: async () => {
			await server.stop();
			await stop(child);
		},
	};
}

// nginx as a reverse proxy in front of another server, set up in the shortest way.
async function behindNginx(at, inner) {
	const { root } = at;
	let front;

	try {
		front = await serveIn(root, 'var/log/nginx/error.log', (port) => {
			root.sh('mkdir -p /var/log/nginx; rm -f /etc/nginx/sites-enabled/default');
			root.write('etc/nginx/conf.d/kiro.conf', `server {
	listen 127.0.0.1:${port};
	client_max_body_size 64m;
	location / { proxy_pass http://127.0.0.1:${inner.port}; }
}\n`);
		}, 'exec nginx -g "daemon off; error_log stderr;"');
	} catch (error) {
		await inner.stop();
		throw error;
	}
	return {
		...inner,
		port: front.port,
		log: () => inner.log() + front.log(),
		stop: async () => {
			await front.stop();
			await inner.stop();
		},
	};
}

async function lighttpdFastcgi(at) {
	const server = await lighttpd(at.root, { include: 'fastcgi' });

	return { ...server, responder: () => processesOf(at.program, server.pid)[0] };
}

// As tests/web/modes.mjs has them; root: where the package is installed.
export const packageModes = (root) => Object.fromEntries(Object.entries({
	'lighttpd FastCGI': {
		start: lighttpdFastcgi, tells: 'at once', lasting: true, h2: true,
	},
	'lighttpd FastCGI, kiro.socket': {
		start: (at) => withResponder(at, () => lighttpd(root, { include: 'external' })),
		tells: 'at once', lasting: true,
	},
	'lighttpd CGI': {
		start: () => lighttpd(root, { include: 'cgi' }), tells: 'at once',
	},
	'lighttpd FastCGI behind nginx': {
		start: async (at) => behindNginx(at, await lighttpdFastcgi(at)),
		tells: 'ping', proxied: true,
	},
	'Apache mod_proxy_fcgi': {
		start: (at) => withResponder(at, () => apache(root, {
			include: 'proxy-fcgi', modules: ['http2'] })),
		tells: 'ping', lasting: true, h2: true,
	},
	'Apache mod_fcgid': {
		start: () => apache(root, { include: 'fcgid', modules: ['fcgid'] }), tells: 'ping',
	},
	'Apache CGI at /cgi-bin/kiro.fcgi': {
		start: () => apache(root, { include: 'cgi', modules: ['cgid'],
					    mount: '/cgi-bin/kiro.fcgi' }),
		mount: '/cgi-bin/kiro.fcgi', tells: 'ping',
	},
}).map(([name, mode]) => [name, {
	mount: '/kiro',
	...mode,
	install: (options) => packageInstallation(root, options),
}]));
