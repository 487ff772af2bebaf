/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The `paths:` of a chain: "lan <-> fw <-> wan" (both ways), "lan -> fw -> wan" (one way), or a
 * list of the names (both ways).
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/load.h>

#define MAX_PATHS 1024
#define MAX_STOPS 256

struct stop_name {
	const char *text;
	struct sl_place place;
};

/* A path while it is read. */
struct route {
	struct sl_loader *loader;
	struct sl_chain_path *path;
	struct stop_name names[MAX_STOPS];
	unsigned int count;
	unsigned int arrows, both_ways;
	bool wrong; /* told already */
};

static void wrong(struct route *r, struct sl_place place, const char *what)
{
	sl_fail_place(r->loader->errors, EINVAL, place,
		      "path `%s`: %s; expected `PORT <-> VNF <-> PORT`, or `->` for one way only",
		      r->path->name, what);
	r->wrong = true;
}

static void add_name(struct route *r, const char *text, size_t length, struct sl_place place)
{
	if (r->count == MAX_STOPS) {
		wrong(r, place, "it is longer than 256 names");
		return;
	}
	r->names[r->count].text = sl_store_text(r->loader->store, text, length);
	r->names[r->count].place = place;
	if (r->names[r->count].text == NULL)
		r->wrong = true;
	else
		r->count++;
}

static size_t name_length(const char *text)
{
	size_t length = 0;

	while (isalnum((unsigned char)text[length]) || text[length] == '_' || text[length] == '.' ||
	       (text[length] == '-' && text[length + 1] != '>'))
		length++;
	return length;
}

static void read_text(struct route *r, const struct sl_tree *tree)
{
	const char *text = tree->text, *at = text;
	bool want_name = true;

	while (!r->wrong) {
		struct sl_place place;
		size_t length;

		at += strspn(at, " \t\n");
		place = sl_tree_within(tree, (size_t)(at - text));
		length = name_length(at);
		if (*at == '\0') {
			if (want_name)
				wrong(r, place, "it ends where a name should be");
			return;
		}
		if (want_name && length > 0) {
			add_name(r, at, length, place);
		} else if (!want_name && strncmp(at, "<->", 3) == 0) {
			length = 3;
			r->both_ways++;
			r->arrows++;
		} else if (!want_name && strncmp(at, "->", 2) == 0) {
			length = 2;
			r->arrows++;
		} else {
			wrong(r, place, want_name ? "a name is missing" : "an arrow is missing");
		}
		at += length;
		want_name = !want_name;
	}
}

static void read_list(struct route *r, const struct sl_tree *tree)
{
	for (uint32_t i = 0; i < tree->count && !r->wrong; i++) {
		const struct sl_tree *item = tree->items[i].value;

		if (item->kind != SL_TREE_SCALAR)
			wrong(r, item->place, "a list of names has something else in it");
		else
			add_name(r, item->text, strlen(item->text), item->place);
	}
	r->both_ways = r->arrows = 1;
}

static unsigned int find_port(const struct sl_chain *chain, const char *name)
{
	unsigned int i = 0;

	while (i < chain->port_count && strcmp(chain->ports[i].name, name) != 0)
		i++;
	return i;
}

static struct sl_vnf_use *find_use(const struct sl_loader *loader, const char *name)
{
	for (unsigned int i = 0; i < loader->use_count; i++)
		if (strcmp(loader->uses[i].name, name) == 0)
			return &loader->uses[i];
	return NULL;
}

static void unknown_stop(struct route *r, const struct stop_name *name, bool end)
{
	const struct sl_loader *loader = r->loader;
	const char **known =
		calloc(loader->chain->port_count + loader->use_count + 1, sizeof(*known));
	unsigned int count = 0;

	if (known == NULL)
		return;
	for (unsigned int i = 0; i < loader->chain->port_count && end; i++)
		known[count++] = loader->chain->ports[i].name;
	for (unsigned int i = 0; i < loader->use_count && !end; i++)
		known[count++] = loader->uses[i].name;
	sl_unknown_name(r->loader, name->place, end ? "port" : "VNF", name->text, known);
	free(known);
}

static void read_end(struct route *r, unsigned int at, unsigned int *port)
{
	const struct stop_name *name = &r->names[at];

	*port = find_port(r->loader->chain, name->text);
	if (*port < r->loader->chain->port_count)
		return;
	r->wrong = true;
	if (r->loader->chain->port_count == 0)
		return; /* `ports` is missing or wrong, which was told */
	if (find_use(r->loader, name->text) != NULL)
		sl_fail_place(r->loader->errors, EINVAL, name->place,
			      "path `%s` %s with VNF `%s`; a path leads from port to port",
			      r->path->name, at == 0 ? "starts" : "ends", name->text);
	else
		unknown_stop(r, name, true);
}

