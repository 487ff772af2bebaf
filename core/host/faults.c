/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <rte_cycles.h>

#include <core/host/faults.h>
#include <core/host/log.h>
#include <core/host/private.h>
#include <core/host/recent.h>
#include <core/port/pcapng.h>

struct sl_faults {
	struct sl_fault_entry entries[SL_FAULTS];
	uint64_t count;
	struct sl_recovery *recoveries;
	unsigned int recovery_count;
	uint32_t seen; /* sl_quarantines, when nobody was in quarantine */
};

static struct sl_faults *faults_of(struct sl_engine *engine)
{
	if (engine->private->faults == NULL)
		engine->private->faults = calloc(1, sizeof(struct sl_faults));
	return engine->private->faults;
}

/*
 * Keep
 */

static const char *const calls[] = {
	[SL_CALL_PROCESS] = "process", [SL_CALL_TICK] = "tick",        [SL_CALL_GUARD] = "guard",
	[SL_CALL_CREDIT] = "credit",   [SL_CALL_COLLECT] = "collect",  [SL_CALL_SPREAD] = "spread",
	[SL_CALL_KNOWS] = "knows",     [SL_CALL_MAIN] = "main thread",
};

static void say_cause(const struct sl_engine *engine, const struct sl_fault *fault, char *text,
		      size_t size)
{
	switch (fault->cause.kind) {
	case SL_FAULT_SIGNAL:
		if (fault->cause.signal == SIGABRT)
			snprintf(text, size, "SIGABRT (abort() or a failed assertion)");
		else
			snprintf(text, size, "%s at address 0x%llx",
				 sl_fault_signal_name(fault->cause.signal),
				 (unsigned long long)fault->cause.address);
		break;
	case SL_FAULT_STUCK:
		snprintf(text, size, "did not come back for %u ms", engine->config->watchdog_ms);
		break;
	case SL_FAULT_EDGE:
		snprintf(text, size, "edge %u does not exist", fault->edge);
		break;
	case SL_FAULT_MEMORY:
		snprintf(text, size, "wants more memory than its limit of %llu bytes",
			 (unsigned long long)fault->cause.address);
		break;
	}
}

/* "process+0x1f in /usr/lib/sluice/plugins/fw.so+0x1234" */
static char *say_frame(const void *address, const struct sl_instance *instance)
{
	struct sl_symbol symbol;
	const char *file = symbol.file;
	char function[160] = "", *text;

	sl_symbol_find((uintptr_t)address, &symbol);
	if (symbol.file[0] == '\0')
		return asprintf(&text, "%p in no code", address) >= 0 ? text : NULL;
	/* The copy that is loaded stands for the file it was made of. */
	if ((uintptr_t)address >= instance->code_low && (uintptr_t)address < instance->code_high &&
	    instance->plugin != NULL && instance->plugin->path != NULL)
		file = instance->plugin->path;
	if (symbol.name[0] != '\0')
		snprintf(function, sizeof(function), "%s+0x%llx in ", symbol.name,
			 (unsigned long long)symbol.into);
	return asprintf(&text, "%s%s+0x%llx", function, file, (unsigned long long)symbol.offset) >=
			       0
		       ? text
		       : NULL;
}

/* Whoever wrote over other memory may have written over this. */
static bool is_sound(const struct rte_mbuf *m)
{
	uint64_t sum = 0;
	unsigned int segments = 0;

	for (const struct rte_mbuf *s = m; s != NULL; s = s->next) {
		if (++segments > m->nb_segs || (uint32_t)s->data_off + s->data_len > s->buf_len ||
		    s->buf_addr == NULL)
			return false;
		sum += s->data_len;
	}
	return segments > 0 && segments == m->nb_segs && sum == m->pkt_len;
}

static void keep_packets(struct sl_fault_entry *entry, const struct sl_fault *fault)
{
	FILE *file = open_memstream(&entry->packets, &entry->packets_size);
	char comment[192];

	if (file != NULL)
		sl_pcapng_begin(file);
	for (unsigned int i = 0; i < fault->packet_count; i++) {
		struct rte_mbuf *m = fault->packets[i];

		snprintf(comment, sizeof(comment), "fault %llu of %s: packet %u of %u",
			 (unsigned long long)entry->number, entry->vnf, i + 1, fault->burst);
		if (file != NULL && is_sound(m)) {
			sl_pcapng_packet(file, m, comment);
			entry->packet_count++;
		}
		rte_pktmbuf_free(m);
	}
	if (file != NULL && fclose(file) == 0)
		return;
	free(entry->packets);
	entry->packets = NULL;
	entry->packets_size = 0;
	entry->packet_count = 0;
}

