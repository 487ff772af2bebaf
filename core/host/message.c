/* SPDX-License-Identifier: BSD-3-Clause */
/* What is said during a hand-over: messages of one size, and files with them. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <core/host/hand_over.h>

#define MAGIC    0x534c484fu
#define PROTOCOL 1
#define ROUND_MS 1
/* For the socket's buffer to take a message: the other side reads. */
#define SEND_MS 5000

static const char *const names[] = {
	[SL_HELLO] = "hello", [SL_BEGIN] = "begin",   [SL_ALL] = "all state",
	[SL_STOP] = "stop",   [SL_PAUSED] = "paused", [SL_REST] = "the rest of the state",
	[SL_READY] = "ready", [SL_YOURS] = "yours",   [SL_FAILED] = "failed",
};

/* Room for the files of one message, aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	char bytes[CMSG_SPACE(SL_HAND_OVER_FILES * sizeof(int))];
};

int sl_hand_over_send(int fd, enum sl_hand_over_kind kind, uint64_t number, const char *text,
		      const int *files, unsigned int count)
{
	struct sl_hand_over_message message = {
		.magic = MAGIC, .protocol = PROTOCOL, .kind = kind, .number = number};
	struct iovec part = {&message, sizeof(message)};
	struct msghdr head = {.msg_iov = &part, .msg_iovlen = 1};
	union control control = {.bytes = {0}};

	snprintf(message.text, sizeof(message.text), "%s", text != NULL ? text : "");
	if (count > 0) {
		head.msg_control = control.bytes;
		head.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), files, count * sizeof(int));
	}
	while (part.iov_len > 0) {
		struct pollfd ready = {.fd = fd, .events = POLLOUT};
		ssize_t did = sendmsg(fd, &head, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (did < 0 && errno == EINTR)
			continue;
		if (did < 0 && errno != EAGAIN)
			return -errno;
		if (did < 0 && poll(&ready, 1, SEND_MS) <= 0)
			return -ETIMEDOUT;
		if (did <= 0)
			continue;
		part.iov_base = (char *)part.iov_base + did;
		part.iov_len -= (size_t)did;
		/* Files go with the first byte. */
		head.msg_control = NULL;
		head.msg_controllen = 0;
	}
	return 0;
}

struct receiving {
	struct sl_hand_over_message *message;
	size_t got;
	int files[SL_HAND_OVER_FILES];
	unsigned int count;
};

static void close_files(struct receiving *r)
{
	while (r->count > 0)
		close(r->files[--r->count]);
}

static void keep_files(struct receiving *r, struct msghdr *head)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(head); c != NULL; c = CMSG_NXTHDR(head, c)) {
		size_t size = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= size; at += sizeof(int)) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + at, sizeof(fd));
			if (r->count < SL_HAND_OVER_FILES)
				r->files[r->count++] = fd;
			else
				close(fd);
		}
	}
}

/* 1: whole; 0: not yet; or -errno. */
static int receive_some(int fd, struct receiving *r)
{
	union control control;
	struct iovec part = {(char *)r->message + r->got, sizeof(*r->message) - r->got};
	struct msghdr head = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t did = recvmsg(fd, &head, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (did < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (did == 0)
		return -ECONNRESET;
	keep_files(r, &head);
	r->got += (size_t)did;
	return r->got == sizeof(*r->message);
}

static int wait_for(int fd, const struct sl_hand_over_wait *wait, struct receiving *r)
{
	uint64_t give_up = rte_rdtsc() + rte_get_tsc_hz() / 1000 * wait->timeout_ms;

	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int got = receive_some(fd, r);

		if (got != 0)
			return got < 0 ? got : 0;
		if (wait->tend != NULL && wait->tend(wait->context) != 0)
			return -EINTR;
		if (rte_rdtsc() > give_up)
			return -ETIMEDOUT;
		poll(&ready, 1, ROUND_MS);
	}
}

static int understand(const struct sl_hand_over_wait *wait, struct receiving *r, unsigned int count,
		      struct sl_errors *errors)
{
	struct sl_hand_over_message *m = r->message;

	m->text[sizeof(m->text) - 1] = '\0';
	if (m->magic != MAGIC)
		return sl_fail(errors, EPROTO, "hand-over: the other side is not sluice");
	if (m->protocol != PROTOCOL)
		return sl_fail(errors, EPROTO,
			       "hand-over: the other sluice (%s) speaks another protocol (%u, this "
			       "one %d); use `sluice save` and `run --restore`",
			       m->text, m->protocol, PROTOCOL);
	if (m->kind == SL_FAILED)
		return sl_fail(errors, ECANCELED, "hand-over: the other side says: %s", m->text);
	if (m->kind != (uint32_t)wait->kind || r->count != count)
		return sl_fail(errors, EPROTO,
			       "hand-over: `%s` was expected with %u files, and message %u came "
			       "with %u",
			       names[wait->kind], count, m->kind, r->count);
	return 0;
}

int sl_hand_over_receive(int fd, const struct sl_hand_over_wait *wait,
			 struct sl_hand_over_message *message, int *files, unsigned int count,
			 struct sl_errors *errors)
{
	struct receiving r = {.message = message};
	int err = wait_for(fd, wait, &r);

	if (err == -ECONNRESET)
		sl_fail(errors, ECONNRESET, "hand-over: the other side has ended, instead of `%s`",
			names[wait->kind]);
	else if (err == -ETIMEDOUT)
		sl_fail(errors, ETIMEDOUT, "hand-over: no `%s` in %u ms", names[wait->kind],
			wait->timeout_ms);
	else if (err != 0)
		sl_fail(errors, -err, "hand-over: waiting for `%s`: %s", names[wait->kind],
			strerror(-err));
	else
		err = understand(wait, &r, count, errors);
	if (err != 0)
		close_files(&r);
	else if (count > 0)
		memcpy(files, r.files, count * sizeof(int));
	return err;
}
