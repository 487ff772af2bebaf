-- expect: 2: error: the script returns a string; expected a table, the chain
return "chain"
