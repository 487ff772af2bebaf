/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <core/control/socket.h>

static int set_address(struct sockaddr_un *address, const char *path, struct sl_errors *errors)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return sl_fail(
			errors, ENAMETOOLONG,
			"control socket %s: the path is longer than %zu bytes; set a shorter "
			"`socket` in the host file",
			path, sizeof(address->sun_path) - 1);
	strcpy(address->sun_path, path);
	return 0;
}

/* In a folder that others may write, they could put their own socket in place of ours. */
static int check_folder(const char *path, uint32_t mode, struct sl_errors *errors)
{
	char copy[PATH_MAX], *folder;
	struct stat s;

	if (strlen(path) >= sizeof(copy))
		return sl_fail(errors, ENAMETOOLONG, "control socket %s: the path is too long",
			       path);
	strcpy(copy, path);
	folder = dirname(copy);
	/* /run/sluice is not there after a boot. */
	if (mkdir(folder, mode & 077 ? 0755 : 0700) != 0 && errno != EEXIST)
		return sl_fail(errors, errno, "control socket %s: cannot make folder %s: %s", path,
			       folder, strerror(errno));
	if (stat(folder, &s) != 0)
		return sl_fail(errors, errno, "control socket %s: folder %s: %s", path, folder,
			       strerror(errno));
	if (s.st_uid != 0 && s.st_uid != geteuid())
		return sl_fail(errors, EPERM,
			       "control socket %s: folder %s belongs to user %u, who could replace "
			       "the socket",
			       path, folder, (unsigned int)s.st_uid);
	/* In a sticky folder nobody but its owner can take a file away. */
	if ((s.st_mode & (S_IWGRP | S_IWOTH)) && !(s.st_mode & S_ISVTX))
		return sl_fail(errors, EPERM,
			       "control socket %s: others may write folder %s (mode %04o), so they "
			       "could replace the socket; run `chmod go-w %s` or set `socket` in "
			       "the host file",
			       path, folder, (unsigned int)(s.st_mode & 07777), folder);
	return 0;
}

/* Take away a socket whose process is gone. */
static int clear_stale(const char *path, const struct sockaddr_un *address,
		       struct sl_errors *errors)
{
	struct stat s;
	int fd, error;

	if (lstat(path, &s) != 0)
		return errno == ENOENT ? 0
				       : sl_fail(errors, errno, "control socket %s: %s", path,
						 strerror(errno));
	if (!S_ISSOCK(s.st_mode))
		return sl_fail(errors, EEXIST,
			       "control socket %s: there is a file of that name that is no socket; "
			       "it is left alone: move it, or set another `socket`",
			       path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_fail(errors, errno, "control socket %s: %s", path, strerror(errno));
	error = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;
	close(fd);
	if (error == 0 || error == EAGAIN)
		return sl_fail(errors, EADDRINUSE,
			       "control socket %s: another sluice answers there; stop it, or set "
			       "another `socket` in the host file (`socket = \"\"`: none)",
			       path);
	if (error != ECONNREFUSED)
		return sl_fail(errors, error, "control socket %s: %s", path, strerror(error));
	if (unlink(path) != 0)
		return sl_fail(errors, errno, "control socket %s: cannot remove the old one: %s",
			       path, strerror(errno));
	return 0;
}

static int give_to_group(const char *path, const char *group, struct sl_errors *errors)
{
	const struct group *entry = getgrnam(group);

	if (entry == NULL)
		return sl_fail(errors, ENOENT, "control socket %s: there is no group `%s`", path,
			       group);
	if (lchown(path, (uid_t)-1, entry->gr_gid) != 0)
		return sl_fail(errors, errno, "control socket %s: cannot give it to group `%s`: %s",
			       path, group, strerror(errno));
	return 0;
}

int sl_socket_listen(const char *path, uint32_t mode, const char *group, struct sl_errors *errors)
{
	struct sockaddr_un address;
	mode_t old;
	int fd, error;

	error = set_address(&address, path, errors);
	if (error == 0)
		error = check_folder(path, mode, errors);
	if (error == 0)
		error = clear_stale(path, &address, errors);
	if (error != 0)
		return error;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return sl_fail(errors, errno, "control socket %s: %s", path, strerror(errno));
	/* The file must never be there with more rights than it shall have. */
	old = umask(0777);
	error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : errno;
	umask(old);
	if (error != 0) {
		close(fd);
		return sl_fail(errors, error, "control socket %s: %s", path, strerror(error));
	}
	error = group != NULL ? give_to_group(path, group, errors) : 0;
	if (error == 0 && (listen(fd, 512) != 0 || chmod(path, mode & 0777) != 0))
		error = sl_fail(errors, errno, "control socket %s: %s", path, strerror(errno));
	if (error != 0) {
		unlink(path);
		close(fd);
		return error;
	}
	return fd;
}

void sl_socket_unlink(int fd, const char *path)
{
	struct sockaddr_un address;
	int other;

	/* When a newer sluice has the name, somebody answers there. Ours is closed by now. */
	if (set_address(&address, path, NULL) != 0)
		return;
	if (fd >= 0)
		close(fd);
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (other < 0)
		return;
	if (connect(other, (const struct sockaddr *)&address, sizeof(address)) != 0 &&
	    errno == ECONNREFUSED)
		unlink(path);
	close(other);
}
