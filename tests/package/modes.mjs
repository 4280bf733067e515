// The hosting modes as the package has them: Debian's own configuration of the servers, with ours
// enabled as the README says, and the ports changed.
import { readFileSync, rmSync } from 'node:fs';

import { openHttp2 } from '../lib/http2.mjs';
import { unwrapped } from '../lib/log.mjs';
import { freePort } from '../lib/ports.mjs';
import { start, stop, until } from '../lib/process.mjs';
import { accepts, onFreePort, processesOf, serve } from '../lib/servers.mjs';
import { unpackArchive } from '../web/modes.mjs';
import { installationIn, installedRoot } from './root.mjs';

const paths = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
const lighttpdConf = 'etc/lighttpd/conf-available/50-kiro.conf';
const lighttpdTls = 'etc/lighttpd/conf-available/10-ssl.conf';
const apacheConf = 'etc/apache2/conf-available/kiro.conf';
const apacheTls = 'etc/apache2/sites-available/default-ssl.conf';

// Starts a server in the root on a free port, which configure(port) has given it before.
function serveIn(root, log, configure, command) {
	return onFreePort((port) => {
		configure(port);
		rmSync(root.path(log), { force: true });
		return serve(port, root.path(log), 'chroot', [root.dir, 'sh', '-ec', command], paths);
	});
}

// tls: a port beside the first one, with Debian's self-signed certificate; clients get that one.
const onTlsPort = async (server, tls) => ({ ...await server, ...(tls && { port: tls }) });

