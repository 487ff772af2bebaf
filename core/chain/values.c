/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include <core/chain/values.h>
#include <core/error/errors.h>

__extension__ typedef unsigned __int128 wide;

#define NANO UINT64_C(1000000000)

struct unit {
	const char *name;
	uint64_t factor;
	uint64_t per; /* the value is divided by this */
};

static const struct unit duration_units[] = {
	{"d", 86400 * NANO, 1}, {"h", 3600 * NANO, 1}, {"min", 60 * NANO, 1}, {"s", NANO, 1},
	{"ms", 1000000, 1},     {"us", 1000, 1},       {"ns", 1, 1},          {NULL, 0, 0}};
static const struct unit size_units[] = {{"TiB", UINT64_C(1) << 40, 1},
					 {"GiB", UINT64_C(1) << 30, 1},
					 {"MiB", 1 << 20, 1},
					 {"KiB", 1 << 10, 1},
					 {"TB", 1000 * NANO, 1},
					 {"GB", NANO, 1},
					 {"MB", 1000000, 1},
					 {"kB", 1000, 1},
					 {"B", 1, 1},
					 {"", 1, 1},
					 {NULL, 0, 0}};
static const struct unit bitrate_units[] = {
	{"Tbit/s", 1000 * NANO, 1}, {"Gbit/s", NANO, 1}, {"Mbit/s", 1000000, 1},
	{"kbit/s", 1000, 1},        {"bit/s", 1, 1},     {NULL, 0, 0}};
static const struct unit rate_units[] = {{"M/s", 1000000, 1}, {"k/s", 1000, 1}, {"/s", 1, 1},
					 {"/min", 1, 60},     {"/h", 1, 3600},  {NULL, 0, 0}};

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"icmp", 1},   {"igmp", 2},   {"ipip", 4},   {"tcp", 6},       {"udp", 17},  {"ipv6", 41},
	{"gre", 47},   {"esp", 50},   {"ah", 51},    {"icmpv6", 58},   {"ospf", 89}, {"pim", 103},
	{"vrrp", 112}, {"l2tp", 115}, {"sctp", 132}, {"udplite", 136},
};
const char *const sl_proto_names[] = {"icmp", "igmp", "ipip", "tcp",     "udp",  "ipv6",
				      "gre",  "esp",  "ah",   "icmpv6",  "ospf", "pim",
				      "vrrp", "l2tp", "sctp", "udplite", NULL};
static const char *const bool_words[] = {"true", "false", "yes", "no", "on", "off", NULL};

/* Limits of the parameter, or those of its kind. */
static uint64_t most(const struct sl_param *param)
{
	if (param->max != 0)
		return param->max;
	return param->kind == SL_SPAN ? UINT32_MAX : UINT64_MAX;
}

static int within(const struct sl_param *param, uint64_t value)
{
	return value >= param->min && value <= most(param) ? 0 : -ERANGE;
}

/* Decimal or 0x digits from *text on, past them after. Leading zeros are refused: some readers
 * take them for octal. */
static int parse_digits(const char **text, uint64_t *value)
{
	const char *s = *text;
	unsigned int base = 10;
	wide sum = 0;

	if (s[0] == '0' && s[1] == 'x') {
		base = 16;
		s += 2;
	} else if (s[0] == '0' && s[1] >= '0' && s[1] <= '9') {
		return -EINVAL;
	}
	for (*text = s;; s++) {
		unsigned int digit;

		if (*s >= '0' && *s <= '9')
			digit = (unsigned int)(*s - '0');
		else if (base == 16 && (*s | 0x20) >= 'a' && (*s | 0x20) <= 'f')
			digit = (unsigned int)((*s | 0x20) - 'a' + 10);
		else
			break;
		sum = sum * base + digit;
		if (sum > UINT64_MAX)
			return -ERANGE;
	}
	if (s == *text)
		return -EINVAL;
	*text = s;
	*value = (uint64_t)sum;
	return 0;
}

static int parse_uint(const char *text, uint64_t *value)
{
	int error = parse_digits(&text, value);

	return error != 0 ? error : *text == '\0' ? 0 : -EINVAL;
}

static int apply_unit(const struct unit *units, const char *name, wide billionths, uint64_t *value)
{
	for (; units->name != NULL; units++) {
		wide scaled;

		if (strcmp(units->name, name) != 0)
			continue;
		if (billionths / NANO > (wide)UINT64_MAX / units->factor * units->per + units->per)
			return -ERANGE;
		scaled = billionths * units->factor;
		/* A rate of 20/min is at least 1/s: rounded up. Else fractions must come out even.
		 */
		if (units->per == 1 && scaled % NANO != 0)
			return -EINVAL;
		scaled = (scaled + (wide)NANO * units->per - 1) / ((wide)NANO * units->per);
		if (scaled > UINT64_MAX)
			return -ERANGE;
		*value = (uint64_t)scaled;
		return 0;
	}
	return -EINVAL;
}

