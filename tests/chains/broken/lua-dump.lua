-- expect: 2: error: unknown name `string.dump`
return string.dump(function() end)
