/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/host/defaults.h>
#include <core/plugin/instance.h>

/* Large enough for any machine there is; the kernel refuses sets that are too small. */
#define MOST_CPUS 8192

struct sl_host_config *sl_host_defaults_new(void)
{
	struct sl_host_config *config = calloc(1, sizeof(*config));

	if (config == NULL)
		return NULL;
	*config = (struct sl_host_config){
		.worker_cores = calloc(SL_MAX_WORKERS, sizeof(*config->worker_cores)),
		.memory = SL_MEMORY_AUTO,
		.packets = 32768,
		.data_room = 2048,
		.burst = 64,
		.idle = {.pause_after = 128, .sleep_after = 1024, .sleep_us = 50},
		.watchdog_ms = 1000,
		.socket_mode = 0600,
		.telemetry = true,
		.log_level = strdup("info"),
	};
	if (config->worker_cores == NULL || config->log_level == NULL) {
		sl_host_config_free(config);
		return NULL;
	}
	return config;
}

const char *sl_host_defaults_file(char *path, size_t size)
{
	const char *home = getenv("XDG_CONFIG_HOME");
	const char *const installed[] = {SL_SYSCONF_DIR "/sluice.conf", "/etc/sluice/sluice.conf"};

	if (home != NULL && *home != '\0') {
		snprintf(path, size, "%s/sluice/sluice.conf", home);
		if (access(path, F_OK) == 0)
			return path;
	}
	for (unsigned int i = 0; i < sizeof(installed) / sizeof(installed[0]); i++)
		if (access(installed[i], F_OK) == 0)
			return installed[i];
	return NULL;
}

static bool allowed(const cpu_set_t *cpus, unsigned int core)
{
	return core < MOST_CPUS && CPU_ISSET_S(core, CPU_ALLOC_SIZE(MOST_CPUS), cpus);
}

static void refuse(unsigned int core, const char *file, struct sl_errors *errors)
{
	sl_fail(errors, EINVAL,
		"%s: core %u cannot be used: this machine has no such core, or this process may "
		"not run there (see taskset(1))",
		file != NULL ? file : "cores", core);
}

int sl_host_defaults_cores(struct sl_host_config *config, bool main_given, bool workers_given,
			   const char *file, struct sl_errors *errors)
{
	cpu_set_t *cpus = CPU_ALLOC(MOST_CPUS);
	bool main_chosen = main_given;

	if (cpus == NULL)
		return -ENOMEM;
	if (sched_getaffinity(0, CPU_ALLOC_SIZE(MOST_CPUS), cpus) != 0) {
		CPU_ZERO_S(CPU_ALLOC_SIZE(MOST_CPUS), cpus);
		CPU_SET_S(0, CPU_ALLOC_SIZE(MOST_CPUS), cpus);
	}
	if (main_given && !allowed(cpus, config->main_core))
		refuse(config->main_core, file, errors);
	for (unsigned int i = 0; workers_given && i < config->worker_count; i++)
		if (!allowed(cpus, config->worker_cores[i]))
			refuse(config->worker_cores[i], file, errors);
	for (unsigned int core = 0; core < MOST_CPUS; core++) {
		if (!allowed(cpus, core))
			continue;
		if (!main_chosen) {
			config->main_core = core;
			main_chosen = true;
		} else if (!workers_given && core != config->main_core &&
			   config->worker_count < SL_MAX_WORKERS) {
			config->worker_cores[config->worker_count++] = core;
		}
	}
	if (config->worker_count == 0)
		config->worker_cores[config->worker_count++] = config->main_core;
	CPU_FREE(cpus);
	return 0;
}

/* The folder of that name beside the program (a build tree), else the installed one. */
static int choose_folder(const char ***folders, unsigned int *count, const char *name,
			 const char *installed)
{
	char path[PATH_MAX + 32];
	ssize_t length;
	char *slash;

	if (*folders != NULL)
		return 0;
	*folders = calloc(1, sizeof(**folders));
	if (*folders == NULL)
		return -ENOMEM;
	length = readlink("/proc/self/exe", path, PATH_MAX);
	path[length < 0 ? 0 : length] = '\0';
	slash = strrchr(path, '/');
	if (slash != NULL)
		snprintf(slash + 1, sizeof(path) - (size_t)(slash + 1 - path), "%s", name);
	if (slash == NULL || access(path, R_OK | X_OK) != 0)
		snprintf(path, sizeof(path), "%s", installed);
	(*folders)[0] = strdup(path);
	if ((*folders)[0] == NULL)
		return -ENOMEM;
	*count = 1;
	return 0;
}

/* Private to the user: /run/sluice belongs to root, XDG_RUNTIME_DIR to the user. */
static int choose_socket(struct sl_host_config *config)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX];

	if (geteuid() == 0)
		snprintf(path, sizeof(path), "/run/sluice/sluice.sock");
	else if (runtime != NULL && *runtime != '\0')
		snprintf(path, sizeof(path), "%s/sluice/sluice.sock", runtime);
	else
		snprintf(path, sizeof(path), "/tmp/sluice-%u/sluice.sock", (unsigned int)geteuid());
	config->socket = strdup(path);
	return config->socket == NULL ? -ENOMEM : 0;
}

int sl_host_defaults_paths(struct sl_host_config *config, bool socket_given)
{
	int err;

	err = choose_folder(&config->plugin_folders, &config->plugin_folder_count, "plugins",
			    SL_PLUGIN_DIR);
	if (err == 0)
		err = choose_folder(&config->vnf_folders, &config->vnf_folder_count, "vnfs",
				    SL_VNF_DIR);
	if (err == 0 && !socket_given)
		err = choose_socket(config);
	return err;
}
