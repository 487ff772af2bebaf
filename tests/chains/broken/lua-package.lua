-- expect: 2: error: `package` is not there: a chain file describes a chain, and reaches nothing else
package.loadlib("libc.so.6", "system")
