/* SPDX-License-Identifier: BSD-3-Clause */
/* The words of a Lua text. */
#ifndef CORE_CHAIN_LUA_TOKEN_H
#define CORE_CHAIN_LUA_TOKEN_H

#include <stddef.h>
#include <stdint.h>

struct sl_lua_token {
	enum sl_lua_token_kind {
		SL_LUA_END,
		SL_LUA_NAME, /* and keywords */
		SL_LUA_NUMBER,
		SL_LUA_TEXT,      /* in quotes, without escapes, in one line */
		SL_LUA_LONG_TEXT, /* any other */
		SL_LUA_SIGN,      /* one character, or several that are not `=` */
		SL_LUA_OTHER,     /* no Lua: a control character, a text without end */
	} kind;
	size_t start, length; /* bytes */
	uint32_t line, column;
};

struct sl_lua_lexer {
	const char *bytes;
	size_t size, at;
	uint32_t line;
	size_t line_start; /* byte at which the line starts */
	/* Characters are counted from the last token in the same line on. */
	size_t counted;
	uint32_t column;
};

void sl_lua_lexer_start(struct sl_lua_lexer *lexer, const char *bytes, size_t size);
struct sl_lua_token sl_lua_next(struct sl_lua_lexer *lexer);

#endif
