/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/api_audit.h>
#include <core/plugin/json.h>

/* Arguments of the query and of the body, if there is one. */
struct gathered {
	struct sl_arg args[SL_MAX_ARGS];
	unsigned int count;
	json_t *body;
	char *texts[SL_MAX_ARGS];
	unsigned int text_count;
};

static bool add_arg(struct gathered *g, const char *name, const char *value)
{
	if (g->count == SL_MAX_ARGS)
		return false;
	g->args[g->count++] = (struct sl_arg){name, value};
	return true;
}

static bool add_json(struct gathered *g, const char *name, const json_t *value)
{
	char *text;

	if (json_is_string(value))
		return add_arg(g, name, json_string_value(value));
	if (json_is_object(value) || json_is_array(value) || json_is_null(value))
		return false;
	text = json_dumps(value, JSON_ENCODE_ANY);
	if (text == NULL || g->text_count == SL_MAX_ARGS) {
		free(text);
		return false;
	}
	g->texts[g->text_count++] = text;
	return add_arg(g, name, text);
}

static bool add_query(struct gathered *g, const struct sl_api_request *request)
{
	for (unsigned int a = 0; a < request->arg_count; a++)
		if (!add_arg(g, request->args[a].name, request->args[a].value))
			return false;
	return true;
}

static bool add_body(struct gathered *g, const struct sl_api_request *request)
{
	const char *name;
	json_t *value, *item;
	size_t i;

	if (request->body == NULL || request->body_size == 0)
		return true;
	/* jansson's own limit on nesting holds; a NUL ends no text of ours early. */
	g->body = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_object(g->body))
		return false;
	json_object_foreach (g->body, name, value) {
		if (!json_is_array(value)) {
			if (!add_json(g, name, value))
				return false;
			continue;
		}
		json_array_foreach (value, i, item)
			if (!add_json(g, name, item))
				return false;
	}
	return true;
}

static void gathered_free(struct gathered *g)
{
	for (unsigned int i = 0; i < g->text_count; i++)
		free(g->texts[i]);
	json_decref(g->body);
}

/* The request may hold any bytes. */
static char *printable(char *text)
{
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
			*c = '?';
	return text;
}

json_t *sl_api_fail(struct sl_api_call *call, unsigned int status, const char *where,
		    const char *hint, const char *format, ...)
{
	char text[512], place[256];
	json_t *answer = json_object();
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (where != NULL)
		snprintf(place, sizeof(place), "%s", where);
	else
		snprintf(place, sizeof(place), "%s %s", call->request->method, call->request->path);
	call->status = status;
	json_object_set_new(answer, "error", json_string(printable(text)));
	json_object_set_new(answer, "where", json_string(printable(place)));
	if (hint != NULL)
		json_object_set_new(answer, "hint", json_string(hint));
	return answer;
}

static unsigned int status_of(int err)
{
	switch (-err) {
	case ENOENT:
		return SL_API_NOT_FOUND;
	case EBUSY:
	case EEXIST:
		return SL_API_CONFLICT;
	case ENOMEM:
	case EAGAIN:
	case ETIMEDOUT:
		return SL_API_UNAVAILABLE;
	default:
		return SL_API_BAD_REQUEST;
	}
}

json_t *sl_api_fail_errors(struct sl_api_call *call, int err, struct sl_errors *errors)
{
	json_t *answer = sl_api_fail(call, status_of(err), NULL, NULL, "it failed");
	json_t *list = json_array();

	for (unsigned int i = 0; i < sl_errors_count(errors); i++) {
		const struct sl_error *error = sl_errors_get(errors, i);
		char place[512], text[1024];

		snprintf(text, sizeof(text), "%s", error->text);
		if (error->place.file != NULL) {
			snprintf(place, sizeof(place), "%s:%u:%u", error->place.file,
				 error->place.line, error->place.column);
			snprintf(text, sizeof(text), "%s: %s", place, error->text);
			if (i == 0)
				sl_json_text(sl_json_from(answer), "where", place);
		}
		sl_json_text(sl_json_from(list), NULL, text);
	}
	if (json_array_size(list) != 0)
		json_object_set(answer, "error", json_array_get(list, 0));
	json_object_set_new(answer, "errors", list);
	return answer;
}

/*
 * Paths. A name stands for one segment, or, when it is not the last, for as many as can be, as a
 * plugin may be named by its file.
 */

static void forget_names(struct sl_api_call *call)
{
	for (unsigned int i = 0; i < SL_API_NAMES; i++) {
		free(call->names[i]);
		call->names[i] = NULL;
	}
}

static bool matches(const char *pattern, const char *path, struct sl_api_call *call,
		    unsigned int name)
{
	size_t literal = strcspn(pattern, "{");
	const char *rest, *end;

	if (pattern[literal] == '\0')
		return strcmp(pattern, path) == 0;
	if (strncmp(pattern, path, literal) != 0)
		return false;
	path += literal;
	rest = strchr(pattern, '}') + 1;
	end = path + (*rest == '\0' ? strcspn(path, "/") : strlen(path));
	for (; end > path; end--)
		if (matches(rest, end, call, name + 1)) {
			call->names[name] = strndup(path, (size_t)(end - path));
			return call->names[name] != NULL;
		}
	return false;
}

static bool same_method(const char *offered, const char *asked)
{
	return strcmp(offered, asked) == 0 ||
	       (strcmp(offered, "GET") == 0 && strcmp(asked, "HEAD") == 0);
}

