/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One check of one backend, by the kernel's sockets: begun, then looked at again and again until
 * it says good or bad. Nothing here blocks.
 */
#include <errno.h>
#include <netinet/icmp6.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load_balancer.h"

enum phase { CONNECTING, ANSWERING };

/* What an echo request of ours carries, to know its reply by. */
struct payload {
	uint64_t nonce;
	uint16_t slot, sequence;
	uint32_t zero;
};

struct echo {
	struct rte_icmp_hdr icmp;
	struct payload payload;
};

static void say(struct lb_check *check, const char *text)
{
	snprintf(check->result, sizeof(check->result), "%s", text);
}

static enum lb_probe_result failed(struct lb_check *check, int error)
{
	say(check, strerror(error));
	return LB_PROBE_BAD;
}

static socklen_t socket_address(const struct sl_addr *addr, uint16_t port,
				struct sockaddr_storage *to)
{
	memset(to, 0, sizeof(*to));
	if (addr->family == SL_FAMILY_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)to;

		in->sin_family = AF_INET;
		in->sin_port = rte_cpu_to_be_16(port);
		in->sin_addr.s_addr = addr->v4;
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = rte_cpu_to_be_16(port);
	memcpy(&in6->sin6_addr, addr->bytes, 16);
	return sizeof(*in6);
}

/* ---- ICMP echo ---- */

/* Echo sockets where the system lets us have them, else raw ones. */
int sl_lb_probe_open(struct lb_probes *probes, bool ipv6, struct sl_errors *errors)
{
	int family = ipv6 ? AF_INET6 : AF_INET, proto = ipv6 ? (int)IPPROTO_ICMPV6 : IPPROTO_ICMP;
	int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);

	probes->raw[ipv6] = fd < 0;
	if (fd < 0)
		fd = socket(family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
	if (fd < 0)
		return sl_fail(errors, errno,
			       "checks of kind icmp need CAP_NET_RAW, or a group within "
			       "net.ipv4.ping_group_range: %s",
			       strerror(errno));
	if (probes->nonce == 0 &&
	    getrandom(&probes->nonce, sizeof(probes->nonce), GRND_NONBLOCK) < 0)
		probes->nonce = sl_lb_clock() | 1;
	probes->icmp[ipv6] = fd;
	return 0;
}

void sl_lb_probe_close(struct lb_probes *probes)
{
	for (unsigned int i = 0; i < 2; i++) {
		if (probes->icmp[i] >= 0)
			close(probes->icmp[i]);
		probes->icmp[i] = -1;
	}
}

static enum lb_probe_result start_echo(const struct lb_probes *probes,
				       const struct lb_probe_target *target, struct lb_check *check)
{
	bool ipv6 = target->addr.family == SL_FAMILY_IPV6;
	struct sockaddr_storage to;
	socklen_t size = socket_address(&target->addr, 0, &to);
	struct echo echo;

	memset(&echo, 0, sizeof(echo));
	check->sequence++;
	check->phase = CONNECTING;
	echo.icmp.icmp_type = ipv6 ? ICMP6_ECHO_REQUEST : RTE_IP_ICMP_ECHO_REQUEST;
	echo.icmp.icmp_ident = (uint16_t)probes->nonce;
	echo.icmp.icmp_seq_nb = rte_cpu_to_be_16(check->sequence);
	echo.payload = (struct payload){
		.nonce = probes->nonce, .slot = target->slot, .sequence = check->sequence};
	if (!ipv6) /* the kernel does that of ICMPv6, and of echo sockets */
		echo.icmp.icmp_cksum = (uint16_t)~rte_raw_cksum(&echo, sizeof(echo));
	if (sendto(probes->icmp[ipv6], &echo, sizeof(echo), MSG_NOSIGNAL, (struct sockaddr *)&to,
		   size) < 0)
		return failed(check, errno);
	return LB_PROBE_BUSY;
}