/* "1.5 s": a decimal number and a unit. */
static int parse_measure(const struct unit *units, const char *text, uint64_t *value)
{
	uint64_t whole, fraction = 0, weight = NANO;
	int error;

	if (text[0] == '0' && text[1] == 'x')
		return -EINVAL;
	error = parse_digits(&text, &whole);
	if (error != 0)
		return error;
	if (*text == '.') {
		for (text++; *text >= '0' && *text <= '9' && weight > 1; text++) {
			weight /= 10;
			fraction += weight * (uint64_t)(*text - '0');
		}
		if (weight == NANO)
			return -EINVAL;
	}
	while (*text == ' ')
		text++;
	if (*text == '\0' && whole == 0 && fraction == 0) {
		*value = 0; /* nothing is nothing in any unit */
		return 0;
	}
	return apply_unit(units, text, (wide)whole * NANO + fraction, value);
}

static int parse_mac(const char *text, struct rte_ether_addr *mac)
{
	for (unsigned int i = 0; i < RTE_ETHER_ADDR_LEN; i++) {
		unsigned int byte = 0;

		for (unsigned int k = 0; k < 2; k++, text++) {
			unsigned char c = (unsigned char)*text | 0x20;

			if (*text >= '0' && *text <= '9')
				byte = 16 * byte + (unsigned int)(*text - '0');
			else if (c >= 'a' && c <= 'f')
				byte = 16 * byte + c - 'a' + 10;
			else
				return -EINVAL;
		}
		mac->addr_bytes[i] = (uint8_t)byte;
		if (i < RTE_ETHER_ADDR_LEN - 1 && *text != ':' && *text != '-')
			return -EINVAL;
		text += i < RTE_ETHER_ADDR_LEN - 1;
	}
	return *text == '\0' ? 0 : -EINVAL;
}

/* Both sides of "a-b", without the spaces around the dash; false when there is no dash. */
static bool split(const char *text, char *left, char *right, size_t size)
{
	const char *dash = strchr(text, '-'), *end = dash;

	if (dash == NULL)
		return false;
	while (end > text && end[-1] == ' ')
		end--;
	do
		dash++;
	while (*dash == ' ');
	if ((size_t)(end - text) >= size || strlen(dash) >= size)
		return false;
	memcpy(left, text, (size_t)(end - text));
	left[end - text] = '\0';
	strcpy(right, dash);
	return true;
}

static int parse_span(const struct sl_param *param, const char *text, struct sl_span *span)
{
	char left[32], right[32];
	uint64_t first, last;
	int error;

	if (split(text, left, right, sizeof(left))) {
		error = parse_uint(left, &first);
		if (error == 0)
			error = parse_uint(right, &last);
	} else {
		error = parse_uint(text, &first);
		last = first;
	}
	if (error != 0)
		return error;
	if (within(param, first) != 0 || within(param, last) != 0)
		return -ERANGE;
	if (first > last || last > UINT32_MAX)
		return -EINVAL;
	*span = (struct sl_span){(uint32_t)first, (uint32_t)last};
	return 0;
}

static int parse_addrs(const char *text, struct sl_addr_range *range)
{
	char left[SL_ADDR_TEXT], right[SL_ADDR_TEXT];
	struct sl_prefix prefix;
	int error;

	if (split(text, left, right, sizeof(left))) {
		if (sl_addr_parse(left, &range->first) != 0 ||
		    sl_addr_parse(right, &range->last) != 0 ||
		    range->first.family != range->last.family ||
		    sl_addr_compare(&range->first, &range->last) > 0)
			return -EINVAL;
		return 0;
	}
	error = sl_prefix_parse(text, &prefix);
	if (error != 0)
		return error;
	range->first = range->last = prefix.addr;
	for (unsigned int bit = prefix.length;
	     bit < (prefix.addr.family == SL_FAMILY_IPV4 ? 32 : 128); bit++)
		range->last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return 0;
}

static int parse_prefix(const struct sl_param *param, const char *text, struct sl_prefix *prefix)
{
	int error;

	if (param->kind == SL_PREFIX && strcmp(text, "any") == 0) {
		memset(prefix, 0, sizeof(*prefix));
		return 0;
	}
	error = sl_prefix_parse(text, prefix);
	return error == -ERANGE && param->kind == SL_IFADDR ? 0 : error;
}

static int parse_word(const char *const *words, const char *text, uint32_t *index)
{
	for (*index = 0; words[*index] != NULL; ++*index)
		if (strcmp(words[*index], text) == 0)
			return 0;
	return -EINVAL;
}

static int parse_proto(const char *text, uint32_t *proto)
{
	uint64_t number;
	int error;

	if (strcmp(text, "any") == 0) {
		*proto = SL_PROTO_ANY;
		return 0;
	}
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(protocols[i].name, text) == 0) {
			*proto = protocols[i].number;
			return 0;
		}
	}
	error = parse_uint(text, &number);
	if (error == 0 && number > 255)
		error = -ERANGE;
	*proto = error == 0 ? (uint32_t)number : 0;
	return error;
}

static int parse_bool(const char *text, bool *value)
{
	uint32_t index;
	int error = parse_word(bool_words, text, &index);

	*value = index % 2 == 0;
	return error;
}

