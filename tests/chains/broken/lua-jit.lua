-- expect: 2: error: `jit` is not there: a chain file describes a chain, and reaches nothing else
jit.on()
