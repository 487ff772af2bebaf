/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control API on any request: the first line says GET or POST and the path, the second holds
 * the query, the rest is the body. An engine that has carried some traffic answers, and
 * takes the chains that it is given.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <core/control/api.h>
#include <core/host/log.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char chain_text[] =
	"sluice: 1\n"
	"ports:\n"
	"  lan: {kind: generator, count: 256, src: 10.0.0.0/24, flows: 64}\n"
	"  wan: {kind: sink}\n"
	"vnfs:\n"
	"  fw: {plugin: firewall, default: allow, rules: [{allow: udp}]}\n"
	"  nat: {plugin: nat, inside: 10.0.0.0/8, pool: 198.51.100.1}\n"
	"paths:\n"
	"  p: lan <-> fw <-> nat <-> wan\n";

static struct sl_engine engine;
static struct sl_audit *audit;

static void die(const char *what, struct sl_errors *errors)
{
	fprintf(stderr, "%s\n", what);
	sl_errors_print(errors, stderr);
	exit(1);
}

static struct sl_host_config *host_config(struct sl_errors *errors)
{
	char path[] = "/tmp/sluice-fuzz-api.XXXXXX";
	struct sl_host_config *config;
	int fd = mkstemp(path);
	FILE *file = fd >= 0 ? fdopen(fd, "w") : NULL;

	if (file == NULL)
		die("no temporary file", errors);
	fputs("memory = { mode = \"normal\"; };\ncontrol = { socket = \"\"; };\n"
	      "log = { level = \"error\"; };\nplugins = [ \"" SL_BUILD_DIR "/plugins\" ];\n",
	      file);
	fclose(file);
	config = sl_host_config_load(path, errors);
	unlink(path);
	return config;
}

static void stop(void)
{
	sl_engine_stop(&engine);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sl_errors *errors = sl_errors_new();
	struct sl_chain *chain;

	engine.config = host_config(errors);
	if (engine.config == NULL)
		die("no configuration", errors);
	engine.registry = sl_registry_new((const char *const *)engine.config->plugin_folders,
					  engine.config->plugin_folder_count);
	chain = sl_chain_load_bytes("fuzz.yaml", chain_text, strlen(chain_text), engine.registry,
				    NULL, 0, errors);
	if (chain == NULL)
		die("no chain", errors);
	if (sl_engine_start(&engine, chain, errors) != 0)
		die("the engine does not start", errors);
	for (int i = 0; i < 5000 && !sl_engine_drained(&engine); i++)
		sl_engine_poll(&engine, 1000, -1);
	audit = sl_audit_new();
	sl_log_open(SL_LOG_ERROR, NULL);
	atexit(stop);
	sl_errors_resolve(errors, NULL, NULL);
	sl_errors_free(errors);
	return 0;
}

/* "a=1&b=2" without the decoding that the HTTP library does. */
static unsigned int split(char *query, struct sl_arg *args)
{
	unsigned int count = 0;
	char *rest, *pair;

	for (pair = strtok_r(query, "&", &rest); pair != NULL && count < SL_MAX_ARGS;
	     pair = strtok_r(NULL, "&", &rest)) {
		char *equals = strchr(pair, '=');

		if (equals != NULL)
			*equals = '\0';
		args[count++] = (struct sl_arg){pair, equals != NULL ? equals + 1 : ""};
	}
	return count;
}

static void ask(const struct sl_api_request *request)
{
	unsigned int status = 0;
	json_t *answer = sl_api_answer(&engine, request, &status);
	char *text;

	if (answer == NULL)
		return;
	text = json_dumps(answer, JSON_ENCODE_ANY);
	if (text == NULL || !json_is_object(answer))
		abort();
	if ((status == 200) == json_is_string(json_object_get(answer, "error")))
		abort();
	if (status != 200 && status != 400 && status != 403 && status != 404 && status != 405 &&
	    status != 409 && status != 426 && status != 503)
		abort();
	free(text);
	json_decref(answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *path, *query, *body, *method;
	struct sl_arg args[SL_MAX_ARGS];
	struct sl_api_request request = {.args = args, .audit = audit};
	unsigned int most = SL_ROLE_ADMIN;

	memcpy(text, data, size);
	text[size] = '\0';
	query = strchr(text, '\n');
	body = query != NULL ? strchr(query + 1, '\n') : NULL;
	if (body != NULL)
		*body++ = '\0';
	if (query != NULL)
		*query++ = '\0';
	method = text;
	path = strchr(text, ' ');
	if (path != NULL) {
		*path++ = '\0';
		request.method = method;
		request.path = path;
		request.arg_count = query != NULL ? split(query, args) : 0;
		/* A block of its own, so that reading past its end is seen. */
		if (body != NULL) {
			request.body_size = size - (size_t)(body - text);
			request.body =
				memcpy(malloc(request.body_size + 1), body, request.body_size);
		}
		/* libFuzzer goes on reading the counters of code that was unmapped. */
		if (strncmp(path, "/v1/plugins/", 12) == 0)
			most = SL_ROLE_READ;
		for (unsigned int role = SL_ROLE_NONE; role <= most; role++) {
			request.peer.role = role;
			ask(&request);
		}
		free((void *)(uintptr_t)request.body);
		sl_engine_poll(&engine, 0, -1);
	}
	free(text);
	return 0;
}
