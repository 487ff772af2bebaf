-- expect: 2: error: the script ended itself by `error` with something that is no text
error({code = 1})