int sl_value_parse(const struct sl_param *param, const char *text, void *field)
{
	const struct unit *units = duration_units;
	int error;

	switch (param->kind) {
	case SL_BOOL:
		return parse_bool(text, field);
	case SL_UINT:
		error = parse_uint(text, field);
		return error != 0 ? error : within(param, *(uint64_t *)field);
	case SL_RATE:
		units = rate_units;
		break;
	case SL_BITRATE:
		units = bitrate_units;
		break;
	case SL_SIZE:
		units = size_units;
		break;
	case SL_DURATION:
		break;
	case SL_ENUM:
		return parse_word(param->names, text, field);
	case SL_ADDR:
		return sl_addr_parse(text, field);
	case SL_PREFIX:
	case SL_IFADDR:
		return parse_prefix(param, text, field);
	case SL_ADDRS:
		return parse_addrs(text, field);
	case SL_MAC:
		return parse_mac(text, field);
	case SL_SPAN:
		return parse_span(param, text, field);
	case SL_PROTO:
		return parse_proto(text, field);
	default:
		return -EINVAL;
	}
	error = parse_measure(units, text, field);
	return error != 0 ? error : within(param, *(uint64_t *)field);
}

bool sl_value_rounded(const struct sl_param *param, const char *text)
{
	static const struct unit exact[] = {{"/min", NANO, 60}, {"/h", NANO, 3600}, {NULL, 0, 0}};
	uint64_t billionths;

	return param->kind == SL_RATE && parse_measure(exact, text, &billionths) == 0 &&
	       billionths % NANO != 0;
}

/* A limit in the largest unit that shows it whole. */
static void format_limit(const struct sl_param *param, uint64_t value, char *text, size_t size)
{
	const struct unit *units = param->kind == SL_DURATION  ? duration_units
				   : param->kind == SL_SIZE    ? size_units
				   : param->kind == SL_BITRATE ? bitrate_units
				   : param->kind == SL_RATE    ? rate_units
							       : NULL;

	for (; units != NULL && units->name != NULL; units++) {
		if (units->per != 1 || value == 0 || value % units->factor != 0)
			continue;
		snprintf(text, size, "%" PRIu64 "%s%s", value / units->factor,
			 units->name[0] == '/' ? "" : " ", units->name);
		return;
	}
	snprintf(text, size, "%" PRIu64, value);
}

static void append_limits(const struct sl_param *param, char *text, size_t size)
{
	char low[40], high[40];
	size_t length = strlen(text);

	if (param->min == 0 && param->max == 0)
		return;
	format_limit(param, param->min, low, sizeof(low));
	format_limit(param, most(param), high, sizeof(high));
	if (param->max == 0)
		snprintf(text + length, size - length, ", %s or more", low);
	else
		snprintf(text + length, size - length, ", %s to %s", low, high);
}

static void list_words(const char *const *words, char *text, size_t size)
{
	size_t length = (size_t)snprintf(text, size, "one of");

	for (unsigned int i = 0; words[i] != NULL && length < size; i++)
		length += (size_t)snprintf(text + length, size - length, "%s `%s`",
					   i > 0 ? "," : "", words[i]);
}

void sl_value_expected(const struct sl_param *param, char *text, size_t size)
{
	static const char *const forms[] = {
		[SL_BOOL] = "`true` or `false`",
		[SL_UINT] = "a whole number",
		[SL_DURATION] = "a duration with its unit (300 ms, 5 s, 2 min, 1 h)",
		[SL_SIZE] = "a size in bytes (64, 16 KiB, 4 MiB, 10 kB)",
		[SL_BITRATE] = "a bit rate with its unit (10 Mbit/s, 1 Gbit/s)",
		[SL_RATE] = "a rate with its unit (100/s, 5 k/s, 120/min)",
		[SL_TEXT] = "a text",
		[SL_ENUM] = "",
		[SL_ADDR] = "an IP address (192.0.2.1, 2001:db8::1)",
		[SL_PREFIX] = "a prefix (10.0.0.0/8, 2001:db8::/32), an address or `any`",
		[SL_IFADDR] = "an address with its prefix length (192.0.2.1/24, 2001:db8::1/64)",
		[SL_ADDRS] = "an address, a range (192.0.2.1-192.0.2.9) or a prefix",
		[SL_MAC] = "a MAC address (02:00:00:00:00:01)",
		[SL_SPAN] = "a number or a range from low to high (80, 1024-65535)",
		[SL_PROTO] = "a protocol (tcp, udp, icmp, icmpv6, ...), its number or `any`",
		[SL_PATH] = "the name of a path",
		[SL_TABLE] = "a map",
	};

	if (param->kind == SL_ENUM) {
		list_words(param->names, text, size);
		return;
	}
	snprintf(text, size, "%s", forms[param->kind]);
	append_limits(param, text, size);
}

const char *sl_value_near_miss(const struct sl_param *param, const char *text)
{
	if (param->kind == SL_ENUM)
		return sl_near_miss(text, param->names);
	if (param->kind == SL_PROTO)
		return sl_near_miss(text, sl_proto_names);
	if (param->kind == SL_BOOL)
		return sl_near_miss(text, bool_words);
	return NULL;
}
