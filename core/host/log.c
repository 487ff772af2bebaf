/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <rte_log.h>

#include <core/host/log.h>

const char *const sl_log_levels[] = {
	[SL_LOG_ERROR] = "error",
	[SL_LOG_WARNING] = "warning",
	[SL_LOG_INFO] = "info",
	[SL_LOG_DEBUG] = "debug",
	NULL,
};

/* Part of the one engine: any file of the main thread may log. NULL: standard error. */
static FILE *out;
static enum sl_log_level most = SL_LOG_INFO;

int sl_log_open(enum sl_log_level level, const char *file)
{
	FILE *opened = NULL;

	if (file != NULL) {
		opened = fopen(file, "ae");
		if (opened == NULL)
			return -errno;
		setvbuf(opened, NULL, _IOLBF, 0);
	}
	sl_log_close();
	out = opened;
	most = level;
	/* What DPDK has to say goes to the same place. */
	if (opened != NULL)
		rte_openlog_stream(opened);
	return 0;
}

int sl_log_reopen(const char *file)
{
	return sl_log_open(most, file);
}

void sl_log_close(void)
{
	if (out == NULL)
		return;
	rte_openlog_stream(stderr);
	fclose(out);
	out = NULL;
}

void sl_log(enum sl_log_level level, const char *format, ...)
{
	FILE *to = out != NULL ? out : stderr;
	struct timespec now;
	struct tm broken;
	char stamp[32];
	va_list args;

	if (level > most)
		return;
	va_start(args, format);
	flockfile(to);
	if (out != NULL) {
		/* RFC 3339, UTC. A terminal or a journal knows the time. */
		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &broken);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &broken);
		fprintf(to, "%s.%03ldZ %s: ", stamp, now.tv_nsec / 1000000, sl_log_levels[level]);
	} else {
		fprintf(to, "sluice: %s%s", level < SL_LOG_INFO ? sl_log_levels[level] : "",
			level < SL_LOG_INFO ? ": " : "");
	}
	vfprintf(to, format, args);
	fputc('\n', to);
	funlockfile(to);
	va_end(args);
}