static void entry_free(struct sl_fault_entry *entry)
{
	for (unsigned int i = 0; i < entry->frame_count; i++)
		free(entry->frames[i]);
	free(entry->packets);
	*entry = (struct sl_fault_entry){0};
}

/* Where it stands in the chain; NULL: it serves the steering of `port`. */
static const struct sl_chain_vnf *vnf_of(const struct sl_engine *engine,
					 const struct sl_instance *instance, const char **port)
{
	const struct sl_generation *g = engine->generation;

	*port = instance->name;
	for (unsigned int i = 0; i < g->chain->vnf_count; i++)
		if (g->vnfs[i] == instance) {
			*port = g->chain->vnfs[i].name; /* it may not yet be called so itself */
			return &g->chain->vnfs[i];
		}
	for (unsigned int h = 0; h < g->plan->hop_count; h++)
		if (g->hops[h].instance == instance && g->plan->hops[h].port != UINT_MAX)
			*port = g->chain->ports[g->plan->hops[h].port].name;
	return NULL;
}

static void keep(struct sl_engine *engine, struct sl_faults *faults, const struct sl_fault *fault)
{
	struct sl_fault_entry *entry = &faults->entries[faults->count % SL_FAULTS];
	const struct sl_instance *instance = fault->instance;
	uint16_t hop = sl_generation_hop(engine->generation, fault->hop);
	const char *port;

	entry_free(entry);
	entry->number = ++faults->count;
	clock_gettime(CLOCK_REALTIME, &entry->when);
	vnf_of(engine, instance, &port);
	snprintf(entry->vnf, sizeof(entry->vnf), "%s", port);
	snprintf(entry->plugin, sizeof(entry->plugin), "%s", instance->type->name);
	if (hop != SL_PLAN_NONE)
		snprintf(entry->hop, sizeof(entry->hop), "%s", engine->generation->hops[hop].name);
	say_cause(engine, fault, entry->cause, sizeof(entry->cause));
	entry->call = calls[fault->call];
	entry->worker = fault->call == SL_CALL_MAIN ? -1 : fault->worker;
	entry->kind = fault->cause.kind;
	entry->signal = fault->cause.signal;
	entry->address = fault->cause.address;
	entry->burst = fault->burst;
	for (unsigned int i = 0; i < fault->cause.frame_count; i++) {
		entry->frames[entry->frame_count] = say_frame(fault->cause.frames[i], instance);
		if (entry->frames[entry->frame_count] != NULL)
			entry->frame_count++;
	}
	keep_packets(entry, fault);
}

static struct sl_recovery *recovery_of(struct sl_faults *faults, const char *name)
{
	struct sl_recovery *grown;

	for (unsigned int i = 0; i < faults->recovery_count; i++)
		if (strcmp(faults->recoveries[i].name, name) == 0)
			return &faults->recoveries[i];
	grown = realloc(faults->recoveries, (faults->recovery_count + 1) * sizeof(*grown));
	if (grown == NULL)
		return NULL;
	faults->recoveries = grown;
	grown = &faults->recoveries[faults->recovery_count++];
	*grown = (struct sl_recovery){0};
	snprintf(grown->name, sizeof(grown->name), "%s", name);
	return grown;
}

static void tell_fault(struct sl_engine *engine, const struct sl_fault_entry *entry,
		       const char *then)
{
	const char *at = entry->frame_count > 0 ? entry->frames[0] : "";

	sl_log(SL_LOG_ERROR,
	       "%s (plugin %s): %s in its %s()%s%s%s%s; its packets: %s; see `sluice show faults`",
	       entry->vnf, entry->plugin, entry->cause, entry->call, at[0] != '\0' ? ", " : "", at,
	       entry->hop[0] != '\0' ? ", hop " : "", entry->hop, then);
	sl_engine_note(engine, "fault", "{s:s, s:i, s:I, s:s, s:s, s:s, s:s}", "vnf", entry->vnf,
		       "worker", entry->worker, "fault", (json_int_t)entry->number, "cause",
		       entry->cause, "call", entry->call, "at", at, "then", then);
}

unsigned int sl_faults_take(struct sl_engine *engine)
{
	struct sl_faults *faults;
	struct sl_fault fault;
	unsigned int count = 0;

	while (sl_fault_take(&fault)) {
		struct sl_recovery *recovery;
		char then[64];

		count++;
		faults = faults_of(engine);
		if (faults == NULL) {
			rte_pktmbuf_free_bulk(fault.packets, fault.packet_count);
			continue;
		}
		keep(engine, faults, &fault);
		recovery =
			recovery_of(faults, faults->entries[(faults->count - 1) % SL_FAULTS].vnf);
		if (recovery != NULL)
			recovery->faults++;
		sl_faults_state(engine, fault.instance, then, sizeof(then));
		tell_fault(engine, &faults->entries[(faults->count - 1) % SL_FAULTS], then);
	}
	return count;
}

