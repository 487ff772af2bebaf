/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks against real sockets of this machine, and what they make of backends. */
#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MOST_MS 5000

/* Listen on the loopback; the port. */
static int listen_at(uint16_t *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(*port)};
	socklen_t size = sizeof(at);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* A service of 10.0.0.1 and 10.0.0.2, checked at those ports of the loopback. */
static struct sl_test *two_backends(uint16_t first, uint16_t second, const char *health,
				    const char *more)
{
	char yaml[1000];

	snprintf(
		yaml, sizeof(yaml),
		"services:\n"
		"  - name: web\n"
		"    address: 192.0.2.1\n"
		"    port: 80\n"
		"    health: {interval: 50 ms, timeout: 50 ms, fall: 2, rise: 2, %s}\n"
		"    %s\n"
		"    backends:\n"
		"      - {name: one, address: 10.0.0.1, check-address: 127.0.0.1, check-port: %u}\n"
		"      - {name: two, address: 10.0.0.2, check-address: 127.0.0.1, check-port: "
		"%u}\n",
		health, more, first, second);
	return sl_test_new(type, yaml);
}

/* What answers HTTP here: takes what waits, answers with that status. 0: keeps silent. */
static void serve(int fd, const char *answer)
{
	static int silent[64];
	static unsigned int at;
	char buffer[512];
	int client;

	while (fd >= 0 && (client = accept(fd, NULL, NULL)) >= 0) {
		if (answer == NULL) {
			if (silent[at % RTE_DIM(silent)] != 0)
				close(silent[at % RTE_DIM(silent)]);
			silent[at++ % RTE_DIM(silent)] = client;
			continue;
		}
		/* The request may come a little later than the connection. */
		usleep(500);
		if (recv(client, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
			assert_memory_equal(buffer, "GET /ok HTTP/1.1\r\nHost: ", 24);
		/* In pieces, as it may come. */
		send(client, answer, 5, MSG_NOSIGNAL);
		send(client, answer + 5, strlen(answer) - 5, MSG_NOSIGNAL);
		close(client);
	}
}

/* Poll until the state of a backend is that, or fail. */
static void wait_for(struct sl_test *t, const char *backend, const char *state, int fd,
		     const char *answer)
{
	char object[64], wanted[64];

	snprintf(object, sizeof(object), "\"%s\"", backend);
	snprintf(wanted, sizeof(wanted), "\"state\":\"%s\"", state);
	for (unsigned int ms = 0; ms < MOST_MS; ms += 5) {
		const char *json, *at;

		type->poll(sl_test_instance(t));
		json = sl_test_command(t, "backends", NULL);
		at = strstr(json, object);
		assert_non_null(at);
		at = strstr(at, "\"state\"");
		if (at != NULL && strncmp(at, wanted, strlen(wanted)) == 0)
			return;
		serve(fd, answer);
		usleep(5000);
	}
	fail_msg("%s does not become %s: %s", backend, state, sl_test_command(t, "backends", NULL));
}

static void tcp(void **state)
{
	uint16_t first = 0, second = 0;
	int one = listen_at(&first), two = listen_at(&second), moved = 0;
	struct sl_test *t;
	int host[100];

	close(two);
	t = two_backends(first, second, "kind: tcp", "");
	/* Nobody is there before the first check. */
	assert_int_equal(syn(t, 1), -1);
	assert_int_equal(sl_test_drops(t, "no-backend"), 1);
	wait_for(t, "one", "up", one, NULL);
	wait_for(t, "two", "down", one, NULL);
	assert_non_null(strstr(sl_test_command(t, "backends", NULL), "refused"));
	assert_int_equal(syn(t, 1), 1);
	/* It comes up: new sessions go there, the old one stays. */
	two = listen_at(&second);
	wait_for(t, "two", "up", one, NULL);
	for (uint16_t i = 0; i < 100; i++) {
		host[i] = syn(t, (uint16_t)(100 + i));
		moved += host[i] == 2;
	}
	assert_in_range(moved, 30, 70);
	assert_int_equal(ack(t, 1), 1);
	/* It dies: its sessions go to the other at once, and those of the other stay. */
	close(two);
	wait_for(t, "two", "down", one, NULL);
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(ack(t, (uint16_t)(100 + i)), 1);
	sl_test_tick(t, 2);
	assert_true(sl_test_event_count(t) >= 2);
	assert_string_equal(sl_test_event_name(t, sl_test_event_count(t) - 1), "backend-down");
	assert_non_null(strstr(sl_test_event_json(t, sl_test_event_count(t) - 1), "10.0.0.2"));
	close(one);
	sl_test_end(t);
}

static void http(void **state)
{
	uint16_t port = 0, closed = 0;
	int fd = listen_at(&port), other = listen_at(&closed);
	struct sl_test *t;

	close(other);
	t = two_backends(port, closed, "kind: http, path: /ok, status: [200, 204]", "");
	wait_for(t, "one", "up", fd, "HTTP/1.1 200 OK\r\n\r\n");
	wait_for(t, "one", "down", fd, "HTTP/1.1 503 Busy\r\n\r\n");
	assert_non_null(strstr(sl_test_command(t, "backends", NULL), "status 503"));
	wait_for(t, "one", "up", fd, "HTTP/1.0 204 Nothing\r\n\r\n");
	wait_for(t, "one", "down", fd, "SSH-2.0-OpenSSH_9.2\r\n");
	wait_for(t, "one", "up", fd, "HTTP/1.1 200 OK\r\n\r\n");
	wait_for(t, "one", "down", fd, "HTTP/");
	wait_for(t, "one", "up", fd, "HTTP/1.1 200 OK\r\n\r\n");
	/* It accepts, and says nothing. */
	wait_for(t, "one", "down", fd, NULL);
	assert_non_null(strstr(sl_test_command(t, "backends", NULL), "in time"));
	close(fd);
	sl_test_end(t);
}

static void icmp(void **state)
{
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	struct sl_test *t;

	if (fd < 0)
		fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd < 0) {
		print_message("no right to send echo requests\n");
		skip();
	}
	close(fd);
	t = sl_test_new(type,
			"services:\n"
			"  - name: w\n"
			"    address: 192.0.2.1\n"
			"    health: {kind: icmp, interval: 50 ms, timeout: 40 ms, fall: 2}\n"
			"    backends:\n"
			"      - {name: one, address: 10.0.0.1, check-address: 127.0.0.1}\n"
			"      - {name: two, address: 10.0.0.2, check-address: 192.0.2.77}\n");
	wait_for(t, "one", "up", -1, NULL);
	wait_for(t, "two", "down", -1, NULL);
	assert_non_null(strstr(sl_test_command(t, "backends", NULL), "echo reply"));
	sl_test_end(t);
}

/* The weight grows; sessions come little by little. */
static void slow_start(void **state)
{
	uint16_t first = 0, second = 0;
	int one = listen_at(&first), two = listen_at(&second);
	unsigned int early = 0, late = 0;
	struct sl_test *t;

	close(two);
	t = two_backends(first, second, "kind: tcp", "slow-start: 800 ms");
	wait_for(t, "one", "slow-start", one, NULL);
	wait_for(t, "one", "up", one, NULL);
	two = listen_at(&second);
	wait_for(t, "two", "slow-start", one, NULL);
	for (uint16_t i = 0; i < 500; i++)
		early += syn(t, (uint16_t)(1000 + i)) == 2;
	wait_for(t, "two", "up", one, NULL);
	for (uint16_t i = 0; i < 500; i++)
		late += syn(t, (uint16_t)(2000 + i)) == 2;
	print_message("at the start %u of 500 sessions, at the end %u\n", early, late);
	assert_in_range(early, 1, 120);
	assert_in_range(late, 180, 320);
	close(one);
	close(two);
	sl_test_end(t);
}

/* A drained backend that dies loses its sessions like any other. */
static void drained_and_dead(void **state)
{
	uint16_t first = 0, second = 0;
	int one = listen_at(&first), two = listen_at(&second);
	struct sl_test *t = two_backends(first, second, "kind: tcp", "");
	uint16_t port = 1;

	wait_for(t, "one", "up", one, NULL);
	wait_for(t, "two", "up", one, NULL);
	while (syn(t, port) != 2)
		port++;
	assert_non_null(sl_test_command(t, "drain", "backend: two"));
	assert_int_equal(ack(t, port), 2);
	close(two);
	wait_for(t, "two", "down", one, NULL);
	assert_int_equal(ack(t, port), 1);
	close(one);
	sl_test_end(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tcp),
		cmocka_unit_test(http),
		cmocka_unit_test(icmp),
		cmocka_unit_test(slow_start),
		cmocka_unit_test(drained_and_dead),
	};

	return cmocka_run_group_tests(tests, load, NULL);
}
