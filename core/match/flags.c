/* SPDX-License-Identifier: BSD-3-Clause */
/* The language of `tcp-flags`: alternatives by "|", each a list by "," of flags, "!" negates. */
#include <ctype.h>
#include <string.h>

#include "match.h"

static const struct {
	const char *name;
	uint8_t bits;
} words[] = {
	{"fin", RTE_TCP_FIN_FLAG}, {"syn", RTE_TCP_SYN_FLAG}, {"rst", RTE_TCP_RST_FLAG},
	{"psh", RTE_TCP_PSH_FLAG}, {"ack", RTE_TCP_ACK_FLAG}, {"urg", RTE_TCP_URG_FLAG},
	{"ece", RTE_TCP_ECE_FLAG}, {"cwr", RTE_TCP_CWR_FLAG}, {"none", 0xff},
};

static const char *skip_space(const char *text)
{
	while (*text == ' ' || *text == '\t')
		text++;
	return text;
}

/* One word; NULL when it is none. */
static const char *read_flag(const char *text, struct sl_flag_test *test, const char **why)
{
	bool clear = *text == '!';
	size_t length = 0;
	uint8_t bits = 0;

	if (clear)
		text = skip_space(text + 1);
	while (isalpha((unsigned char)text[length]))
		length++;
	for (size_t i = 0; i < RTE_DIM(words); i++) {
		if (strlen(words[i].name) == length && strncmp(text, words[i].name, length) == 0)
			bits = words[i].bits;
	}
	if (bits == 0) {
		*why = "expected fin, syn, rst, psh, ack, urg, ece, cwr or none";
		return NULL;
	}
	if (bits == 0xff) {
		if (clear) {
			*why = "`none` cannot be negated";
			return NULL;
		}
		clear = true;
	}
	if (test->mask & bits && (test->value & bits) != (clear ? 0 : (test->mask & bits))) {
		*why = "a flag is asked to be both set and clear";
		return NULL;
	}
	test->mask |= bits;
	test->value |= clear ? 0 : bits;
	return text + length;
}

unsigned int sl_match_flags(const char *text, struct sl_flag_test tests[SL_FLAG_TESTS],
			    const char **why)
{
	unsigned int n = 0;

	for (;;) {
		if (n == SL_FLAG_TESTS) {
			*why = "too many alternatives (at most 32)";
			return 0;
		}
		tests[n] = (struct sl_flag_test){0};
		do {
			text = read_flag(skip_space(text), &tests[n], why);
			if (text == NULL)
				return 0;
			text = skip_space(text);
		} while (*text == ',' && text++);
		n++;
		if (*text == '\0')
			return n;
		if (*text++ != '|') {
			*why = "expected \",\" (and), \"|\" (or) or the end after a flag";
			return 0;
		}
	}
}
