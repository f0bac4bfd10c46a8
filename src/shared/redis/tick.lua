-- KEYS: born, and in the first part stop. ARGV: for how long Descope wants no calls, 0 where it takes them
-- again, or nothing.
local born = tonumber(redis.call('GET', KEYS[1]) or '')
if not born or born > now then
  born = now
  redis.call('SET', KEYS[1], digits(now))
end
local left = 0
if KEYS[2] then
  left = math.max(redis.call('PTTL', KEYS[2]), 0)
  local wanted = tonumber(ARGV[1])
  if wanted == 0 then
    left = 0
    redis.call('DEL', KEYS[2])
  elseif wanted and wanted > left then
    left = wanted
    redis.call('SET', KEYS[2], '1', 'PX', digits(wanted))
  end
end
return {digits(born), now - born, left}
