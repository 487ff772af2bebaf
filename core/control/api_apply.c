/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include <core/control/api_apply.h>
#include <core/host/apply.h>
#include <core/plugin/json.h>

enum { BAD_REQUEST = 400, FORBIDDEN = 403, NOT_FOUND = 404, NOT_ALLOWED = 405 };

static json_t *refuse(unsigned int *status, unsigned int code, const char *text)
{
	*status = code;
	return json_pack("{ss}", "error", text);
}

/* With their places: "FILE:LINE:COLUMN: TEXT". */
static json_t *errors_of(unsigned int *status, struct sl_errors *errors)
{
	json_t *list = json_array(), *object = json_object();

	*status = BAD_REQUEST;
	for (unsigned int i = 0; i < sl_errors_count(errors); i++) {
		const struct sl_error *error = sl_errors_get(errors, i);
		char text[1024];

		if (error->place.file != NULL)
			snprintf(text, sizeof(text), "%s:%u:%u: %s", error->place.file,
				 error->place.line, error->place.column, error->text);
		else
			snprintf(text, sizeof(text), "%s", error->text);
		sl_json_text(sl_json_from(list), NULL, text);
	}
	json_object_set_new(object, "error",
			    json_array_size(list) != 0 ? json_incref(json_array_get(list, 0))
						       : json_string("it failed"));
	json_object_set_new(object, "errors", list);
	return object;
}

static json_t *changes_of(const struct sl_diff *diff)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < diff->count; i++) {
		const struct sl_change *change = &diff->changes[i];
		json_t *object = json_object();
		struct sl_json *out = sl_json_from(object);

		sl_json_text(out, "what", sl_change_of_names[change->of]);
		sl_json_text(out, "name", change->name);
		sl_json_text(out, "change", sl_change_kind_names[change->kind]);
		sl_json_text(out, "detail", change->detail);
		json_array_append_new(list, object);
	}
	return list;
}

/* Lets go of what was applied, too. */
static json_t *answer(int err, bool dry_run, struct sl_applied *applied, struct sl_errors *errors,
		      unsigned int *status)
{
	double us = (double)rte_get_tsc_hz() / 1e6;
	json_t *object;

	if (err != 0) {
		object = errors_of(status, errors);
		sl_errors_free(errors);
		return object;
	}
	object = json_object();
	json_object_set_new(object, "generation", json_integer((json_int_t)applied->generation));
	json_object_set_new(object, "applied", json_boolean(!dry_run));
	json_object_set_new(object, "changes", changes_of(applied->diff));
	if (!dry_run) {
		json_object_set_new(object, "took_us",
				    json_integer((json_int_t)((double)applied->took / us)));
		json_object_set_new(object, "gap_us",
				    json_integer((json_int_t)((double)applied->gap / us)));
	}
	sl_diff_free(applied->diff);
	sl_errors_free(errors);
	return object;
}

/* The body, or NULL with *refused set. */
static json_t *body_of(const struct sl_api_request *request, unsigned int *status, json_t **refused)
{
	json_t *body;

	*refused = NULL;
	if (strcmp(request->method, "POST") != 0) {
		*refused = refuse(status, NOT_ALLOWED, "only POST: it changes something");
		return NULL;
	}
	if (!request->may_change) {
		*refused = refuse(status, FORBIDDEN,
				  "only root and the user that sluice runs as may change the "
				  "chain");
		return NULL;
	}
	if (request->body == NULL || request->body_size == 0)
		return json_object();
	body = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	if (json_is_object(body))
		return body;
	json_decref(body);
	*refused = refuse(status, BAD_REQUEST, "the body must be a JSON object");
	return NULL;
}

static bool is_flag(const json_t *value)
{
	return value == NULL || json_is_boolean(value);
}

