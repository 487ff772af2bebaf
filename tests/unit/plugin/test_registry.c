/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/error/errors.h>
#include <core/plugin/registry.h>

#define SAMPLES SL_BUILD_DIR "/tests/unit/plugin"

/* A folder for copies that may be spoiled. */
static char folder[256];
static struct sl_registry *registry;
static struct sl_errors *errors;

static void shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void shell(const char *format, ...)
{
	va_list args;
	char *command;

	va_start(args, format);
	assert_true(vasprintf(&command, format, args) > 0);
	va_end(args);
	assert_int_equal(system(command), 0);
	free(command);
}

static int begin(void **state)
{
	const char *folders[] = {"/nonexistent", folder};

	snprintf(folder, sizeof(folder), "%s/sluice-registry.XXXXXX",
		 getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	if (mkdtemp(folder) == NULL)
		return -1;
	registry = sl_registry_new(folders, 2);
	errors = sl_errors_new();
	return 0;
}

static int end(void **state)
{
	sl_registry_free(registry);
	sl_errors_free(errors);
	shell("rm -rf %s", folder);
	return 0;
}

static const char *copy(const char *sample, const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s.so", folder, name);
	shell("cp %s/%s.so %s && chmod 0644 %s", SAMPLES, sample, path, path);
	return path;
}

/* That there is one more message, with these words in it. */
static void assert_said(const char *first, const char *second)
{
	unsigned int count = sl_errors_count(errors);
	const char *text;

	assert_true(count > 0);
	text = sl_errors_get(errors, count - 1)->text;
	if (strstr(text, first) == NULL || strstr(text, second) == NULL)
		fail_msg("`%s` has no `%s` or no `%s`", text, first, second);
	sl_errors_free(errors);
	errors = sl_errors_new();
}

static void assert_refused(const char *sample, const char *first, const char *second)
{
	assert_null(sl_registry_load(registry, copy(sample, sample), errors));
	assert_said(first, second);
	assert_int_equal(sl_registry_count(registry), 0);
}

static void loads_by_name_and_path(void **state)
{
	struct sl_loaded_plugin *loaded;
	const struct sl_node_type *type;
	char path[512];

	snprintf(path, sizeof(path), "%s", copy("good", "good"));
	loaded = sl_registry_load(registry, "good", errors);
	assert_non_null(loaded);
	assert_string_equal(loaded->plugin->name, "good");
	/* The same file is loaded once, by whatever name. */
	assert_ptr_equal(sl_registry_load(registry, path, errors), loaded);
	assert_int_equal(sl_registry_count(registry), 1);
	type = sl_registry_type(registry, "good", errors);
	assert_ptr_equal(type, &loaded->plugin->types[0]);
	assert_ptr_equal(sl_registry_type(registry, path, errors), type);
	assert_ptr_equal(sl_registry_type(registry, "good/good", errors), type);
	assert_ptr_equal(sl_registry_owner(registry, type), loaded);
	assert_null(sl_registry_type(registry, "good/bad", errors));
	assert_said("no node type `bad`", "`good`");
}

static void several_types(void **state)
{
	const struct sl_node_type *type;
	char path[512];

	copy("two", "two");
	snprintf(path, sizeof(path), "%s/two.so/second", folder);
	type = sl_registry_type(registry, "two/second", errors);
	assert_non_null(type);
	assert_ptr_equal(sl_registry_type(registry, path, errors), type);
	assert_ptr_equal(sl_registry_steering(registry, errors), type);
	assert_string_equal(sl_registry_type(registry, "two", errors)->name, "good");
}

static void steering_is_looked_for(void **state)
{
	copy("good", "good");
	assert_null(sl_registry_steering(registry, errors));
	assert_said("steering", "classifier");
	copy("two", "two");
	copy("bad_abi", "bad");
	assert_non_null(sl_registry_steering(registry, errors));
	assert_int_equal(sl_errors_count(errors), 0);
}

static void names(void **state)
{
	char **list;

	copy("good", "zebra");
	copy("good", "ant");
	list = sl_registry_names(registry);
	assert_string_equal(list[0], "ant");
	assert_string_equal(list[1], "zebra");
	assert_null(list[2]);
	sl_names_free(list);
	assert_null(sl_registry_load(registry, "zebro", errors));
	assert_said("did you mean `zebra`", folder);
	assert_null(sl_registry_load(registry, "../zebra", errors));
	assert_said("../zebra", "");
}

static void other_versions(void **state)
{
	assert_refused("bad_abi", "ABI 10", "ABI 4");
	assert_refused("bad_magic", "magic", "SL_PLUGIN()");
	assert_refused("bad_size", "sizes", "build the plugin again");
	assert_refused("bad_mbuf", "192", "128");
	assert_refused("no_symbol", "no symbol `sl_plugin`", "SL_PLUGIN()");
	assert_refused("missing", "undefined symbol: sl_that_never_was", "another version");
}

static void wrong_tables(void **state)
{
	assert_refused("bad_offset", "`value`", "outside its struct");
	assert_refused("bad_reason", "`Not A Word`", "lower-case");
	assert_refused("no_process", "`process`", "missing");
}

static void no_plugins(void **state)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s", copy("good", "text"));
	file = fopen(path, "w");
	fputs("#!/bin/sh\necho this is a script, and a long one, longer than a header of ELF\n",
	      file);
	fclose(file);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("not a shared object", path);
	assert_int_equal(truncate(path, 0), 0);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("empty", path);
	snprintf(path, sizeof(path), "%s/folder.so", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_null(sl_registry_load(registry, "folder", errors));
	assert_said("not a regular file", "folder");
	snprintf(path, sizeof(path), "%s/pipe.so", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_null(sl_registry_load(registry, "pipe", errors));
	assert_said("not a regular file", path);
	assert_null(sl_registry_load(registry, "/proc/self/exe", errors));
	assert_int_equal(sl_registry_count(registry), 0);
}

/* Cut off anywhere, it is refused and does no harm. */
static void cut_off(void **state)
{
	struct stat s;
	char path[512];

	snprintf(path, sizeof(path), "%s", copy("good", "cut"));
	assert_int_equal(stat(path, &s), 0);
	for (off_t length = 1; length < s.st_size; length = length * 3 + 1) {
		copy("good", "cut");
		assert_int_equal(truncate(path, length), 0);
		/* Sections for debuggers stand at the end: without them it still loads. */
		if (length < 4096)
			assert_null(sl_registry_load(registry, path, errors));
	}
}

static void writable_by_others(void **state)
{
	char path[512];

	snprintf(path, sizeof(path), "%s", copy("good", "good"));
	chmod(path, 0664);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("others", path);
	chmod(path, 0646);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("chmod go-w", path);
	chmod(path, 0644);
	chmod(folder, 0777);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("folder", folder);
	chmod(folder, 01777);
	assert_null(sl_registry_load(registry, path, errors));
	assert_said("folder", folder);
	chmod(folder, 0755);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 0), 0);
		assert_null(sl_registry_load(registry, path, errors));
		assert_said("user 12345", path);
		assert_int_equal(chown(path, 0, 0), 0);
	}
	assert_non_null(sl_registry_load(registry, path, errors));
}

