/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <core/control/report.h>
#include <core/host/faults.h>

static const char *const kinds[] = {
	[SL_FAULT_SIGNAL] = "signal",
	[SL_FAULT_STUCK] = "stuck",
	[SL_FAULT_EDGE] = "edge",
	[SL_FAULT_MEMORY] = "memory",
};

static json_t *of_entry(const struct sl_fault_entry *entry)
{
	json_t *frames = json_array(), *object;
	char when[40] = "", address[24];
	size_t used = 0;
	struct tm tm;

	if (gmtime_r(&entry->when.tv_sec, &tm) != NULL)
		used = strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(when + used, sizeof(when) - used, ".%03ldZ", entry->when.tv_nsec / 1000000);
	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)entry->address);
	for (unsigned int i = 0; i < entry->frame_count; i++)
		json_array_append_new(frames, json_string(entry->frames[i]));
	object = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i, s:o}", "number",
			   (json_int_t)entry->number, "time", when, "vnf", entry->vnf, "type",
			   entry->plugin, "hop", entry->hop, "kind", kinds[entry->kind], "cause",
			   entry->cause, "call", entry->call, "burst", (int)entry->burst, "packets",
			   (int)entry->packet_count, "backtrace", frames);
	if (entry->worker >= 0)
		json_object_set_new(object, "worker", json_integer(entry->worker));
	if (entry->kind == SL_FAULT_SIGNAL) {
		json_object_set_new(object, "signal",
				    json_string(sl_fault_signal_name(entry->signal)));
		json_object_set_new(object, "address", json_string(address));
	}
	if (entry->frame_count > 0)
		json_object_set_new(object, "at", json_string(entry->frames[0]));
	return object;
}

json_t *sl_report_faults(const struct sl_engine *engine)
{
	const struct sl_fault_entry *entry;
	json_t *list = json_array();

	for (unsigned int i = 0; (entry = sl_faults_get(engine, i)) != NULL; i++)
		json_array_append_new(list, of_entry(entry));
	return list;
}

static json_t *hex(const char *bytes, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * size + 1);
	json_t *json;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < size; i++) {
		text[2 * i] = digits[(unsigned char)bytes[i] >> 4];
		text[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
	}
	text[2 * size] = '\0';
	json = json_string(text);
	free(text);
	return json;
}

json_t *sl_report_fault(const struct sl_engine *engine, uint64_t number)
{
	const struct sl_fault_entry *entry;
	json_t *object;

	for (unsigned int i = 0; (entry = sl_faults_get(engine, i)) != NULL; i++) {
		if (entry->number != number)
			continue;
		object = of_entry(entry);
		if (entry->packets != NULL)
			json_object_set_new(object, "capture",
					    hex(entry->packets, entry->packets_size));
		return object;
	}
	return NULL;
}

void sl_report_quarantine(json_t *object, const struct sl_engine *engine,
			  const struct sl_instance *instance)
{
	const struct sl_recovery *recovery = sl_faults_recovery(engine, instance->name);
	char state[64];

	sl_faults_state(engine, instance, state, sizeof(state));
	if (state[0] != '\0')
		json_object_set_new(object, "quarantine", json_string(state));
	if (recovery == NULL)
		return;
	json_object_set_new(object, "faults", json_integer((json_int_t)recovery->faults));
	json_object_set_new(object, "restarts", json_integer((json_int_t)recovery->restarts));
}
