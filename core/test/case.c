/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/load.h>
#include <core/test/build.h>
#include <core/test/case.h>
#include <core/test/port.h>

/* An item of a list of texts. */
typedef const char *text;

#define MAX_STEPS  10000
#define MAX_TIMES  1000
#define MAX_MEMORY ((size_t)1024 * 1024 * 1024)

/* A step as it is written. */
struct step_config {
	uint64_t given;
	const char *in, *out, *drop;
	uint64_t wait;
	const char *hop;
	uint64_t count, times;
	bool any_id;
	struct sl_list any; /* of const char * */
};

static const struct sl_param step_params[] = {
	{.name = "in",
	 .kind = SL_TEXT,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct step_config, in)},
	{.name = "out",
	 .kind = SL_TEXT,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct step_config, out)},
	{.name = "drop",
	 .kind = SL_TEXT,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct step_config, drop)},
	{.name = "wait",
	 .kind = SL_DURATION,
	 .flags = SL_ONE_OF,
	 .offset = offsetof(struct step_config, wait),
	 .min = 1000000,
	 .max = UINT64_C(3600000000000)},
	{.name = "hop", .kind = SL_TEXT, .offset = offsetof(struct step_config, hop)},
	{.name = "count",
	 .kind = SL_UINT,
	 .offset = offsetof(struct step_config, count),
	 .min = 1,
	 .max = UINT32_MAX},
	{.name = "times",
	 .kind = SL_UINT,
	 .offset = offsetof(struct step_config, times),
	 .def = "1",
	 .min = 1,
	 .max = MAX_TIMES},
	{.name = "any-id", .kind = SL_BOOL, .offset = offsetof(struct step_config, any_id)},
	{.name = "any",
	 .kind = SL_TEXT,
	 .flags = SL_LIST,
	 .offset = offsetof(struct step_config, any)},
	{.name = NULL},
};

struct reader {
	struct sl_test_case *test;
	struct sl_store *store;
	struct sl_errors *errors;
};

static bool find_port(struct reader *r, const struct sl_tree *tree, const char *key,
		      const char *name, unsigned int *port)
{
	const struct sl_chain *chain = r->test->chain;
	const char *names[257], *near;
	const struct sl_tree *value = sl_tree_get(tree, key);

	for (*port = 0; *port < chain->port_count; ++*port) {
		if (strcmp(chain->ports[*port].name, name) == 0)
			return true;
		names[*port] = chain->ports[*port].name;
	}
	names[*port] = NULL;
	near = sl_near_miss(name, names);
	sl_fail_place(r->errors, ENOENT, value->place, "the chain has no port `%.40s`%s%s%s", name,
		      near != NULL ? "; did you mean `" : "", near != NULL ? near : "",
		      near != NULL ? "`?" : "");
	return false;
}

/* "ip.id" */
static void add_any(struct reader *r, struct sl_test_step *step, const char *name,
		    struct sl_place place)
{
	const char *dot = strchr(name, '.');
	char layer_name[16];
	const struct sl_layer *layer = NULL;
	const struct sl_header_field *field = NULL;

	if (dot != NULL && (size_t)(dot - name) < sizeof(layer_name)) {
		memcpy(layer_name, name, (size_t)(dot - name));
		layer_name[dot - name] = '\0';
		layer = sl_layer_find(layer_name);
	}
	if (layer != NULL)
		field = sl_header_find(layer, dot + 1);
	if (field == NULL || field->bits > 64)
		sl_fail_place(r->errors, EINVAL, place,
			      "`any`: expected LAYER.FIELD such as `ip.id`, not `%.40s`", name);
	else
		step->any[step->any_count++] =
			(struct sl_any_field){(enum sl_layer_id)(layer - sl_layers), field};
}

static void read_frames(struct reader *r, const struct sl_tree *tree, struct sl_test_step *step)
{
	const struct sl_tree *one = sl_tree_get(tree, "packet");
	const struct sl_tree *many = sl_tree_get(tree, "packets");
	const struct sl_tree_item lone = {NULL, one};
	const struct sl_tree_item *items = &lone;

	step->frame_count = 1;
	if ((one == NULL) == (many == NULL)) {
		sl_fail_place(r->errors, EINVAL, tree->place,
			      "the step needs `packet`, or `packets`, a list of them");
		return;
	}
	if (many != NULL) {
		items = many->items;
		step->frame_count = many->count;
	}
	if (many != NULL && many->kind != SL_TREE_LIST) {
		sl_fail_place(r->errors, EINVAL, many->place,
			      "`packets`: expected a list, found %s", sl_tree_kind_name(many));
		return;
	}
	step->frames = sl_store_alloc(r->store, step->frame_count, sizeof(*step->frames));
	for (uint32_t i = 0; step->frames != NULL && i < step->frame_count; i++) {
		if (!sl_packet_build(r->test->chain, items[i].value, &step->frames[i], r->errors))
			continue;
		sl_frame_parse(&step->frames[i]);
	}
}

