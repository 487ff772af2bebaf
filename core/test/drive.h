/* SPDX-License-Identifier: BSD-3-Clause */
/* Running one chain test on a real engine, in this process, which can do so once. */
#ifndef CORE_TEST_DRIVE_H
#define CORE_TEST_DRIVE_H

#include <core/host/config.h>
#include <core/test/case.h>

/* Failures go to `out`, each with its place. fusion: enum sl_fusion_mode, -1: as the chain says.
 * The number of failures; -1: the test could not be run (with messages). */
int sl_test_drive(struct sl_test_case *test, const struct sl_host_config *config,
		  struct sl_registry *registry, int fusion, FILE *out, struct sl_errors *errors);

#endif
