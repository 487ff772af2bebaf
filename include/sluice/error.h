/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * Errors with a place. An error sink collects every problem found, so that a user sees all of
 * them at once; whoever opened the sink prints them, once.
 */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/** Marks a function or variable that plugins may use; all else in the program is hidden. */
#define SL_PUBLIC __attribute__((visibility("default")))

/** A sink of errors. Opaque; owned by the engine, valid during the callback it was given to. */
struct sl_errors;

/**
 * Report a problem that has no place in a file (out of memory, a device that will not open).
 *
 * @param errors  the sink; NULL is allowed and only loses the message
 * @param code    a positive errno value that says what kind of problem it is
 * @param format  printf format: what happened, and what to do about it; no trailing newline
 * @return -code, so that a callback can say `return sl_fail(errors, ENOMEM, "...")`
 *
 * Main thread only.
 */
SL_PUBLIC int sl_fail(struct sl_errors *errors, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * Report a problem with one value of the configuration.
 *
 * @param errors  the sink
 * @param field   address of the offending field inside the configuration struct the callback
 *                was given (any nested struct or list element too); the engine knows which
 *                line and column of which file it came from
 * @param format  printf format: what is wrong and what was expected
 * @return -EINVAL
 *
 * Main thread only.
 */
SL_PUBLIC int sl_fail_at(struct sl_errors *errors, const void *field, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#ifdef __cplusplus
}
#endif
#endif
