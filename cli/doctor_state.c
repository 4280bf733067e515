/*
 * kiroctl doctor: files, locks, backups, the refresher and the tokens.
 */
#include "common/base.h"
#include "cli/doctor.h"

#include "common/backup.h"
#include "common/clock.h"
#include "common/lock.h"
#include "common/seal.h"
#include "common/spill.h"
#include "common/statedir.h"
#include "common/visit.h"

#include <dirent.h>
#include <sys/file.h>

#define BACKUP_LATE  (26 * 3600)
#define REFRESH_LATE (2 * 3600)
#define CLIENT_AHEAD (14 * 86400)

static void path_of(const struct doctor *d, const char *name, char out[static BACKUP_PATH])
{
	snprintf(out, BACKUP_PATH, "%s/%s", d->ctl->config->state_dir, name);
}

/* ---- permissions ---- */

void doctor_files(struct doctor *d)
{
	const char *dir = d->ctl->config->state_dir;
	DIR *list = opendir(dir);
	struct dirent *entry;
	size_t looked = 0, wrong = 0;

	if (!list) {
		doctor_say(d, FINDING_FAIL, "%s cannot be listed: %s", dir, strerror(errno));
		return;
	}
	while ((entry = readdir(list))) {
		struct error e = { .kind = ERR_NONE };
		char path[BACKUP_PATH];
		struct stat st;

		path_of(d, entry->d_name, path);
		if (lstat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		looked++;
		if (statedir_check_file(path, &st, &e)) {
			doctor_fail(d, &e);
			wrong++;
		} else if (access(path, R_OK | W_OK) != 0) {
			doctor_say(
				d, FINDING_FAIL,
				"%s cannot be written by user %u: chown it to the user that runs "
				"the web server's programs",
				path, geteuid());
			wrong++;
		}
	}
	closedir(list);
	if (!wrong)
		doctor_say(d, FINDING_OK, "%zu files, none open to others", looked);
}

/* ---- locks ---- */

/* The process that holds a flock on the file, by /proc/locks; 0: not told. */
static int holder_of(const struct stat *st)
{
	FILE *locks = fopen("/proc/locks", "re");
	char line[256];
	int pid = 0;

	while (locks && !pid && fgets(line, sizeof(line), locks)) {
		unsigned major, minor;
		unsigned long inode;
		int found;

		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%lu", &found, &major, &minor,
			   &inode) == 4 &&
		    inode == st->st_ino)
			pid = found;
	}
	if (locks)
		fclose(locks);
	return pid;
}

static void say_held(struct doctor *d, const char *path, int fd)
{
	char name[64] = "", comm[64];
	struct stat st;
	int pid = fstat(fd, &st) ? 0 : holder_of(&st), from;

	snprintf(comm, sizeof(comm), "/proc/%d/comm", pid);
	from = pid ? open(comm, O_RDONLY | O_CLOEXEC) : -1;
	if (from >= 0 && read(from, name, sizeof(name) - 1) > 0)
		name[strcspn(name, "\n")] = '\0';
	if (from >= 0)
		close(from);
	if (pid)
		doctor_say(d, FINDING_FAIL,
			   "%s is held for more than 2 s by process %d (%s): is it stopped? kill "
			   "-CONT "
			   "%d, or end it",
			   path, pid, name, pid);
	else
		doctor_say(d, FINDING_FAIL,
			   "%s is held for more than 2 s by another process: fuser %s", path, path);
}

/* Two open files of one path must exclude each other, else the file system has no locks. */
static bool excludes(const char *path, bool byte)
{
	int second = open(path, O_RDWR | O_CLOEXEC);
	int rc = second < 0 ? -1 : byte ? lock_try_byte(second, 0) : lock_file(second, 0);

	if (second >= 0)
		close(second);
	return rc == 0;
}

static bool check_lock(struct doctor *d, const char *name, bool byte)
{
	struct error e = { .kind = ERR_NONE };
	char path[BACKUP_PATH];
	int fd, rc;

	path_of(d, name, path);
	fd = statedir_open(d->ctl->config->state_dir, path, &e);
	if (fd < 0) {
		doctor_fail(d, &e);
		return false;
	}
	rc = byte ? lock_try_byte(fd, 0) : lock_file(fd, 2000);
	if (rc < 0)
		doctor_say(d, FINDING_FAIL,
			   "%s cannot be locked: %s: put the state directory on a local disk", path,
			   strerror(errno));
	else if (rc == 0)
		say_held(d, path, fd);
	else if (!excludes(path, byte))
		doctor_say(
			d, FINDING_FAIL,
			"%s: a second lock was granted beside the first: put the state directory "
			"on a local disk",
			path);
	else
		rc = 2;
	close(fd);
	return rc == 2;
}

void doctor_locks(struct doctor *d)
{
	bool good = check_lock(d, "tokens.lock", false);

	good &= check_lock(d, "keys.lock", false);
	good &= check_lock(d, "refresh.lock", true);
	if (good)
		doctor_say(d, FINDING_OK, "free, and they exclude one another");
}

/* ---- what waits, what was set aside ---- */

static size_t entries_in(const char *path)
{
	DIR *list = opendir(path);
	struct dirent *entry;
	size_t count = 0;

	while (list && (entry = readdir(list)))
		count += entry->d_name[0] != '.';
	if (list)
		closedir(list);
	return count;
}

