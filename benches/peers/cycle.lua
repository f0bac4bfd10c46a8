-- For wrk: another user's token with each request, in turn.
-- wrk -s cycle.lua URL -- FILE, where FILE has one token a line.

local requests, at = {}, 0

function init(args)
  for token in io.lines(args[1]) do
    local headers = { Host = "app.example.com", Authorization = "Bearer " .. token }
    requests[#requests + 1] = wrk.format("GET", "/projects", headers)
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency, _)
  local errors = summary.errors
  print(string.format(
    '{"requests": %d, "seconds": %f, "p50_us": %d, "p99_us": %d, "errors": %d}',
    summary.requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99),
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
