/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <curl/curl.h>

#include <core/control/client.h>

/* A million sessions as JSON; more is not for one answer. */
#define MOST_ANSWER ((size_t)512 << 20)
#define PATIENCE    60 /* seconds */

struct answer {
	char *text;
	size_t size;
};

static size_t take(char *data, size_t one, size_t count, void *context)
{
	struct answer *answer = context;
	size_t size = one * count;
	char *grown;

	if (answer->size + size > MOST_ANSWER)
		return 0;
	grown = realloc(answer->text, answer->size + size + 1);
	if (grown == NULL)
		return 0;
	memcpy(grown + answer->size, data, size);
	answer->text = grown;
	answer->size += size;
	grown[answer->size] = '\0';
	return size;
}

static int unreachable(const char *socket, CURL *curl, CURLcode code, struct sl_errors *errors)
{
	long os = 0;

	curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
	if (os == ENOENT || os == ECONNREFUSED)
		return sl_fail(errors, (int)os,
			       "no sluice answers at %s; is `sluice run` running? Another socket "
			       "is named with --socket or --config",
			       socket);
	if (os == EACCES)
		return sl_fail(errors, EACCES,
			       "%s: permission denied; run this as root or as the user that sluice "
			       "runs as, or set `mode` and `group` of `control` in the host file",
			       socket);
	return sl_fail(errors, EIO, "%s: %s", socket,
		       os != 0 ? strerror((int)os) : curl_easy_strerror(code));
}

static int refused(const json_t *answer, long status, struct sl_errors *errors)
{
	const json_t *list = json_object_get(answer, "errors"), *item;
	const char *text = json_string_value(json_object_get(answer, "error"));
	const char *hint = json_string_value(json_object_get(answer, "hint"));
	size_t i;

	if (json_array_size(list) == 0)
		return sl_fail(errors, EINVAL, "%s%s%s", text != NULL ? text : "the request failed",
			       hint != NULL ? "; " : "", hint != NULL ? hint : "");
	json_array_foreach (list, i, item)
		if (json_is_string(item))
			sl_fail(errors, EINVAL, "%s", json_string_value(item));
	return -EINVAL;
}

static json_t *understand(const char *socket, const struct answer *answer, long status,
			  struct sl_errors *errors)
{
	json_error_t wrong;
	json_t *json =
		answer->text != NULL ? json_loadb(answer->text, answer->size, 0, &wrong) : NULL;

	if (json == NULL) {
		sl_fail(errors, EPROTO, "%s: what answers there is not sluice (HTTP status %ld)",
			socket, status);
		return NULL;
	}
	if (status == 200)
		return json;
	refused(json, status, errors);
	json_decref(json);
	return NULL;
}

json_t *sl_client_ask(const char *socket, const char *path, const json_t *body,
		      struct sl_errors *errors)
{
	return sl_client_ask_within(socket, path, body, PATIENCE, errors);
}

json_t *sl_client_ask_within(const char *socket, const char *path, const json_t *body,
			     unsigned int seconds, struct sl_errors *errors)
{
	CURL *curl = curl_easy_init();
	struct answer answer = {0};
	struct curl_slist *headers = NULL;
	char *url = NULL, *text = NULL;
	json_t *json = NULL;
	long status = 0;
	CURLcode code;

	if (curl == NULL || asprintf(&url, "http://sluice%s", path) < 0) {
		sl_fail(errors, ENOMEM, "out of memory");
		curl_easy_cleanup(curl);
		return NULL;
	}
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)seconds);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
	if (body != NULL) {
		text = json_dumps(body, JSON_COMPACT);
		headers = curl_slist_append(NULL, "Content-Type: application/json");
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text != NULL ? text : "{}");
	}
	code = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK)
		unreachable(socket, curl, code, errors);
	else
		json = understand(socket, &answer, status, errors);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	free(answer.text);
	free(text);
	free(url);
	return json;
}

/*
 * Answers that go on
 */

struct reading {
	CURL *curl;
	const struct sl_client_sink *sink;
	struct answer refusal; /* of a status other than 200 */
	bool stopped;          /* the sink wants no more */
};