void doctor_spill(struct doctor *d)
{
	static const char *const names[] = { "tokens.spill", "keys.spill" };
	char path[BACKUP_PATH];
	size_t waiting = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		path_of(d, names[i], path);
		if (!spill_pending(path))
			continue;
		waiting++;
		doctor_say(
			d, FINDING_FAIL,
			"records wait in %s, as the store cannot be written: see the other lines; "
			"do not remove it",
			path);
	}
	path_of(d, "quarantine", path);
	if (entries_in(path))
		doctor_say(d, FINDING_OK,
			   "%zu in %s from earlier repairs: remove them when nothing is missing",
			   entries_in(path), path);
	else if (!waiting)
		doctor_say(d, FINDING_OK, "nothing waits");
}

void doctor_backups(struct doctor *d)
{
	int64_t age = backup_age(d->ctl->config->state_dir);

	if (age < 0)
		doctor_say(d, FINDING_WARN,
			   "there is none: kiro-refresh makes them, kiroctl backup one now");
	else if (age > BACKUP_LATE)
		doctor_say(d, FINDING_WARN,
			   "the newest is %" PRId64 " hours old: does kiro-refresh run?",
			   age / 3600);
	else
		doctor_say(d, FINDING_OK, "the newest is %" PRId64 " minutes old", age / 60);
}

void doctor_encryption(struct doctor *d)
{
	const struct config *c = d->ctl->config;
	struct error e = { .kind = ERR_NONE };
	size_t len = strlen(c->state_dir);
	struct seal *seal = NULL;

	if (!*c->state_key_file) {
		doctor_say(d, FINDING_OK, "off (state_key_file)");
		return;
	}
	if (seal_load(&seal, c->state_key_file, &e)) {
		doctor_fail(d, &e);
		return;
	}
	if (strncmp(c->state_key_file, c->state_dir, len) == 0 && c->state_key_file[len] == '/')
		doctor_say(d, FINDING_FAIL,
			   "%s lies in the state directory, beside what it encrypts: move it out",
			   c->state_key_file);
	else
		doctor_say(d, FINDING_OK, "with key %s; keep a copy of %s elsewhere", seal_id(seal),
			   c->state_key_file);
	seal_free(seal);
}

/* ---- cron and tokens ---- */

void doctor_refresher(struct doctor *d)
{
	static const char cron[] = "*/4 * * * *  USER  kiro-refresh --quiet";
	char date[CLOCK_TEXT_SIZE];
	int64_t when, ago;
	int code;

	if (visit_last(d->ctl->config->state_dir, &when, &code)) {
		doctor_say(d, FINDING_WARN,
			   "has not run yet: the package starts it within four minutes; "
			   "else in /etc/cron.d: %s",
			   cron);
		return;
	}
	ago = clock_wall() - when;
	clock_format(when, date);
	if (ago < -60)
		doctor_say(d, FINDING_FAIL,
			   "ran at %s, which is still to come: the clock was set back by %" PRId64
			   " s or more: set it right, see date",
			   date, -ago);
	else if (ago > REFRESH_LATE)
		doctor_say(d, FINDING_WARN, "ran last at %s: is cron running? %s", date, cron);
	else if (code)
		doctor_say(d, FINDING_WARN,
			   "ran at %s and ended with %d: run kiro-refresh by hand to see why", date,
			   code);
	else
		doctor_say(d, FINDING_OK, "ran at %s", date);
}

/* After it no renewal can go well. */
static void tell_client(struct doctor *d, const struct account *a, int64_t now)
{
	char date[CLOCK_TEXT_SIZE];

	if (a->kind != KIND_IDC || !a->client_expires_at ||
	    a->client_expires_at > now + CLIENT_AHEAD)
		return;
	doctor_say(d, FINDING_WARN,
		   "account %.80s (%s): its client registration %s %s, and no token is renewed "
		   "after that: kiroctl login with --account %s makes a new one",
		   a->label ? a->label : a->id, a->id,
		   a->client_expires_at > now ? "ends at" : "has ended at",
		   clock_format(a->client_expires_at, date), a->id);
}

/* An active account whose token has ended is renewed by the next request. */
void doctor_expiry(struct doctor *d)
{
	int64_t now = clock_wall();
	size_t expired = 0, looked = 0;

	for (size_t i = 0; i < d->roster->count; i++) {
		const struct account *a = &d->roster->accounts[i];

		if (a->kind == KIND_API_KEY || a->state == STATE_DISABLED)
			continue;
		tell_client(d, a, now);
		if (a->state == STATE_INVALID) {
			doctor_say(
				d, FINDING_WARN,
				"account %.80s (%s) must log in again, with kiroctl login: %.200s",
				a->label ? a->label : a->id, a->id,
				a->state_reason ? a->state_reason : "no reason noted");
			continue;
		}
		looked++;
		expired += account_expires_within(a, now, 0);
	}
	if (expired)
		doctor_say(d, FINDING_WARN,
			   "%zu of %zu have ended; the next request, or kiro-refresh, renews them",
			   expired, looked);
	else if (looked)
		doctor_say(d, FINDING_OK, "%zu, none has ended", looked);
}
