/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <core/chain/lua_source.h>
#include <sluice/lua.h>

#define MAX_DEPTH 200 /* of brackets and blocks; Lua's own limit is near it */

/* What is open at some place of the text. */
struct level {
	char open; /* '{', '(', '['; 'k': a `[` around a key; 'b': a block that `end` ends */
	/* '{' */
	uint32_t table;
	bool unmarked;   /* left as it is in the copy */
	bool start;      /* a field starts with the next token */
	bool key, value; /* the `=` is still to come; it was the last token */
	uint32_t field;  /* the one at hand */
	/* 'k' */
	size_t edit; /* the one made for the `[` */
};

/* Text to put into the copy. */
struct edit {
	size_t at;
	char text[48];
};

struct scanner {
	struct sl_lua_source *source;
	const char *bytes;
	size_t size;
	struct sl_lua_lexer lexer;
	struct sl_lua_token before, token, after; /* the one at hand, and those beside it */
	struct sl_lua_token inner;                /* the one before `before` */
	struct level levels[MAX_DEPTH];
	unsigned int depth;
	struct edit *edits;
	size_t edit_count, edit_room, table_room, field_room;
	bool failed; /* out of memory, or no Lua: there will be no copy */
};

/* Room for one more item of a list that doubles. */
static bool grow(struct scanner *s, void **items, size_t count, size_t *room, size_t size)
{
	size_t more = *room == 0 ? 64 : 2 * *room;
	void *grown;

	if (count < *room)
		return true;
	grown = realloc(*items, more * size);
	if (grown == NULL) {
		s->failed = true;
		return false;
	}
	*items = grown;
	*room = more;
	return true;
}

static void edit(struct scanner *s, size_t at, const char *text)
{
	if (!grow(s, (void **)&s->edits, s->edit_count, &s->edit_room, sizeof(*s->edits)))
		return;
	s->edits[s->edit_count].at = at;
	snprintf(s->edits[s->edit_count++].text, sizeof(s->edits->text), "%s", text);
}

static bool is(const struct scanner *s, const struct sl_lua_token *token, const char *text)
{
	return token->length == strlen(text) &&
	       memcmp(s->bytes + token->start, text, token->length) == 0;
}

static bool is_one_of(const struct scanner *s, const struct sl_lua_token *token,
		      const char *const *words)
{
	for (; *words != NULL; words++)
		if (is(s, token, *words))
			return true;
	return false;
}

/* Would a `{` after this token be an argument? Also said of some keywords, which does no harm. */
static bool callee(const struct scanner *s, const struct sl_lua_token *token)
{
	static const char *const ends[] = {")", "]", "}", NULL};

	return token->kind == SL_LUA_NAME || token->kind == SL_LUA_TEXT ||
	       token->kind == SL_LUA_LONG_TEXT || is_one_of(s, token, ends);
}

static void push(struct scanner *s, char open)
{
	if (s->depth == MAX_DEPTH)
		s->failed = true;
	else
		s->levels[s->depth++] = (struct level){.open = open};
}

static void pop(struct scanner *s, char open)
{
	if (s->depth == 0 || s->levels[s->depth - 1].open != open)
		s->failed = true;
	else
		s->depth--;
}

static void open_table(struct scanner *s)
{
	struct sl_lua_source *source = s->source;
	char text[sizeof(s->edits->text)];
	struct level *level;

	push(s, '{');
	if (s->failed || !grow(s, (void **)&source->tables, source->table_count, &s->table_room,
			       sizeof(*source->tables)))
		return;
	level = &s->levels[s->depth - 1];
	level->table = source->table_count++;
	level->start = true;
	source->tables[level->table] =
		(struct sl_lua_table){.line = s->token.line, .column = s->token.column};
	/* Lua takes a `(` that starts a line for ambiguous when it could be a call. */
	level->unmarked = callee(s, &s->before) && s->before.line != s->token.line;
	snprintf(text, sizeof(text), "(" SL_LUA_MADE "(" SL_LUA_MAKING "(%u),", level->table);
	if (!level->unmarked)
		edit(s, s->token.start, text);
}

static void close_table(struct scanner *s)
{
	pop(s, '{');
	if (!s->failed && !s->levels[s->depth].unmarked)
		edit(s, s->token.start + 1, "))");
}

