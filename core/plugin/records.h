/* SPDX-License-Identifier: BSD-3-Clause */
/* The records of one slice, as export_state() leaves them: each behind its size. */
#ifndef CORE_PLUGIN_RECORDS_H
#define CORE_PLUGIN_RECORDS_H

#include <sluice/state.h>

/* Bytes of a slice: some tens of microseconds of a worker. */
#define SL_RECORDS_ROOM ((size_t)8192)

struct sl_records {
	struct sl_export slice;
	uint64_t bytes[SL_RECORDS_ROOM / 8];
};

/* Before export_state(). The cursor stays. */
void sl_records_empty(struct sl_records *records);
/* The record that begins at *at, which moves behind it; *at is 0 at first. NULL: no more. */
const void *sl_records_next(const struct sl_records *records, size_t *at, uint32_t *size);

#endif
