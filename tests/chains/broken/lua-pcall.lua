-- expect: 3: error: `pcall` is not there: a chain file describes a chain, and reaches nothing else
while true do
	pcall(error)
end
