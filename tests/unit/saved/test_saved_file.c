/* SPDX-License-Identifier: BSD-3-Clause */
/* State on disk: there as a whole or not at all, and only from those who may be trusted. */
#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <core/saved/saved.h>

static char folder[64], path[96];

static int set_up(void **unused)
{
	strcpy(folder, "/tmp/sluice-test-state.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static unsigned int files(void)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	unsigned int count = 0;

	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

static int tear_down(void **unused)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	return system(command);
}

static void put(const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path, 0600), 0);
}

static void holds(const char *text)
{
	char have[32] = "";
	FILE *file = fopen(path, "r");

	assert_non_null(file);
	assert_true(fread(have, 1, sizeof(have) - 1, file) > 0);
	fclose(file);
	assert_string_equal(have, text);
}

static void test_keep(void **unused)
{
	struct sl_saved_file *file = sl_saved_file_new(path, NULL);
	struct stat s;

	assert_non_null(file);
	assert_int_equal(write(sl_saved_file_fd(file), "one", 3), 3);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(sl_saved_file_keep(file, NULL), 0);
	sl_saved_file_free(file);
	holds("one");
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);

	file = sl_saved_file_new(path, NULL);
	assert_int_equal(write(sl_saved_file_fd(file), "two", 3), 3);
	holds("one");
	assert_int_equal(sl_saved_file_keep(file, NULL), 0);
	sl_saved_file_free(file);
	holds("two");
	assert_int_equal(files(), 1);
}

static void test_let_go(void **unused)
{
	struct sl_saved_file *file;

	put("old");
	file = sl_saved_file_new(path, NULL);
	assert_int_equal(write(sl_saved_file_fd(file), "new", 3), 3);
	sl_saved_file_free(file);
	holds("old");
	assert_int_equal(files(), 1);
}

static void test_killed(void **unused)
{
	int status;
	pid_t pid;

	put("old");
	pid = fork();
	if (pid == 0) {
		struct sl_saved_file *file = sl_saved_file_new(path, NULL);

		if (file == NULL || write(sl_saved_file_fd(file), "new", 3) != 3)
			_exit(1);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	holds("old");
	assert_int_equal(files(), 1);
}

static void make(const char *name)
{
	char other[128];
	int fd;

	snprintf(other, sizeof(other), "%s/%s", folder, name);
	fd = open(other, O_CREAT | O_EXCL | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static bool is_there(const char *name)
{
	char other[128];

	snprintf(other, sizeof(other), "%s/%s", folder, name);
	return access(other, F_OK) == 0;
}

/* What a killed writer left goes at the next save; what another has in hand and what only looks
 * like it stays. */
static void test_clears_away(void **unused)
{
	static const char *const stays[] = {".state.saving.12x", ".state.saving.",
					    ".state.12",         "state.saving.12",
					    ".other.saving.12",  ".statex.saving.12"};
	struct sl_saved_file *file;
	char other[128];
	int held;

	put("old");
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++)
		make(stays[i]);
	make(".state.saving.12");
	make(".state.saving.4194305");
	make(".state.saving.13");
	snprintf(other, sizeof(other), "%s/.state.saving.13", folder);
	held = open(other, O_RDWR);
	assert_int_equal(flock(held, LOCK_EX), 0);
	file = sl_saved_file_new(path, NULL);
	assert_non_null(file);
	assert_int_equal(write(sl_saved_file_fd(file), "new", 3), 3);
	assert_int_equal(sl_saved_file_keep(file, NULL), 0);
	sl_saved_file_free(file);
	assert_false(is_there(".state.saving.12"));
	assert_false(is_there(".state.saving.4194305"));
	assert_true(is_there(".state.saving.13"));
	for (size_t i = 0; i < sizeof(stays) / sizeof(stays[0]); i++)
		assert_true(is_there(stays[i]));
	holds("new");
	close(held);
}

static void says(const char *what, struct sl_errors *errors)
{
	assert_int_equal(sl_errors_count(errors), 1);
	if (strstr(sl_errors_get(errors, 0)->text, what) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", sl_errors_get(errors, 0)->text, what);
	sl_errors_free(errors);
}

static void test_no_place(void **unused)
{
	static const char *const places[] = {"/nonexistent/state", "/proc/state", "/dev/null"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct sl_errors *errors = sl_errors_new();

		assert_null(sl_saved_file_new(places[i], errors));
		says(places[i], errors);
	}
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_null(sl_saved_file_new(path, NULL));
}

static void not_opened(const char *what)
{
	struct sl_errors *errors = sl_errors_new();

	assert_true(sl_saved_file_open(path, (uid_t)-1, errors) < 0);
	says(what, errors);
}

static void test_open(void **unused)
{
	int fd;

	not_opened("No such file");
	put("x");
	fd = sl_saved_file_open(path, (uid_t)-1, NULL);
	assert_true(fd >= 0);
	close(fd);
	chmod(path, 0660);
	not_opened("others may write it");
	chmod(path, 0602);
	not_opened("others may write it");
	chmod(path, 0644);
	fd = sl_saved_file_open(path, (uid_t)-1, NULL);
	assert_true(fd >= 0);
	close(fd);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	not_opened("no regular file");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	not_opened("no regular file");
}

static void test_owner(void **unused)
{
	int fd;

	if (geteuid() != 0)
		skip();
	put("x");
	assert_int_equal(chown(path, 65534, 0), 0);
	not_opened("it belongs to user 65534");
	fd = sl_saved_file_open(path, 65534, NULL);
	assert_true(fd >= 0);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep), TEST(test_let_go), TEST(test_killed),      TEST(test_no_place),
		TEST(test_open), TEST(test_owner),  TEST(test_clears_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
