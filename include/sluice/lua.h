/* SPDX-License-Identifier: BSD-3-Clause */
/**
 * @file
 * The words of a Lua text: for whoever looks at a script before LuaJIT does. The reader of chain
 * files marks where tables are written with it; the plugin that runs scripts on packets puts the
 * counting of steps into loops.
 */
#ifndef SLUICE_LUA_H
#define SLUICE_LUA_H

#include <stddef.h>
#include <stdint.h>

#include <sluice/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A word. */
struct sl_lua_token {
	enum sl_lua_token_kind {
		SL_LUA_END,
		SL_LUA_NAME, /**< and keywords */
		SL_LUA_NUMBER,
		SL_LUA_TEXT,      /**< in quotes, without escapes, in one line */
		SL_LUA_LONG_TEXT, /**< any other */
		SL_LUA_SIGN,      /**< one character, or several that are not `=` */
		SL_LUA_OTHER,     /**< no Lua: a control character, a text without end */
	} kind;
	size_t start, length; /**< bytes */
	uint32_t line, column;
};

/** Where the reading of a text stands. */
struct sl_lua_lexer {
	const char *bytes;
	size_t size, at;
	uint32_t line;
	size_t line_start; /**< byte at which the line starts */
	/** Characters are counted from the last token in the same line on. */
	size_t counted;
	uint32_t column;
};

/** Begin with a text, which must outlive the lexer. Any thread. */
SL_PUBLIC void sl_lua_lexer_start(struct sl_lua_lexer *lexer, const char *bytes, size_t size);
/** The next word; after the last, SL_LUA_END for ever. */
SL_PUBLIC struct sl_lua_token sl_lua_next(struct sl_lua_lexer *lexer);

/**
 * Steps that matching a pattern in a text may take, if both are the worst of their kind: a pattern
 * has no limit of its own, and runs in one step of Lua's machine.
 */
SL_PUBLIC double sl_lua_match_cost(size_t text, const char *pattern, size_t length);

#ifdef __cplusplus
}
#endif
#endif
