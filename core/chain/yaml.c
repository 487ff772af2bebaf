/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * YAML into a tree, by libyaml's events. A file's author may be hostile: depth, size and what
 * aliases expand to are bounded; aliases share the tree of their anchor.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <yaml.h>

#include <core/chain/tree.h>
#include <core/chain/utf8.h>

#define MAX_FILE   (8 * 1024 * 1024)
#define MAX_DEPTH  64
#define MAX_WEIGHT 2000000

struct anchor {
	const char *name;
	struct sl_tree *tree;
	bool open; /* its end was not seen yet: an alias to it would be a cycle */
};

/* A list or map being read. */
struct level {
	struct sl_tree *tree;
	const struct sl_tree *key; /* map: read, waiting for its value */
	struct sl_tree_item *items;
	uint32_t room;
	uint32_t anchor; /* number of its anchor + 1, or 0 */
};

struct reader {
	struct sl_store *store;
	struct sl_errors *errors;
	const char *file;
	const char *bytes;
	size_t size;
	yaml_parser_t parser;
	struct level levels[MAX_DEPTH];
	unsigned int depth;
	struct anchor *anchors;
	uint32_t anchor_count, anchor_room;
	const struct sl_tree *root;
	unsigned int documents;
};

static struct sl_place place_of(const struct reader *r, yaml_mark_t mark)
{
	return (struct sl_place){.file = r->file,
				 .line = (unsigned int)mark.line + 1,
				 .column = (unsigned int)mark.column + 1};
}

static bool no_memory(struct reader *r)
{
	sl_fail(r->errors, ENOMEM, "%s: out of memory while reading it, or it is too large",
		r->file);
	return false;
}

/* Place of a byte of the file. */
static struct sl_place place_at(const struct reader *r, size_t offset)
{
	struct sl_place place = {.file = r->file, .line = 1, .column = 1};

