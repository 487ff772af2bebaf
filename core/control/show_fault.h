/* SPDX-License-Identifier: BSD-3-Clause */
/* How `sluice show fault` says what it was told. */
#ifndef CORE_CONTROL_SHOW_FAULT_H
#define CORE_CONTROL_SHOW_FAULT_H

#include <stdbool.h>

#include <jansson.h>

/* On standard output, in words. */
void sl_show_fault(const json_t *fault);
/* Write its packets to a file. False after a message. */
bool sl_save_fault(const json_t *fault, const char *file);

#endif