/*
 * Follow
 */

static uint64_t ticks(uint64_t ns)
{
	return (uint64_t)((double)ns * (double)rte_get_tsc_hz() / 1e9);
}

static enum sl_part steering_part(const struct sl_generation *generation,
				  const struct sl_instance *instance)
{
	for (unsigned int h = 0; h < generation->plan->hop_count; h++)
		if (generation->hops[h].instance == instance)
			return generation->plan->hops[h].part;
	return SL_PART_BOTH;
}

/* What the chain says of the instance; steering has no keys for it. */
static struct sl_chain_vnf policy_of(const struct sl_engine *engine,
				     const struct sl_instance *instance, const char **name)
{
	const struct sl_chain_vnf *vnf = vnf_of(engine, instance, name);
	struct sl_chain_vnf policy = {.on_fault = SL_ON_FAULT_RESTART,
				      .restart_after = SL_RESTART_AFTER,
				      .restart_most = SL_RESTART_MOST};

	if (vnf != NULL)
		policy = *vnf;
	else
		policy.part = steering_part(engine->generation, instance);
	/* What drains ends soon; a restart would end it now, for all flows. */
	if (policy.part == SL_PART_OLD && policy.on_fault == SL_ON_FAULT_RESTART)
		policy.on_fault = SL_ON_FAULT_DROP;
	return policy;
}

/* Twice as long each time, unless it ran for the longest of these meanwhile. */
static void plan_restart(struct sl_recovery *recovery, const struct sl_chain_vnf *policy,
			 uint64_t now)
{
	uint64_t delay = policy->restart_after;

	if (recovery->restarted != 0 && now - recovery->restarted > ticks(policy->restart_most))
		recovery->row = 0;
	for (unsigned int i = 0; i < recovery->row && delay < policy->restart_most; i++)
		delay *= 2;
	recovery->due = now + ticks(RTE_MIN(delay, policy->restart_most));
	recovery->waiting = true;
}

static void restart(struct sl_engine *engine, const char *vnf)
{
	struct sl_errors *errors = sl_errors_new();
	char name[64];
	int err;

	snprintf(name, sizeof(name), "%s", vnf); /* it lies in the chain that may go */
	err = errors != NULL ? sl_faults_restart(engine, name, errors) : -ENOMEM;
	if (err != 0)
		sl_log(SL_LOG_ERROR, "%s: cannot be restarted: %s", name,
		       sl_errors_count(errors) > 0 ? sl_errors_get(errors, 0)->text
						   : strerror(-err));
	sl_errors_free(errors);
}

int sl_faults_restart(struct sl_engine *engine, const char *name, struct sl_errors *errors)
{
	struct sl_faults *faults = faults_of(engine);
	struct sl_recovery *recovery = faults != NULL ? recovery_of(faults, name) : NULL;
	int err;

	if (recovery == NULL)
		return sl_fail(errors, ENOMEM, "out of memory");
	err = sl_engine_renew(engine, name, errors);
	recovery->waiting = false;
	recovery->row++;
	recovery->restarted = rte_rdtsc();
	if (err != 0) {
		recovery->failures++;
		return err;
	}
	recovery->restarts++;
	sl_log(SL_LOG_WARNING, "%s: runs again, as a fresh instance", name);
	sl_engine_note(engine, "restarted", "{s:s, s:I}", "vnf", name, "restarts",
		       (json_int_t)recovery->restarts);
	return 0;
}

/* An apply put it in the place of one that waited for a restart. */
static void forget_restart(const struct sl_engine *engine, struct sl_faults *faults,
			   const struct sl_instance *instance)
{
	const char *name;
	const struct sl_chain_vnf *vnf = vnf_of(engine, instance, &name);

	for (unsigned int i = 0; vnf != NULL && i < faults->recovery_count; i++)
		if (strcmp(faults->recoveries[i].name, name) == 0)
			faults->recoveries[i].waiting = false;
}

/* Returns whether the instance is in quarantine; *due: the VNF to restart now. */
static bool follow(struct sl_engine *engine, struct sl_faults *faults, struct sl_instance *instance,
		   const char **due)
{
	enum sl_quarantine now = sl_instance_quarantined(instance), wanted = SL_QUARANTINE_DROP;
	struct sl_recovery *recovery;
	struct sl_chain_vnf policy;
	const char *name;

	if (now == SL_QUARANTINE_NONE) {
		forget_restart(engine, faults, instance);
		return false;
	}
	policy = policy_of(engine, instance, &name);
	recovery = recovery_of(faults, name);
	if (policy.on_fault == SL_ON_FAULT_BYPASS)
		wanted = SL_QUARANTINE_BYPASS;
	if (wanted != now)
		sl_instance_quarantine(instance, wanted); /* the chain changed its mind */
	if (recovery == NULL || policy.part == SL_PART_OLD)
		return true;
	if (policy.on_fault != SL_ON_FAULT_RESTART)
		recovery->waiting = false;
	else if (!recovery->waiting)
		plan_restart(recovery, &policy, rte_rdtsc());
	else if (rte_rdtsc() >= recovery->due)
		*due = name;
	return true;
}

