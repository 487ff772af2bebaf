/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of the load balancer share: an instance, packets one by one, where they went. */
#ifndef LOAD_BALANCER_TEST_H
#define LOAD_BALANCER_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#define SECOND 1000000000ull
#define CLIENT "198.51.100.7"
#define VIP    "192.0.2.1"

static const struct sl_node_type *type;

__rte_unused static int load(void **state)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/load-balancer.so", RTLD_NOW | RTLD_LOCAL);
	const struct sl_plugin *plugin;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	plugin = (const struct sl_plugin *)dlsym(handle, "sl_plugin");
	type = &plugin->types[0];
	return 0;
}

/* The edge a drop of that name has. */
__rte_unused static int dropped(const char *reason)
{
	for (int i = 0; type->reasons[i].name != NULL; i++)
		if (strcmp(type->reasons[i].name, reason) == 0)
			return SL_DROP(i);
	fail_msg("no reason %s", reason);
	return -1;
}

/* Send from that side; the edge. */
__rte_unused static int send_packet(struct sl_test *t, enum sl_side side, uint8_t proto,
				    const char *from, uint16_t sport, const char *to,
				    uint16_t dport, uint8_t tcp_flags)
{
	return sl_test_one(t, side,
			   SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
					  .dport = dport, .tcp_flags = tcp_flags, .length = 40));
}

/* The only packet that left by that edge. */
__rte_unused static const struct rte_mbuf *out(struct sl_test *t, enum sl_side from, uint8_t edge)
{
	assert_int_equal(sl_test_count(t, from, edge), 1);
	return sl_test_out(t, from, edge, 0);
}

/* A SYN from a client; to which host (the last byte of the address) it went, or -1. */
__rte_unused static int host_of(struct sl_test *t, const char *from, uint16_t sport, const char *to,
				uint16_t dport, uint8_t tcp_flags)
{
	const struct rte_mbuf *m;
	struct sl_addr source, destination;

	if (send_packet(t, SL_INSIDE, IPPROTO_TCP, from, sport, to, dport, tcp_flags) != SL_ON)
		return -1;
	m = out(t, SL_INSIDE, SL_ON);
	sl_packet_addrs(m, &source, &destination);
	return destination.bytes[destination.family == SL_FAMILY_IPV4 ? 3 : 15];
}

__rte_unused static int syn(struct sl_test *t, uint16_t sport)
{
	return host_of(t, CLIENT, sport, VIP, 80, RTE_TCP_SYN_FLAG);
}

__rte_unused static int ack(struct sl_test *t, uint16_t sport)
{
	return host_of(t, CLIENT, sport, VIP, 80, RTE_TCP_ACK_FLAG);
}

__rte_unused static void expect(struct sl_test *t, enum sl_side from, uint8_t edge,
				const char *text)
{
	assert_string_equal(sl_test_text(out(t, from, edge)), text);
}

/* A number in a command's answer: that of `key` in the object that has `mark` before it. */
__rte_unused static long number(const char *json, const char *mark, const char *key)
{
	const char *at = json != NULL ? strstr(json, mark) : NULL;
	char quoted[64];

	snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	at = at != NULL ? strstr(at, quoted) : NULL;
	if (at == NULL)
		fail_msg("no `%s` after `%s` in %s", key, mark, json);
	return at != NULL ? strtol(at + strlen(quoted), NULL, 10) : 0;
}

/* A service of TCP port 80 at VIP with backends 10.0.0.FIRST to LAST, port 8080. */
__rte_unused static const char *service(unsigned int first, unsigned int last, const char *more,
					const char *instance)
{
	static char text[16384];
	int length = snprintf(text, sizeof(text),
			      "services:\n  - name: web\n    address: 192.0.2.1\n    port: 80\n%s"
			      "    backends:\n",
			      more);

	for (unsigned int i = first; i <= last; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length,
				   "      - {address: 10.0.0.%u, port: 8080}\n", i);
	snprintf(text + length, sizeof(text) - (size_t)length, "%s", instance);
	return text;
}

#endif
