/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/control/stats_file.h>

struct sl_stats_file {
	char *path;
	char *temporary; /* renamed to path in the end; NULL: written in place */
	bool unnamed;    /* it gets that name in the end only: who is killed leaves nothing */
	FILE *out;
};

/* A file without a name in the folder of the file; -1: not on this file system. */
static int open_unnamed(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash != NULL ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd = -1;

	if (folder != NULL && access("/proc/self/fd", X_OK) == 0)
		fd = open(folder, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
	free(folder);
	return fd;
}

static int give_name(const struct sl_stats_file *file)
{
	char from[32];

	if (file->temporary == NULL)
		return 0;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fileno(file->out));
	return linkat(AT_FDCWD, from, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW);
}

/* Beside the file, so that renaming it is one step. A device or pipe is written as it is. */
static int open_file(struct sl_stats_file *file, bool in_place)
{
	struct stat s;
	mode_t mask = umask(0);
	int fd;

	umask(mask);
	if (strcmp(file->path, "-") == 0) {
		fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0);
	} else if (in_place) {
		fd = open(file->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	} else if (stat(file->path, &s) == 0 && !S_ISREG(s.st_mode)) {
		fd = open(file->path, O_WRONLY | O_CLOEXEC);
	} else {
		fd = open_unnamed(file->path);
		file->unnamed = fd >= 0;
		if (asprintf(&file->temporary, file->unnamed ? "%s.%ld" : "%s.XXXXXX", file->path,
			     (long)getpid()) < 0) {
			file->temporary = NULL;
			if (fd >= 0)
				close(fd);
			return -ENOMEM;
		}
		if (!file->unnamed)
			fd = mkostemp(file->temporary, O_CLOEXEC);
		if (!file->unnamed && fd >= 0 && fchmod(fd, 0666 & ~mask) != 0)
			return -errno;
	}
	if (fd < 0) {
		int error = errno;

		free(file->temporary);
		file->temporary = NULL;
		return -error;
	}
	file->out = fdopen(fd, "w");
	return file->out != NULL ? 0 : -errno;
}

struct sl_stats_file *sl_stats_file_open(const char *path, bool in_place, struct sl_errors *errors)
{
	struct sl_stats_file *file = calloc(1, sizeof(*file));
	int error = -ENOMEM;

	if (file != NULL && (file->path = strdup(path)) != NULL)
		error = open_file(file, in_place);
	if (error == 0)
		return file;
	sl_fail(errors, -error, "--stats %s: cannot be written: %s", path, strerror(-error));
	sl_stats_file_close(file);
	return NULL;
}

/* A full disk may show as late as in fsync() or fclose(). */
static int finish(struct sl_stats_file *file, bool written)
{
	int error = written && fflush(file->out) == 0 ? 0 : errno;

	if (error == 0 && file->temporary != NULL && fsync(fileno(file->out)) != 0)
		error = errno;
	if (error == 0 && file->unnamed && give_name(file) != 0)
		error = errno;
	if (fclose(file->out) != 0 && error == 0)
		error = errno;
	file->out = NULL;
	if (error == 0 && file->temporary != NULL && rename(file->temporary, file->path) != 0)
		error = errno;
	if (error == 0) {
		free(file->temporary);
		file->temporary = NULL;
	}
	return -error;
}

int sl_stats_file_write(struct sl_stats_file *file, const json_t *stats, struct sl_errors *errors)
{
	int error;
	bool written;

	errno = 0;
	written = json_dumpf(stats, file->out, JSON_INDENT(1) | JSON_REAL_PRECISION(10)) == 0 &&
		  fputc('\n', file->out) != EOF;
	if (!written && errno == 0)
		errno = EIO;
	error = finish(file, written);
	if (error != 0)
		return sl_fail(errors, -error, "--stats %s: cannot be written: %s", file->path,
			       strerror(-error));
	return 0;
}

void sl_stats_file_close(struct sl_stats_file *file)
{
	if (file == NULL)
		return;
	if (file->out != NULL)
		fclose(file->out);
	if (file->temporary != NULL)
		unlink(file->temporary);
	free(file->temporary);
	free(file->path);
	free(file);
}
