/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a plugin declares is believed everywhere else: table offsets are written to, names are
 * printed, callbacks are called. So it is checked once, here, and a mistake is the plugin
 * author's to read.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_ether.h>

#include <core/plugin/load.h>

#define MAX_PARAMS   64
#define MAX_REASONS  126
#define MAX_COUNTERS 64
#define MAX_DEPTH    8
#define MAX_RECORD   512

/* Where we are, for messages. */
struct spot {
	const char *path, *type;
	struct sl_errors *errors;
};

static int wrong(const struct spot *spot, const char *what, const char *name, const char *problem)
{
	return sl_fail(spot->errors, EINVAL, "plugin %s: node type %s: %s `%s` %s", spot->path,
		       spot->type, what, name != NULL ? name : "", problem);
}

/* Lower-case letters, digits and dashes, starting with a letter or digit. */
static bool is_word(const char *name)
{
	size_t length = name != NULL ? strlen(name) : 0;

	if (length == 0 || length > 63 || name[0] == '-')
		return false;
	for (size_t i = 0; i < length; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-')
			return false;
	return true;
}

static int check_names(const struct spot *spot, const char *what, const struct sl_name *names,
		       unsigned int most)
{
	for (unsigned int i = 0; names != NULL && names[i].name != NULL; i++) {
		if (i == most)
			return wrong(spot, what, names[i].name, "is one too many");
		if (!is_word(names[i].name))
			return wrong(spot, what, names[i].name,
				     "must be of lower-case letters, digits and dashes");
		for (unsigned int j = 0; j < i; j++)
			if (strcmp(names[i].name, names[j].name) == 0)
				return wrong(spot, what, names[i].name, "is declared twice");
	}
	return 0;
}

size_t sl_item_size(const struct sl_param *param)
{
	switch (param->kind) {
	case SL_BOOL:
		return sizeof(bool);
	case SL_UINT:
	case SL_DURATION:
	case SL_SIZE:
	case SL_BITRATE:
	case SL_RATE:
		return sizeof(uint64_t);
	case SL_TEXT:
		return sizeof(const char *);
	case SL_ENUM:
	case SL_PROTO:
	case SL_PATH:
		return sizeof(uint32_t);
	case SL_ADDR:
		return sizeof(struct sl_addr);
	case SL_PREFIX:
	case SL_IFADDR:
		return sizeof(struct sl_prefix);
	case SL_ADDRS:
		return sizeof(struct sl_addr_range);
	case SL_MAC:
		return sizeof(struct rte_ether_addr);
	case SL_SPAN:
		return sizeof(struct sl_span);
	case SL_TABLE:
		return param->size;
	}
	return 0;
}

static int check_params(const struct spot *spot, const struct sl_param *params, size_t size,
			unsigned int depth);

static int check_param(const struct spot *spot, const struct sl_param *param, size_t size,
		       unsigned int depth)
{
	size_t field = param->flags & SL_LIST ? sizeof(struct sl_list) : sl_item_size(param);

	if (field == 0)
		return wrong(spot, "parameter", param->name, "has a kind that does not exist");
	if (param->offset < sizeof(uint64_t) || param->offset > size ||
	    field > size - param->offset)
		return wrong(spot, "parameter", param->name,
			     "lies outside its struct, or on its first member, `given`");
	if (param->kind == SL_ENUM && (param->names == NULL || param->names[0] == NULL))
		return wrong(spot, "parameter", param->name, "is an SL_ENUM without `names`");
	if (param->min > param->max)
		return wrong(spot, "parameter", param->name, "has min above max");
	if ((param->flags & SL_INLINE) && param->kind != SL_TABLE)
		return wrong(spot, "parameter", param->name, "is SL_INLINE but not an SL_TABLE");
	if (param->doc == NULL && !(param->flags & SL_INLINE))
		return wrong(spot, "parameter", param->name, "has no `doc`");
	if (param->kind != SL_TABLE)
		return 0;
	if (param->fields == NULL)
		return wrong(spot, "parameter", param->name, "is an SL_TABLE without `fields`");
	return check_params(spot, param->fields, param->size, depth + 1);
}

static int check_params(const struct spot *spot, const struct sl_param *params, size_t size,
			unsigned int depth)
{
	int error = 0;

	if (params == NULL || params[0].name == NULL)
		return 0;
	if (depth > MAX_DEPTH)
		return wrong(spot, "parameter", params[0].name, "is nested too deep");
	for (unsigned int i = 0; error == 0 && params[i].name != NULL; i++) {
		const char *name = params[i].name;

		if (i == MAX_PARAMS)
			return wrong(spot, "parameter", name, "is one too many in its table");
		if (!(params[i].flags & SL_INLINE) && !is_word(name))
			return wrong(spot, "parameter", name,
				     "must be of lower-case letters, digits and dashes");
		for (unsigned int j = 0; j < i; j++)
			if (strcmp(name, params[j].name) == 0)
				return wrong(spot, "parameter", name, "is declared twice");
		error = check_param(spot, &params[i], size, depth);
	}
	return error;
}

static int check_command(const struct spot *spot, const struct sl_command *command)
{
	const char *name = command->name;

	if (!is_word(name))
		return wrong(spot, "command", name,
			     "must be of lower-case letters, digits and dashes");
	if (command->show == NULL && command->collect == NULL)
		return wrong(spot, "command", name, "has neither show() nor collect()");
	if (command->collect != NULL && command->show != NULL)
		return wrong(spot, "command", name, "has both show() and collect()");
	if (command->record_size > MAX_RECORD)
		return wrong(spot, "command", name, "has records of more than 512 bytes");
	if (command->render != NULL && command->record_size == 0)
		return wrong(spot, "command", name, "has render() but no record_size");
	return check_params(spot, command->args, command->args_size, 0);
}

static int check_type(const char *path, const struct sl_node_type *type, unsigned int i,
		      struct sl_errors *errors)
{
	struct spot spot = {path, type->name, errors};
	int error;

	if (!is_word(type->name))
		return sl_fail(errors, EINVAL,
			       "plugin %s: node type number %u must have a name of lower-case "
			       "letters, digits and dashes",
			       path, i);
	if (type->process == NULL)
		return wrong(&spot, "callback", "process", "is missing");
	if (type->tick != NULL && type->tick_ms == 0)
		return wrong(&spot, "field", "tick_ms", "is 0 though there is a tick()");
	if (type->poll != NULL && type->poll_ms == 0)
		return wrong(&spot, "field", "poll_ms", "is 0 though there is a poll()");
	if (type->params != NULL && type->config_size < sizeof(uint64_t))
		return wrong(&spot, "field", "config_size", "is too small for its `given`");
	if (type->layout != 0 && type->adopt == NULL)
		return wrong(&spot, "callback", "adopt", "is missing, though there is a layout");
	if (type->state_version == 0 && (type->export_state != NULL || type->import_state != NULL))
		return wrong(&spot, "field", "state_version",
			     "is 0 though there is an export_state() or import_state()");
	error = check_names(&spot, "edge", type->edges, SL_EDGE_LAST - SL_EDGE_FIRST + 1);
	if (error == 0)
		error = check_names(&spot, "drop reason", type->reasons, MAX_REASONS);
	if (error == 0)
		error = check_names(&spot, "counter", type->counters, MAX_COUNTERS);
	if (error == 0)
		error = check_names(&spot, "event", type->events, UINT32_MAX);
	if (error == 0)
		error = check_params(&spot, type->params, type->config_size, 0);
	for (const struct sl_command *c = type->commands;
	     error == 0 && c != NULL && c->name != NULL; c++)
		error = check_command(&spot, c);
	return error;
}

int sl_plugin_check(const struct sl_plugin *plugin, const char *path, struct sl_errors *errors)
{
	int error = 0;

	if (!is_word(plugin->name) || plugin->version == NULL || plugin->license == NULL ||
	    plugin->doc == NULL)
		return sl_fail(errors, EINVAL,
			       "plugin %s: SL_PLUGIN() needs a name of lower-case letters, digits "
			       "and dashes, a version, a license and a sentence",
			       path);
	if (plugin->type_count == 0 || plugin->types == NULL)
		return sl_fail(errors, EINVAL, "plugin %s: it provides no node type", path);
	for (unsigned int i = 0; error == 0 && i < plugin->type_count; i++) {
		error = check_type(path, &plugin->types[i], i, errors);
		for (unsigned int j = 0; error == 0 && j < i; j++)
			if (strcmp(plugin->types[i].name, plugin->types[j].name) == 0)
				error = sl_fail(errors, EINVAL,
						"plugin %s: node type %s is declared twice", path,
						plugin->types[i].name);
	}
	return error;
}
