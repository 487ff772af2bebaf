/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <core/control/api_audit.h>
#include <core/host/log.h>
#include <core/host/recent.h>
#include <core/plugin/json.h>

static void append(char *text, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void append(char *text, size_t size, const char *format, ...)
{
	size_t used = strlen(text);
	va_list args;

	va_start(args, format);
	vsnprintf(text + used, size - used, format, args);
	va_end(args);
}

/* Short values in full; of longer ones, such as a chain, only how long. */
static void put_arguments(struct sl_audit_entry *entry, const struct sl_arg *args,
			  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		size_t length = strlen(args[i].value);

		append(entry->arguments, sizeof(entry->arguments), "%s%.40s=", i != 0 ? " " : "",
		       args[i].name);
		if (length <= 80)
			append(entry->arguments, sizeof(entry->arguments), "%s", args[i].value);
		else
			append(entry->arguments, sizeof(entry->arguments), "(%zu bytes)", length);
	}
}

/* The request may hold any bytes, and the log must stay one line an entry. */
static void clean(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			*text = '?';
}

void sl_api_audit_note(const struct sl_api_call *call, const struct sl_arg *args,
		       unsigned int count, const json_t *answer)
{
	const struct sl_api_request *request = call->request;
	const char *error = json_string_value(json_object_get(answer, "error"));
	struct sl_audit_entry entry = {
		.when = time(NULL), .who = request->peer, .status = call->status};

	snprintf(entry.what, sizeof(entry.what), "%s %s", request->method, request->path);
	put_arguments(&entry, args, count);
	snprintf(entry.result, sizeof(entry.result), "%s", error != NULL ? error : "");
	clean(entry.what);
	clean(entry.arguments);
	clean(entry.result);
	if (request->audit != NULL) {
		sl_audit_add(request->audit, &entry);
		sl_log(SL_LOG_INFO, "user %d (%s, pid %d): %s %s: %u %s", (int)entry.who.uid,
		       entry.who.command, (int)entry.who.pid, entry.what, entry.arguments,
		       entry.status, entry.result);
	}
	sl_engine_note(call->engine, "change-asked", "{sI si ss ss ss si ss}", "user",
		       (json_int_t)(int32_t)entry.who.uid, "pid", (int)entry.who.pid, "command",
		       entry.who.command, "what", entry.what, "arguments", entry.arguments,
		       "status", (int)entry.status, "result", entry.result);
}

static json_t *show(struct sl_api_call *call)
{
	const struct sl_audit_entry *entry;
	json_t *list = json_array();

	for (unsigned int i = 0; call->request->audit != NULL &&
				 (entry = sl_audit_get(call->request->audit, i)) != NULL;
	     i++) {
		json_t *object = json_object();
		struct sl_json *out = sl_json_from(object);
		char when[32] = "";
		struct tm tm;

		if (gmtime_r(&entry->when, &tm) != NULL)
			strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
		json_object_set_new(object, "number", json_integer((json_int_t)entry->number));
		sl_json_text(out, "time", when);
		json_object_set_new(object, "user", json_integer((int32_t)entry->who.uid));
		json_object_set_new(object, "pid", json_integer(entry->who.pid));
		sl_json_text(out, "command", entry->who.command);
		sl_json_text(out, "what", entry->what);
		sl_json_text(out, "arguments", entry->arguments);
		json_object_set_new(object, "status", json_integer(entry->status));
		sl_json_text(out, "result", entry->result);
		json_array_append_new(list, object);
	}
	return json_pack("{so}", "audit", list);
}

static const struct sl_api_member entry_members[] = {
	{"number", SL_API_NUMBER, "From 1 on, since sluice started", NULL, false},
	{"time", SL_API_TEXT, "When it was answered, in UTC", NULL, false},
	{"user", SL_API_SIGNED, "User id of who asked; -1: unknown", NULL, false},
	{"pid", SL_API_NUMBER, "Their process", NULL, false},
	{"command", SL_API_TEXT, "Its name", NULL, false},
	{"what", SL_API_TEXT, "Method and path", NULL, false},
	{"arguments", SL_API_TEXT, "Of long ones, only how long they are", NULL, false},
	{"status", SL_API_NUMBER, "HTTP status of the answer", NULL, false},
	{"result", SL_API_TEXT, "What was wrong; empty: nothing", NULL, false},
	{.name = NULL},
};

static const struct sl_api_member members[] = {
	{"audit", SL_API_LIST, "The oldest first", entry_members, false},
	{.name = NULL},
};

const struct sl_api_operation sl_api_audit[] = {
	{
		.method = "GET",
		.path = "/v1/audit",
		.name = "show-audit",
		.summary = "The last changes that were asked for: by whom, what came of it",
		.doc = "256 are kept. They are events, too.",
		.role = SL_ROLE_ADMIN,
		.answer = members,
		.run = show,
	},
	{.method = NULL},
};
