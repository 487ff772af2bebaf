/* SPDX-License-Identifier: BSD-3-Clause */
/* The host file: what is read, what is refused, and what is said about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/host/config.h>

static char path[] = "/tmp/sluice-host-XXXXXX";
static struct sl_errors *errors;

static struct sl_host_config *load(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	sl_errors_free(errors);
	errors = sl_errors_new();
	return sl_host_config_load(path, errors);
}

static void expect_refused(const char *text, unsigned int line, const char *message)
{
	const struct sl_error *error;

	assert_null(load(text));
	assert_int_not_equal(sl_errors_count(errors), 0);
	error = sl_errors_get(errors, 0);
	if (strstr(error->text, message) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", error->text, message);
	assert_int_equal(error->place.line, line);
	if (line != 0)
		assert_string_equal(error->place.file, path);
}

static void test_defaults(void **state)
{
	struct sl_host_config *config = load("");

	assert_non_null(config);
	assert_in_range(config->worker_count, 1, 64);
	assert_int_equal(config->memory, SL_MEMORY_AUTO);
	assert_int_equal(config->memory_mb, 0);
	assert_int_equal(config->packets, 32768);
	assert_int_equal(config->burst, 64);
	assert_false(config->idle.performance);
	assert_int_equal(config->watchdog_ms, 1000);
	assert_int_equal(config->plugin_folder_count, 1);
	assert_int_equal(config->vnf_folder_count, 1);
	assert_non_null(config->socket);
	assert_int_equal(config->socket_mode, 0600);
	assert_null(config->user);
	assert_string_equal(config->log_level, "info");
	sl_host_config_free(config);
}

static void test_all_keys(void **state)
{
	struct sl_host_config *config = load(
		"cores = { main = 0; workers = [0]; };\n"
		"memory = { mode = \"normal\"; megabytes = 300; packets = 4096; data-room = 4096; "
		"};\n"
		"burst = 32;\n"
		"idle = { performance = true; pause-after = 1; sleep-after = 2; sleep-us = 3; };\n"
		"watchdog-ms = 250;\n"
		"plugins = [\"/a\", \"/b\"];\n"
		"vnfs = \"/c\";\n"
		"control = { socket = \"/run/x.sock\"; mode = \"0660\"; group = \"root\"; };\n"
		"user = \"root\"; group = \"root\";\n"
		"log = { level = \"debug\"; file = \"/tmp/x.log\"; };\n"
		"eal = [\"--telemetry\"];\n");

	assert_non_null(config);
	assert_int_equal(config->main_core, 0);
	assert_int_equal(config->worker_count, 1);
	assert_int_equal(config->worker_cores[0], 0);
	assert_int_equal(config->memory, SL_MEMORY_NORMAL);
	assert_int_equal(config->memory_mb, 300);
	assert_int_equal(config->packets, 4096);
	assert_int_equal(config->data_room, 4096);
	assert_int_equal(config->burst, 32);
	assert_true(config->idle.performance);
	assert_int_equal(config->idle.pause_after, 1);
	assert_int_equal(config->idle.sleep_after, 2);
	assert_int_equal(config->idle.sleep_us, 3);
	assert_int_equal(config->watchdog_ms, 250);
	assert_int_equal(config->plugin_folder_count, 2);
	assert_string_equal(config->plugin_folders[1], "/b");
	assert_string_equal(config->vnf_folders[0], "/c");
	assert_string_equal(config->socket, "/run/x.sock");
	assert_int_equal(config->socket_mode, 0660);
	assert_string_equal(config->socket_group, "root");
	assert_string_equal(config->user, "root");
	assert_string_equal(config->group, "root");
	assert_string_equal(config->log_level, "debug");
	assert_string_equal(config->log_file, "/tmp/x.log");
	assert_int_equal(config->eal_count, 1);
	sl_host_config_free(config);
}

static void test_cores_as_text(void **state)
{
	struct sl_host_config *config = load("cores = { workers = \"0\"; };");

	assert_non_null(config);
	assert_int_equal(config->worker_count, 1);
	sl_host_config_free(config);
	expect_refused("cores = { workers = \"3-1\"; };", 1, "expected 1 to 64 cores");
	expect_refused("cores = { workers = \"1-\"; };", 1, "expected 1 to 64 cores");
	expect_refused("cores = { workers = [ ]; };", 1, "expected 1 to 64 cores");
	expect_refused("cores = { workers = [0, 0]; };", 1, "core 0 stands there twice");
	expect_refused("cores = { workers = [8000]; };", 0, "core 8000 cannot be used");
}

static void test_refusals(void **state)
{
	expect_refused("\nbrust = 3;", 2, "did you mean `burst`?");
	expect_refused("\n\nmemory = { packet = 3; };", 3, "in memory; did you mean `packets`?");
	expect_refused("zzzzzzzz = 3;", 1, "unknown key `zzzzzzzz`");
	expect_refused("burst = 0;", 1, "expected 1 to 256");
	expect_refused("burst = 257;", 1, "out of range");
	expect_refused("burst = -1;", 1, "out of range");
	expect_refused("burst = \"x\";", 1, "expected a whole number");
	expect_refused("memory = { mode = \"hug\"; };", 1, "did you mean `huge`?");
	expect_refused("memory = 3;", 1, "expected a group");
	expect_refused("idle = { performance = 1; };", 1, "expected true or false");
	expect_refused("control = { mode = \"0888\"; };", 1, "no file mode");
	expect_refused("user = \"no-such-user\";", 1, "no user `no-such-user`");
	expect_refused("group = \"no-such-group\";", 1, "no group `no-such-group`");
	expect_refused("plugins = [1];", 1, "expected text in quotes");
	expect_refused("plugins = 1;", 1, "expected a list of texts");
	expect_refused("log = { level = \"warn\"; };", 1, "unknown value `warn`");
	expect_refused("burst = 3;\nburst = 4;", 2, "duplicate");
	expect_refused("burst 3;", 1, "syntax error");
}

static void test_all_at_once(void **state)
{
	assert_null(load("a = 1;\nburst = 999;\nwatchdog-ms = -1;\n"));
	assert_int_equal(sl_errors_count(errors), 3);
}

static void test_no_file(void **state)
{
	sl_errors_free(errors);
	errors = sl_errors_new();
	assert_null(sl_host_config_load("/nowhere/sluice.conf", errors));
	assert_int_equal(sl_errors_count(errors), 1);
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "/nowhere/sluice.conf"));
}

static void test_no_socket(void **state)
{
	struct sl_host_config *config = load("control = { socket = \"\"; };");

	assert_non_null(config);
	assert_null(config->socket);
	sl_host_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),      cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_cores_as_text), cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_all_at_once),   cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_no_socket),
	};
	int fd = mkstemp(path), failed;

	assert_true(fd >= 0);
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	sl_errors_free(errors);
	unlink(path);
	return failed;
}