static void read_stop(struct route *r, unsigned int at, unsigned int *room)
{
	const struct stop_name *name = &r->names[at];
	struct sl_vnf_use *use = find_use(r->loader, name->text);

	if (use == NULL) {
		r->wrong = true;
		if (find_port(r->loader->chain, name->text) < r->loader->chain->port_count)
			sl_fail_place(r->loader->errors, EINVAL, name->place,
				      "path `%s` has port `%s` in the middle; ports stand only at "
				      "its ends",
				      r->path->name, name->text);
		else
			unknown_stop(r, name, false);
		return;
	}
	for (unsigned int i = 1; i < at; i++) {
		if (strcmp(r->names[i].text, name->text) != 0)
			continue;
		r->wrong = true;
		sl_fail_place(r->loader->errors, ELOOP, name->place,
			      "path `%s` visits VNF `%s` twice: a cycle; make a second VNF of the "
			      "same plugin",
			      r->path->name, name->text);
		return;
	}
	use->used = true;
	for (unsigned int i = 0; i<use->count && * room> 0; i++, --*room)
		r->path->stops[r->path->stop_count++] =
			(struct sl_chain_stop){use->first + i, name->place};
}

static void resolve(struct route *r)
{
	struct sl_chain_path *path = r->path;
	unsigned int room = 0;

	for (unsigned int i = 1; i + 1 < r->count; i++) {
		const struct sl_vnf_use *use = find_use(r->loader, r->names[i].text);

		room += use != NULL ? use->count : 0;
	}
	path->stops = sl_store_alloc(r->loader->store, room, sizeof(*path->stops));
	if (path->stops == NULL)
		return;
	path->both_ways = r->both_ways > 0;
	read_end(r, 0, &path->first);
	for (unsigned int i = 1; i + 1 < r->count; i++)
		read_stop(r, i, &room);
	read_end(r, r->count - 1, &path->last);
	if (!r->wrong && path->both_ways && path->first == path->last)
		sl_fail_place(r->loader->errors, EINVAL, r->names[r->count - 1].place,
			      "path `%s` leads both ways between port `%s` and itself; write `->` "
			      "to send packets back out by the port they came in",
			      path->name, r->names[0].text);
}

static void read_path(struct sl_loader *loader, struct sl_chain_path *path,
		      const struct sl_tree *tree)
{
	struct route r = {.loader = loader, .path = path};

	if (tree->kind == SL_TREE_SCALAR)
		read_text(&r, tree);
	else if (tree->kind == SL_TREE_LIST)
		read_list(&r, tree);
	else
		wrong(&r, tree->place, "it is neither a text nor a list of names");
	if (r.wrong)
		return;
	if (r.count < 2)
		wrong(&r, tree->place, "it has no two ends");
	else if (r.both_ways > 0 && r.both_ways != r.arrows)
		wrong(&r, tree->place, "it mixes `->` and `<->`");
	else
		resolve(&r);
}

uint32_t sl_find_path(struct sl_loader *loader, const struct sl_tree *name)
{
	const struct sl_chain *chain = loader->chain;
	const char **known;

	for (unsigned int i = 0; i < chain->path_count; i++)
		if (strcmp(chain->paths[i].name, name->text) == 0)
			return i;
	known = calloc(chain->path_count + 1, sizeof(*known));
	for (unsigned int i = 0; known != NULL && i < chain->path_count; i++)
		known[i] = chain->paths[i].name;
	if (known != NULL)
		sl_unknown_name(loader, name->place, "path", name->text, known);
	free(known);
	return SL_NO_PATH;
}

static void note_unused(struct sl_loader *loader)
{
	struct sl_chain *chain = loader->chain;

	for (unsigned int i = 0; i < loader->use_count; i++)
		if (!loader->uses[i].used)
			sl_note_place(loader->errors, loader->uses[i].place,
				      "VNF `%s` stands in no path", loader->uses[i].name);
	for (unsigned int i = 0; i < chain->port_count; i++) {
		bool used = false;

		for (unsigned int p = 0; p < chain->path_count; p++)
			used |= chain->paths[p].first == i || chain->paths[p].last == i;
		if (!used)
			sl_note_place(loader->errors, chain->ports[i].place,
				      "port `%s` stands in no path", chain->ports[i].name);
	}
}

void sl_read_paths(struct sl_loader *loader)
{
	const struct sl_tree *map = sl_top_map(loader, "paths", true);
	struct sl_chain *chain = loader->chain;

	if (map == NULL)
		return;
	if (map->count > MAX_PATHS) {
		sl_fail_place(loader->errors, E2BIG, map->place,
			      "the chain has %u paths; at most %u are possible", map->count,
			      MAX_PATHS);
		return;
	}
	chain->paths = sl_store_alloc(loader->store, map->count, sizeof(*chain->paths));
	if (chain->paths == NULL)
		return;
	chain->path_count = map->count;
	for (uint32_t i = 0; i < map->count; i++) {
		chain->paths[i].name = map->items[i].key->text;
		chain->paths[i].place = map->items[i].key->place;
		chain->paths[i].first = chain->paths[i].last = chain->port_count;
	}
	for (uint32_t i = 0; i < map->count; i++) {
		sl_check_name(loader, map->items[i].key, "path");
		read_path(loader, &chain->paths[i], map->items[i].value);
	}
	if (sl_errors_count(loader->errors) == loader->errors_before)
		note_unused(loader);
}