	for (size_t i = 0; i < offset && i < r->size; i++) {
		if (r->bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)r->bytes[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

static bool check_utf8(struct reader *r)
{
	size_t good = sl_utf8_check(r->bytes, r->size);

	if (good < r->size)
		sl_fail_place(r->errors, EILSEQ, place_at(r, good),
			      "the file is not UTF-8: byte 0x%02x; save it as UTF-8",
			      (unsigned char)r->bytes[good]);
	return good == r->size;
}

/* Put a finished or opened node where it belongs. */
static bool place_node(struct reader *r, struct sl_tree *node)
{
	struct level *level;

	if (r->depth == 0) {
		r->root = node;
		return true;
	}
	level = &r->levels[r->depth - 1];
	if (level->tree->kind == SL_TREE_MAP && level->key == NULL) {
		if (node->kind == SL_TREE_NULL)
			node->text = "";
		else if (node->kind != SL_TREE_SCALAR) {
			sl_fail_place(r->errors, EINVAL, node->place,
				      "expected a key, found %s; quote values that start with "
				      "`{` or `[`",
				      sl_tree_kind_name(node));
			return false;
		}
		for (uint32_t i = 0; i < level->tree->count; i++) {
			const struct sl_tree *key = level->items[i].key;

			if (strcmp(key->text, node->text) != 0)
				continue;
			sl_fail_place(r->errors, EEXIST, node->place,
				      "duplicate key `%s`; it is already in line %u", node->text,
				      key->place.line);
			break;
		}
		level->key = node;
		return true;
	}
	if (level->tree->count == level->room) {
		uint32_t room = level->room == 0 ? 8 : 2 * level->room;
		struct sl_tree_item *items = realloc(level->items, room * sizeof(*items));

		if (items == NULL)
			return no_memory(r);
		level->items = items;
		level->room = room;
	}
	level->items[level->tree->count++] = (struct sl_tree_item){level->key, node};
	level->key = NULL;
	return true;
}

static struct anchor *find_anchor(struct reader *r, const char *name)
{
	for (uint32_t i = r->anchor_count; i > 0; i--)
		if (strcmp(r->anchors[i - 1].name, name) == 0)
			return &r->anchors[i - 1];
	return NULL;
}

static bool add_anchor(struct reader *r, const char *name, struct sl_tree *tree, bool open)
{
	struct anchor *anchors;

	if (r->anchor_count == r->anchor_room) {
		r->anchor_room = r->anchor_room == 0 ? 16 : 2 * r->anchor_room;
		anchors = realloc(r->anchors, r->anchor_room * sizeof(*anchors));
		if (anchors == NULL)
			return no_memory(r);
		r->anchors = anchors;
	}
	anchors = &r->anchors[r->anchor_count++];
	*anchors = (struct anchor){sl_store_text(r->store, name, strlen(name)), tree, open};
	return anchors->name != NULL || no_memory(r);
}

static struct sl_tree *new_node(struct reader *r, enum sl_tree_kind kind, const yaml_event_t *event,
				const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct sl_tree *node = sl_store_alloc(r->store, 1, sizeof(*node));

	if (node == NULL) {
		no_memory(r);
		return NULL;
	}
	node->kind = kind;
	node->place = place_of(r, event->start_mark);
	node->weight = 1;
	if (tag != NULL && strcmp((const char *)tag, "!") != 0)
		sl_fail_place(r->errors, EINVAL, node->place,
			      "tags such as `%s` have no meaning in chain files; leave it out",
			      (const char *)tag);
	if (anchor != NULL && !add_anchor(r, (const char *)anchor, node, kind >= SL_TREE_LIST))
		return NULL;
	return node;
}

static bool is_null(const char *text)
{
	return text[0] == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

static bool read_scalar(struct reader *r, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	struct sl_tree *node = new_node(r, SL_TREE_SCALAR, event, event->data.scalar.anchor,
					event->data.scalar.tag);

	if (node == NULL)
		return false;
	if (strlen(text) != length) {
		sl_fail_place(r->errors, EINVAL, node->place, "a value has a zero byte in it");
		return false;
	}
	node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	node->one_line = event->start_mark.line == event->end_mark.line;
	if (node->plain && is_null(text))
		node->kind = SL_TREE_NULL;
	node->text = sl_store_text(r->store, text, length);
	if (node->text == NULL)
		return no_memory(r);
	return place_node(r, node);
}

static bool read_alias(struct reader *r, const yaml_event_t *event)
{
	const char *name = (const char *)event->data.alias.anchor;
	struct sl_place place = place_of(r, event->start_mark);
	struct anchor *anchor = find_anchor(r, name);

	if (anchor == NULL || anchor->open) {
		sl_fail_place(r->errors, EINVAL, place,
			      anchor == NULL ? "unknown anchor `%s`; set it before with `&%s`"
					     : "anchor `%s` stands inside itself (`&%s`)",
			      name, name);
		return false;
	}
	return place_node(r, anchor->tree);
}

static bool open_level(struct reader *r, enum sl_tree_kind kind, const yaml_event_t *event,
		       const yaml_char_t *anchor, const yaml_char_t *tag)
{
	struct sl_tree *node;

	if (r->depth == MAX_DEPTH) {
		sl_fail_place(r->errors, E2BIG, place_of(r, event->start_mark),
			      "lists and maps are nested more than %u deep", MAX_DEPTH);
		return false;
	}
	node = new_node(r, kind, event, anchor, tag);
	if (node == NULL || !place_node(r, node))
		return false;
	r->levels[r->depth++] =
		(struct level){.tree = node, .anchor = anchor != NULL ? r->anchor_count : 0};
	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the levels below keep their lists */
	return true;
}

static bool close_level(struct reader *r)
{
	struct level *level = &r->levels[--r->depth];
	struct sl_tree *tree = level->tree;
	uint64_t weight = 1;

	if (level->anchor != 0)
		r->anchors[level->anchor - 1].open = false;
	tree->items = sl_store_alloc(r->store, tree->count, sizeof(*tree->items));
	if (tree->items != NULL && tree->count > 0)
		memcpy(tree->items, level->items, tree->count * sizeof(*tree->items));
	free(level->items);
	level->items = NULL;
	if (tree->items == NULL) {
		tree->count = 0;
		return no_memory(r);
	}
	for (uint32_t i = 0; i < tree->count; i++)
		weight += tree->items[i].value->weight;
	if (weight > MAX_WEIGHT) {
		sl_fail_place(r->errors, E2BIG, tree->place,
			      "with its aliases written out this holds more than %u values",
			      MAX_WEIGHT);
		return false;
	}
	tree->weight = (uint32_t)weight;
	return true;
}

static bool read_event(struct reader *r, const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents++ == 0)
			return true;
		sl_fail_place(r->errors, EINVAL, place_of(r, event->start_mark),
			      "a second document starts here; put each chain in its own file");
		return false;
	case YAML_SCALAR_EVENT:
		return read_scalar(r, event);
	case YAML_ALIAS_EVENT:
		return read_alias(r, event);
	case YAML_SEQUENCE_START_EVENT:
		return open_level(r, SL_TREE_LIST, event, event->data.sequence_start.anchor,
				  event->data.sequence_start.tag);
	case YAML_MAPPING_START_EVENT:
		return open_level(r, SL_TREE_MAP, event, event->data.mapping_start.anchor,
				  event->data.mapping_start.tag);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return close_level(r);
	default:
		return true;
	}
}

static bool not_yaml(struct reader *r)
{
	const yaml_parser_t *parser = &r->parser;
	struct sl_place place = place_of(r, parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return no_memory(r);
	if (parser->error == YAML_READER_ERROR)
		place = place_at(r, parser->problem_offset);
	sl_fail_place(r->errors, EINVAL, place, "not YAML: %s%s%s",
		      parser->problem != NULL ? parser->problem : "unknown problem",
		      parser->context != NULL ? " " : "",
		      parser->context != NULL ? parser->context : "");
	return false;
}

static bool read_all(struct reader *r)
{
	for (bool more = true; more;) {
		yaml_event_t event;
		bool good;

		if (!yaml_parser_parse(&r->parser, &event))
			return not_yaml(r);
		good = read_event(r, &event);
		more = event.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
		if (!good)
			return false;
	}
	if (r->root == NULL)
		sl_fail_place(r->errors, EINVAL, (struct sl_place){r->file, 1, 1},
			      "the file is empty");
	return r->root != NULL;
}

const struct sl_tree *sl_yaml_read(struct sl_store *store, const char *file, const char *bytes,
				   size_t size, struct sl_errors *errors)
{
	struct reader r = {.store = store, .errors = errors, .bytes = bytes, .size = size};
	bool good;

	r.file = sl_store_text(store, file, strlen(file));
	if (r.file == NULL) {
		r.file = file;
		no_memory(&r);
		return NULL;
	}
	if (!check_utf8(&r))
		return NULL;
	if (!yaml_parser_initialize(&r.parser)) {
		no_memory(&r);
		return NULL;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)bytes, size);
	good = read_all(&r);
	yaml_parser_delete(&r.parser);
	while (r.depth > 0)
		free(r.levels[--r.depth].items);
	free(r.anchors);
	return good ? r.root : NULL;
}

static char *read_open(int fd, const char *file, size_t *size, struct sl_errors *errors)
{
	size_t room = 0;
	char *bytes = NULL;

	for (*size = 0; *size <= MAX_FILE;) {
		ssize_t got;

		if (*size == room) {
			char *more = realloc(bytes, room = room == 0 ? 16 * 1024 : 2 * room);

			if (more == NULL)
				break;
			bytes = more;
		}
		got = read(fd, bytes + *size, room - *size);
		if (got == 0)
			return bytes;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			sl_fail(errors, errno, "%s: cannot read it: %s", file, strerror(errno));
			free(bytes);
			return NULL;
		}
		*size += (size_t)got;
	}
	sl_fail(errors, E2BIG, "%s: larger than 8 MiB, or out of memory", file);
	free(bytes);
	return NULL;
}

char *sl_file_read(const char *file, size_t *size, struct sl_errors *errors)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	char *bytes;

	if (fd < 0) {
		sl_fail(errors, errno, "%s: cannot open it: %s", file, strerror(errno));
		return NULL;
	}
	bytes = read_open(fd, file, size, errors);
	close(fd);
	return bytes;
}
