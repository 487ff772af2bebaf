-- expect: 2: error: `load` is not there: a chain file describes a chain, and reaches nothing else
return load("return 1")()
