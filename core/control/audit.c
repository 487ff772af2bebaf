/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>

#include <core/control/audit.h>

struct sl_audit {
	uint64_t count; /* ever */
	struct sl_audit_entry entries[SL_AUDIT];
};

struct sl_audit *sl_audit_new(void)
{
	return calloc(1, sizeof(struct sl_audit));
}

void sl_audit_free(struct sl_audit *audit)
{
	free(audit);
}

void sl_audit_add(struct sl_audit *audit, const struct sl_audit_entry *entry)
{
	struct sl_audit_entry *place = &audit->entries[audit->count % SL_AUDIT];

	*place = *entry;
	place->number = ++audit->count;
}

const struct sl_audit_entry *sl_audit_get(const struct sl_audit *audit, unsigned int i)
{
	uint64_t first = audit->count > SL_AUDIT ? audit->count - SL_AUDIT : 0;

	return i < audit->count - first ? &audit->entries[(first + i) % SL_AUDIT] : NULL;
}
