/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/control/stats_file.h>

static char folder[64], path[96];
static struct sl_errors *errors;
static json_t *stats;

static int begin(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-stats.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/stats.json", folder);
	errors = sl_errors_new();
	stats = json_pack("{s:i}", "rx", 1);
	return 0;
}

static int end(void **state)
{
	unlink(path);
	json_decref(stats);
	sl_errors_free(errors);
	/* Fails when anything was left in it. */
	return rmdir(folder);
}

static void written_at_once(void **state)
{
	struct sl_stats_file *file = sl_stats_file_open(path, false, errors);
	json_t *read;

	assert_non_null(file);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(sl_stats_file_write(file, stats, errors), 0);
	sl_stats_file_close(file);
	read = json_load_file(path, 0, NULL);
	assert_true(json_equal(read, stats));
	json_decref(read);
}

static void nothing_left(void **state)
{
	struct sl_stats_file *file = sl_stats_file_open(path, false, errors);

	assert_non_null(file);
	sl_stats_file_close(file);
	assert_int_equal(access(path, F_OK), -1);
}

static void full_disk(void **state)
{
	struct sl_stats_file *file = sl_stats_file_open("/dev/full", false, errors);
	struct stat s;

	assert_non_null(file);
	assert_int_equal(sl_stats_file_write(file, stats, errors), -ENOSPC);
	sl_stats_file_close(file);
	assert_int_equal(sl_errors_count(errors), 1);
	assert_int_equal(stat("/dev/full", &s), 0);
	assert_true(S_ISCHR(s.st_mode));
}

static void no_folder(void **state)
{
	assert_null(sl_stats_file_open("/nonexistent/stats.json", false, errors));
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "/nonexistent/stats.json"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(written_at_once, begin, end),
		cmocka_unit_test_setup_teardown(nothing_left, begin, end),
		cmocka_unit_test_setup_teardown(full_disk, begin, end),
		cmocka_unit_test_setup_teardown(no_folder, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
