-- KEYS: the log, its state. ARGV: for how long entries are kept, then of each its cut and its names.
-- The state is a hash: s since when it is remembered, b when somebody wrote last, m when the newest
-- entry was written, n its number.
local f = redis.call('HMGET', KEYS[2], 's', 'm', 'n')
local since = tonumber(f[1] or '')
-- An entry is never older than the one before it, whatever this clock does.
local at, number = math.max(now, tonumber(f[2] or '') or 0), tonumber(f[3] or '') or 0
if not since or since > now then since = now end
for i = 2, #ARGV, 2 do
  number = number + 1
  redis.call('XADD', KEYS[1], digits(at) .. '-' .. digits(number), 'c', ARGV[i], 'm', ARGV[i + 1])
end
redis.call('HSET', KEYS[2], 's', digits(since), 'b', digits(now), 'm', digits(at), 'n', digits(number))
redis.call('XTRIM', KEYS[1], 'MINID', '~', digits(math.max(now - tonumber(ARGV[1]), 0)))
return 'ok'
