/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <core/control/show_fault.h>

static const char *text(const json_t *fault, const char *name)
{
	const char *value = json_string_value(json_object_get(fault, name));

	return value != NULL ? value : "";
}

static long long number(const json_t *fault, const char *name)
{
	return (long long)json_integer_value(json_object_get(fault, name));
}

void sl_show_fault(const json_t *fault)
{
	const json_t *worker = json_object_get(fault, "worker");
	json_t *frame;
	size_t i;

	printf("fault %lld, %s\n", number(fault, "number"), text(fault, "time"));
	printf("%s (type %s): %s\n", text(fault, "vnf"), text(fault, "type"), text(fault, "cause"));
	printf("in its %s()", text(fault, "call"));
	if (text(fault, "hop")[0] != '\0')
		printf(", hop %s", text(fault, "hop"));
	if (worker != NULL)
		printf(", worker %lld", (long long)json_integer_value(worker));
	printf("; %lld packets in the call, %lld kept\n", number(fault, "burst"),
	       number(fault, "packets"));
	json_array_foreach (json_object_get(fault, "backtrace"), i, frame)
		printf("  %s\n", json_string_value(frame));
}

static int digit(char c)
{
	return c >= 'a' ? c - 'a' + 10 : c - '0';
}

bool sl_save_fault(const json_t *fault, const char *name)
{
	const char *hex = text(fault, "capture");
	FILE *file;
	bool failed;

	if (number(fault, "packets") == 0) {
		fprintf(stderr, "sluice show: no packet of that fault is kept\n");
		return false;
	}
	file = fopen(name, "we");
	if (file == NULL) {
		fprintf(stderr, "sluice show: %s: %s\n", name, strerror(errno));
		return false;
	}
	for (; hex[0] != '\0' && hex[1] != '\0'; hex += 2)
		putc(digit(hex[0]) << 4 | digit(hex[1]), file);
	failed = ferror(file) != 0;
	if (fclose(file) == 0 && !failed)
		return true;
	fprintf(stderr, "sluice show: %s: could not be written\n", name);
	return false;
}
