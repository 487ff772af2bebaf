/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sluice/address.h>

char *sl_addr_format(const struct sl_addr *addr, char *text)
{
	int family = addr->family == SL_FAMILY_IPV6 ? AF_INET6 : AF_INET;

	if (addr->family == SL_FAMILY_ANY)
		return strcpy(text, "any");
	/* glibc and musl both write IPv6 as RFC 5952 asks. */
	if (inet_ntop(family, addr->bytes, text, SL_ADDR_TEXT) == NULL)
		text[0] = '\0';
	return text;
}

char *sl_prefix_format(const struct sl_prefix *prefix, char *text)
{
	size_t length;

	sl_addr_format(&prefix->addr, text);
	if (prefix->addr.family == SL_FAMILY_ANY)
		return text;
	length = strlen(text);
	snprintf(text + length, SL_ADDR_TEXT - length, "/%u", prefix->length);
	return text;
}

int sl_addr_parse(const char *text, struct sl_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->bytes) == 1) {
		addr->family = SL_FAMILY_IPV4;
		return 0;
	}
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET6, text, addr->bytes) == 1) {
		addr->family = SL_FAMILY_IPV6;
		return 0;
	}
	memset(addr, 0, sizeof(*addr));
	return -EINVAL;
}

/* One to three digits, no sign, no leading zero; -1 when it is anything else. */
static int parse_length(const char *text)
{
	int value = 0;

	if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0') || strlen(text) > 3)
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = 10 * value + *text - '0';
	}
	return value;
}

static bool bits_after(const struct sl_addr *addr, unsigned int length)
{
	for (unsigned int bit = length; bit < 8 * sizeof(addr->bytes); bit++)
		if ((addr->bytes[bit / 8] & (0x80 >> bit % 8)) != 0)
			return true;
	return false;
}

int sl_prefix_parse(const char *text, struct sl_prefix *prefix)
{
	const char *slash = strchr(text, '/');
	char address[SL_ADDR_TEXT];
	size_t size = slash != NULL ? (size_t)(slash - text) : strlen(text);
	int most, length;

	memset(prefix, 0, sizeof(*prefix));
	if (size >= sizeof(address))
		return -EINVAL;
	memcpy(address, text, size);
	address[size] = '\0';
	if (sl_addr_parse(address, &prefix->addr) != 0)
		return -EINVAL;
	most = prefix->addr.family == SL_FAMILY_IPV4 ? 32 : 128;
	length = slash != NULL ? parse_length(slash + 1) : most;
	if (length < 0 || length > most)
		return -EINVAL;
	prefix->length = (uint8_t)length;
	return bits_after(&prefix->addr, prefix->length) ? -ERANGE : 0;
}

bool sl_prefix_contains(const struct sl_prefix *prefix, const struct sl_addr *addr)
{
	unsigned int whole = prefix->length / 8, rest = prefix->length % 8;

	if (prefix->addr.family == SL_FAMILY_ANY)
		return true;
	if (prefix->addr.family != addr->family ||
	    memcmp(prefix->addr.bytes, addr->bytes, whole) != 0)
		return false;
	return rest == 0 || ((prefix->addr.bytes[whole] ^ addr->bytes[whole]) >> (8 - rest)) == 0;
}

int sl_addr_compare(const struct sl_addr *a, const struct sl_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}
