#include "common/base.h"
#include "common/backup.h"

#include "common/clock.h"
#include "common/limits.h"
#include "common/statedir.h"

#include <dirent.h>
#include <libgen.h>

#define PREFIX	    "state-"
#define SUFFIX	    ".jsonl"
#define DATE_LEN    16 /* 20261121T100000Z */
#define DAY_LEN	    8
#define KEPT_NEWEST 24
#define KEPT_DAYS   14

static void dir_of(const char *state_dir, char out[static BACKUP_PATH])
{
	snprintf(out, BACKUP_PATH, "%s/backup", state_dir);
}

static bool is_dump(const char *name)
{
	size_t digits = strspn(name + strlen(PREFIX), "0123456789TZ");

	return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && digits == DATE_LEN &&
	       strcmp(name + strlen(PREFIX) + DATE_LEN, SUFFIX) == 0;
}

static int only_dumps(const struct dirent *d)
{
	return strlen(d->d_name) > strlen(PREFIX) && is_dump(d->d_name);
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*b)->d_name, (*a)->d_name);
}

/* The dumps of a directory; the list is freed with free_list(). */
static int list(const char *dir, struct dirent ***out)
{
	int count = scandir(dir, out, only_dumps, newest_first);

	if (count < 0)
		*out = NULL;
	return count < 0 ? 0 : count;
}

