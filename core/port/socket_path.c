/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <core/port/ethdev.h>
#include <core/port/socket_path.h>

int sl_socket_check(const char *const *path, struct sl_errors *errors)
{
	size_t room = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	if (strlen(*path) >= room)
		return sl_fail_at(errors, path,
				  "too long for the path of a socket: at most %zu "
				  "characters",
				  room - 1);
	if ((*path)[0] != '/')
		return sl_fail_at(errors, path, "must be a whole path, from / on");
	return sl_ethdev_check_text(path, errors);
}

/* 0: somebody answers; else why not. */
static int try_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return -errno;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

int sl_socket_prepare(const char *path, struct sl_errors *errors)
{
	char copy[PATH_MAX], *folder;
	struct stat info;

	snprintf(copy, sizeof(copy), "%s", path);
	folder = dirname(copy);
	if (access(folder, W_OK | X_OK) < 0)
		return sl_fail(errors, errno, "no socket can be made in %s: %s", folder,
			       strerror(errno));
	if (lstat(path, &info) < 0)
		return 0;
	if (!S_ISSOCK(info.st_mode))
		return sl_fail(errors, EEXIST, "%s is there already and is no socket", path);
	if (try_connect(path) != -ECONNREFUSED)
		return sl_fail(errors, EADDRINUSE, "somebody else listens at %s", path);
	if (unlink(path) < 0)
		return sl_fail(errors, errno, "the old socket %s cannot be taken away: %s", path,
			       strerror(errno));
	return 0;
}

int sl_socket_find(const char *path, struct sl_errors *errors)
{
	if (access(path, F_OK) < 0)
		return sl_fail(errors, errno,
			       "%s cannot be reached: %s; the other side must be there first", path,
			       strerror(errno));
	if (access(path, R_OK | W_OK) < 0)
		return sl_fail(errors, errno, "%s may not be used: %s", path, strerror(errno));
	return 0;
}
