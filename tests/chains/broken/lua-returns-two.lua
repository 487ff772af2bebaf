-- expect: 2: error: the script returns more than one value; expected one table, the chain
return {}, {}
