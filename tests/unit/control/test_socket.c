/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <core/control/peer.h>
#include <core/control/socket.h>

/* Short: the path of a socket has room for 107 bytes. */
static char folder[64], path[96];
static struct sl_errors *errors;

static int begin(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/sluice-socket.XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/run/sock", folder);
	errors = sl_errors_new();
	return 0;
}

static int end(void **state)
{
	char inner[96];

	snprintf(inner, sizeof(inner), "%s/run", folder);
	unlink(path);
	rmdir(inner);
	rmdir(folder);
	sl_errors_free(errors);
	return 0;
}

static mode_t mode_of(const char *name)
{
	struct stat s;

	assert_int_equal(lstat(name, &s), 0);
	return s.st_mode;
}

static void makes_a_private_one(void **state)
{
	int fd = sl_socket_listen(path, 0600, NULL, errors);
	char inner[96];

	assert_true(fd >= 0);
	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_int_equal(mode_of(path) & 0777, 0600);
	assert_int_equal(mode_of(inner) & 0777, 0700);
	assert_true(S_ISSOCK(mode_of(path)));
	sl_socket_unlink(fd, path);
	assert_int_equal(access(path, F_OK), -1);
}

static void respects_who_answers(void **state)
{
	int first = sl_socket_listen(path, 0660, NULL, errors), second;

	assert_true(first >= 0);
	assert_int_equal(sl_socket_listen(path, 0660, NULL, errors), -EADDRINUSE);
	/* The process is gone, the file is left. */
	close(first);
	second = sl_socket_listen(path, 0660, NULL, errors);
	assert_true(second >= 0);
	/* One that does not have the name any more does not take it away. */
	sl_socket_unlink(-1, path);
	assert_int_equal(access(path, F_OK), 0);
	sl_socket_unlink(second, path);
}

static void leaves_files_alone(void **state)
{
	FILE *file;
	char inner[96];

	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	file = fopen(path, "w");
	fputs("dear", file);
	fclose(file);
	assert_int_equal(sl_socket_listen(path, 0600, NULL, errors), -EEXIST);
	assert_true(S_ISREG(mode_of(path)));
}

static void refuses_open_folders(void **state)
{
	char inner[96];
	int fd;

	snprintf(inner, sizeof(inner), "%s/run", folder);
	assert_int_equal(mkdir(inner, 0700), 0);
	assert_int_equal(chmod(inner, 0777), 0);
	assert_int_equal(sl_socket_listen(path, 0600, NULL, errors), -EPERM);
	assert_non_null(strstr(sl_errors_get(errors, 0)->text, "chmod go-w"));
	assert_int_equal(chmod(inner, 01777), 0);
	fd = sl_socket_listen(path, 0600, NULL, errors);
	assert_true(fd >= 0);
	sl_socket_unlink(fd, path);
	if (geteuid() != 0)
		return;
	assert_int_equal(chmod(inner, 0755), 0);
	assert_int_equal(chown(inner, 12345, 0), 0);
	assert_int_equal(sl_socket_listen(path, 0600, NULL, errors), -EPERM);
}

static void refuses_long_names_and_unknown_groups(void **state)
{
	char name[300];

	memset(name, 'a', sizeof(name));
	memcpy(name, "/tmp/", 5);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sl_socket_listen(name, 0600, NULL, errors), -ENAMETOOLONG);
	assert_int_equal(sl_socket_listen(path, 0660, "no-such-group", errors), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

static void knows_us(void **state)
{
	struct sl_rights rights;
	struct sl_peer peer;
	int pair[2];

	assert_int_equal(sl_rights_find(&rights, NULL, NULL, errors), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	sl_peer_of(pair[0], &rights, &peer);
	assert_int_equal(peer.role, SL_ROLE_ADMIN);
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.pid, getpid());
	assert_string_equal(peer.command, "test-socket");
	close(pair[0]);
	close(pair[1]);
	sl_peer_of(-1, &rights, &peer);
	assert_int_equal(peer.role, SL_ROLE_NONE);
	assert_int_equal(sl_rights_find(&rights, "no-such-group", NULL, errors), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(makes_a_private_one, begin, end),
		cmocka_unit_test_setup_teardown(respects_who_answers, begin, end),
		cmocka_unit_test_setup_teardown(leaves_files_alone, begin, end),
		cmocka_unit_test_setup_teardown(refuses_open_folders, begin, end),
		cmocka_unit_test_setup_teardown(refuses_long_names_and_unknown_groups, begin, end),
		cmocka_unit_test_setup_teardown(knows_us, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
