/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fused flows when a backend goes: once its death was taken note of, not one packet more is sent
 * to it, and the sessions of the others stay, fused as they are or fused anew.
 */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define MILLISECOND (SECOND / 1000)
#define SESSIONS    120

static struct sl_test *balancer(const char *yaml)
{
	return sl_test_new_with(type, yaml, &(struct sl_test_options){.fusion = "on"});
}

/* Sessions, established and fused; to whom each went. */
static void fuse(struct sl_test *t, int *host, uint16_t reply_port)
{
	uint64_t before;

	for (uint16_t i = 0; i < SESSIONS; i++) {
		char backend[32];

		host[i] = syn(t, (uint16_t)(1000 + i));
		snprintf(backend, sizeof(backend), "10.0.0.%d", host[i]);
		assert_int_equal(send_packet(t, SL_OUTSIDE, IPPROTO_TCP, backend, reply_port,
					     CLIENT, (uint16_t)(1000 + i),
					     RTE_TCP_SYN_FLAG | RTE_TCP_ACK_FLAG),
				 SL_ON);
	}
	for (unsigned int n = 0; n < 4; n++) {
		for (uint16_t i = 0; i < SESSIONS; i++)
			assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
		sl_test_advance(t, 20 * MILLISECOND);
	}
	before = sl_test_fused(t);
	for (uint16_t i = 0; i < SESSIONS; i++)
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
	assert_int_equal(sl_test_fused(t) - before, SESSIONS);
}

/* Packets of each session: those of `dead` go to another, those of others where they went. */
static void expect_moved(struct sl_test *t, const int *host, int dead)
{
	int moved = 0;

	for (unsigned int n = 0; n < 3; n++) {
		for (uint16_t i = 0; i < SESSIONS; i++) {
			int now = ack(t, (uint16_t)(1000 + i));

			assert_int_not_equal(now, dead);
			if (host[i] != dead)
				assert_int_equal(now, host[i]);
			else
				moved++;
		}
	}
	assert_true(moved > 0);
}

static void removed(void **state)
{
	struct sl_test *t = balancer(service(1, 4, "", ""));
	int host[SESSIONS];

	fuse(t, host, 8080);
	assert_int_equal(sl_test_configure(t, service(1, 3, "", "")), 0);
	expect_moved(t, host, 4);
	/* It comes back, and those that moved stay where they are. */
	for (uint16_t i = 0; i < SESSIONS; i++)
		host[i] = ack(t, (uint16_t)(1000 + i));
	assert_int_equal(sl_test_configure(t, service(1, 4, "", "")), 0);
	for (uint16_t i = 0; i < SESSIONS; i++)
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
	sl_test_end(t);
}

/* No new sessions for it; the fused ones go on to the end. */
static void no_new_sessions(const char *command, const char *args)
{
	struct sl_test *t = balancer(service(1, 4, "", ""));
	int host[SESSIONS], old = 0;

	fuse(t, host, 8080);
	assert_non_null(sl_test_command(t, command, args));
	for (uint16_t i = 0; i < SESSIONS; i++) {
		assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
		old += host[i] == 4;
		assert_int_not_equal(syn(t, (uint16_t)(3000 + i)), 4);
	}
	assert_true(old > 0);
	/* One of them ends: its next packet finds no session, and a new one goes elsewhere. */
	for (uint16_t i = 0; i < SESSIONS; i++) {
		if (host[i] != 4)
			continue;
		assert_int_equal(send_packet(t, SL_INSIDE, IPPROTO_TCP, CLIENT,
					     (uint16_t)(1000 + i), VIP, 80, RTE_TCP_RST_FLAG),
				 SL_ON);
	}
	assert_non_null(sl_test_command(t, "clear", NULL));
	for (uint16_t i = 0; i < SESSIONS; i++)
		assert_int_not_equal(ack(t, (uint16_t)(1000 + i)), 4);
	sl_test_end(t);
}

static void drained(void **state)
{
	no_new_sessions("drain", "backend: \"10.0.0.4:8080\"");
}

static void weight_zero(void **state)
{
	no_new_sessions("weight", "{backend: \"10.0.0.4:8080\", weight: 0}");
}

