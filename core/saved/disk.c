/* SPDX-License-Identifier: BSD-3-Clause */
/* Files that hold state: they may hold who talked to whom, and whoever can write them decides what
 * a firewall lets through. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/saved/saved.h>

#define MODE 0600
/* In the name of a file that is being written: `.NAME.saving.PID`. */
#define WRITING ".saving."

int sl_saved_file_open(const char *path, uid_t also, struct sl_errors *errors)
{
	/* Not to wait for the other end of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat s;
	int err = 0;

	if (fd < 0)
		return sl_fail(errors, errno, "%s: %s", path, strerror(errno));
	if (fstat(fd, &s) != 0)
		err = sl_fail(errors, errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(s.st_mode))
		err = sl_fail(errors, EINVAL, "%s: it is no regular file", path);
	else if (s.st_uid != 0 && s.st_uid != geteuid() && s.st_uid != also)
		err = sl_fail(errors, EPERM,
			      "%s: it belongs to user %u, who could have written anything into it; "
			      "it must be root's or that of the user that sluice runs as",
			      path, (unsigned int)s.st_uid);
	else if (s.st_mode & (S_IWGRP | S_IWOTH))
		err = sl_fail(errors, EPERM,
			      "%s: others may write it (mode %04o); run `chmod go-w %s` if it can "
			      "be trusted",
			      path, (unsigned int)(s.st_mode & 07777), path);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}

struct sl_saved_file {
	char *path, *folder; /* as given */
	char *name;          /* in the folder */
	char temporary[NAME_MAX + 1];
	int in; /* the folder */
	int fd;
	bool named; /* `temporary` is in the folder */
};

static int fail(const struct sl_saved_file *file, int code, struct sl_errors *errors)
{
	return sl_fail(errors, code, "%s: %s", file->path, strerror(code));
}

/* Renaming would put a file in place of a device or a folder. */
static int check_target(const struct sl_saved_file *file, struct sl_errors *errors)
{
	struct stat s;

	if (fstatat(file->in, file->name, &s, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : fail(file, errno, errors);
	if (S_ISREG(s.st_mode))
		return 0;
	return sl_fail(errors, EEXIST, "%s: there is something of that name that is no file",
		       file->path);
}

/* Whether a name in the folder is one that a writer of this file gives for the time being. */
static bool is_temporary(const struct sl_saved_file *file, const char *name)
{
	size_t length = strlen(file->name);

	if (name[0] != '.' || strncmp(name + 1, file->name, length) != 0 ||
	    strncmp(name + length + 1, WRITING, sizeof(WRITING) - 1) != 0)
		return false;
	name += length + sizeof(WRITING);
	return name[0] != '\0' && name[strspn(name, "0123456789")] == '\0';
}

/* Writers lock what they write: what is not locked is of one that was killed before it could
 * rename or remove it. */
static void clear_away(const struct sl_saved_file *file)
{
	DIR *folder = fdopendir(openat(file->in, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;

	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		struct stat s;
		int fd;

		if (!is_temporary(file, entry->d_name))
			continue;
		fd = openat(file->in, entry->d_name,
			    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			continue;
		if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) && flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(file->in, entry->d_name, 0);
		close(fd);
	}
	if (folder != NULL)
		closedir(folder);
}

static int open_target(struct sl_saved_file *file, struct sl_errors *errors)
{
	int err;

	file->in = open(file->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file->in < 0)
		return fail(file, errno, errors);
	err = check_target(file, errors);
	if (err != 0)
		return err;
	if (snprintf(file->temporary, sizeof(file->temporary), ".%s%s%d", file->name, WRITING,
		     (int)getpid()) >= (int)sizeof(file->temporary))
		return fail(file, ENAMETOOLONG, errors);
	clear_away(file);
	/* Without a name it ends with its process. */
	file->fd = openat(file->in, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);
	if (file->fd < 0) {
		/* Some file systems have no such files. */
		file->fd = openat(file->in, file->temporary,
				  O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, MODE);
		file->named = file->fd >= 0;
	}
	if (file->fd < 0)
		return fail(file, errno, errors);
	/* Where there are no locks, others have none to see either. */
	(void)flock(file->fd, LOCK_EX | LOCK_NB);
	return 0;
}

struct sl_saved_file *sl_saved_file_new(const char *path, struct sl_errors *errors)
{
	struct sl_saved_file *file = calloc(1, sizeof(*file));
	char *copy = strdup(path), *other = strdup(path);

	if (file != NULL) {
		file->in = file->fd = -1;
		file->path = strdup(path);
		file->folder = copy != NULL ? strdup(dirname(copy)) : NULL;
		file->name = other != NULL ? strdup(basename(other)) : NULL;
	}
	free(copy);
	free(other);
	if (file == NULL || file->path == NULL || file->folder == NULL || file->name == NULL)
		sl_fail(errors, ENOMEM, "%s: out of memory", path);
	else if (open_target(file, errors) == 0)
		return file;
	sl_saved_file_free(file);
	return NULL;
}

int sl_saved_file_fd(const struct sl_saved_file *file)
{
	return file->fd;
}

static int give_name(struct sl_saved_file *file)
{
	char self[64];

	if (file->named)
		return 0;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", file->fd);
	if (linkat(AT_FDCWD, self, file->in, file->temporary, AT_SYMLINK_FOLLOW) != 0)
		return -errno;
	file->named = true;
	return 0;
}

int sl_saved_file_keep(struct sl_saved_file *file, struct sl_errors *errors)
{
	int err;

	/* First the bytes, then the name, then the folder that has the name. */
	if (fsync(file->fd) != 0)
		return fail(file, errno, errors);
	err = give_name(file);
	if (err != 0)
		return fail(file, -err, errors);
	if (renameat(file->in, file->temporary, file->in, file->name) != 0)
		return fail(file, errno, errors);
	file->named = false;
	if (fsync(file->in) != 0)
		return fail(file, errno, errors);
	return 0;
}

void sl_saved_file_free(struct sl_saved_file *file)
{
	if (file == NULL)
		return;
	if (file->named)
		unlinkat(file->in, file->temporary, 0);
	if (file->fd >= 0)
		close(file->fd);
	if (file->in >= 0)
		close(file->in);
	free(file->path);
	free(file->folder);
	free(file->name);
	free(file);
}
