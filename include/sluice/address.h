/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * IP addresses of either family, prefixes and ranges, as configuration carries them.
 */
#ifndef SLUICE_ADDRESS_H
#define SLUICE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Which Internet protocol an address belongs to. The values are the IP version numbers. */
enum sl_family {
	SL_FAMILY_ANY = 0,
	SL_FAMILY_IPV4 = 4,
	SL_FAMILY_IPV6 = 6,
};

/** An address. IPv4 uses the first four bytes; the others are zero. Network byte order. */
struct sl_addr {
	uint8_t family; /**< enum sl_family */
	uint8_t pad[3];
	union {
		uint8_t bytes[16];
		uint32_t v4; /**< network byte order */
		uint32_t words[4];
	};
};

/** A prefix: the first `length` bits of `addr` count, the others are zero. */
struct sl_prefix {
	struct sl_addr addr;
	uint8_t length; /**< 0..32 or 0..128 */
};

/** Addresses from first to last, both included, of one family, first <= last. */
struct sl_addr_range {
	struct sl_addr first;
	struct sl_addr last;
};

/** Numbers from first to last, both included (transport ports, VLAN ids, ...). */
struct sl_span {
	uint32_t first;
	uint32_t last;
};

/** Room for any text that sl_addr_format() or sl_prefix_format() writes, with its NUL. */
#define SL_ADDR_TEXT 56

/**
 * Write an address as text (RFC 5952 for IPv6).
 * @param text  at least SL_ADDR_TEXT bytes
 * @return text
 */
SL_PUBLIC char *sl_addr_format(const struct sl_addr *addr, char *text);

/** Write a prefix as text, like sl_addr_format(). */
SL_PUBLIC char *sl_prefix_format(const struct sl_prefix *prefix, char *text);

/**
 * Read an address from text.
 * @return 0, or -EINVAL when the text is not an IPv4 or IPv6 address
 */
SL_PUBLIC int sl_addr_parse(const char *text, struct sl_addr *addr);

/**
 * Read "address" or "address/length" from text; a bare address is a host prefix.
 * @return 0; -EINVAL when it is not a prefix; -ERANGE when bits beyond the length are set (the
 *         prefix is filled in all the same, with those bits)
 */
SL_PUBLIC int sl_prefix_parse(const char *text, struct sl_prefix *prefix);

/** Whether the address lies in the prefix; false when the families differ. A prefix of
 * SL_FAMILY_ANY holds every address. */
SL_PUBLIC bool sl_prefix_contains(const struct sl_prefix *prefix, const struct sl_addr *addr);

/** Order of two addresses: negative, zero or positive; IPv4 sorts before IPv6. */
SL_PUBLIC int sl_addr_compare(const struct sl_addr *a, const struct sl_addr *b);

#ifdef __cplusplus
}
#endif
#endif
