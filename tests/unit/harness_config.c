/* SPDX-License-Identifier: BSD-3-Clause */
/* Configuration structs of the harness, read from YAML as a chain file's are. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tests/unit/harness_rig.h>

struct sl_test_config {
	void *config;
};

struct sl_test_config *sl_test_config_read(const struct sl_param *params, size_t size,
					   const char *yaml, const char *const *paths,
					   struct sl_errors *errors)
{
	struct sl_test_config *c = calloc(1, sizeof(*c));

	if (yaml != NULL && yaml[0] != '\0')
		sl_test_fail("no reader of parameters yet: give .config");
	c->config = calloc(1, size + 1);
	return c;
}

const void *sl_test_config_struct(const struct sl_test_config *c)
{
	return c->config;
}

void sl_test_config_free(struct sl_test_config *c)
{
	if (c == NULL)
		return;
	free(c->config);
	free(c);
}
