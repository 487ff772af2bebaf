/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the harness share. */
#ifndef TESTS_UNIT_HARNESS_RIG_H
#define TESTS_UNIT_HARNESS_RIG_H

#include <core/flow/flow.h>
#include <core/worker/worker.h>
#include <tests/unit/harness.h>

/* Bytes a packet buffer has room for after its headroom. */
#define SL_TEST_ROOM 9600

#define SL_TEST_TRAPS 2 /* hops before the traps: one each way */

/* A packet that left the instance. */
struct sl_test_caught {
	struct rte_mbuf *m;
	uint8_t from, edge;
};

struct sl_test_event {
	uint32_t event, size;
	uint8_t data[96];
};

struct sl_test {
	const struct sl_node_type *type;
	struct sl_test_config *config;
	const char *const *paths;
	struct sl_instance *instance, *trap, *fuse;
	struct sl_graph *graphs[SL_MAX_WORKERS];
	struct sl_fusion *fusion[SL_MAX_WORKERS]; /* NULL: what is said on trails is not heard */
	struct sl_fusion_control control;
	uint16_t entry; /* hop that packets from inside are pushed to; the next: from outside */
	uint64_t pushed[SL_MAX_WORKERS];
	uint32_t workers, worker;
	uint64_t now;
	bool any_bytes;
	uint8_t edge_count, own_path;
	struct sl_test_caught *caught;
	unsigned int caught_count, caught_room;
	struct sl_test_event *events;
	unsigned int event_count;
};

struct rte_mempool *sl_test_pool(void);
void sl_test_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* All messages, one a line; the caller frees. */
char *sl_test_messages(struct sl_errors *errors);
unsigned int sl_test_name_count(const struct sl_name *names);
/* What is wrong with the parsed fields alone. */
const char *sl_test_wrong_fields(struct rte_mbuf *m);

/* A configuration struct read from YAML by its parameter table. NULL with
 * messages, whose places are valid as long as it. paths: what may be named, NULL-ended, or NULL;
 * first_edge: the edge that leads to the first of them. */
struct sl_test_config *sl_test_config_read(const struct sl_param *params, size_t size,
					   const char *yaml, const char *const *paths,
					   uint32_t first_edge, struct sl_errors *errors);
const void *sl_test_config_struct(const struct sl_test_config *config);
void sl_test_config_free(struct sl_test_config *config);

#endif
