#include "common/base.h"
#include "cli/stream_advice.h"

struct advice {
	enum stream_problem problem;
	const char *server;    /* begins the server's name */
	const char *transport; /* NULL: whichever */
	const char *text;
};

/* hosting mode by hosting mode, as lighttpd/ and apache/ set it. */
/* clang-format off */
static const struct advice advice[] = {
	{ STREAM_HELD, "lighttpd", NULL,
	  "server.stream-response-body = 2" },
	{ STREAM_HELD, "Apache", "mod_proxy_fcgi",
	  "flushpackets=on behind the ProxyPass of the gateway" },
	{ STREAM_HELD, "Apache", "fastcgi",
	  "FcgidOutputBufferSize 0" },
	{ STREAM_HELD, "Apache", "cgi",
	  "SetEnv no-gzip 1 (in .htaccess: SetEnvIf Request_URI \".\" no-gzip=1)" },
	{ STREAM_HELD, "nginx", NULL,
	  "proxy_buffering off; and no proxy_ignore_headers X-Accel-Buffering" },

	{ STREAM_NO_AUTHORIZATION, "Apache", NULL,
	  "CGIPassAuth On (in .htaccess also: SetEnvIf Authorization \"(.*)\" "
	  "HTTP_AUTHORIZATION=$1)" },
	{ STREAM_NO_AUTHORIZATION, "nginx", NULL,
	  "proxy_set_header Authorization $http_authorization;" },

	{ STREAM_BODY_REFUSED, "lighttpd", NULL,
	  "server.max-request-size = 65536, and server.upload-dirs with room" },
	{ STREAM_BODY_REFUSED, "Apache", "fastcgi",
	  "FcgidMaxRequestLen 67108864" },
	{ STREAM_BODY_REFUSED, "Apache", NULL,
	  "LimitRequestBody 67108864" },
	{ STREAM_BODY_REFUSED, "nginx", NULL,
	  "client_max_body_size 64m;" },

	{ STREAM_CUT, "lighttpd", NULL,
	  "no \"read-timeout\" in fastcgi.server, and server.max-write-idle = 360" },
	{ STREAM_CUT, "Apache", "mod_proxy_fcgi",
	  "timeout=600 behind the ProxyPass of the gateway" },
	{ STREAM_CUT, "Apache", "fastcgi",
	  "FcgidIOTimeout 600 and FcgidBusyTimeout 86400" },
	{ STREAM_CUT, "Apache", "cgi",
	  "Timeout 300, and CGIDScriptTimeout where it is set" },
	{ STREAM_CUT, "nginx", NULL,
	  "proxy_read_timeout 600s;" },
};
/* clang-format on */

size_t stream_advice(enum stream_problem problem, const char *server, const char *transport,
		     struct buf *out)
{
	size_t found = 0;

	for (size_t i = 0; i < ARRAY_SIZE(advice); i++) {
		const struct advice *a = &advice[i];

		if (a->problem != problem ||
		    strncasecmp(server, a->server, strlen(a->server)) != 0 ||
		    (a->transport && strcmp(a->transport, transport) != 0))
			continue;
		buf_add_format(out, "%s %s: %s", found ? ";" : ". Set in", a->server, a->text);
		found++;
	}
	return found;
}
