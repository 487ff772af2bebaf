-- expect: 5: note: ports: 2 true
-- expect: 6:8: error: the chain lacks `sluice: 1`, the version of the chain language
-- expect: 6:8: error: the chain lacks `ports`: a map of names
-- expect: 6:8: error: the chain lacks `paths`: a map of names
print("ports:", 2, {} ~= nil)
return {}