/* A folder further up counts, and a symbolic link does not lead around it. */
static void folders_above(void **state)
{
	char path[512], link[512];

	snprintf(path, sizeof(path), "%s/open/inner/good.so", folder);
	snprintf(link, sizeof(link), "%s/good.so", folder);
	shell("mkdir -p %s/open/inner && cp %s/good.so %s && chmod 0777 %s/open && ln -s %s %s",
	      folder, SAMPLES, path, folder, path, link);
	assert_null(sl_registry_load(registry, link, errors));
	assert_said("others", "/open ");
	shell("chmod 0755 %s/open", folder);
	assert_non_null(sl_registry_load(registry, link, errors));
}

/* A file that was replaced under its name, or written over, is another plugin once it is reloaded,
 * and the code of the old one stays as it was until it is unloaded. */
static void replaced(void **state)
{
	struct sl_loaded_plugin *first, *second;
	char path[512];

	snprintf(path, sizeof(path), "%s", copy("good", "good"));
	first = sl_registry_load(registry, path, errors);
	assert_non_null(first);
	shell("cat %s/two.so > %s", SAMPLES, path);
	assert_ptr_equal(sl_registry_load(registry, path, errors), first);
	assert_int_equal(unlink(path), 0);
	copy("two", "good");
	assert_ptr_equal(sl_registry_load(registry, path, errors), first);
	assert_int_equal(first->plugin->type_count, 1);
	second = sl_registry_reload(registry, first, errors);
	assert_non_null(second);
	assert_int_equal(second->plugin->type_count, 2);
	assert_true(first->superseded);
	assert_string_equal(first->plugin->types[0].name, "good");
	assert_ptr_equal(sl_registry_load(registry, path, errors), second);
	assert_ptr_equal(sl_registry_find(registry, "good", errors), second);
	assert_ptr_equal(sl_registry_owner(registry, &first->plugin->types[0]), first);
	sl_registry_unload(registry, first);
	assert_int_equal(sl_registry_count(registry), 1);
	/* What does not load changes nothing. */
	copy("bad_abi", "good");
	assert_null(sl_registry_reload(registry, second, errors));
	assert_said("ABI", path);
	assert_false(second->superseded);
	assert_int_equal(unlink(path), 0);
	assert_null(sl_registry_reload(registry, second, errors));
	assert_said("gone", path);
	assert_null(sl_registry_find(registry, "goot", errors));
	assert_said("did you mean `good`", "goot");
	assert_int_equal(sl_registry_count(registry), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(loads_by_name_and_path, begin, end),
		cmocka_unit_test_setup_teardown(several_types, begin, end),
		cmocka_unit_test_setup_teardown(steering_is_looked_for, begin, end),
		cmocka_unit_test_setup_teardown(names, begin, end),
		cmocka_unit_test_setup_teardown(other_versions, begin, end),
		cmocka_unit_test_setup_teardown(wrong_tables, begin, end),
		cmocka_unit_test_setup_teardown(no_plugins, begin, end),
		cmocka_unit_test_setup_teardown(cut_off, begin, end),
		cmocka_unit_test_setup_teardown(writable_by_others, begin, end),
		cmocka_unit_test_setup_teardown(folders_above, begin, end),
		cmocka_unit_test_setup_teardown(replaced, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
