/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The file of `sluice run --stats`: there as a whole or not at all. A place to write it is taken
 * at the start, so that what cannot work is known before anything runs.
 */
#ifndef CORE_CONTROL_STATS_FILE_H
#define CORE_CONTROL_STATS_FILE_H

#include <jansson.h>

#include <core/error/errors.h>

struct sl_stats_file;

/* "-": standard output. in_place: write into the file itself; for those who will have given up
 * the right to rename by then. NULL with messages. */
struct sl_stats_file *sl_stats_file_open(const char *path, bool in_place, struct sl_errors *errors);
/* Write it, and give it its name. 0 or -errno with a message. */
int sl_stats_file_write(struct sl_stats_file *file, const json_t *stats, struct sl_errors *errors);
/* What was not written leaves no trace. */
void sl_stats_file_close(struct sl_stats_file *file);

#endif
