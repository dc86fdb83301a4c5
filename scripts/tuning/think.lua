-- Requests of `wrk` that sleep for exponential times of 150 ms on average; each connection thinks for half a second before its next one.
math.randomseed(1)
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Prefer"] = "wait=30"

local function exponential(mean)
  return -mean * math.log(1 - math.random())
end

request = function()
  return wrk.format(nil, nil, nil, string.format('{"millis":%.3f}', exponential(150)))
end

delay = function()
  return math.floor(exponential(500))
end
