-- expect: 2:18: error: `1LL`: expected a number without a suffix, or a text
return {sluice = 1LL}