static bool is_name(const struct scanner *s, const struct sl_lua_token *token)
{
	static const char *const keywords[] = {"function", "not", "nil", "true", "false", NULL};

	return token->kind == SL_LUA_NAME && !is_one_of(s, token, keywords);
}

static void name_field(struct scanner *s, struct sl_lua_field *field, const char *text,
		       size_t length)
{
	field->kind = SL_LUA_NAMED;
	field->name = sl_store_text(s->source->store, text, length);
	s->failed |= field->name == NULL;
}

/* The value of the field at hand starts with the token at hand. */
static void start_value(struct scanner *s, struct level *level)
{
	static const char *const words[] = {"true", "false", NULL};
	struct sl_lua_field *field = &s->source->fields[level->field];
	const struct sl_lua_token *token = &s->token;

	field->value_line = token->line;
	field->value_column = token->column;
	level->value = false;
	if (!is(s, &s->after, ",") && !is(s, &s->after, ";") && !is(s, &s->after, "}"))
		return;
	field->quoted = token->kind == SL_LUA_TEXT;
	field->plain = token->kind == SL_LUA_NUMBER || is_one_of(s, token, words);
}

/* A field starts with the token at hand. */
static void start_field(struct scanner *s, struct level *level)
{
	struct sl_lua_source *source = s->source;
	struct sl_lua_table *table = &source->tables[level->table];
	struct sl_lua_field *field;

	level->start = false;
	if (!grow(s, (void **)&source->fields, source->field_count, &s->field_room,
		  sizeof(*source->fields)))
		return;
	level->field = source->field_count++;
	field = &source->fields[level->field];
	*field = (struct sl_lua_field){
		.kind = SL_LUA_COUNTED, .line = s->token.line, .column = s->token.column};
	if (table->last != 0)
		source->fields[table->last - 1].next = level->field + 1;
	else
		table->first = level->field + 1;
	table->last = level->field + 1;
	if (is_name(s, &s->token) && is(s, &s->after, "=")) {
		name_field(s, field, s->bytes + s->token.start, s->token.length);
		level->key = true;
	} else if (is(s, &s->token, "[")) {
		level->key = true;
	} else {
		start_value(s, level);
	}
}

static void open_key(struct scanner *s)
{
	push(s, 'k');
	if (s->failed)
		return;
	s->levels[s->depth - 1].edit = s->edit_count;
	edit(s, s->token.start + 1, SL_LUA_KEY "(");
}

/* The `]` of `["name"]` or `[expression]`. */
static void close_key(struct scanner *s)
{
	const struct level *table = s->depth > 1 ? &s->levels[s->depth - 2] : NULL;
	struct sl_lua_field *field;

	pop(s, 'k');
	if (s->failed || table == NULL)
		return;
	field = &s->source->fields[table->field];
	if (s->before.kind == SL_LUA_TEXT && is(s, &s->inner, "[") &&
	    s->inner.start + 1 == s->edits[s->levels[s->depth].edit].at) {
		s->edits[s->levels[s->depth].edit].text[0] = '\0';
		name_field(s, field, s->bytes + s->before.start + 1, s->before.length - 2);
		return;
	}
	if (table->unmarked) {
		s->edits[s->levels[s->depth].edit].text[0] = '\0';
		return;
	}
	field->kind = SL_LUA_KEYED;
	s->source->tables[table->table].keyed++;
	edit(s, s->token.start, ")");
}

static void bracket(struct scanner *s, bool key)
{
	switch (s->bytes[s->token.start]) {
	case '{':
		open_table(s);
		break;
	case '}':
		close_table(s);
		break;
	case '(':
		push(s, '(');
		break;
	case ')':
		pop(s, '(');
		break;
	case '[':
		if (key)
			open_key(s);
		else
			push(s, '[');
		break;
	case ']':
		if (s->depth > 0 && s->levels[s->depth - 1].open == 'k')
			close_key(s);
		else
			pop(s, '[');
		break;
	default:
		break;
	}
}

