/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the harness share. */
#ifndef TESTS_UNIT_HARNESS_RIG_H
#define TESTS_UNIT_HARNESS_RIG_H

#include <tests/unit/harness.h>

/* Bytes a packet buffer has room for after its headroom. */
#define SL_TEST_ROOM 9600

struct rte_mempool *sl_test_pool(void);
void sl_test_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
/* What is wrong with the parsed fields alone. */
const char *sl_test_wrong_fields(struct rte_mbuf *m);

/* A configuration struct read from YAML by its parameter table. NULL with
 * messages, whose places are valid as long as it. paths: what may be named, NULL-ended, or NULL;
 * first_edge: the edge that leads to the first of them. */
struct sl_test_config;
struct sl_test_config *sl_test_config_read(const struct sl_param *params, size_t size,
					   const char *yaml, const char *const *paths,
					   uint32_t first_edge, struct sl_errors *errors);
const void *sl_test_config_struct(const struct sl_test_config *config);
void sl_test_config_free(struct sl_test_config *config);

#endif
