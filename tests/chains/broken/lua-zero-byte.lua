-- expect: 2:28: error: a text has a zero byte in it
return {sluice = 1, name = "a\0b"}
