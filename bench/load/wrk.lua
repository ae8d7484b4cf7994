-- wrk -s wrk.lua URL -- PATHS BODY: POSTs the body to the paths in turn. "@@" in the body becomes a number, new for each
-- request. Prints one JSON line when done.
local requests, count, template, path = {}, 0, nil, nil
local headers = { ["Content-Type"] = "application/json" }

local function read(name)
  local file = assert(io.open(name, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

function init(args)
  local body = read(args[2])
  if body:find("@@", 1, true) then template = body end
  for line in read(args[1]):gmatch("[^\n]+") do
    path = line
    requests[#requests + 1] = wrk.format("POST", line, headers, body)
  end
end

function request()
  count = count + 1
  if template then
    return wrk.format("POST", path, headers, (template:gsub("@@", string.format("%d", count))))
  end
  return requests[(count - 1) % #requests + 1]
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"seconds":%.6f,"failed":%d,"p50":%.3f,"p99":%.3f}',
    summary.requests - errors.status, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
