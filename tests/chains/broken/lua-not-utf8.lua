-- expect: 2:28: error: a text is not UTF-8
return {sluice = 1, name = "a\200b"}
