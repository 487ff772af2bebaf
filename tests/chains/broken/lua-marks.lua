-- expect: 2: error: bad argument #1 to '?' (not under construction)
return __sluice_made(1, {})
