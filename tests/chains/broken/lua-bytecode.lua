-- expect: 2:1: error: byte 0x1b is no Lua text; compiled Lua is not read
LJ