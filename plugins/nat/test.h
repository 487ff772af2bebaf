/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of NAT by example share: packets one by one, and where they went. */
#ifndef NAT_TEST_H
#define NAT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_byteorder.h>

#include <tests/unit/harness.h>

#define SECOND 1000000000ull

static const struct sl_node_type *type;

__rte_unused static int load(void **state)
{
	void *handle = dlopen(SL_BUILD_DIR "/plugins/nat.so", RTLD_NOW | RTLD_LOCAL);
	const struct sl_plugin *plugin;

	if (handle == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	plugin = (const struct sl_plugin *)dlsym(handle, "sl_plugin");
	type = &plugin->types[0];
	return 0;
}

__rte_unused static struct rte_mbuf *packet(uint8_t proto, const char *from, uint16_t sport,
					    const char *to, uint16_t dport)
{
	return SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
			      .dport = dport, .length = 40);
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

__rte_unused static const struct rte_mbuf *out(struct sl_test *t, enum sl_side from, uint8_t edge)
{
	assert_true(sl_test_count(t, from, edge) >= 1);
	return sl_test_out(t, from, edge, 0);
}

/* Send from inside; the outside port it got, host order. */
__rte_unused static uint16_t send_out(struct sl_test *t, uint8_t proto, const char *from,
				      uint16_t sport, const char *to, uint16_t dport)
{
	struct rte_mbuf *m =
		proto == IPPROTO_TCP
			? SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
					 .dport = dport, .tcp_flags = RTE_TCP_SYN_FLAG)
			: packet(proto, from, sport, to, dport);

	assert_int_equal(sl_test_one(t, SL_INSIDE, m), SL_ON);
	return rte_be_to_cpu_16(sl_udp(out(t, SL_INSIDE, SL_ON))->src_port);
}

/* Send from outside; the edge. */
__rte_unused static int send_in(struct sl_test *t, uint8_t proto, const char *from, uint16_t sport,
				const char *to, uint16_t dport, uint8_t tcp_flags)
{
	return sl_test_one(t, SL_OUTSIDE,
			   SL_TEST_PACKET(.proto = proto, .from = from, .to = to, .sport = sport,
					  .dport = dport, .tcp_flags = tcp_flags, .length = 40));
}

__rte_unused static void expect_text(struct sl_test *t, enum sl_side from, uint8_t edge,
				     const char *format, ...) __attribute__((format(printf, 4, 5)));
__rte_unused static void expect_text(struct sl_test *t, enum sl_side from, uint8_t edge,
				     const char *format, ...)
{
	char text[120];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	assert_string_equal(sl_test_text(out(t, from, edge)), text);
}

#define BASE "inside: 10.0.0.0/8\npool: 198.51.100.1\n"
#define POOL "198.51.100.1"
#define HOST "10.0.0.1"
#define FAR  "192.0.2.1"

/* Time, with the tick at work often enough. */
__rte_unused static void pass_hours(struct sl_test *t, uint64_t seconds)
{
	for (uint64_t at = 0; at < seconds; at += 60)
		sl_test_advance(t, RTE_MIN(seconds - at, 60u) * SECOND);
}

#endif
