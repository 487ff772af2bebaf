-- expect: 2: error: `debug` is not there: a chain file describes a chain, and reaches nothing else
print(debug.getregistry())
