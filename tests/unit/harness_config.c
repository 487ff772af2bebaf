/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration structs of the harness, read from YAML as a chain file's are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/params.h>
#include <tests/unit/harness_rig.h>

struct sl_test_config {
	struct sl_store *store;
	void *config;
};

/* Who may be named where a path is expected. */
struct paths {
	const char *const *names;
	uint32_t first_edge;
	struct sl_errors *errors;
};

static bool find_path(void *context, const struct sl_tree *name, uint32_t *edge)
{
	const struct paths *paths = context;

	for (uint32_t i = 0; paths->names != NULL && paths->names[i] != NULL; i++)
		if (strcmp(paths->names[i], name->text) == 0) {
			*edge = paths->first_edge + i;
			return true;
		}
	sl_fail_place(paths->errors, EINVAL, name->place, "no path `%s`", name->text);
	return false;
}

struct sl_test_config *sl_test_config_read(const struct sl_param *params, size_t size,
					   const char *yaml, const char *const *names,
					   uint32_t first_edge, struct sl_errors *errors)
{
	struct sl_test_config *c = calloc(1, sizeof(*c));
	struct paths paths = {names, first_edge, errors};
	struct sl_params_reader reader = {
		.errors = errors, .path = find_path, .path_context = &paths};
	struct sl_section section = {.table = params};
	const struct sl_tree *tree = NULL;
	unsigned int before = sl_errors_count(errors);

	if (c == NULL || (c->store = sl_store_new((size_t)256 << 20)) == NULL)
		sl_test_fail("out of memory");
	size = size > sizeof(uint64_t) ? size : sizeof(uint64_t);
	section.config = c->config = sl_store_alloc(c->store, 1, size);
	reader.store = c->store;
	if (yaml != NULL && yaml[0] != '\0')
		tree = sl_yaml_read(c->store, "test.yaml", yaml, strlen(yaml), errors);
	if (tree != NULL)
		sl_store_place(c->store, c->config, size, tree->place);
	sl_errors_resolve(errors, sl_store_find, c->store);
	if (sl_errors_count(errors) == before)
		sl_params_read(&reader, tree, &section, 1, NULL, "the node");
	if (sl_errors_count(errors) == before)
		return c;
	sl_test_config_free(c);
	sl_errors_resolve(errors, NULL, NULL);
	return NULL;
}

const void *sl_test_config_struct(const struct sl_test_config *c)
{
	return c->config;
}

void sl_test_config_free(struct sl_test_config *c)
{
	if (c == NULL)
		return;
	sl_store_free(c->store);
	free(c);
}
