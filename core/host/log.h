/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log: lines on standard error or in a file. For the main thread and for start-up; workers
 * never log, they count and report events.
 */
#ifndef CORE_HOST_LOG_H
#define CORE_HOST_LOG_H

#include <stdio.h>

enum sl_log_level {
	SL_LOG_ERROR,
	SL_LOG_WARNING,
	SL_LOG_INFO,
	SL_LOG_DEBUG,
};
/* The words for the levels, NULL-ended. */
extern const char *const sl_log_levels[];

/* Log up to this level, to this file (NULL: standard error). Returns 0 or -errno. */
int sl_log_open(enum sl_log_level level, const char *file);
/* After the file was rotated. The old one stays in use when the new one cannot be opened. */
int sl_log_reopen(const char *file);
void sl_log_close(void);
void sl_log(enum sl_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
