/* SPDX-License-Identifier: BSD-3-Clause */
/* The server and its client over a real socket; what the API answers is tested elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <core/control/client.h>
#include <core/control/server.h>

static char folder[64], path[96];
static struct sl_engine engine;
static struct sl_server *server;

/* A question asked on another thread, as the server is polled on this one. */
struct question {
	const char *path;
	const json_t *body;
	struct sl_errors *errors;
	json_t *answer;
	atomic_bool done;
};

static void *ask(void *context)
{
	struct question *q = context;

	q->answer = sl_client_ask(path, q->path, q->body, q->errors);
	atomic_store(&q->done, true);
	return NULL;
}

static void serve(struct question *q)
{
	pthread_t thread;

	q->errors = sl_errors_new();
	assert_int_equal(pthread_create(&thread, NULL, ask, q), 0);
	while (!atomic_load(&q->done)) {
		struct pollfd wait = {.fd = sl_server_fd(server), .events = POLLIN};

		poll(&wait, 1, 20);
		sl_server_poll(server);
	}
	pthread_join(thread, NULL);
}

static int begin(void **state)
{
	struct sl_errors *errors = sl_errors_new();

	snprintf(folder, sizeof(folder), "/tmp/sluice-server.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/sock", folder);
	server = sl_server_new(&engine, &(struct sl_server_conf){.path = path, .mode = 0600},
			       errors);
	sl_errors_free(errors);
	return server != NULL ? 0 : -1;
}

static int end(void **state)
{
	sl_server_free(server);
	/* Fails when the socket is still there. */
	return rmdir(folder);
}

static void refusals_come_back(void **state)
{
	struct question q = {.path = "/v1/status"}, unknown = {.path = "/v2"};

	serve(&q);
	assert_null(q.answer);
	assert_string_equal(sl_errors_get(q.errors, 0)->text, "nothing runs");
	serve(&unknown);
	assert_null(unknown.answer);
	assert_non_null(strstr(sl_errors_get(unknown.errors, 0)->text, "/v1/"));
	sl_errors_free(q.errors);
	sl_errors_free(unknown.errors);
}

static void long_bodies(void **state)
{
	char *text = calloc(1, 5000001);
	struct question q = {.path = "/v1/vnfs/a/b"};
	json_t *body;

	memset(text, 'a', 5000000);
	body = json_pack("{s:s}", "text", text);
	q.body = body;
	serve(&q);
	assert_null(q.answer);
	assert_string_equal(sl_errors_get(q.errors, 0)->text, "the request is too long");
	sl_errors_free(q.errors);
	json_decref(body);
	free(text);
}

/* Bytes that are no HTTP end the connection and nothing else. */
static void no_http(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct question q = {.path = "/v1/status"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(write(fd, "\0\xff\r\n\r\n", 6), 6);
	serve(&q);
	assert_string_equal(sl_errors_get(q.errors, 0)->text, "nothing runs");
	close(fd);
	sl_errors_free(q.errors);
}

static void nobody_there(void **state)
{
	struct sl_errors *errors = sl_errors_new();

	assert_null(sl_client_ask("/tmp/sluice-no-such-socket", "/v1/status", NULL, errors));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "is `sluice run` running?"));
	sl_errors_free(errors);
}

static void paths_are_escaped(void **state)
{
	char *text = sl_client_path("/v1/vnfs", "a/b?c", "d e", NULL);

	assert_string_equal(text, "/v1/vnfs/a%2Fb%3Fc/d%20e");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(refusals_come_back, begin, end),
		cmocka_unit_test_setup_teardown(long_bodies, begin, end),
		cmocka_unit_test_setup_teardown(no_http, begin, end),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(paths_are_escaped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