static void read_step(struct reader *r, const struct sl_tree *tree, struct sl_test_step *step)
{
	static const char *const skip[] = {"packet", "packets", NULL};
	struct sl_params_reader reader = {.store = r->store, .errors = r->errors};
	struct step_config *config = sl_store_alloc(r->store, 1, sizeof(*config));
	const struct sl_section section = {step_params, config};
	unsigned int before = sl_errors_count(r->errors);
	bool packet = sl_tree_get(tree, "packet") != NULL || sl_tree_get(tree, "packets") != NULL;

	if (config == NULL)
		return;
	step->place = tree->place;
	if (!sl_tree_is_map(tree)) {
		sl_fail_place(r->errors, EINVAL, tree->place,
			      "expected a step, a map with `in`, `out`, `drop` or `wait`; found %s",
			      sl_tree_kind_name(tree));
		return;
	}
	sl_params_read(&reader, tree, &section, 1, skip, "the step");
	if (sl_errors_count(r->errors) != before)
		return;
	step->times = config->times;
	step->reason = config->drop;
	step->hop = config->hop;
	step->count = config->count;
	step->wait = config->wait;
	step->kind = config->in != NULL     ? SL_TEST_IN
		     : config->out != NULL  ? SL_TEST_OUT
		     : config->drop != NULL ? SL_TEST_DROP
					    : SL_TEST_WAIT;
	if (step->kind > SL_TEST_OUT) {
		if (packet)
			sl_fail_place(r->errors, EINVAL, tree->place,
				      "`packet` goes with `in` and `out`");
		return;
	}
	if (!find_port(r, tree, step->kind == SL_TEST_IN ? "in" : "out",
		       step->kind == SL_TEST_IN ? config->in : config->out, &step->port))
		return;
	step->any = sl_store_alloc(r->store, config->any.count + 1, sizeof(*step->any));
	if (step->any == NULL)
		return;
	if (config->any_id)
		add_any(r, step, "ip.id", tree->place);
	for (uint32_t i = 0; i < config->any.count; i++)
		add_any(r, step, *SL_ITEM(&config->any, text, i), tree->place);
	read_frames(r, tree, step);
}

static void read_steps(struct reader *r, const struct sl_tree *root)
{
	const struct sl_tree *list = sl_tree_get(root, "packets");
	struct sl_test_case *test = r->test;

	if (list == NULL || list->kind != SL_TREE_LIST || list->count == 0 ||
	    list->count > MAX_STEPS) {
		sl_fail_place(r->errors, EINVAL, list != NULL ? list->place : root->place,
			      "the test needs `packets`: a list of 1 to %u steps", MAX_STEPS);
		return;
	}
	test->steps = sl_store_alloc(r->store, list->count, sizeof(*test->steps));
	if (test->steps == NULL)
		return;
	test->step_count = list->count;
	for (uint32_t i = 0; i < list->count; i++)
		read_step(r, list->items[i].value, &test->steps[i]);
}

static void check_keys(struct reader *r, const struct sl_tree *root)
{
	static const char *const keys[] = {"about", "source", "chain", "ports", "packets", NULL};

	for (uint32_t i = 0; i < root->count; i++) {
		const struct sl_tree *key = root->items[i].key;
		const char *near = sl_near_miss(key->text, keys);
		unsigned int k = 0;

		while (keys[k] != NULL && strcmp(keys[k], key->text) != 0)
			k++;
		if (keys[k] == NULL)
			sl_fail_place(r->errors, EINVAL, key->place,
				      "unknown key `%.40s` of a test%s%s%s", key->text,
				      near != NULL ? "; did you mean `" : "",
				      near != NULL ? near
						   : "; there are about, source, chain, ports, "
						     "packets",
				      near != NULL ? "`?" : "");
	}
}

/* The store becomes the chain's. */
static bool read_test(struct reader *r, const char *file, struct sl_registry *registry,
		      const char *const *folders, unsigned int folder_count)
{
	struct sl_test_case *test = r->test;
	const struct sl_tree *root = NULL, *chain = NULL, *about;
	size_t size;
	char *bytes = sl_file_read(file, &size, r->errors);

	if (bytes != NULL)
		root = sl_yaml_read(r->store, file, bytes, size, r->errors);
	free(bytes);
	if (root != NULL && root->kind == SL_TREE_MAP) {
		check_keys(r, root);
		chain = sl_test_chain(r->store, file, root, r->errors);
	} else if (root != NULL) {
		sl_fail_place(r->errors, EINVAL, root->place,
			      "expected a chain test, a map with `chain` and `packets`");
	}
	if (chain == NULL) {
		sl_store_free(r->store);
		return false;
	}
	about = sl_tree_get(root, "about");
	if (about != NULL && about->kind == SL_TREE_SCALAR)
		test->about = about->text;
	test->chain = sl_chain_load_tree(r->store, chain, file, registry, folders, folder_count,
					 r->errors);
	if (test->chain == NULL)
		return false;
	read_steps(r, root);
	if (sl_store_failed(r->store))
		sl_fail(r->errors, ENOMEM, "%s: out of memory", file);
	return true;
}

struct sl_test_case *sl_test_case_load(const char *file, struct sl_registry *registry,
				       const char *const *vnf_folders, unsigned int folder_count,
				       struct sl_errors *errors)
{
	struct reader r = {.errors = errors};
	unsigned int before = sl_errors_count(errors);

	r.test = calloc(1, sizeof(*r.test));
	r.store = sl_store_new(MAX_MEMORY);
	if (r.test == NULL || r.store == NULL) {
		sl_fail(errors, ENOMEM, "out of memory");
		free(r.test);
		sl_store_free(r.store);
		return NULL;
	}
	sl_test_port_register();
	r.test->file = file;
	read_test(&r, file, registry, vnf_folders, folder_count);
	if (sl_errors_count(errors) == before)
		return r.test;
	sl_errors_resolve(errors, NULL, NULL);
	sl_chain_free(r.test->chain);
	sl_test_case_free(r.test);
	return NULL;
}

void sl_test_case_free(struct sl_test_case *test)
{
	free(test);
}
