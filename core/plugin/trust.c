/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/plugin/trust.h>

/* Cut the last component off a path in place; false when it was the root. */
static bool to_parent(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || (slash == path && path[1] == '\0'))
		return false;
	if (slash == path)
		path[1] = '\0';
	else
		*slash = '\0';
	return true;
}

static bool read_name(const char *link, char *path)
{
	ssize_t got = readlink(link, path, PATH_MAX - 1);

	if (got <= 0 || path[0] != '/')
		return false;
	path[got] = '\0';
	return true;
}

/* Whether the user owns the program's file or a folder above it, or, with group set, whether
 * the group may write one of them. */
static bool has_program(bool group, unsigned int id)
{
	char path[PATH_MAX];
	struct stat s;

	if (!read_name("/proc/self/exe", path))
		return false;
	do {
		if (stat(path, &s) != 0)
			return false;
		if (group ? (s.st_gid == id && (s.st_mode & S_IWGRP) && !(s.st_mode & S_ISVTX))
			  : s.st_uid == id)
			return true;
	} while (to_parent(path));
	return false;
}

static bool owner_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid() || has_program(false, owner);
}

/* sticky_ok: in such a folder (/tmp) others can make files, but not replace ours. */
static int check(const struct stat *s, const char *what, const char *path, const char *place,
		 bool sticky_ok, struct sl_errors *errors)
{
	if (!owner_trusted(s->st_uid))
		return sl_fail(errors, EPERM,
			       "plugin %s: refused, because %s %s belongs to user %u, who could "
			       "change it; make it belong to root or to user %u (chown)",
			       path, what, place, (unsigned int)s->st_uid, (unsigned int)geteuid());
	if (sticky_ok && (s->st_mode & S_ISVTX))
		return 0;
	if ((s->st_mode & S_IWOTH) || ((s->st_mode & S_IWGRP) && !has_program(true, s->st_gid)))
		return sl_fail(errors, EPERM,
			       "plugin %s: refused, because others than its owner may write %s "
			       "%s (mode %04o); run `chmod go-w %s`",
			       path, what, place, (unsigned int)(s->st_mode & 07777), place);
	return 0;
}

int sl_trust_file(int fd, const char *path, struct sl_errors *errors)
{
	char link[64], place[PATH_MAX];
	struct stat s;
	bool above = false;
	int error;

	if (fstat(fd, &s) != 0)
		return sl_fail(errors, errno, "plugin %s: cannot stat it: %s", path,
			       strerror(errno));
	if (!S_ISREG(s.st_mode))
		return sl_fail(errors, EINVAL, "plugin %s: not a regular file but %s", path,
			       S_ISDIR(s.st_mode) ? "a folder" : "something else");
	/* The real place, past symbolic links: what the descriptor has open. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (!read_name(link, place))
		return sl_fail(errors, EINVAL, "plugin %s: cannot tell where it stands: %s", path,
			       strerror(errno));
	error = check(&s, "the file", path, place, false, errors);
	while (error == 0 && to_parent(place)) {
		if (stat(place, &s) != 0)
			return sl_fail(errors, errno, "plugin %s: cannot stat folder %s: %s", path,
				       place, strerror(errno));
		error = check(&s, "its folder", path, place, above, errors);
		above = true;
	}
	return error;
}
