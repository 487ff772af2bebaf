-- expect: 2: error: the script takes more than 64 MiB of memory
return {sluice = ("1"):rep(1e9)}
