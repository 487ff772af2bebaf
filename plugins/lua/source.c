/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hooks do not fire in code that LuaJIT has compiled, and a loop that it has compiled never comes
 * back by itself. So the script counts: a call is put where a loop or a function begins and before
 * a goto, which is every way to go on for ever. It compiles to a few instructions.
 *
 *	while x do f() end    becomes    while x do __sluice_step(); f() end
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sluice/lua.h>

#include "script.h"

#define STEP   " __sluice_step(); "
#define PREFIX "local __sluice_step = ... "

struct rewriting {
	const char *text;
	char *out;
	size_t at, copied, room;
	bool parameters; /* of a function: up to its `)` */
};

static bool is(const struct rewriting *r, const struct sl_lua_token *token, const char *word)
{
	return token->kind != SL_LUA_TEXT && token->kind != SL_LUA_LONG_TEXT &&
	       token->length == strlen(word) &&
	       memcmp(r->text + token->start, word, token->length) == 0;
}

static void copy_to(struct rewriting *r, size_t end)
{
	memcpy(r->out + r->at, r->text + r->copied, end - r->copied);
	r->at += end - r->copied;
	r->copied = end;
}

/* The script up to there, then a step. Room was counted before. */
static void step(struct rewriting *r, size_t place)
{
	copy_to(r, place);
	memcpy(r->out + r->at, STEP, sizeof(STEP) - 1);
	r->at += sizeof(STEP) - 1;
}

static void rewrite_word(struct rewriting *r, const struct sl_lua_token *before,
			 const struct sl_lua_token *token, const struct sl_lua_token *next)
{
	size_t end = token->start + token->length;

	if (r->parameters && is(r, token, ")")) {
		r->parameters = false;
		step(r, end);
	}
	if (token->kind != SL_LUA_NAME || is(r, before, ".") || is(r, before, ":"))
		return;
	if (is(r, token, "do") || is(r, token, "repeat"))
		step(r, end);
	else if (is(r, token, "function"))
		r->parameters = true;
	else if (is(r, token, "goto") && next->kind == SL_LUA_NAME)
		step(r, token->start);
}

/* How many words it has; false: one that is not for a script. */
static bool look_over(const char *text, size_t size, size_t *words, char *message, size_t room,
		      uint32_t *line)
{
	struct sl_lua_lexer lexer;
	struct sl_lua_token token;

	*words = 0;
	*line = 0;
	sl_lua_lexer_start(&lexer, text, size);
	for (token = sl_lua_next(&lexer); token.kind != SL_LUA_END; token = sl_lua_next(&lexer)) {
		*line = token.line;
		if (token.kind == SL_LUA_OTHER) {
			snprintf(message, room,
				 "not Lua: a control character, or a text or "
				 "comment without an end");
			return false;
		}
		if (token.kind == SL_LUA_NAME && token.length >= 8 &&
		    memcmp(text + token.start, "__sluice", 8) == 0) {
			snprintf(message, room,
				 "names that begin with `__sluice` are sluice's own");
			return false;
		}
		++*words;
	}
	return true;
}

char *sl_script_rewrite(const char *text, size_t *size, char *message, size_t room, uint32_t *line)
{
	struct rewriting r = {.text = text};
	struct sl_lua_token before = {.kind = SL_LUA_END}, token, next;
	struct sl_lua_lexer lexer;
	size_t words;

	if (!look_over(text, *size, &words, message, room, line))
		return NULL;
	r.out = malloc(*size + sizeof(PREFIX) + (words + 1) * sizeof(STEP));
	if (r.out == NULL) {
		*line = 0;
		snprintf(message, room, "out of memory");
		return NULL;
	}
	memcpy(r.out, PREFIX, sizeof(PREFIX) - 1);
	r.at = sizeof(PREFIX) - 1;
	sl_lua_lexer_start(&lexer, text, *size);
	token = sl_lua_next(&lexer);
	/* What stands before the first word ("#!...") is no Lua behind the prefix. */
	for (r.copied = 0; r.copied < token.start; r.copied++)
		if (text[r.copied] == '\n')
			r.out[r.at++] = '\n';
	for (; token.kind != SL_LUA_END; before = token, token = next) {
		next = sl_lua_next(&lexer);
		rewrite_word(&r, &before, &token, &next);
	}
	copy_to(&r, *size);
	*size = r.at;
	return r.out;
}
