/* SPDX-License-Identifier: BSD-3-Clause */
/* What the balancer remembers, carried to another instance, which stands for other code or another
 * process. */
#include "test.h"

static void carry(struct sl_test *from, struct sl_test *to, bool changed, unsigned int taken,
		  unsigned int voids)
{
	struct sl_test_carried carried;

	assert_int_equal(sl_test_carry(from, to, changed, &carried), 0);
	assert_int_equal(carried.taken, taken);
	assert_int_equal(carried.voids, voids);
}

static void establish(struct sl_test *t, uint16_t sport, int host)
{
	char backend[32];

	snprintf(backend, sizeof(backend), "10.0.0.%d", host);
	assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, backend, 8080, CLIENT, sport,
				     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
			 SL_ON);
	assert_int_equal(ack(t, sport), host);
}

/* Sessions stay with their backends, in the middle of their lives, also where hashing anew would
 * give another. */
static void sessions_go_over(void **state)
{
	struct sl_test *old = sl_test_new(type, service(1, 3, "", "pickup: false"));
	struct sl_test *new = sl_test_new(type, service(1, 9, "", "pickup: false"));
	struct sl_test *less = sl_test_new(type, service(2, 3, "", "pickup: false"));
	int host[100], gone = 0;

	for (uint16_t i = 0; i < 100; i++) {
		host[i] = syn(old, (uint16_t)(1000 + i));
		establish(old, (uint16_t)(1000 + i), host[i]);
		gone += host[i] == 1;
	}
	carry(old, new, false, 103, 0); /* with the backends */
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(ack(new, (uint16_t)(1000 + i)), host[i]);
	assert_int_equal(send_packet(new, SL_OUTSIDE, IPPROTO_TCP,
				     host[0] == 1   ? "10.0.0.1"
				     : host[0] == 2 ? "10.0.0.2"
						    : "10.0.0.3",
				     8080, CLIENT, 1000, RTE_TCP_ACK_FLAG),
			 SL_ON);
	carry(old, new, true, 0, 0);
	assert_int_equal(ack(old, 1000), host[0]);
	carry(old, new, true, 0, 0);
	host[0] = syn(old, 5000);
	carry(old, new, true, 1, 0);
	establish(new, 5000, host[0]);
	/* Of a backend that is no more there is nothing to keep. */
	carry(old, less, false, (unsigned int)(103 - gone - 1 + (host[0] != 1)),
	      (unsigned int)(gone + 1 + (host[0] == 1)));
	sl_test_end(old);
	sl_test_end(new);
	sl_test_end(less);
}

static void commands_and_clients_go_over(void **state)
{
	const char *yaml = service(1, 4, "    persistence: source\n", "");
	struct sl_test *old = sl_test_new(type, yaml), *new = sl_test_new(type, yaml);
	int host = syn(old, 1000);
	char args[64];

	/* The client stays where it was, though its backend gets no other. */
	snprintf(args, sizeof(args), "backend: 10.0.0.%d:8080\n", host == 1 ? 2 : 1);
	if (sl_test_command(old, "drain", args) == NULL)
		fail_msg("%s", sl_test_command_error());
	carry(old, new, false, 6, 0); /* four backends, a session, a client */
	assert_int_equal(syn(new, 2000), host);
	for (uint16_t i = 0; i < 50; i++) {
		char client[32];

		snprintf(client, sizeof(client), "198.51.100.%d", 50 + i);
		assert_int_not_equal(host_of(new, client, 9, VIP, 80, RTE_TCP_SYN_FLAG),
				     host == 1 ? 2 : 1);
	}
	sl_test_end(old);
	sl_test_end(new);
}

static void times_go_on(void **state)
{
	const char *yaml = service(1, 3, "", "pickup: false\ntcp-established-timeout: 100 s\n");
	struct sl_test *old = sl_test_new(type, yaml), *new = sl_test_new(type, yaml);
	int host = syn(old, 1000);

	establish(old, 1000, host);
	sl_test_advance(old, 80 * SECOND);
	sl_test_advance(new, 3000 * SECOND);
	carry(old, new, false, 4, 0);
	sl_test_advance(new, 15 * SECOND);
	assert_int_equal(sl_test_counter(new, "sessions-ended"), 0);
	sl_test_advance(new, 10 * SECOND);
	assert_int_equal(sl_test_counter(new, "sessions-ended"), 1);
	sl_test_end(old);
	sl_test_end(new);
}

static void broken_records(void **state)
{
	const char *yaml = service(1, 3, "    persistence: source\n", "sessions: 50\n");
	struct sl_test *old = sl_test_new(type, yaml), *new = sl_test_new(type, yaml);

	syn(old, 1000);
	sl_test_broken_records(old, new);
	sl_test_end(old);
	sl_test_end(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sessions_go_over),
		cmocka_unit_test(commands_and_clients_go_over),
		cmocka_unit_test(times_go_on),
		cmocka_unit_test(broken_records),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