json_t *sl_api_apply(struct sl_engine *engine, const struct sl_api_request *request,
		     unsigned int *status)
{
	json_t *result, *body = body_of(request, status, &result);
	const json_t *file = json_object_get(body, "file"), *text = json_object_get(body, "text");
	const json_t *dry_run = json_object_get(body, "dry_run");
	struct sl_applied applied;
	struct sl_errors *errors;

	if (body == NULL)
		return result;
	errors = sl_errors_new();
	if (errors == NULL || !json_is_string(text) || (file != NULL && !json_is_string(file)) ||
	    !is_flag(dry_run)) {
		result = refuse(status, BAD_REQUEST,
				"expected `text`, a chain file's, and perhaps `file`, its name, "
				"and `dry_run`, true or false");
		sl_errors_free(errors);
	} else {
		const struct sl_apply_request what = {
			.file = file != NULL ? json_string_value(file) : "chain.yaml",
			.text = json_string_value(text),
			.size = json_string_length(text),
			.why = "",
			.who = request->who,
			.dry_run = json_is_true(dry_run),
		};
		int err = sl_engine_apply(engine, &what, &applied, errors);

		result = answer(err, what.dry_run, &applied, errors, status);
	}
	json_decref(body);
	return result;
}

json_t *sl_api_rollback(struct sl_engine *engine, const struct sl_api_request *request,
			unsigned int *status)
{
	json_t *result, *body = body_of(request, status, &result);
	const json_t *number = json_object_get(body, "generation");
	const json_t *dry_run = json_object_get(body, "dry_run");
	struct sl_applied applied;
	struct sl_errors *errors;

	if (body == NULL)
		return result;
	errors = sl_errors_new();
	if (errors == NULL || !is_flag(dry_run) ||
	    (number != NULL && (!json_is_integer(number) || json_integer_value(number) < 1))) {
		result = refuse(status, BAD_REQUEST,
				"expected perhaps `generation`, a number, and `dry_run`, true or "
				"false");
		sl_errors_free(errors);
	} else {
		uint64_t to = number != NULL ? (uint64_t)json_integer_value(number) : 0;
		int err = sl_engine_rollback(engine, to, request->who, json_is_true(dry_run),
					     &applied, errors);

		result = answer(err, json_is_true(dry_run), &applied, errors, status);
	}
	json_decref(body);
	return result;
}

/* What was loaded or unloaded. */
static json_t *plugin_answer(int err, const char *name, struct sl_errors *errors,
			     unsigned int *status)
{
	json_t *object;

	if (err == 0)
		object = json_pack("{ss}", "plugin", name);
	else
		object = errors_of(status, errors);
	sl_errors_free(errors);
	return object;
}

json_t *sl_api_plugin(struct sl_engine *engine, const struct sl_api_request *request,
		      const char *rest, unsigned int *status)
{
	json_t *result, *body = body_of(request, status, &result);
	const char *slash = strrchr(rest, '/');
	struct sl_errors *errors;
	struct sl_applied applied;
	char name[4096];
	int err;

	if (body == NULL)
		return result;
	json_decref(body);
	errors = sl_errors_new();
	if (errors == NULL || slash == NULL || (size_t)(slash - rest) >= sizeof(name)) {
		sl_errors_free(errors);
		return refuse(status, NOT_FOUND, "expected plugins/NAME/load, reload or unload");
	}
	memcpy(name, rest, (size_t)(slash - rest));
	name[slash - rest] = '\0';
	if (strcmp(slash, "/load") == 0) {
		err = sl_registry_load(engine->registry, name, errors) != NULL ? 0 : -ENOENT;
		return plugin_answer(err, name, errors, status);
	}
	if (strcmp(slash, "/unload") == 0)
		return plugin_answer(sl_engine_unload(engine, name, errors), name, errors, status);
	if (strcmp(slash, "/reload") == 0) {
		err = sl_engine_reload(engine, name, request->who, &applied, errors);
		return answer(err, false, &applied, errors, status);
	}
	sl_errors_free(errors);
	return refuse(status, NOT_FOUND, "a plugin can be loaded, reloaded or unloaded");
}

json_t *sl_api_history(const struct sl_engine *engine)
{
	const struct sl_history_entry *entry;
	json_t *list = json_array();

	for (unsigned int i = 0; (entry = sl_history_get(engine, i)) != NULL; i++) {
		json_t *object = json_object();
		struct sl_json *out = sl_json_from(object);
		char when[32] = "";
		struct tm tm;

		if (gmtime_r(&entry->when, &tm) != NULL)
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		json_object_set_new(object, "generation", json_integer((json_int_t)entry->number));
		sl_json_text(out, "time", when);
		json_object_set_new(object, "user", json_integer((json_int_t)entry->who));
		sl_json_text(out, "file", entry->file);
		sl_json_text(out, "summary", entry->summary);
		json_object_set_new(object, "running",
				    json_boolean(entry->number == engine->generation->number));
		json_array_append_new(list, object);
	}
	return list;
}