unsigned int sl_faults_tend(struct sl_engine *engine)
{
	const struct sl_generation *g = engine->generation;
	uint32_t quarantines = atomic_load(&sl_quarantines);
	unsigned int count = sl_faults_take(engine);
	struct sl_faults *faults = faults_of(engine);
	const char *due = NULL;
	bool any = false;

	if (faults == NULL || faults->seen == quarantines)
		return count;
	for (unsigned int i = 0; g->vnfs[i] != NULL; i++)
		any |= follow(engine, faults, g->vnfs[i], &due);
	for (unsigned int i = 0; i < g->made_count; i++)
		any |= follow(engine, faults, g->made[i], &due);
	if (!any)
		faults->seen = quarantines;
	else if (due != NULL)
		restart(engine, due);
	return count;
}

/* Names of a merged chain end with its generation. */
static void keep_by_name(struct sl_faults *faults, struct sl_recovery *was)
{
	char *suffix = strchr(was->name, '@');

	if (suffix == NULL)
		return;
	*suffix = '\0';
	for (unsigned int i = 0; i < faults->recovery_count; i++) {
		struct sl_recovery *now = &faults->recoveries[i];

		if (now != was && strcmp(now->name, was->name) == 0) {
			now->faults += was->faults;
			was->name[0] = '\0';
			return;
		}
	}
}

void sl_faults_drained(struct sl_engine *engine)
{
	struct sl_faults *faults = engine->private->faults;
	unsigned int kept = 0;

	for (unsigned int i = 0; faults != NULL && i < faults->recovery_count; i++)
		keep_by_name(faults, &faults->recoveries[i]);
	for (unsigned int i = 0; faults != NULL && i < faults->recovery_count; i++)
		if (faults->recoveries[i].name[0] != '\0')
			faults->recoveries[kept++] = faults->recoveries[i];
	if (faults != NULL)
		faults->recovery_count = kept;
}

void sl_faults_state(const struct sl_engine *engine, const struct sl_instance *instance, char *text,
		     size_t size)
{
	const struct sl_recovery *recovery;
	struct sl_chain_vnf policy;
	uint64_t now = rte_rdtsc();
	const char *name;

	text[0] = '\0';
	if (sl_instance_quarantined(instance) == SL_QUARANTINE_NONE)
		return;
	policy = policy_of(engine, instance, &name);
	recovery = sl_faults_recovery(engine, name);
	if (policy.on_fault == SL_ON_FAULT_BYPASS)
		snprintf(text, size, "bypass");
	else if (policy.on_fault == SL_ON_FAULT_DROP)
		snprintf(text, size, "drop");
	else if (recovery == NULL || !recovery->waiting || recovery->due <= now)
		snprintf(text, size, "drop until its restart");
	else
		snprintf(text, size, "drop until its restart in %.0f ms",
			 (double)(recovery->due - now) * 1e3 / (double)rte_get_tsc_hz());
}

/*
 * Look
 */

const struct sl_fault_entry *sl_faults_get(const struct sl_engine *engine, unsigned int i)
{
	const struct sl_faults *faults = engine->private->faults;
	uint64_t first;

	if (faults == NULL)
		return NULL;
	first = faults->count > SL_FAULTS ? faults->count - SL_FAULTS : 0;
	return first + i < faults->count ? &faults->entries[(first + i) % SL_FAULTS] : NULL;
}

uint64_t sl_faults_count(const struct sl_engine *engine)
{
	const struct sl_faults *faults = engine->private->faults;

	return (faults != NULL ? faults->count : 0) + sl_faults_lost();
}

const struct sl_recovery *sl_faults_recovery(const struct sl_engine *engine, const char *name)
{
	const struct sl_faults *faults = engine->private->faults;

	for (unsigned int i = 0; faults != NULL && i < faults->recovery_count; i++)
		if (strcmp(faults->recoveries[i].name, name) == 0)
			return &faults->recoveries[i];
	return NULL;
}

void sl_faults_free(struct sl_engine *engine)
{
	struct sl_faults *faults = engine->private->faults;

	if (faults == NULL)
		return;
	for (unsigned int i = 0; i < SL_FAULTS; i++)
		entry_free(&faults->entries[i]);
	free(faults->recoveries);
	free(faults);
	engine->private->faults = NULL;
}
