-- expect: 2: error: unknown name `math.random`
return {sluice = 1, name = "n" .. math.random(9)}