static int listen_at(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

static bool is(struct sl_test *t, const char *backend, const char *wanted)
{
	const char *at = strstr(sl_test_command(t, "backends", NULL), backend);

	at = at != NULL ? strstr(at, "\"state\":\"") : NULL;
	assert_non_null(at);
	return strncmp(at + 9, wanted, strlen(wanted)) == 0;
}

static void wait_for(struct sl_test *t, const char *backend, const char *wanted)
{
	for (unsigned int ms = 0; ms < 10000; ms += 2) {
		type->poll(sl_test_instance(t));
		if (is(t, backend, wanted))
			return;
		usleep(2000);
	}
	fail_msg("%s does not become %s", backend, wanted);
}

/* By a check that fails, while its sessions send. */
static void dies(void **state)
{
	uint16_t first = 0, second = 0;
	int one = listen_at(&first), two = listen_at(&second), host[SESSIONS];
	struct sl_test *t;
	char yaml[1000];

	snprintf(
		yaml, sizeof(yaml),
		"services:\n"
		"  - name: web\n"
		"    address: 192.0.2.1\n"
		"    port: 80\n"
		"    health: {kind: tcp, interval: 50 ms, timeout: 50 ms, fall: 2, rise: 1}\n"
		"    backends:\n"
		"      - {name: one, address: 10.0.0.1, check-address: 127.0.0.1, check-port: %u}\n"
		"      - {name: two, address: 10.0.0.2, check-address: 127.0.0.1, check-port: "
		"%u}\n",
		first, second);
	t = balancer(yaml);
	wait_for(t, "\"one\"", "up");
	wait_for(t, "\"two\"", "up");
	fuse(t, host, 80);
	close(two);
	/* Until then the fused flows go on, as the sessions do. */
	while (!is(t, "\"two\"", "down")) {
		for (uint16_t i = 0; i < 10; i++)
			assert_int_equal(ack(t, (uint16_t)(1000 + i)), host[i]);
		type->poll(sl_test_instance(t));
		usleep(2000);
	}
	expect_moved(t, host, 2);
	close(one);
	sl_test_end(t);
}

static void time_ends_it(void **state)
{
	struct sl_test *t = balancer(service(1, 4, "", "tcp-established-timeout: 100 s\n"));
	int host[SESSIONS];
	uint64_t before;

	fuse(t, host, 8080);
	/* One goes on, fused; it alone stays. The idle time of fused flows is shorter. */
	for (unsigned int n = 0; n < 12; n++) {
		before = sl_test_fused(t);
		assert_int_equal(ack(t, 1000), host[0]);
		assert_int_equal(sl_test_fused(t) - before, 1);
		sl_test_advance(t, 10 * SECOND);
	}
	assert_int_equal(sl_test_counter(t, "sessions-ended"), SESSIONS - 1);
	assert_int_equal(ack(t, 1000), host[0]);
	sl_test_advance(t, 130 * SECOND);
	assert_int_equal(sl_test_counter(t, "sessions-ended"), SESSIONS);
	sl_test_end(t);
}

static bool knows(struct sl_test *t, enum sl_side from, struct rte_mbuf *m)
{
	bool known = type->knows(sl_test_node(t, from), m);

	rte_pktmbuf_free(m);
	return known;
}

static struct rte_mbuf *segment(const char *from, uint16_t sport, const char *to, uint16_t dport)
{
	return SL_TEST_PACKET(.proto = IPPROTO_TCP, .from = from, .to = to, .sport = sport,
			      .dport = dport);
}

/* What `apply --drain` asks. */
static void knows_its_sessions(void **state)
{
	struct sl_test *t = sl_test_new(type, service(1, 3, "", ""));
	struct rte_mbuf *sent;
	char backend[32];

	snprintf(backend, sizeof(backend), "10.0.0.%d", syn(t, 1000));
	sent = segment(backend, 8080, CLIENT, 1000);
	assert_true(knows(t, SL_INSIDE, segment(CLIENT, 1000, VIP, 80)));
	assert_false(knows(t, SL_INSIDE, segment(CLIENT, 1001, VIP, 80)));
	assert_true(knows(t, SL_OUTSIDE, segment(backend, 8080, CLIENT, 1000)));
	assert_false(knows(t, SL_OUTSIDE, segment(backend, 8080, CLIENT, 1001)));
	rte_pktmbuf_free(sent);
	sent = segment(VIP, 80, CLIENT, 1000);
	assert_true(knows(t, SL_INSIDE, sl_test_icmp_error(sent, "203.0.113.1", 3, 4)));
	rte_pktmbuf_free(sent);
	sent = segment(VIP, 80, CLIENT, 1001);
	assert_false(knows(t, SL_INSIDE, sl_test_icmp_error(sent, "203.0.113.1", 3, 4)));
	rte_pktmbuf_free(sent);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(removed),      cmocka_unit_test(drained),
		cmocka_unit_test(weight_zero),  cmocka_unit_test(dies),
		cmocka_unit_test(time_ends_it), cmocka_unit_test(knows_its_sessions),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
