/* SPDX-License-Identifier: BSD-3-Clause */
/* rte_vect_get_max_simd_bitwidth() is still marked experimental in DPDK 22.11. */
#define ALLOW_EXPERIMENTAL_API

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cpuflags.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>
#include <rte_vect.h>

#include <sluice/packet.h>

#include <core/host/eal.h>
#include <core/host/log.h>
#include <core/graph/graph.h>
#include <core/graph/latency.h>
#include <core/plugin/instance.h>

/* What DPDK's tables and the devices' rings need beside the packets. */
#define BESIDE_PACKETS_MB 256
#define HUGEPAGE_FOLDER   "/sys/kernel/mm/hugepages"

struct arguments {
	char **list;
	int count;
	bool failed;
};

static void __attribute__((format(printf, 2, 3)))
argue(struct arguments *arguments, const char *format, ...)
{
	char **list = realloc(arguments->list, ((size_t)arguments->count + 2) * sizeof(*list));
	va_list args;

	if (list == NULL) {
		arguments->failed = true;
		return;
	}
	arguments->list = list;
	va_start(args, format);
	if (vasprintf(&list[arguments->count], format, args) < 0)
		arguments->failed = true;
	else
		list[++arguments->count] = NULL;
	va_end(args);
}

static void argue_lcores(struct arguments *arguments, const struct sl_host_config *config)
{
	char text[SL_MAX_WORKERS * 16];
	int length = snprintf(text, sizeof(text), "0@%u", config->main_core);

	/* lcore numbers of our own: two lcores may share a core, and cores beyond DPDK's
	 * RTE_MAX_LCORE work too. */
	for (unsigned int i = 0; i < config->worker_count; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, ",%u@%u",
				   SL_LCORE_OF_WORKER(i), config->worker_cores[i]);
	argue(arguments, "--lcores=%s", text);
	argue(arguments, "--main-lcore=0");
}

/* Free hugepages of all sizes, in MB. */
static uint64_t free_hugepages(void)
{
	DIR *folder = opendir(HUGEPAGE_FOLDER);
	struct dirent *entry;
	uint64_t total = 0;

	if (folder == NULL)
		return 0;
	while ((entry = readdir(folder)) != NULL) {
		unsigned long kilobytes, pages;
		char path[512];
		FILE *file;

		if (sscanf(entry->d_name, "hugepages-%lukB", &kilobytes) != 1)
			continue;
		snprintf(path, sizeof(path), HUGEPAGE_FOLDER "/%s/free_hugepages", entry->d_name);
		file = fopen(path, "re");
		if (file == NULL)
			continue;
		if (fscanf(file, "%lu", &pages) == 1)
			total += (uint64_t)pages * kilobytes / 1024;
		fclose(file);
	}
	closedir(folder);
	return total;
}

static uint64_t needed_mb(const struct sl_host_config *config)
{
	uint64_t each = sizeof(struct rte_mbuf) + RTE_PKTMBUF_HEADROOM + config->data_room +
			2 * RTE_CACHE_LINE_SIZE;

	if (config->memory_mb != 0)
		return config->memory_mb;
	return config->packets * each / (1 << 20) + BESIDE_PACKETS_MB;
}

/* Decides for hugepages or not; says which in *huge. */
static int argue_memory(struct arguments *arguments, const struct sl_host_config *config,
			bool *huge, struct sl_errors *errors)
{
	uint64_t need = needed_mb(config), have = free_hugepages();

	*huge = config->memory != SL_MEMORY_NORMAL && have >= need;
	if (config->memory == SL_MEMORY_HUGE && !*huge)
		return sl_fail(errors, ENOMEM,
			       "%llu MB of hugepages are free and %llu MB are needed; add some "
			       "(echo %llu > /proc/sys/vm/nr_hugepages) or set memory.mode to "
			       "\"auto\"",
			       (unsigned long long)have, (unsigned long long)need,
			       (unsigned long long)(need - have) / 2 + 1);
	if (*huge) {
		/* Leaves no files behind; one segment can be shared with a vhost-user peer. */
		argue(arguments, "--in-memory");
		argue(arguments, "--single-file-segments");
		if (config->memory_mb != 0)
			argue(arguments, "-m%llu", (unsigned long long)need);
	} else {
		/* Address space, not memory: pages come as they are touched. */
		argue(arguments, "--no-huge");
		argue(arguments, "--no-shconf");
		argue(arguments, "-m%llu", (unsigned long long)need);
	}
	return 0;
}

static bool has_avx512(void)
{
#ifdef RTE_ARCH_X86
	return rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512F) == 1 &&
	       rte_cpu_get_flag_enabled(RTE_CPUFLAG_AVX512BW) == 1;
#else
	return false;
#endif
}

static void argue_log(struct arguments *arguments, const char *level)
{
	if (strcmp(level, "debug") == 0) {
		argue(arguments, "--log-level=info");
		return;
	}
	argue(arguments, "--log-level=%s", strcmp(level, "error") == 0 ? "error" : "warning");
	/* It warns of each size of hugepage that there is none of. */
	argue(arguments, "--log-level=lib.eal:error");
	/* And that nobody uses telemetry's first version. */
	argue(arguments, "--log-level=lib.telemetry:error");
}

static void report(const struct sl_host_config *config, bool huge, bool pci)
{
	char cores[SL_MAX_WORKERS * 8] = "";
	int length = 0;

	for (unsigned int i = 0; i < config->worker_count; i++)
		length += snprintf(cores + length, sizeof(cores) - (size_t)length, "%s%u",
				   i == 0 ? "" : ",", config->worker_cores[i]);
	sl_log(SL_LOG_INFO,
	       "main on core %u, %u worker%s on core%s %s; %llu MB %s, %u packets of %u bytes; "
	       "SIMD %s, %u bits; %s",
	       config->main_core, config->worker_count, config->worker_count == 1 ? "" : "s",
	       config->worker_count == 1 ? "" : "s", cores, (unsigned long long)needed_mb(config),
	       huge ? "in hugepages" : "without hugepages", config->packets, config->data_room,
	       sl_graph_scatter_name(), rte_vect_get_max_simd_bitwidth(),
	       pci ? "PCI devices as the chain says" : "no PCI devices");
}

