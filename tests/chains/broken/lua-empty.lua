-- expect: 1: error: the script returns nothing; end it with `return {...}`, the chain

