/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_cycles.h>

#include <sluice/state.h>

#include <core/host/log.h>
#include <core/host/drain.h>
#include <core/host/private.h>
#include <core/host/save.h>
#include <core/host/state.h>
#include <core/plugin/registry.h>

/* Neighbours, events and links want the main thread this often. */
#define TEND_US 1000

_Static_assert(SL_SAVED_RECORD >= SL_RECORD_MOST, "every record can be saved");

struct saving {
	struct sl_engine *engine;
	struct sl_saved_writer *writer;
	uint64_t next_tend; /* TSC */
};

static int take(void *context, uint32_t worker, const void *record, uint32_t size,
		struct sl_errors *errors)
{
	struct saving *s = context;
	uint64_t now = rte_rdtsc();

	if (now >= s->next_tend) {
		sl_engine_tend(s->engine);
		s->next_tend = rte_rdtsc() + rte_get_tsc_hz() / 1000000 * TEND_US;
	}
	return sl_saved_add(s->writer, worker, record, size, errors);
}

static int save_instance(struct saving *s, struct sl_instance *instance, bool changed,
			 struct sl_errors *errors)
{
	const struct sl_plugin *plugin = instance->plugin != NULL ? instance->plugin->plugin : NULL;
	const struct sl_saved_owner owner = {
		.name = instance->name,
		.plugin = plugin != NULL ? plugin->name : "sluice",
		.plugin_version = plugin != NULL ? plugin->version : SL_VERSION,
		.type = instance->type->name,
		.version = instance->type->state_version,
	};
	int err;

	if (!sl_state_exports(s->engine, instance))
		return 0;
	err = sl_saved_begin(s->writer, &owner, errors);
	if (err == 0)
		err = sl_state_export(s->engine, instance, changed, take, s, errors);
	return err == 0 ? sl_saved_done(s->writer, errors) : err;
}

int sl_engine_save(struct sl_engine *engine, int fd, bool changed, struct sl_errors *errors)
{
	const struct sl_generation *generation;
	struct saving s = {.engine = engine};
	int err = 0;

	/* Who is given it has the new chain alone. */
	if (sl_drain_end(engine, errors) != 0)
		return -EBUSY;
	generation = engine->generation;
	s.writer = sl_saved_writer_new(fd, "saving the state", engine->worker_count, errors);
	if (s.writer == NULL)
		return -EIO;
	for (unsigned int i = 0; generation->vnfs[i] != NULL && err == 0; i++)
		err = save_instance(&s, generation->vnfs[i], changed, errors);
	for (unsigned int i = 0; i < generation->made_count && err == 0; i++)
		err = save_instance(&s, generation->made[i], changed, errors);
	if (err == 0)
		err = sl_saved_finish(s.writer, errors);
	sl_saved_writer_free(s.writer);
	return err;
}

int sl_engine_save_memory(struct sl_engine *engine, bool changed, struct sl_errors *errors)
{
	int fd = memfd_create("sluice-state", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err = -EIO;

	if (fd < 0)
		return sl_fail(errors, errno, "no memory for the state: %s", strerror(errno));
	err = sl_engine_save(engine, fd, changed, errors);
	if (err == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
		err = sl_fail(errors, errno, "the state cannot be sealed: %s", strerror(errno));
	if (err == 0)
		return fd;
	close(fd);
	return err;
}
