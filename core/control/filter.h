/* SPDX-License-Identifier: BSD-3-Clause */
/* Filters of captures and traces: the language of libpcap, pcap-filter(7). */
#ifndef CORE_CONTROL_FILTER_H
#define CORE_CONTROL_FILTER_H

#include <core/error/errors.h>

struct bpf_insn;

/*
 * Compile a filter for Ethernet frames. NULL or "": *program is NULL, all packets match. Names of
 * hosts are not looked up: that could take long. The caller frees *program. 0, or -EINVAL with a
 * message that has the place in the filter.
 */
int sl_filter_compile(const char *text, struct bpf_insn **program, struct sl_errors *errors);

#endif
