/* SPDX-License-Identifier: BSD-3-Clause */
/* What was asked that changes something: by whom, and what came of it. Main thread. */
#ifndef CORE_CONTROL_AUDIT_H
#define CORE_CONTROL_AUDIT_H

#include <stdint.h>
#include <time.h>

#include <core/control/peer.h>

/* Requests that are kept. */
#define SL_AUDIT 256

struct sl_audit;

struct sl_audit_entry {
	uint64_t number; /* 1, 2, ... since sluice started */
	time_t when;
	struct sl_peer who;
	char what[128];      /* "POST /v1/apply" */
	char arguments[256]; /* "file=a.yaml text=(712 bytes)" */
	unsigned int status; /* of HTTP: 200 done, 403 refused, ... */
	char result[256];    /* what was wrong, or "" */
};

/* NULL: out of memory. */
struct sl_audit *sl_audit_new(void);
void sl_audit_free(struct sl_audit *audit);
/* Copied, with the next number. */
void sl_audit_add(struct sl_audit *audit, const struct sl_audit_entry *entry);
/* The i-th of those kept, from the oldest on; NULL beyond the last. */
const struct sl_audit_entry *sl_audit_get(const struct sl_audit *audit, unsigned int i);

#endif
