/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the main thread makes of faults: kept for the user, told as events, and followed by what the
 * instance's chain wants: packets dropped, passed by, or a fresh instance after a while.
 */
#ifndef CORE_HOST_FAULTS_H
#define CORE_HOST_FAULTS_H

#include <time.h>

#include <core/fault/fault.h>
#include <core/host/engine.h>

/* Faults that are kept: the last ones. */
#define SL_FAULTS 32

struct sl_fault_entry {
	uint64_t number; /* from 1 on */
	struct timespec when;
	char vnf[64];    /* or the port whose steering it is */
	char plugin[64]; /* node type */
	char hop[128];   /* "": none */
	char cause[128]; /* "SIGSEGV at address 0x0" */
	const char *call;
	int worker; /* -1: the main thread */
	enum sl_fault_kind kind;
	int signal;
	uint64_t address;
	unsigned int burst;
	unsigned int frame_count;
	char *frames[SL_FAULT_FRAMES];
	/* The first packets of the burst, as they were then: a capture (pcapng). */
	unsigned int packet_count;
	char *packets;
	size_t packets_size;
};

/* How a VNF that had faults does. */
struct sl_recovery {
	char name[64];
	uint64_t faults, restarts, failures; /* restarts that came to nothing */
	bool waiting;                        /* for its restart */
	uint64_t due;                        /* TSC */
	uint64_t restarted;                  /* TSC; 0: never */
	unsigned int row;                    /* restarts one soon after the other */
};

struct sl_faults;

/* Take what workers noted. Returns how many. Main thread, all of these. */
unsigned int sl_faults_take(struct sl_engine *engine);
/* The same, and do what is to be done about instances in quarantine. */
unsigned int sl_faults_tend(struct sl_engine *engine);
void sl_faults_free(struct sl_engine *engine);
/* The i-th that is kept, from the oldest on; NULL beyond the last. */
const struct sl_fault_entry *sl_faults_get(const struct sl_engine *engine, unsigned int i);
/* How many there have been, with those that were not kept. */
uint64_t sl_faults_count(const struct sl_engine *engine);
/* Of a VNF, or of a port's steering; NULL: it had none. */
const struct sl_recovery *sl_faults_recovery(const struct sl_engine *engine, const char *name);
/* "drop", "bypass", "restart in 250 ms" for an instance in quarantine, else "". */
void sl_faults_state(const struct sl_engine *engine, const struct sl_instance *instance, char *text,
		     size_t size);
/* A drain is over: faults of `nat@6` are those of `nat` from now on, as its counters are. */
void sl_faults_drained(struct sl_engine *engine);
/* A fresh instance for a VNF at once. 0 or -errno with messages. */
int sl_faults_restart(struct sl_engine *engine, const char *name, struct sl_errors *errors);

#endif
