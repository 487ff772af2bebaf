/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include <pcap/bpf.h>

#include <core/control/filter.h>

/* IPv4, UDP, port 1 to port 53, as far as a filter looks. */
static const uint8_t frame[60] = {
	2,  0,  0,  0,  0,
	1,  2,  0,  0,  0,
	0,  2,  8,  0,  0x45,
	0,  0,  46, 0,  0,
	0,  0,  64, 17, /* checksum */ 0,
	0,  10, 0,  0,  1,
	10, 0,  0,  2,  0,
	1,  0,  53,
};

static bool matches(const char *text)
{
	struct sl_errors *errors = sl_errors_new();
	struct bpf_insn *program;
	bool result;

	assert_int_equal(sl_filter_compile(text, &program, errors), 0);
	result = program == NULL || bpf_filter(program, frame, sizeof(frame), sizeof(frame)) != 0;
	free(program);
	sl_errors_free(errors);
	return result;
}

static void packets_match(void **state)
{
	assert_true(matches(NULL));
	assert_true(matches(""));
	assert_true(matches("udp port 53"));
	assert_true(matches("udp port domain"));
	assert_true(matches("host 10.0.0.2 and not tcp"));
	assert_true(matches("ip proto \\udp"));
	assert_true(matches("ip[9] = 17 && (udp or icmp)"));
	assert_false(matches("tcp[tcpflags] & (tcp-syn|tcp-ack) == tcp-syn"));
	assert_false(matches("ip6 host 2001:db8::1"));
	assert_false(matches("vlan 7 and udp"));
	assert_false(matches("ether host 02:00:00:00:00:09"));
}

static void refused(const char *text, unsigned int column, const char *what)
{
	struct sl_errors *errors = sl_errors_new();
	const struct sl_error *error;
	struct bpf_insn *program;

	assert_int_not_equal(sl_filter_compile(text, &program, errors), 0);
	assert_null(program);
	assert_int_equal(sl_errors_count(errors), 1);
	error = sl_errors_get(errors, 0);
	if (error->place.column != column || strstr(error->text, what) == NULL)
		fail_msg("`%s`: column %u, not %u: %s", text, error->place.column, column,
			 error->text);
	sl_errors_free(errors);
}

static void errors_have_their_place(void **state)
{
	refused("tpc port 80", 1, "did you mean `tcp`?");
	refused("tcp port 80 and host www.example.org", 22, "a host is given by its address");
	refused("tcp port 80 and or udp", 17, "`or` was not expected");
	refused("tcp and (udp", 13, "something is missing");
	refused("tcp and udp)", 12, "`)` was not expected");
	refused("port 70000", 6, "70000");
	refused("host 1.2.3.4.5", 6, "");
	refused("and tcp", 1, "`and` was not expected");
	refused("tcp port", 9, "something is missing");
}

static void long_ones(void **state)
{
	struct sl_errors *errors = sl_errors_new();
	char *text = malloc(10000);
	struct bpf_insn *program;

	memset(text, '(', 9999);
	text[9999] = '\0';
	assert_int_not_equal(sl_filter_compile(text, &program, errors), 0);
	text[4000] = '\0';
	assert_int_not_equal(sl_filter_compile(text, &program, errors), 0);
	free(text);
	sl_errors_free(errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_match),
		cmocka_unit_test(errors_have_their_place),
		cmocka_unit_test(long_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