static size_t pass_on(char *data, size_t one, size_t count, void *context)
{
	struct reading *reading = context;
	long status = 0;

	curl_easy_getinfo(reading->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return take(data, one, count, &reading->refusal);
	if (reading->sink->take(reading->sink->context, data, one * count))
		return one * count;
	reading->stopped = true;
	return 0;
}

/* SIGINT and SIGTERM as a file. */
static int open_interrupts(sigset_t *old)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, old);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void close_interrupts(int fd, const sigset_t *old)
{
	struct signalfd_siginfo pending;

	/* One that came at the very end is not to end the program after all. */
	while (fd >= 0 && read(fd, &pending, sizeof(pending)) > 0)
		;
	if (fd >= 0)
		close(fd);
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* Until it is over; what curl says of it. */
static CURLcode transfer(CURLM *multi, struct reading *reading, int interrupts)
{
	struct signalfd_siginfo signal;
	int running = 1, left;
	const CURLMsg *message;

	while (running != 0) {
		struct curl_waitfd extra = {.fd = interrupts, .events = CURL_WAIT_POLLIN};

		if (curl_multi_perform(multi, &running) != CURLM_OK)
			return CURLE_READ_ERROR;
		if (running == 0)
			break;
		curl_multi_poll(multi, &extra, interrupts >= 0 ? 1 : 0, 1000, NULL);
		if (interrupts >= 0 && read(interrupts, &signal, sizeof(signal)) > 0 &&
		    (reading->sink->interrupted == NULL ||
		     !reading->sink->interrupted(reading->sink->context))) {
			reading->stopped = true;
			return CURLE_OK;
		}
	}
	message = curl_multi_info_read(multi, &left);
	return message != NULL ? message->data.result : CURLE_OK;
}

int sl_client_read(const char *socket, const char *path, const struct sl_client_sink *sink,
		   struct sl_errors *errors)
{
	struct reading reading = {.curl = curl_easy_init(), .sink = sink};
	CURLM *multi = curl_multi_init();
	char *url = NULL;
	int interrupts, err = 0;
	json_t *answer;
	long status = 0;
	sigset_t old;
	CURLcode code;

	if (reading.curl == NULL || multi == NULL || asprintf(&url, "http://sluice%s", path) < 0) {
		curl_easy_cleanup(reading.curl);
		curl_multi_cleanup(multi);
		return sl_fail(errors, ENOMEM, "out of memory");
	}
	curl_easy_setopt(reading.curl, CURLOPT_UNIX_SOCKET_PATH, socket);
	curl_easy_setopt(reading.curl, CURLOPT_URL, url);
	curl_easy_setopt(reading.curl, CURLOPT_PROXY, "");
	curl_easy_setopt(reading.curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(reading.curl, CURLOPT_CONNECTTIMEOUT, (long)PATIENCE);
	curl_easy_setopt(reading.curl, CURLOPT_BUFFERSIZE, 512 * 1024L);
	curl_easy_setopt(reading.curl, CURLOPT_WRITEFUNCTION, pass_on);
	curl_easy_setopt(reading.curl, CURLOPT_WRITEDATA, &reading);
	interrupts = open_interrupts(&old);
	curl_multi_add_handle(multi, reading.curl);
	code = transfer(multi, &reading, interrupts);
	close_interrupts(interrupts, &old);
	curl_easy_getinfo(reading.curl, CURLINFO_RESPONSE_CODE, &status);
	if (code != CURLE_OK && !reading.stopped) {
		err = unreachable(socket, reading.curl, code, errors);
	} else if (status != 200 && !reading.stopped) {
		answer = understand(socket, &reading.refusal, status, errors);
		json_decref(answer);
		err = -EINVAL;
	}
	curl_multi_remove_handle(multi, reading.curl);
	curl_easy_cleanup(reading.curl);
	curl_multi_cleanup(multi);
	free(reading.refusal.text);
	free(url);
	return err;
}

char *sl_client_query(char *path, const char *name, const char *value)
{
	char *left = curl_easy_escape(NULL, name, 0), *right = curl_easy_escape(NULL, value, 0);
	char *longer = NULL;

	if (path == NULL || left == NULL || right == NULL ||
	    asprintf(&longer, "%s%c%s=%s", path, strchr(path, '?') != NULL ? '&' : '?', left,
		     right) < 0)
		longer = NULL;
	curl_free(left);
	curl_free(right);
	free(path);
	return longer;
}

char *sl_client_path(const char *start, ...)
{
	char *path = strdup(start);
	const char *segment;
	va_list args;

	va_start(args, start);
	while (path != NULL && (segment = va_arg(args, const char *)) != NULL) {
		char *escaped = curl_easy_escape(NULL, segment, 0), *longer = NULL;

		if (escaped == NULL || asprintf(&longer, "%s/%s", path, escaped) < 0)
			longer = NULL;
		curl_free(escaped);
		free(path);
		path = longer;
	}
	va_end(args);
	return path;
}