static void free_list(struct dirent **list, int count)
{
	for (int i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

int backup_newest(const char *state_dir, char path[static BACKUP_PATH])
{
	char dir[BACKUP_PATH];
	struct dirent **names;
	int count;

	dir_of(state_dir, dir);
	count = list(dir, &names);
	if (count)
		snprintf(path, BACKUP_PATH, "%.760s/%.250s", dir, names[0]->d_name);
	free_list(names, count);
	return count > 0;
}

int64_t backup_age(const char *state_dir)
{
	char path[BACKUP_PATH];
	struct stat st;

	if (!backup_newest(state_dir, path) || stat(path, &st) != 0)
		return -1;
	/* A clock that was set back must not put the next one off for long. */
	return st.st_mtime > clock_wall() ? INT32_MAX : clock_wall() - st.st_mtime;
}

static void prune(const char *dir)
{
	struct dirent **names;
	int count = list(dir, &names), days = 0;
	const char *day = "";

	for (int i = 0; i < count; i++) {
		const char *own = names[i]->d_name + strlen(PREFIX);
		bool first = strncmp(own, day, DAY_LEN) != 0;
		char path[BACKUP_PATH];

		day = own;
		if (i >= KEPT_NEWEST && first)
			days++;
		if (i < KEPT_NEWEST || (first && days <= KEPT_DAYS))
			continue;
		snprintf(path, sizeof(path), "%.760s/%.250s", dir, names[i]->d_name);
		unlink(path);
	}
	free_list(names, count);
}

static int write_all(int fd, struct span bytes)
{
	for (size_t done = 0; done < bytes.len;) {
		ssize_t put = write(fd, bytes.at + done, bytes.len - done);

		if (put < 0 && errno != EINTR)
			return -1;
		done += put > 0 ? (size_t)put : 0;
	}
	return fsync(fd);
}

/* state_dir: who may read it is who may read the stores there; NULL: only its owner. */
static int publish(const char *path, struct span bytes, const char *state_dir, struct error *e)
{
	char own[BACKUP_PATH], *dir = xstrdup(path);
	int fd, rc = -1;

	snprintf(own, sizeof(own), "%.1000s.%d", path, (int)getpid());
	unlink(own);
	fd = open(own, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd >= 0)
		rc = state_dir ? statedir_adopt(state_dir, fd) : 0;
	if (!rc)
		rc = write_all(fd, bytes);
	if (fd >= 0 && close(fd) != 0)
		rc = -1;
	if (!rc)
		rc = rename(own, path);
	if (!rc)
		rc = statedir_sync(dirname(dir));
	if (rc)
		rc = error_set(e, ERR_STORE, "cannot write %s: %s", path, strerror(errno));
	if (rc && fd >= 0)
		unlink(own);
	free(dir);
	return rc;
}

static int write_bundle(const char *path, const struct bundle *b, const struct bundle_lock *lock,
			const char *state_dir, struct error *e)
{
	struct buf text, file;
	int rc;

	buf_init(&text, LIMIT_BUNDLE);
	buf_init(&file, LIMIT_BUNDLE + KB(4));
	bundle_write(b, &text);
	rc = text.failed ? error_set(e, ERR_STORE, "the stores are too large for a backup") : 0;
	if (!rc)
		rc = bundle_close(buf_span(&text), lock, &file, e);
	if (!rc)
		rc = publish(path, buf_span(&file), state_dir, e);
	buf_wipe(&text);
	buf_wipe(&file);
	return rc;
}

int backup_write(const char *path, const struct bundle *b, const struct bundle_lock *lock,
		 struct error *e)
{
	struct stat st;

	/* It takes the place of what is there: root would lose /dev/null by it. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return error_set(e, ERR_REQUEST,
				 "%s is no regular file, and would be replaced: name another, or - "
				 "for standard output",
				 path);
	return write_bundle(path, b, lock, NULL, e);
}

int backup_read(struct bundle *b, const char *path, const struct bundle_lock *lock, struct error *e)
{
	struct error why = { .kind = ERR_NONE };
	struct buf file, text;
	int rc;

	buf_init(&file, LIMIT_BUNDLE + KB(4));
	buf_init(&text, LIMIT_BUNDLE);
	rc = buf_read_file(&file, path);
	if (rc)
		error_set(&why, ERR_REQUEST, "cannot be read: %s", strerror(errno));
	if (!rc)
		rc = bundle_open(buf_span(&file), lock, &text, &why);
	if (!rc)
		rc = bundle_read(b, buf_span(&text), &why);
	buf_wipe(&file);
	buf_wipe(&text);
	return rc ? error_set(e, why.kind, "%s: %s", path, why.message) : 0;
}

/* In a shared directory the other user must be able to prune, but nobody else to look. */
int backup_make_dir(const char *state_dir, const char *dir, struct error *e)
{
	int fd, rc;

	if (mkdir(dir, 0700) != 0)
		return errno == EEXIST ? 0
				       : error_set(e, ERR_STORE, "cannot make %s: %s", dir,
						   strerror(errno));
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = fd < 0 ? -1 : statedir_adopt_dir(state_dir, fd);
	if (fd >= 0)
		close(fd);
	return rc ? error_set(e, ERR_STORE, "cannot set the owner of %s: %s", dir, strerror(errno))
		  : 0;
}

int backup_make(const struct store *tokens, const struct store *keys, char path[static BACKUP_PATH],
		struct error *e)
{
	const struct bundle_lock lock = { .seal = tokens->seal };
	struct error damage = { .kind = ERR_NONE };
	char dir[BACKUP_PATH], date[DATE_LEN + 1];
	time_t now = (time_t)clock_wall();
	struct bundle b;
	struct tm tm;
	int rc;

	dir_of(tokens->dir, dir);
	if (backup_make_dir(tokens->dir, dir, e))
		return -1;
	strftime(date, sizeof(date), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &tm));
	snprintf(path, BACKUP_PATH, "%.760s/" PREFIX "%s" SUFFIX, dir, date);
	bundle_init(&b);
	bundle_collect(&b, tokens, &damage);
	bundle_collect(&b, keys, &damage);
	bundle_sort(&b);
	rc = write_bundle(path, &b, &lock, tokens->dir, e);
	bundle_release(&b);
	if (!rc)
		prune(dir);
	if (!rc && damage.kind)
		rc = error_set(e, ERR_STORE, "%s", damage.message);
	return rc;
}
