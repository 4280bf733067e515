#include "common/base.h"
#include "common/statedir.h"

#include <grp.h>
#include <sys/vfs.h>

/* Locks and rename do not hold there, or not between hosts. Magic numbers: linux/magic.h. */
static const struct {
	unsigned long magic;
	const char *name;
} network_fs[] = {
	{ 0x6969, "NFS" },	{ 0x517B, "SMB" },	 { 0xFF534D42, "CIFS" },
	{ 0xFE534D42, "SMB2" }, { 0x65735546, "FUSE" },	 { 0x01021997, "9P" },
	{ 0x00C36400, "Ceph" }, { 0x5346414F, "AFS" },	 { 0x6B414653, "AFS" },
	{ 0x564C, "NCP" },	{ 0x73757245, "Coda" },	 { 0x0BD00BD0, "Lustre" },
	{ 0x01161970, "GFS2" }, { 0x7461636F, "OCFS2" },
};

const char *statedir_network_fs(unsigned long magic)
{
	for (size_t i = 0; i < ARRAY_SIZE(network_fs); i++) {
		if (network_fs[i].magic == magic)
			return network_fs[i].name;
	}
	return NULL;
}

int statedir_make(const char *dir, struct error *e)
{
	char *path = xstrdup(dir);
	int rc = 0;

	for (char *at = path + 1; !rc && *path; at++) {
		char end = *at;

		if (end && end != '/')
			continue;
		*at = '\0';
		if (mkdir(path, 0700) && errno != EEXIST && access(path, F_OK) != 0)
			rc = error_set(e, ERR_STORE, "cannot make the directory %s: %s", path,
				       strerror(errno));
		*at = end;
		if (!end)
			break;
	}
	free(path);
	return rc;
}

static bool in_group(gid_t group)
{
	gid_t groups[256];
	int count = getgroups(ARRAY_SIZE(groups), groups);

	for (int i = 0; i < count; i++) {
		if (groups[i] == group)
			return true;
	}
	return group == getegid();
}

/* Ours, root's business, or shared with our group by its mode. */
static bool may_use(const struct stat *st, mode_t group_bits)
{
	return st->st_uid == geteuid() || geteuid() == 0 ||
	       (in_group(st->st_gid) && (st->st_mode & group_bits) == group_bits);
}

int statedir_check(const char *dir, bool any_fs, struct error *e)
{
	struct statfs fs;
	struct stat st;
	const char *network;

	if (stat(dir, &st) != 0)
		return error_set(e, ERR_STORE, "cannot use the state directory %s: %s%s", dir,
				 strerror(errno),
				 errno == ENOENT ? " (kiroctl init makes it)" : "");
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ERR_STORE, "the state directory %s is not a directory", dir);
	if (st.st_mode & 0007)
		return error_set(e, ERR_STORE,
				 "the state directory %s has mode %04o and lets others in: "
				 "chmod 0700 it (2770 for two users of one group)",
				 dir, st.st_mode & 07777);
	if ((st.st_mode & 01070) == 01070)
		return error_set(e, ERR_STORE,
				 "the state directory %s has mode %04o and its sticky bit keeps "
				 "one user from replacing the other's files: chmod 2770 it",
				 dir, st.st_mode & 07777);
	if (!may_use(&st, 0070))
		return error_set(
			e, ERR_STORE,
			"the state directory %s belongs to user %u, we are user %u: run as "
			"that user, or share it by a group of both with mode 2770",
			dir, st.st_uid, geteuid());
	if (any_fs)
		return 0;
	if (statfs(dir, &fs) != 0)
		return error_set(e, ERR_STORE, "statfs %s: %s", dir, strerror(errno));
	network = statedir_network_fs((unsigned long)fs.f_type & 0xFFFFFFFFUL);
	if (network)
		return error_set(e, ERR_STORE,
				 "the state directory %s is on %s, where locks do not hold: put it "
				 "on a local disk, or set state_on_network",
				 dir, network);
	return 0;
}

int statedir_check_file(const char *path, const struct stat *st, struct error *e)
{
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERR_STORE, "%s is not a regular file", path);
	if (st->st_mode & 07777 & ~(mode_t)0660)
		return error_set(e, ERR_STORE,
				 "%s has mode %04o and holds secrets: chmod 0600 it (0660 for two "
				 "users of one group)",
				 path, st->st_mode & 07777);
	if (!may_use(st, 0060))
		return error_set(e, ERR_STORE,
				 "%s belongs to user %u, we are user %u: run as that user, or give "
				 "it a group of both and mode 0660",
				 path, st->st_uid, geteuid());
	return 0;
}

static int adopt(const char *dir, int fd, mode_t own, mode_t group)
{
	struct stat st;
	bool shared;

	if (stat(dir, &st) != 0)
		return -1;
	shared = (st.st_mode & 0070) == 0070;
	if (geteuid() == 0 && fchown(fd, st.st_uid, st.st_gid) != 0)
		return -1;
	if (geteuid() != 0 && shared && fchown(fd, (uid_t)-1, st.st_gid) != 0)
		return -1;
	return fchmod(fd, shared ? group : own);
}

int statedir_adopt(const char *dir, int fd)
{
	return adopt(dir, fd, 0600, 0660);
}

int statedir_adopt_dir(const char *dir, int fd)
{
	return adopt(dir, fd, 0700, 02770);
}

int statedir_open(const char *dir, const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0 && errno == ENOENT) {
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0 && statedir_adopt(dir, fd) != 0) {
			error_set(e, ERR_STORE, "cannot set the owner and mode of %s: %s", path,
				  strerror(errno));
			close(fd);
			return -1;
		}
		if (fd < 0 && errno == EEXIST) /* another process was faster */
			fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	if (fd < 0)
		return error_set(e, ERR_STORE, "cannot open %s: %s", path, strerror(errno));
	return fd;
}

int statedir_write(int fd, struct span bytes, off_t at)
{
	while (bytes.len) {
		ssize_t put = pwrite(fd, bytes.at, bytes.len, at);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		bytes = (struct span){ bytes.at + put, bytes.len - (size_t)put };
		at += put;
	}
	return 0;
}

int statedir_rewrite(int fd, const struct buf *text)
{
	if (text->failed) {
		errno = EFBIG;
		return -1;
	}
	return ftruncate(fd, 0) ? -1 : statedir_write(fd, buf_span(text), 0);
}

int statedir_sync(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (fd < 0)
		return -1;
	rc = fsync(fd);
	close(fd);
	return rc;
}