static void take(struct scanner *s)
{
	static const char *const opens[] = {"function", "do", "if", "repeat", NULL};
	static const char *const closes[] = {"end", "until", NULL};
	struct level *level = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
	bool key = false;

	if (level != NULL && level->open == '{') {
		if (level->value)
			start_value(s, level);
		if (level->start && !is(s, &s->token, "}")) {
			start_field(s, level);
			key = level->key && is(s, &s->token, "[");
		} else if (level->key && is(s, &s->token, "=")) {
			level->key = false;
			level->value = true;
		}
		level->start |= is(s, &s->token, ",") || is(s, &s->token, ";");
	}
	if (s->failed)
		return;
	if (s->token.kind == SL_LUA_SIGN && s->token.length == 1)
		bracket(s, key);
	else if (s->token.kind == SL_LUA_NAME && is_one_of(s, &s->token, opens))
		push(s, 'b');
	else if (s->token.kind == SL_LUA_NAME && is_one_of(s, &s->token, closes))
		pop(s, 'b');
}

/* What compiles and yet must not come in: LuaJIT loads its FFI for a 64-bit number, and takes
 * compiled code for a text. */
static int refuse(const struct scanner *s, const char *file, struct sl_errors *errors)
{
	const struct sl_lua_token *token = &s->token;
	struct sl_place place = {file, token->line, token->column};
	int last =
		token->length > 0 ? (unsigned char)s->bytes[token->start + token->length - 1] : 0;

	if (token->kind == SL_LUA_OTHER && token->length == 0 && token->start < s->size)
		return sl_fail_place(errors, EINVAL, place,
				     "byte 0x%02x is no Lua text; compiled Lua is not read",
				     (unsigned char)s->bytes[token->start]);
	if (token->kind == SL_LUA_NUMBER && ((last | 0x20) == 'l' || (last | 0x20) == 'i'))
		return sl_fail_place(errors, EINVAL, place,
				     "`%.*s`: expected a number without a suffix, or a text",
				     (int)(token->length < 40 ? token->length : 40),
				     s->bytes + token->start);
	return 0;
}

static int compare_edits(const void *a, const void *b)
{
	const struct edit *p = *(const struct edit *const *)a, *q = *(const struct edit *const *)b;

	if (p->at != q->at)
		return p->at < q->at ? -1 : 1;
	return p < q ? -1 : p > q; /* as they were made */
}

static void make_copy(struct scanner *s)
{
	const struct edit **order = calloc(s->edit_count + 1, sizeof(const struct edit *));
	size_t size = s->size, from = 0, length = 0;
	char *text;

	for (size_t i = 0; order != NULL && i < s->edit_count; i++) {
		order[i] = &s->edits[i];
		size += strlen(s->edits[i].text);
	}
	text = order != NULL ? malloc(size + 1) : NULL;
	if (text != NULL) {
		qsort(order, s->edit_count, sizeof(const struct edit *), compare_edits);
		for (size_t i = 0; i <= s->edit_count; i++) {
			size_t to = i < s->edit_count ? order[i]->at : s->size;

			memcpy(text + length, s->bytes + from, to - from);
			length += to - from;
			from = to;
			if (i < s->edit_count)
				length += (size_t)sprintf(text + length, "%s", order[i]->text);
		}
		s->source->text = text;
		s->source->size = length;
	}
	free(order);
}

int sl_lua_scan(struct sl_lua_source *source, struct sl_store *store, const char *file,
		const char *bytes, size_t size, struct sl_errors *errors)
{
	struct scanner *s = calloc(1, sizeof(*s));
	int err = 0;

	*source = (struct sl_lua_source){.store = store};
	if (s == NULL)
		return sl_fail(errors, ENOMEM, "%s: out of memory", file);
	s->source = source;
	s->bytes = bytes;
	s->size = size;
	sl_lua_lexer_start(&s->lexer, bytes, size);
	s->token = sl_lua_next(&s->lexer);
	while (err == 0 && s->token.kind != SL_LUA_END) {
		err = refuse(s, file, errors);
		if (err != 0 || s->token.kind == SL_LUA_OTHER)
			break; /* a text that does not end: Lua will say so */
		s->after = sl_lua_next(&s->lexer);
		if (!s->failed)
			take(s);
		s->inner = s->before;
		s->before = s->token;
		s->token = s->after;
	}
	if (err == 0 && !s->failed && s->depth == 0 && s->token.kind == SL_LUA_END)
		make_copy(s);
	free(s->edits);
	free(s);
	return err;
}

void sl_lua_source_free(struct sl_lua_source *source)
{
	free(source->text);
	free(source->tables);
	free(source->fields);
	*source = (struct sl_lua_source){0};
}
