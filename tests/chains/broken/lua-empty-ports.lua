-- expect: 3:29: error: `ports`: expected a map of names, at least one, found an empty one
-- expect: 3:41: error: `paths`: expected a map of names, at least one, found an empty one
return {sluice = 1, ports = {}, paths = {}}
