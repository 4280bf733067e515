/*
 * kiroctl doctor: the settings of lighttpd and Apache that decide if streams stream. The text of
 * the configuration files that speak of kiro is searched, comments left out; what an included file
 * or a condition elsewhere says is not seen, so that a finding names its file.
 */
#include "common/base.h"
#include "cli/doctor.h"

#include "common/limits.h"

#include <glob.h>
#include <regex.h>

/* In a file where `when` is found (and this program is served): `wanted` must be found too, or,
 * with `absent`, must not. */
static const struct rule {
	const char *server, *when, *wanted;
	bool absent;
	enum finding finding;
	const char *advice;
} rules[] = {
	{ "lighttpd", "kiro", "server\\.stream-response-body[ \t]*=[ \t]*[12]", false, FINDING_FAIL,
	  "answers are held back to their end: server.stream-response-body = 2" },
	{ "lighttpd", "kiro", "server\\.stream-response-body[ \t]*=[ \t]*1", true, FINDING_WARN,
	  "a slow client fills the disk: server.stream-response-body = 2" },
	{ "lighttpd", "kiro", "server\\.stream-request-body[ \t]*=[ \t]*[12]", true, FINDING_FAIL,
	  "bodies without a length are refused (411): server.stream-request-body = 0" },
	{ "lighttpd", "fastcgi\\.server", "\"?tcp-fin-propagate", false, FINDING_WARN,
	  "clients that leave are seen late: \"tcp-fin-propagate\" => \"enable\"" },
	{ "lighttpd", "fastcgi\\.server", "\"read-timeout\"", true, FINDING_WARN,
	  "streams in which the model thinks for long are cut: remove \"read-timeout\"" },
	{ "lighttpd", "fastcgi\\.server", "check-local\"?[ \t]*=>[ \t]*\"disable\"", false,
	  FINDING_FAIL, "URLs that are no files are 404: \"check-local\" => \"disable\"" },
	{ "lighttpd", "bin-path", "max-procs\"?[ \t]*=>[ \t]*1([^0-9]|$)", false, FINDING_WARN,
	  "more processes share no connections: \"max-procs\" => 1" },
	{ "apache", "fcgi://", "flushpackets=on", false, FINDING_FAIL,
	  "events come in lumps: flushpackets=on in the ProxyPass line" },
	{ "apache", "fcgi://", "(timeout=([3-9][0-9]|[1-9][0-9][0-9]))", false, FINDING_WARN,
	  "silence of Apache's Timeout cuts a stream: timeout=600 in the ProxyPass line" },
	{ "apache", "enablereuse=on", "enablereuse=on", true, FINDING_WARN,
	  "every kept connection holds a thread: leave enablereuse out" },
	{ "apache", "fcgid", "FcgidOutputBufferSize[ \t]+[01]([^0-9]|$)", false, FINDING_FAIL,
	  "answers come in lumps of 64 KB: FcgidOutputBufferSize 0" },
	{ "apache", "fcgid", "FcgidMaxRequestLen[ \t]+[0-9]{8,}", false, FINDING_FAIL,
	  "bodies above 128 KB get 500: FcgidMaxRequestLen 67108864" },
	{ "apache", "fcgid", "FcgidBusyTimeout[ \t]+[0-9]{4,}", false, FINDING_WARN,
	  "answers end after 300 s: FcgidBusyTimeout 86400" },
	{ "apache", "kiro", "CGIPassAuth[ \t]+[Oo]n|HTTP_AUTHORIZATION", false, FINDING_WARN,
	  "the Authorization header is kept from the program: CGIPassAuth On" },
};

static const struct {
	const char *server, *pattern;
} places[] = {
	{ "lighttpd", "/etc/lighttpd/lighttpd.conf" },
	{ "lighttpd", "/etc/lighttpd/conf-enabled/*.conf" },
	{ "lighttpd", "/etc/lighttpd/conf.d/*.conf" },
	{ "apache", "/etc/apache2/apache2.conf" },
	{ "apache", "/etc/apache2/conf-enabled/*.conf" },
	{ "apache", "/etc/apache2/sites-enabled/*" },
	{ "apache", "/etc/httpd/conf/httpd.conf" },
	{ "apache", "/etc/httpd/conf.d/*.conf" },
};

static bool found(const char *text, const char *pattern)
{
	regex_t expression;
	bool yes;

	if (regcomp(&expression, pattern, REG_EXTENDED | REG_NEWLINE | REG_NOSUB) != 0)
		return false;
	yes = regexec(&expression, text, 0, NULL, 0) == 0;
	regfree(&expression);
	return yes;
}

/* From # to the end of each line, unless inside quotes. */
static void drop_comments(char *text)
{
	bool quoted = false, comment = false;

	for (; *text; text++) {
		if (*text == '\n')
			quoted = comment = false;
		else if (*text == '"' && !comment)
			quoted = !quoted;
		else if (*text == '#' && !quoted)
			comment = true;
		if (comment)
			*text = ' ';
	}
}

/* Lighttpd's files begin settings with words and dots and =; Apache's have none. */
static const char *server_of(const char *text)
{
	return found(text, "^[ \t]*(server|fastcgi|cgi|alias|url)\\.[a-z-]+[ \t]*[+]?=")
		       ? "lighttpd"
		       : "apache";
}

/* 1 when it serves this program. */
static int look_at(struct doctor *d, const char *path, const char *server)
{
	struct buf text;
	size_t wrong = 0;
	int serves = 0;

	buf_init(&text, MB(1));
	if (buf_read_file(&text, path) == 0 && text.len) {
		drop_comments(text.at);
		serves = found(text.at, "kiro");
	}
	server = server ? server : server_of(text.at);
	for (size_t i = 0; serves && i < ARRAY_SIZE(rules); i++) {
		const struct rule *r = &rules[i];

		/* Paths and modules alone serve nothing. */
		if (strcmp(r->server, server) != 0 || !found(text.at, r->when) ||
		    !found(text.at,
			   "fastcgi\\.server|cgi\\.assign|fcgi://|fcgid-script|FcgidWrapper|"
			   "cgi-script|ScriptAlias"))
			continue;
		if (found(text.at, r->wanted) != r->absent)
			continue;
		doctor_say(d, r->finding, "%s: %s", path, r->advice);
		wrong++;
	}
	if (serves && !wrong)
		doctor_say(d, FINDING_OK, "%s (%s)", path, server);
	buf_release(&text);
	return serves;
}

void doctor_web(struct doctor *d)
{
	const char *given = ctl_value(d->ctl, "web-config");
	int serving = 0;

	if (given && access(given, R_OK) != 0) {
		doctor_say(d, FINDING_FAIL, "%s cannot be read: %s", given, strerror(errno));
		return;
	}
	if (given)
		serving = look_at(d, given, NULL);
	for (size_t i = 0; !given && i < ARRAY_SIZE(places); i++) {
		glob_t files;

		if (glob(places[i].pattern, 0, NULL, &files) != 0)
			continue;
		for (size_t k = 0; k < files.gl_pathc; k++)
			serving += look_at(d, files.gl_pathv[k], places[i].server);
		globfree(&files);
	}
	if (!serving)
		doctor_say(d, FINDING_OK,
			   "no configuration file that speaks of kiro %s: name yours with "
			   "--web-config "
			   "FILE",
			   given ? "there" : "in the usual places");
}