/* Where struct sl_packet and the time of arrival stand in every mbuf: nobody else may have the
 * bytes. */
static int register_packet_field(struct sl_errors *errors)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "sluice_packet",
		.size = sizeof(struct sl_packet),
		.align = 8,
	};
	static const struct rte_mbuf_dynfield arrival = {
		.name = "sluice_arrival",
		.size = sizeof(uint32_t),
		.align = sizeof(uint32_t),
	};

	if (rte_mbuf_dynfield_register_offset(&field, SL_PACKET_OFFSET) < 0 ||
	    rte_mbuf_dynfield_register_offset(&arrival, SL_ARRIVAL_OFFSET) < 0)
		return sl_fail(errors, rte_errno,
			       "cannot reserve room in the packets' headers: %s; another "
			       "library has it",
			       rte_strerror(rte_errno));
	return 0;
}

static void free_arguments(struct arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->list[i]);
	free(arguments->list);
}

#define PREFIX "sluice-"

/* DPDK takes its telemetry socket away when the process ends as it should, and leaves the folder;
 * it is named by the process and of no use to another. */
static void remove_runtime_folder(const char *folder)
{
	DIR *files = opendir(folder);
	struct dirent *entry;

	while (files != NULL && (entry = readdir(files)) != NULL)
		if (strncmp(entry->d_name, "dpdk_telemetry.", 15) == 0)
			unlinkat(dirfd(files), entry->d_name, 0);
	if (files != NULL)
		closedir(files);
	rmdir(folder);
}

/* Those of processes that are gone go, as far as they hold nothing else: of one that runs where
 * this one cannot see it, only telemetry is lost with that. */
static void remove_stale_folders(void)
{
	char parent[PATH_MAX], path[PATH_MAX + 256], *slash;
	struct dirent *entry;
	DIR *folder;

	snprintf(parent, sizeof(parent), "%s", rte_eal_get_runtime_dir());
	slash = strrchr(parent, '/');
	if (slash == NULL)
		return;
	*slash = '\0';
	folder = opendir(parent);
	while (folder != NULL && (entry = readdir(folder)) != NULL) {
		char *end;
		long pid;

		if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0)
			continue;
		pid = strtol(entry->d_name + strlen(PREFIX), &end, 10);
		snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name);
		if (*end == '\0' && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
			remove_runtime_folder(path);
	}
	if (folder != NULL)
		closedir(folder);
}

int sl_eal_start(const struct sl_host_config *config, bool pci, struct sl_errors *errors)
{
	struct arguments arguments = {0};
	char **given = NULL;
	bool huge = false;
	int err;

	argue(&arguments, "sluice");
	argue_lcores(&arguments, config);
	argue(&arguments, "--file-prefix=" PREFIX "%d", (int)getpid());
	if (!config->telemetry)
		argue(&arguments, "--no-telemetry");
	argue_log(&arguments, config->log_level);
	if (!pci)
		argue(&arguments, "--no-pci");
	if (has_avx512())
		argue(&arguments, "--force-max-simd-bitwidth=512");
	err = argue_memory(&arguments, config, &huge, errors);
	for (unsigned int i = 0; i < config->eal_count; i++)
		argue(&arguments, "%s", config->eal[i]);
	if (err == 0 && arguments.failed)
		err = sl_fail(errors, ENOMEM, "out of memory");
	if (err == 0) {
		/* EAL moves the pointers about. */
		given = malloc(((size_t)arguments.count + 1) * sizeof(*given));
		if (given == NULL)
			err = sl_fail(errors, ENOMEM, "out of memory");
	}
	if (given != NULL) {
		memcpy(given, arguments.list, ((size_t)arguments.count + 1) * sizeof(*given));
		if (rte_eal_init(arguments.count, given) < 0)
			err = sl_fail(errors, rte_errno == 0 ? EINVAL : rte_errno,
				      "DPDK does not start: %s; its own words stand above, its "
				      "arguments can be changed with `eal` in the host file",
				      rte_strerror(rte_errno));
	}
	free(given);
	free_arguments(&arguments);
	if (err != 0)
		return err;
	remove_stale_folders();
	report(config, huge, pci);
	return register_packet_field(errors);
}

struct rte_mempool *sl_eal_pool(const struct sl_host_config *config, struct sl_errors *errors)
{
	unsigned int threads = config->worker_count + 1;
	/* Caches may keep at most half of all packets away from the others. */
	unsigned int cache =
		RTE_MIN(config->packets / (3 * threads), (unsigned int)RTE_MEMPOOL_CACHE_MAX_SIZE);
	struct rte_mempool *pool;

	pool = rte_pktmbuf_pool_create("sl-packets", config->packets, cache, 0,
				       (uint16_t)(config->data_room + RTE_PKTMBUF_HEADROOM),
				       (int)rte_socket_id());
	if (pool == NULL)
		sl_fail(errors, rte_errno,
			"no memory for %u packets of %u bytes: %s; lower memory.packets or raise "
			"memory.megabytes in the host file",
			config->packets, config->data_room, rte_strerror(rte_errno));
	return pool;
}

void sl_eal_end(void)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s", rte_eal_get_runtime_dir());
	rte_eal_cleanup();
	remove_runtime_folder(folder);
}
