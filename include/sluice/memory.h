/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Memory of an instance. Everything an instance allocates comes from its own arena: the engine
 * knows how much it uses, can cap it, and takes all of it back when the instance is gone,
 * whether or not the plugin freed it.
 *
 * None of these may be called from process(): the packet path does not allocate. Size tables
 * in create() or worker_init().
 */
#ifndef SLUICE_MEMORY_H
#define SLUICE_MEMORY_H

#include <stddef.h>

#include <sluice/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sl_instance;

/**
 * Allocate zeroed memory, aligned to a cache line (64 bytes).
 * @return the memory, or NULL when there is none left or the instance's cap is reached
 * Main thread only. Owned by the instance.
 */
SL_PUBLIC void *sl_alloc(struct sl_instance *instance, size_t size);

/** Free what sl_alloc() gave; NULL is allowed. Main thread only. */
SL_PUBLIC void sl_free(struct sl_instance *instance, void *memory);

/**
 * Allocate zeroed memory for a large table (megabytes): from hugepages where there are any,
 * aligned to 2 MiB. Counts against the instance's cap.
 * @return the memory, or NULL. Main thread only. Owned by the instance.
 */
SL_PUBLIC void *sl_alloc_table(struct sl_instance *instance, size_t size);

/** Free what sl_alloc_table() gave; NULL is allowed. Main thread only. */
SL_PUBLIC void sl_free_table(struct sl_instance *instance, void *memory);

#ifdef __cplusplus
}
#endif
#endif
