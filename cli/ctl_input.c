#include "common/base.h"
#include "cli/ctl.h"

#include "common/limits.h"

const char *ctl_value(const struct ctl *c, const char *name)
{
	const struct ctl_option *o = c->command->options;

	for (size_t i = 0; o && o[i].name; i++) {
		if (strcmp(o[i].name, name) == 0)
			return c->values[i];
	}
	assert(!"an option that the command's row does not have");
	return NULL;
}

static void warn_of_readers(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IROTH))
		fprintf(stderr, "kiroctl: warning: %s can be read by every user: chmod 600 %s\n",
			path, path);
}

/* Not by way of /dev/stdin: that cannot be opened where standard input is a socket. */
static int read_stdin(struct buf *out)
{
	char chunk[8192];
	ssize_t got;

	while ((got = read(STDIN_FILENO, chunk, sizeof(chunk))) > 0) {
		if (buf_add(out, chunk, (size_t)got)) {
			errno = EFBIG;
			got = -1;
			break;
		}
	}
	explicit_bzero(chunk, sizeof(chunk));
	return got < 0 ? -1 : 0;
}

int ctl_read(struct ctl *c, const char *path, struct buf *out, struct error *e)
{
	bool standard = strcmp(path, "-") == 0;
	const char *name = standard ? "standard input" : path;

	if (standard && c->stdin_taken)
		return error_set(e, ERR_REQUEST,
				 "standard input can be read only once: give one "
				 "of the two as a file");
	c->stdin_taken |= standard;
	if (standard ? read_stdin(out) : buf_read_file(out, path)) {
		if (errno == EFBIG)
			return error_set(e, ERR_REQUEST, "%s: is larger than %zu bytes", name,
					 out->max);
		return error_set(e, ERR_REQUEST, "%s: cannot be read: %s", name, strerror(errno));
	}
	if (!standard)
		warn_of_readers(path);
	return 0;
}

int ctl_read_secret(struct ctl *c, const char *what, const char *path, struct secret *out,
		    struct error *e)
{
	struct buf text;
	size_t from;
	int rc;

	buf_init(&text, LIMIT_SECRET_FILE);
	rc = ctl_read(c, path, &text, e);
	while (text.len && strchr(" \t\r\n", text.at[text.len - 1]))
		text.at[--text.len] = '\0';
	from = strspn(text.at, " \t\r\n");
	if (!rc && from == text.len)
		rc = error_set(e, ERR_REQUEST, "%s: %s is empty", what, path);
	if (!rc && (strlen(text.at) != text.len || strpbrk(text.at + from, "\r\n")))
		rc = error_set(e, ERR_REQUEST, "%s: %s must hold the secret alone, on one line",
			       what, path);
	if (!rc)
		secret_set(out, text.at + from);
	buf_wipe(&text);
	return rc;
}