export async function lighttpd(root, { include, mount = '/kiro', withTls = false }) {
	const tls = withTls && await freePort();

	root.edit(lighttpdConf, /kiro-\w+\.conf"/, `kiro-${include}.conf"`);
	root.edit(lighttpdConf, /kiro_mount = ".*"/, `kiro_mount = "${mount}"`);
	root.sh('lighty-enable-mod kiro >/dev/null || [ $? = 2 ]');
	if (tls) {
		root.sh(`cat /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem \
			 >/etc/lighttpd/server.pem; lighty-enable-mod ssl >/dev/null`);
		root.edit(lighttpdTls, /0\.0\.0\.0:443/, `127.0.0.1:${tls}`);
		root.edit(lighttpdTls, /^include_shell.*$/m, '');
	}
	return onTlsPort(serveIn(root, 'var/log/lighttpd/error.log', (port) => {
		root.edit('etc/lighttpd/lighttpd.conf', /^server\.port .*$/m, `server.port = ${port}`);
		root.sh(`sed -i '/use-ipv6/d' /etc/lighttpd/lighttpd.conf
			 install -d -o www-data -g www-data /run/lighttpd /var/log/lighttpd
			 lighttpd -tt -f /etc/lighttpd/lighttpd.conf`);
	}, 'exec lighttpd -D -f /etc/lighttpd/lighttpd.conf'), tls);
}

function runApache(root) {
	return serveIn(root, 'var/log/apache2/error.log', (port) => {
		root.write('etc/apache2/ports.conf', `Listen 127.0.0.1:${port}\n`);
	}, `. /etc/apache2/envvars; mkdir -p $APACHE_RUN_DIR $APACHE_LOCK_DIR
	    install -d -o www-data $APACHE_RUN_DIR/socks # as apache2ctl
	    exec apache2 -DFOREGROUND -c 'ServerName 127.0.0.1'`);
}

export async function apache(root, { include, modules = [], mount = '/kiro', withTls = false }) {
	const tls = withTls && await freePort();

	root.edit(apacheConf, /kiro-[\w-]+\.conf$/m, `kiro-${include}.conf`);
	root.edit(apacheConf, /^Define KIRO_MOUNT .*$/m, `Define KIRO_MOUNT ${mount}`);
	if (tls)
		root.edit(apacheTls, /<VirtualHost \*:443>/,
			  `Listen 127.0.0.1:${tls}\n<VirtualHost 127.0.0.1:${tls}>`);
	root.sh(`for m in ${modules.join(' ')}; do a2enmod -q $m; done
		 ${tls ? 'a2enmod -q ssl http2; a2ensite -q default-ssl' : ''}
		 a2enconf -q kiro`);
	return onTlsPort(runApache(root), tls);
}

// The responder as kiro.service starts it: the socket is its descriptor 0, and belongs to www-data.
export async function withResponder(at, startServer) {
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
		log: () => unwrapped(child.text) + server.log(),
		stop: async () => {
			await server.stop();
			await stop(child);
		},
	};
}

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const nginxLocation = /^    (location \/kiro[^]*?\n    \})$/m.exec(readme)[1];

// nginx as a reverse proxy in front of a port, as the README has it; change(text) makes it wrong.
export function startNginx({ root }, inner, change = (text) => text) {
	return serveIn(root, 'var/log/nginx/error.log', (port) => {
		root.sh('mkdir -p /var/log/nginx; rm -f /etc/nginx/sites-enabled/default');
		root.write('etc/nginx/conf.d/kiro.conf', `server {
	listen 127.0.0.1:${port};
	${change(nginxLocation.replace(/http:[^;]*/, `http://127.0.0.1:${inner}`))}
}\n`);
	}, 'exec nginx -g "daemon off; error_log stderr;"');
}

async function behindNginx(at, inner) {
	let front;

	try {
		front = await startNginx(at, inner.port);
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

async function lighttpdFastcgi({ root, program }, more) {
	const server = await lighttpd(root, { include: 'fastcgi', ...more });

	return { ...server, responder: () => processesOf(program, server.pid)[0] };
}

const proxyFcgi = (at, more) =>
	withResponder(at, () => apache(at.root, { include: 'proxy-fcgi', ...more }));
const fcgid = ({ root }, more) => apache(root, { include: 'fcgid', modules: ['fcgid'], ...more });

// ---- a shared host: its customer has a home directory and an FTP program ----

const home = '/home/guest/public_html/kiro';
const ofGuest = {
	config: `${home}/kiro.json`, configMode: '600', configOwner: 'guest:guest',
	state: `${home}/state`, stateMode: '700', stateOwner: 'guest:guest',
	program: `${home}/lib/kiro.fcgi`, kiroctl: `${home}/kiroctl`, user: 'guest:guest',
};

// The host's part (suexec runs programs as their owner), then the upload.
function sharedHost(options) {
	const root = installedRoot();

	root.sh(`apt-get purge -y -qq kiro-fcgi 2>&1
		 useradd --create-home --shell /bin/sh guest; chmod 711 /home/guest
		 a2enmod -q userdir cgid rewrite suexec
		 install -d -o guest -g guest /home/guest/public_html ${home}`);
	root.edit('etc/apache2/mods-available/userdir.conf', /AllowOverride .*/,
		  'AllowOverride AuthConfig FileInfo Options');
	root.edit('etc/apache2/mods-available/userdir.conf', /Require method .*/, 'Require all granted');
	unpackArchive(root.path(home));
	root.sh(`chown -R guest:guest ${home}`);
	return installationIn(root, options, ofGuest);
}

// As tests/web/modes.mjs has them.
export const packageModes = Object.fromEntries(Object.entries({
	'lighttpd FastCGI': {
		start: lighttpdFastcgi, tells: 'at once', lasting: true,
	},
	'lighttpd FastCGI, kiro.socket': {
		start: (at) => withResponder(at, () => lighttpd(at.root, { include: 'external' })),
		tells: 'at once', lasting: true,
	},
	'lighttpd FastCGI behind nginx': {
		start: async (at) => behindNginx(at, await lighttpdFastcgi(at)),
		tells: 'ping', proxied: true,
	},
	'lighttpd FastCGI, HTTP/2 over TLS': {
		start: (at) => lighttpdFastcgi(at, { withTls: true }), tells: 'at once',
		via: openHttp2('https'), withoutLength: 411,
	},
	'lighttpd CGI at /cgi-bin/kiro.fcgi': {
		start: ({ root }, mount) => lighttpd(root, { include: 'cgi', mount }),
		mount: '/cgi-bin/kiro.fcgi', tells: 'at once',
	},
	'lighttpd CGI, HTTP/2 in clear': {
		start: ({ root }) => lighttpd(root, { include: 'cgi' }), tells: 'at once',
		via: openHttp2('http'), withoutLength: 411,
	},
	'Apache mod_proxy_fcgi': {
		start: proxyFcgi, tells: 'ping', lasting: true,
	},
	'Apache mod_proxy_fcgi, HTTP/2 over TLS': {
		start: (at) => proxyFcgi(at, { withTls: true }), tells: 'ping',
		via: openHttp2('https'),
	},
	'Apache mod_fcgid': {
		start: fcgid, tells: 'ping',
	},
	'Apache mod_fcgid, HTTP/2 over TLS': {
		start: (at) => fcgid(at, { withTls: true }), tells: 'ping', via: openHttp2('https'),
		withoutLength: 500,
	},
	'Apache CGI at /cgi-bin/kiro.fcgi': {
		start: ({ root }, mount) => apache(root, { include: 'cgi', modules: ['cgid'], mount }),
		mount: '/cgi-bin/kiro.fcgi', tells: 'ping',
	},
	'Apache, shared host by .htaccess as an unprivileged user': {
		start: ({ root }) => runApache(root), install: sharedHost, mount: '/~guest/kiro',
		tells: 'ping',
	},
}).map(([name, mode]) => [name, {
	mount: '/kiro',
	install: (options) => installationIn(installedRoot(), options),
	...mode,
}]));
