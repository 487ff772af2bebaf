/* SPDX-License-Identifier: BSD-3-Clause */
/* Shared by the firewall's tests: the plugin as it is built, and short names. */
#ifndef PLUGINS_FIREWALL_TEST_FIREWALL_H
#define PLUGINS_FIREWALL_TEST_FIREWALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <dlfcn.h>

#include <rte_icmp.h>

#include <tests/unit/harness.h>

#include "firewall.h"

#define SECOND UINT64_C(1000000000)

static inline const struct sl_node_type *firewall_type(void)
{
	static const struct sl_plugin *plugin;

	if (plugin == NULL) {
		void *handle = dlopen(SL_BUILD_DIR "/plugins/firewall.so", RTLD_NOW | RTLD_LOCAL);

		assert_non_null(handle);
		plugin = dlsym(handle, "sl_plugin");
		assert_non_null(plugin);
	}
	return &plugin->types[0];
}

/* Push one packet and expect where it goes. */
#define EXPECT(t, side, where, ...) \
	assert_int_equal(sl_test_one(t, side, SL_TEST_PACKET(__VA_ARGS__)), where)

/* How many sessions the table of IPv4 holds. */
static inline unsigned int open_sessions(struct sl_test *t)
{
	struct fw_worker *worker = sl_test_node(t, SL_INSIDE)->state;

	return worker->tables[FW_LANE4].used;
}

#endif
