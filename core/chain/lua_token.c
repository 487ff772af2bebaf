/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <sluice/lua.h>

static int peek(const struct sl_lua_lexer *x, size_t ahead)
{
	return x->at + ahead < x->size ? (unsigned char)x->bytes[x->at + ahead] : -1;
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* Bytes of other alphabets are letters to LuaJIT. */
static bool is_letter(int c)
{
	return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' || c >= 0x80;
}

/* Past one byte, or past both of an end of line. */
static void step(struct sl_lua_lexer *x)
{
	int c = peek(x, 0), next = peek(x, 1);

	x->at++;
	if (c != '\n' && c != '\r')
		return;
	if ((next == '\n' || next == '\r') && next != c)
		x->at++;
	x->line++;
	x->line_start = x->counted = x->at;
	x->column = 1;
}

/* Level of the long bracket that starts here: `[[` is 0, `[==[` is 2; -1: none does. */
static int bracket_level(const struct sl_lua_lexer *x)
{
	size_t level = 0;

	while (peek(x, 1 + level) == '=')
		level++;
	return peek(x, 0) == '[' && peek(x, 1 + level) == '[' ? (int)level : -1;
}

/* Past `[==[ ... ]==]`; false: it does not end. */
static bool skip_long(struct sl_lua_lexer *x, size_t level)
{
	for (x->at += level + 2; x->at < x->size; step(x)) {
		size_t n = 0;

		while (peek(x, 0) == ']' && n < level && peek(x, 1 + n) == '=')
			n++;
		if (peek(x, 0) == ']' && n == level && peek(x, 1 + n) == ']') {
			x->at += level + 2;
			return true;
		}
	}
	return false;
}

static void skip_line(struct sl_lua_lexer *x)
{
	while (x->at < x->size && peek(x, 0) != '\n' && peek(x, 0) != '\r')
		x->at++;
}

/* Spaces and comments; false: a comment does not end. */
static bool skip_blank(struct sl_lua_lexer *x)
{
	for (;;) {
		int c = peek(x, 0);

		if (c == ' ' || (c >= '\t' && c <= '\r')) {
			step(x);
		} else if (c == '-' && peek(x, 1) == '-') {
			int level;

			x->at += 2;
			level = bracket_level(x);
			if (level < 0)
				skip_line(x);
			else if (!skip_long(x, (size_t)level))
				return false;
		} else {
			return true;
		}
	}
}

static enum sl_lua_token_kind quoted(struct sl_lua_lexer *x)
{
	enum sl_lua_token_kind kind = SL_LUA_TEXT;
	int quote = peek(x, 0);

	for (step(x); peek(x, 0) != quote; step(x)) {
		if (peek(x, 0) < 0)
			return SL_LUA_OTHER;
		if (peek(x, 0) == '\\') {
			kind = SL_LUA_LONG_TEXT;
			step(x);
			if (peek(x, 0) == 'z') /* it skips ends of lines */
				while (peek(x, 1) == ' ' ||
				       (peek(x, 1) >= '\t' && peek(x, 1) <= '\r'))
					step(x);
			if (peek(x, 0) < 0)
				return SL_LUA_OTHER;
		} else if (peek(x, 0) == '\n' || peek(x, 0) == '\r') {
			return SL_LUA_OTHER;
		}
	}
	step(x);
	return kind;
}

static void number(struct sl_lua_lexer *x)
{
	int last = 0;

	for (; is_digit(peek(x, 0)) || is_letter(peek(x, 0)) || peek(x, 0) == '.' ||
	       ((peek(x, 0) == '-' || peek(x, 0) == '+') &&
		((last | 0x20) == 'e' || (last | 0x20) == 'p'));
	     x->at++)
		last = peek(x, 0);
}

static enum sl_lua_token_kind sign(struct sl_lua_lexer *x)
{
	int c = peek(x, 0), next = peek(x, 1);

	if (c < ' ' || c == 0x7f)
		return SL_LUA_OTHER;
	x->at++;
	if ((next == '=' && (c == '=' || c == '~' || c == '<' || c == '>')) ||
	    (c == ':' && next == ':'))
		x->at++;
	else
		while (c == '.' && peek(x, 0) == '.')
			x->at++;
	return SL_LUA_SIGN;
}

static enum sl_lua_token_kind word(struct sl_lua_lexer *x)
{
	int c = peek(x, 0), level;

	if (is_letter(c)) {
		while (is_letter(peek(x, 0)) || is_digit(peek(x, 0)))
			x->at++;
		return SL_LUA_NAME;
	}
	if (is_digit(c) || (c == '.' && is_digit(peek(x, 1)))) {
		number(x);
		return SL_LUA_NUMBER;
	}
	if (c == '"' || c == '\'')
		return quoted(x);
	level = c == '[' ? bracket_level(x) : -1;
	if (level >= 0)
		return skip_long(x, (size_t)level) ? SL_LUA_LONG_TEXT : SL_LUA_OTHER;
	return sign(x);
}

void sl_lua_lexer_start(struct sl_lua_lexer *x, const char *bytes, size_t size)
{
	*x = (struct sl_lua_lexer){.bytes = bytes, .size = size, .line = 1, .column = 1};
	if (size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		x->at = x->counted = x->line_start = 3;
	if (peek(x, 0) == '#') /* "#!/usr/bin/env luajit" */
		skip_line(x);
}

struct sl_lua_token sl_lua_next(struct sl_lua_lexer *x)
{
	bool good = skip_blank(x);
	struct sl_lua_token token = {.kind = SL_LUA_OTHER, .start = x->at, .line = x->line};

	for (; x->counted < x->at; x->counted++)
		x->column += ((unsigned char)x->bytes[x->counted] & 0xc0) != 0x80;
	token.column = x->column;
	if (good)
		token.kind = x->at < x->size ? word(x) : SL_LUA_END;
	token.length = x->at - token.start;
	return token;
}

/* How often a pattern may repeat something: each time multiplies what there is to try. */
static unsigned int repeats(const char *pattern, size_t length)
{
	unsigned int count = 0;
	bool set = false;

	for (size_t i = 0; i < length; i++) {
		if (pattern[i] == '%')
			i++;
		else if (set)
			set = pattern[i] != ']';
		else if (pattern[i] == '[')
			set = true;
		else
			count += strchr("*+-?", pattern[i]) != NULL && pattern[i] != '\0';
	}
	return count;
}

double sl_lua_match_cost(size_t text, const char *pattern, size_t length)
{
	double places = length > 0 && pattern[0] == '^' ? 0 : 1;

	return pow((double)text + 1, repeats(pattern, length) + places) +
	       (double)text * (double)length;
}
