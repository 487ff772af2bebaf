-- expect: 2: error: `os` is not there: a chain file describes a chain, and reaches nothing else
os.execute("true")
