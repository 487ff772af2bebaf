/* SPDX-License-Identifier: BSD-3-Clause */
/* What chain files may be made of: UTF-8 (RFC 3629). */
#ifndef CORE_CHAIN_UTF8_H
#define CORE_CHAIN_UTF8_H

#include <stddef.h>

/* Length of the character that starts there, in bytes; 0: none does. left: bytes that may be
 * looked at, at least 1. */
size_t sl_utf8_length(const unsigned char *s, size_t left);
/* Offset of the first byte that is no UTF-8; size: all of it is. */
size_t sl_utf8_check(const char *bytes, size_t size);

#endif
