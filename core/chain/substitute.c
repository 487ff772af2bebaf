/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/substitute.h>

#define MAX_TEXT (64 * 1024)

const struct sl_argument *sl_argument_find(const struct sl_arguments *x, const char *name,
					   size_t length)
{
	for (uint32_t i = 0; i < x->count; i++)
		if (strlen(x->items[i].name) == length &&
		    memcmp(x->items[i].name, name, length) == 0)
			return &x->items[i];
	return NULL;
}

void sl_argument_unknown(struct sl_arguments *x, struct sl_place place, const char *name)
{
	const char **known = sl_store_alloc(x->loader->store, x->count + 1, sizeof(*known));

	x->failed = true;
	if (known == NULL)
		return;
	for (uint32_t i = 0; i < x->count; i++)
		known[i] = x->items[i].name;
	sl_unknown_name(x->loader, place, "parameter of the descriptor", name, known);
}

/* Length of "${name}" at the start of the text; 0 when there is none. */
static size_t reference(const char *text)
{
	const char *end;

	if (text[0] != '$' || text[1] != '{')
		return 0;
	end = strchr(text, '}');
	return end != NULL ? (size_t)(end - text) + 1 : 0;
}

static const struct sl_argument *referred(struct sl_arguments *x, const struct sl_tree *tree,
					  const char *text, size_t length)
{
	const struct sl_argument *argument = sl_argument_find(x, text + 2, length - 3);
	char *name;

	if (argument != NULL)
		return argument;
	name = sl_store_text(x->loader->store, text + 2, length - 3);
	if (name != NULL)
		sl_argument_unknown(x, tree->place, name);
	x->failed = true;
	return NULL;
}

/* A text with references in it. */
static const struct sl_tree *put_text(struct sl_arguments *x, const struct sl_tree *tree)
{
	struct sl_tree *copy;
	char *text = NULL;
	size_t size = 0;
	FILE *out;

	if (strchr(tree->text, '$') == NULL)
		return tree;
	out = open_memstream(&text, &size);
	if (out == NULL) {
		x->failed = true;
		return NULL;
	}
	for (const char *at = tree->text; *at != '\0' && !x->failed;) {
		size_t length = reference(at);
		const struct sl_argument *argument;

		if (length == 0) {
			at += at[0] == '$' && at[1] == '$';
			putc(*at++, out);
			continue;
		}
		argument = referred(x, tree, at, length);
		at += length;
		if (argument == NULL || argument->value == NULL)
			continue;
		if (argument->value->kind != SL_TREE_SCALAR) {
			sl_fail_place(x->loader->errors, EINVAL, tree->place,
				      "`${%s}` is %s and cannot be put into a text", argument->name,
				      sl_tree_kind_name(argument->value));
			x->failed = true;
			continue;
		}
		fputs(argument->value->text, out);
		if (ftell(out) > MAX_TEXT) {
			sl_fail_place(x->loader->errors, E2BIG, tree->place,
				      "the text is longer than %u bytes", MAX_TEXT);
			x->failed = true;
		}
	}
	copy = sl_store_alloc(x->loader->store, 1, sizeof(*copy));
	if (fclose(out) != 0 || copy == NULL) {
		free(text);
		x->failed = true;
		return NULL;
	}
	*copy = *tree;
	copy->one_line = false; /* columns no longer fit */
	copy->text = sl_store_text(x->loader->store, text, size);
	free(text);
	x->failed |= copy->text == NULL;
	return copy;
}

static bool is_reference(const struct sl_tree *tree)
{
	size_t length = tree->kind == SL_TREE_SCALAR ? reference(tree->text) : 0;

	return length > 0 && tree->text[length] == '\0';
}

/* Whether a value is, as a whole, a parameter that was not given. */
static bool is_absent(const struct sl_arguments *x, const struct sl_tree *tree)
{
	const struct sl_argument *argument;

	if (!is_reference(tree))
		return false;
	argument = sl_argument_find(x, tree->text + 2, strlen(tree->text) - 3);
	return argument != NULL && argument->value == NULL;
}

/* An entry of a list that says something about a parameter that was not given. Without that
 * one key a firewall's rule would mean more than it should, so the whole entry goes. */
static bool is_void(const struct sl_arguments *x, const struct sl_tree *tree)
{
	for (uint32_t i = 0; tree->kind == SL_TREE_MAP && i < tree->count; i++)
		if (is_absent(x, tree->items[i].value))
			return true;
	return false;
}

/* Items with references put in. What refers to a parameter that was not given is left out; a
 * list put into a list becomes part of it. */
static const struct sl_tree *put_items(struct sl_arguments *x, const struct sl_tree *tree)
{
	struct sl_tree *copy = sl_store_alloc(x->loader->store, 1, sizeof(*copy));
	uint32_t room = tree->count, count = 0;
	const struct sl_tree **values;

	values = sl_store_alloc(x->loader->store, tree->count, sizeof(*values));
	if (copy == NULL || values == NULL) {
		x->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < tree->count && !x->failed; i++) {
		if (tree->kind == SL_TREE_LIST && is_void(x, tree->items[i].value))
			continue;
		values[i] = sl_substitute(x, tree->items[i].value);
		if (values[i] != NULL && tree->kind == SL_TREE_LIST &&
		    is_reference(tree->items[i].value) && values[i]->kind == SL_TREE_LIST)
			room += values[i]->count;
	}
	*copy = *tree;
	copy->items = sl_store_alloc(x->loader->store, room, sizeof(*copy->items));
	if (copy->items == NULL || x->failed) {
		x->failed = true;
		return NULL;
	}
	for (uint32_t i = 0; i < tree->count; i++) {
		const struct sl_tree *value = values[i];

		if (value == NULL)
			continue;
		if (tree->kind == SL_TREE_LIST && is_reference(tree->items[i].value) &&
		    value->kind == SL_TREE_LIST) {
			for (uint32_t k = 0; k < value->count; k++)
				copy->items[count++] = value->items[k];
		} else {
			copy->items[count++] = (struct sl_tree_item){tree->items[i].key, value};
		}
	}
	copy->count = count;
	return copy;
}

/* NULL: failed, or the whole value is a parameter that was not given. */
const struct sl_tree *sl_substitute(struct sl_arguments *x, const struct sl_tree *tree)
{
	const struct sl_argument *argument;

	if (x->failed)
		return NULL;
	if (is_reference(tree)) {
		argument = referred(x, tree, tree->text, strlen(tree->text));
		if (argument == NULL || argument->value == NULL)
			return NULL;
		x->weight += argument->value->weight;
		if (x->weight > SL_MAX_WEIGHT) {
			sl_fail_place(x->loader->errors, E2BIG, tree->place,
				      "with its parameters put in, the descriptor holds more than "
				      "%u values",
				      SL_MAX_WEIGHT);
			x->failed = true;
			return NULL;
		}
		return argument->value;
	}
	if (tree->kind == SL_TREE_SCALAR)
		return put_text(x, tree);
	if (tree->kind == SL_TREE_NULL)
		return tree;
	return put_items(x, tree);
}
