/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <jansson.h>

#include <core/control/upgrade.h>

#define MOST_ANSWER 8192
#define PATIENCE    10 /* seconds */

static int connect_to(const char *path, struct sl_errors *errors)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE};
	int fd, code;

	if (strlen(path) >= sizeof(address.sun_path))
		return sl_fail(errors, ENAMETOOLONG, "control socket %s: the path is too long",
			       path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return sl_fail(errors, errno, "control socket %s: %s", path, strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	code = errno;
	close(fd);
	return sl_fail(errors, code,
		       "no sluice answers at %s: %s; `sluice run` without "
		       "--take-over starts one",
		       path, strerror(code));
}

/* The head of the answer, and what may follow it of a refusal; files may lie behind the head of an
 * upgrade, so not one byte more of that is taken. */
static int read_answer(int fd, char *text, size_t size)
{
	size_t got = 0;

	while (got < size - 1 && (got < 4 || memcmp(text + got - 4, "\r\n\r\n", 4) != 0)) {
		ssize_t did = recv(fd, text + got, 1, 0);

		if (did < 0 && errno == EINTR)
			continue;
		if (did <= 0)
			return did < 0 ? -errno : -ECONNRESET;
		got++;
	}
	text[got] = '\0';
	return 0;
}

static void read_refusal(int fd, char *text, size_t size)
{
	size_t got = 0;
	ssize_t did;

	while (got < size - 1 && (did = recv(fd, text + got, size - 1 - got, 0)) > 0) {
		got += (size_t)did;
		if (text[got - 1] == '}')
			break;
	}
	text[got] = '\0';
}

static int refused(int fd, const char *socket, struct sl_errors *errors)
{
	char text[MOST_ANSWER];
	const char *why;
	json_t *answer;

	read_refusal(fd, text, sizeof(text));
	answer = json_loads(text, 0, NULL);
	why = json_string_value(json_object_get(answer, "error"));
	sl_fail(errors, EPERM, "%s: %s", socket,
		why != NULL ? why : "what answers there does not know of a hand-over");
	json_decref(answer);
	return -EPERM;
}

int sl_client_upgrade(const char *socket, const char *path, const char *protocol,
		      struct sl_errors *errors)
{
	char text[MOST_ANSWER];
	int fd = connect_to(socket, errors), length, err;

	if (fd < 0)
		return fd;
	length = snprintf(text, sizeof(text),
			  "POST %s HTTP/1.1\r\nHost: sluice\r\nConnection: Upgrade\r\nUpgrade: "
			  "%s\r\nContent-Length: 0\r\n\r\n",
			  path, protocol);
	err = send(fd, text, (size_t)length, MSG_NOSIGNAL) == length
		      ? read_answer(fd, text, sizeof(text))
		      : -EIO;
	if (err != 0)
		sl_fail(errors, -err, "%s: %s", socket, strerror(-err));
	else if (strncmp(text, "HTTP/1.1 101 ", 13) != 0)
		err = refused(fd, socket, errors);
	if (err == 0)
		return fd;
	close(fd);
	return err;
}
