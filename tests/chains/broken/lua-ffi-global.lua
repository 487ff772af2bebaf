-- expect: 2: error: `ffi` is not there: a chain file describes a chain, and reaches nothing else
ffi.cdef("int system(const char *)")
