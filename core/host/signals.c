/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <core/host/signals.h>

static void watched(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

int sl_signals_open(struct sl_errors *errors)
{
	sigset_t set;
	int fd;

	watched(&set);
	signal(SIGPIPE, SIG_IGN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return sl_fail(errors, errno, "cannot wait for signals: %s", strerror(errno));
	return fd;
}

int sl_signals_next(int fd)
{
	struct signalfd_siginfo info;

	if (fd < 0 || read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return 0;
	return (int)info.ssi_signo;
}

void sl_signals_close(int fd)
{
	sigset_t set;

	if (fd < 0)
		return;
	close(fd);
	watched(&set);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}