bool sl_lb_probe_reply(struct lb_probes *probes, unsigned int family, uint16_t *slot,
		       uint16_t *sequence)
{
	uint8_t reply = family == 1 ? ICMP6_ECHO_REPLY : RTE_IP_ICMP_ECHO_REPLY;
	uint8_t buffer[256];

	if (probes->icmp[family] < 0)
		return false;
	for (;;) {
		ssize_t length = recv(probes->icmp[family], buffer, sizeof(buffer), MSG_DONTWAIT);
		size_t at = 0;
		struct echo echo;

		/* An error of an earlier packet is reported once, and then there is none. */
		if (length < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			continue;
		if (length < 0)
			return false;
		if (family == 0 && probes->raw[0] && length > 0) /* with the IP header */
			at = (buffer[0] & 15u) * 4u;
		if ((size_t)length < at + sizeof(echo))
			continue;
		memcpy(&echo, buffer + at, sizeof(echo));
		if (echo.icmp.icmp_type != reply || echo.payload.nonce != probes->nonce)
			continue;
		*slot = echo.payload.slot;
		*sequence = echo.payload.sequence;
		return true;
	}
}

/* ---- TCP and HTTP ---- */

static enum lb_probe_result start_connection(const struct lb_probe_target *target,
					     struct lb_check *check)
{
	struct sockaddr_storage to;
	socklen_t size = socket_address(&target->addr, target->port, &to);

	check->phase = CONNECTING;
	check->length = 0;
	check->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (check->fd < 0)
		return failed(check, errno);
	if (connect(check->fd, (struct sockaddr *)&to, size) < 0 && errno != EINPROGRESS)
		return failed(check, errno);
	return LB_PROBE_BUSY;
}

/* Whether the descriptor can be written (connected, or failed) or read. */
static bool ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};

	return poll(&p, 1, 0) > 0;
}

static enum lb_probe_result ask(const struct lb_probe_target *target, struct lb_check *check)
{
	char host[SL_ADDR_TEXT], request[1024];
	const char *name = target->health->host;
	bool literal = name == NULL && target->addr.family == SL_FAMILY_IPV6;
	int length;

	if (name == NULL)
		name = sl_addr_format(&target->addr, host);
	length = snprintf(request, sizeof(request),
			  "GET %s HTTP/1.1\r\nHost: %s%s%s\r\nUser-Agent: sluice\r\n"
			  "Accept: */*\r\nConnection: close\r\n\r\n",
			  target->health->path, literal ? "[" : "", name, literal ? "]" : "");
	if (length >= (int)sizeof(request))
		return failed(check, EMSGSIZE);
	if (send(check->fd, request, (size_t)length, MSG_NOSIGNAL) != length)
		return failed(check, errno);
	check->phase = ANSWERING;
	return LB_PROBE_BUSY;
}

static bool expected(const struct lb_health_config *health, unsigned int status)
{
	for (uint32_t i = 0; i < health->status.count; i++) {
		const struct sl_span *span = SL_ITEM(&health->status, struct sl_span, i);

		if (status >= span->first && status <= span->last)
			return true;
	}
	return health->status.count == 0 && status >= 200 && status <= 399;
}

/* RFC 9112 section 4: HTTP/1.1, a space, three digits. */
static enum lb_probe_result read_status(const struct lb_probe_target *target,
					struct lb_check *check)
{
	size_t room = sizeof(check->text) - 1 - check->length;
	ssize_t got = recv(check->fd, check->text + check->length, room, MSG_DONTWAIT);
	unsigned int status;

	if (got < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? LB_PROBE_BUSY
							       : failed(check, errno);
	check->length += (uint16_t)got;
	check->text[check->length] = '\0';
	if (check->length < sizeof("HTTP/1.1 200") - 1) {
		if (got > 0)
			return LB_PROBE_BUSY;
		say(check, "the connection was closed before a status came");
		return LB_PROBE_BAD;
	}
	if (strncmp(check->text, "HTTP/1.", 7) != 0 || check->text[8] != ' ') {
		say(check, "that is not HTTP");
		return LB_PROBE_BAD;
	}
	status = (unsigned int)strtoul(check->text + 9, NULL, 10);
	snprintf(check->result, sizeof(check->result), "status %u", status);
	return expected(target->health, status) ? LB_PROBE_GOOD : LB_PROBE_BAD;
}

/* ---- Any of them ---- */

enum lb_probe_result sl_lb_probe_start(struct lb_probes *probes,
				       const struct lb_probe_target *target, struct lb_check *check)
{
	return target->health->kind == LB_PROBE_ICMP ? start_echo(probes, target, check)
						     : start_connection(target, check);
}

enum lb_probe_result sl_lb_probe_go_on(const struct lb_probe_target *target, struct lb_check *check)
{
	int error = 0;
	socklen_t size = sizeof(error);

	if (target->health->kind == LB_PROBE_ICMP) {
		if (check->phase == CONNECTING)
			return LB_PROBE_BUSY;
		say(check, "echo reply");
		return LB_PROBE_GOOD;
	}
	if (check->phase == ANSWERING)
		return read_status(target, check);
	if (!ready(check->fd, POLLOUT))
		return LB_PROBE_BUSY;
	if (getsockopt(check->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		error = errno;
	if (error != 0)
		return failed(check, error);
	if (target->health->kind == LB_PROBE_HTTP)
		return ask(target, check);
	say(check, "connected");
	return LB_PROBE_GOOD;
}
