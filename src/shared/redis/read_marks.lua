-- KEYS: the log, its state. ARGV: the entry that was read last, or ''; how far back to read without one;
-- how many at most; after how long without a write it is noted that somebody was there.
local f = redis.call('HMGET', KEYS[2], 's', 'b', 'n')
local since, beat = tonumber(f[1] or ''), tonumber(f[2] or '')
if not since or since > now then
  since, beat = now, nil
end
if not beat or beat > now or now - beat >= tonumber(ARGV[4]) then
  beat = now
  redis.call('HSET', KEYS[2], 's', digits(since), 'b', digits(now))
end
local from = '(' .. ARGV[1]
if ARGV[1] == '' then from = digits(math.max(now - tonumber(ARGV[2]), 0)) end
local entries = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[3])) do
  local fields = entry[2]
  entries[#entries + 1] = {entry[1], fields[2], fields[4]}
end
return {digits(since), now - since, now - beat, f[3] or '0', entries}