const char *sl_api_allowed(const char *path, char *out, size_t size)
{
	struct sl_api_call call = {0};

	out[0] = '\0';
	for (unsigned int t = 0; sl_api_tables[t] != NULL; t++)
		for (const struct sl_api_operation *o = sl_api_tables[t]; o->method != NULL; o++) {
			bool found = matches(o->path, path, &call, 0);

			forget_names(&call);
			if (found && strstr(out, o->method) == NULL)
				snprintf(out + strlen(out), size - strlen(out), "%s%s%s",
					 out[0] != '\0' ? ", " : "", o->method,
					 strcmp(o->method, "GET") == 0 ? ", HEAD" : "");
		}
	return out;
}

/* Whole paths win over those with names: /v1/vnfs/{name} has no say in /v1/vnfs/events. */
static const struct sl_api_operation *find(struct sl_api_call *call)
{
	const struct sl_api_request *request = call->request;
	const struct sl_api_operation *found = NULL;

	for (unsigned int t = 0; sl_api_tables[t] != NULL; t++)
		for (const struct sl_api_operation *o = sl_api_tables[t]; o->method != NULL; o++) {
			bool whole = strchr(o->path, '{') == NULL;

			if (!same_method(o->method, request->method) || (found != NULL && !whole))
				continue;
			if (whole ? strcmp(o->path, request->path) == 0
				  : matches(o->path, request->path, call, 0))
				found = o;
		}
	return found;
}

static json_t *not_found(struct sl_api_call *call)
{
	char allowed[64];

	sl_api_allowed(call->request->path, allowed, sizeof(allowed));
	if (allowed[0] != '\0')
		return sl_api_fail(call, SL_API_NOT_ALLOWED, NULL, NULL, "`%s` takes %s, not `%s`",
				   call->request->path, allowed, call->request->method);
	return sl_api_fail(call, SL_API_NOT_FOUND, NULL, "GET /v1/openapi.json says what there is",
			   "no such resource: %s", call->request->path);
}

static json_t *forbidden(struct sl_api_call *call)
{
	if (call->operation->role == SL_ROLE_ADMIN)
		return sl_api_fail(
			call, SL_API_FORBIDDEN, NULL,
			"the host file's `control.admins` names a group that may",
			"only root, the user that sluice runs as and admins may do this");
	return sl_api_fail(call, SL_API_FORBIDDEN, NULL,
			   "the host file's `control.readers` names a group that may",
			   "only admins and readers may do this");
}

static json_t *run(struct sl_api_call *call, struct gathered *gathered)
{
	const struct sl_api_operation *o = call->operation;
	struct sl_errors *errors;
	struct sl_arguments *read;
	json_t *answer;

	call->given = gathered->args;
	call->given_count = gathered->count;
	if (o->any_args)
		return o->run(call);
	errors = sl_errors_new();
	if (errors == NULL)
		return NULL;
	read = sl_arguments_read(o->args, o->args_size, gathered->args, gathered->count, NULL,
				 o->name, errors);
	if (read != NULL) {
		call->args = sl_arguments_struct(read);
		answer = o->run(call);
	} else {
		answer = sl_api_fail_errors(call, -EINVAL, errors);
	}
	sl_arguments_free(read);
	sl_errors_free(errors);
	return answer;
}

/* What is said before run() gets its say; NULL: nothing is wrong. */
static json_t *check(struct sl_api_call *call, struct gathered *gathered)
{
	const struct sl_api_request *request = call->request;
	bool post = strcmp(call->operation->method, "POST") == 0;

	if (request->peer.role < call->operation->role)
		return forbidden(call);
	/* What has stopped can be looked at, but no worker would go over to another chain. */
	if (call->engine->generation == NULL || (post && call->engine->stopped))
		return sl_api_fail(call, SL_API_UNAVAILABLE, NULL, NULL, "nothing runs");
	if (post && !call->operation->any_args && request->arg_count != 0)
		return sl_api_fail(call, SL_API_BAD_REQUEST, "query", NULL,
				   "its arguments are members of a JSON object, in the body");
	if (!post && request->body_size != 0)
		return sl_api_fail(call, SL_API_BAD_REQUEST, "body", NULL,
				   "its arguments stand in the query; there must be no body");
	if (!add_query(gathered, request) || !add_body(gathered, request))
		return sl_api_fail(call, SL_API_BAD_REQUEST, post ? "body" : "query", NULL,
				   "arguments must be a JSON object of texts, numbers, booleans "
				   "or lists of them, at most %d",
				   SL_MAX_ARGS);
	return NULL;
}

static json_t *dispatch(struct sl_api_call *call)
{
	struct gathered gathered = {0};
	json_t *answer;

	call->operation = find(call);
	if (call->operation == NULL)
		return not_found(call);
	answer = check(call, &gathered);
	if (answer == NULL)
		answer = run(call, &gathered);
	if (strcmp(call->operation->method, "POST") == 0)
		sl_api_audit_note(call, gathered.args, gathered.count, answer);
	call->given = NULL;
	gathered_free(&gathered);
	return answer;
}

json_t *sl_api_answer(struct sl_engine *engine, const struct sl_api_request *request,
		      unsigned int *status)
{
	struct sl_api_call call = {.engine = engine, .request = request, .status = SL_API_OK};
	json_t *answer = dispatch(&call);

	forget_names(&call);
	*status = call.status;
	return answer;
}
