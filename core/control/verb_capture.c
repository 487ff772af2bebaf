/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <core/control/ask.h>
#include <core/port/pcapng.h>

/* The file that is written: whole blocks only, however it ends. */
struct output {
	const char *name;
	int fd;      /* -1: not open yet */
	off_t whole; /* size up to the last whole block */
	char *block; /* bytes that have come and are not written */
	size_t size, room;
	uint64_t packets, lost;
	int error;
};

static bool open_output(struct output *out)
{
	if (out->fd >= 0)
		return true;
	if (strcmp(out->name, "-") == 0)
		out->fd = STDOUT_FILENO;
	else
		out->fd = open(out->name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out->fd < 0)
		out->error = errno;
	return out->fd >= 0;
}

static bool write_all(struct output *out, const char *bytes, size_t size)
{
	struct stat s;

	while (size > 0) {
		ssize_t written = write(out->fd, bytes, size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0) {
			out->error = written < 0 ? errno : EIO;
			/* No half of a packet at the end. */
			if (fstat(out->fd, &s) == 0 && S_ISREG(s.st_mode) &&
			    ftruncate(out->fd, out->whole) != 0)
				out->error = errno;
			return false;
		}
		bytes += written;
		size -= (size_t)written;
	}
	return true;
}

static uint32_t word(const char *at)
{
	uint32_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

/* A whole block: count what it says. */
static void look_at(struct output *out, const char *block, uint32_t size)
{
	uint32_t at = 20;

	if (word(block) == SL_PCAPNG_PACKET)
		out->packets++;
	if (word(block) != SL_PCAPNG_STATISTICS)
		return;
	while (at + 12 <= size) {
		uint32_t option = word(block + at) & 0xffff, length = word(block + at) >> 16;

		if (option == SL_PCAPNG_LOST && length == 8)
			memcpy(&out->lost, block + at + 4, 8);
		at += 4 + ((length + 3) & ~3u);
	}
}

static bool take(void *context, const char *data, size_t size)
{
	struct output *out = context;
	size_t whole = 0;

	if (out->size + size > out->room) {
		size_t room = 2 * (out->size + size);
		char *grown = realloc(out->block, room);

		if (grown == NULL) {
			out->error = ENOMEM;
			return false;
		}
		out->block = grown;
		out->room = room;
	}
	memcpy(out->block + out->size, data, size);
	out->size += size;
	if (!open_output(out))
		return false;
	while (out->size - whole >= 12) {
		uint32_t length = word(out->block + whole + 4);

		if (length < 12) {
			out->error = EPROTO;
			return false;
		}
		if (out->size - whole < length)
			break;
		look_at(out, out->block + whole, length);
		whole += length;
	}
	if (!write_all(out, out->block, whole))
		return false;
	out->whole += (off_t)whole;
	memmove(out->block, out->block + whole, out->size - whole);
	out->size -= whole;
	return true;
}

static void say_result(const struct output *out)
{
	fprintf(stderr, "%" PRIu64 " packet%s captured", out->packets,
		out->packets == 1 ? "" : "s");
	if (out->lost != 0)
		fprintf(stderr,
			", %" PRIu64 " lost to the capture (they were forwarded): it was too slow",
			out->lost);
	fputc('\n', stderr);
}

static int finish(const struct sl_verb *verb, struct output *out)
{
	if (out->fd > STDOUT_FILENO && close(out->fd) != 0 && out->error == 0)
		out->error = errno;
	if (out->fd >= 0)
		say_result(out);
	free(out->block);
	if (out->error == 0 || (out->error == EPIPE && out->fd == STDOUT_FILENO))
		return SL_EXIT_OK;
	fprintf(stderr, "sluice %s: %s: %s\n", verb->name,
		strcmp(out->name, "-") == 0 ? "standard output" : out->name, strerror(out->error));
	return SL_EXIT_FAILED;
}

static int capture(const struct sl_verb *verb, const struct sl_ask *ask, const char *path,
		   const char *file)
{
	struct output out = {.name = file, .fd = -1};
	const struct sl_client_sink sink = {.take = take, .context = &out};
	int err = sl_ask_stream(ask, path, &sink), status = finish(verb, &out);

	return err == 0 ? status : SL_EXIT_FAILED;
}

static int run(const struct sl_verb *verb, int argc, char **argv)
{
	char *path = strdup("/v1/capture");
	struct sl_ask ask = {0};
	int status;

	if (!sl_ask_query(verb, argc, argv, &ask, &path))
		status = ask.status;
	else if (argc - optind != 1)
		status = sl_verb_misused(verb,
					 "name one file to write to, or - for standard output");
	else
		status = capture(verb, &ask, path, argv[optind]);
	free(path);
	return status;
}

static const struct sl_option options[] = {
	{'a', "at", "WHERE",
	 "PORT, PORT:rx, PORT:tx, HOP, HOP:EDGE, HOP:out, drops or drops:REASON"},
	{'f', "filter", "FILTER", "which packets: see pcap-filter(7)"},
	{'n', "count", "NUMBER", "end after so many packets"},
	{'d', "seconds", "NUMBER", "end after so long"},
	{'S', "snaplen", "BYTES", "most bytes of a packet"},
	SL_OPT_SOCKET,
	SL_OPT_CONFIG,
	SL_OPT_END,
};

static const struct sl_form forms[] = {{"FILE", NULL}, {NULL, NULL}};

const struct sl_verb sl_verb_capture = {
	.name = "capture",
	.summary = "Write packets as they pass to a pcapng file",
	.help = "Until interrupted, or the count or the time is over. `-` as FILE is standard "
		"output, for `| tshark -r -`.\n"
		"\n"
		"HOP is what comes to a hop, HOP:EDGE what leaves it by an edge, HOP:out by any; "
		"`sluice show nodes` lists the hops. `--at` may be given several times; without "
		"it, "
		"all ports are captured.",
	.options = options,
	.forms = forms,
	.run = run,
};
