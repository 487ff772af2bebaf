/* SPDX-License-Identifier: BSD-3-Clause */
/* EAL and a pool, as an ordinary user has them; and ports opened from a few fields. */
#ifndef TESTS_EAL_H
#define TESTS_EAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <core/error/errors.h>
#include <core/port/port.h>

#define POOL_SIZE 4095

static struct rte_mempool *pool;
static struct sl_errors *errors;

static inline int eal_setup(void **state)
{
	static const char *const args[] = {"test", "--no-huge", "-m",
					   "256",  "--no-pci",  "--no-shconf",
					   "-l",   "0",         "--log-level=error"};
	char *argv[RTE_DIM(args)];

	if (!pool) {
		memcpy(argv, args, sizeof(argv));
		if (rte_eal_init(RTE_DIM(argv), argv) < 0)
			return -1;
		pool = rte_pktmbuf_pool_create("test", POOL_SIZE, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE,
					       SOCKET_ID_ANY);
	}
	errors = sl_errors_new();
	return pool && errors ? 0 : -1;
}

static inline int eal_teardown(void **state)
{
	sl_errors_free(errors);
	return 0;
}

/* Open and start, or show why not. */
static inline struct sl_port *open_port(const char *name, const char *kind, const void *config,
					const struct sl_port_config *common, uint16_t workers)
{
	static uint16_t index;
	const struct sl_port_kind *k = sl_port_kind_find(kind);
	struct sl_port *port;

	assert_non_null(k);
	port = sl_port_open(name, index++, k, config, common, pool, workers, errors);
	if (!port || sl_port_start(port, errors) < 0) {
		sl_errors_print(errors, stderr);
		fail_msg("%s of kind %s does not open", name, kind);
	}
	return port;
}

/* Every packet is back where it came from. */
static inline void assert_no_leak(void)
{
	assert_int_equal(rte_mempool_avail_count(pool), POOL_SIZE);
}

#endif
