-- KEYS: the log, its state. ARGV: for how long entries are kept; after how long without a write the log was
-- interrupted; the entry that was read last, or ''; how many at most; after how long without a write it is
-- noted that somebody was there.
local f = redis.call('HMGET', KEYS[2], 's', 'r', 'b', 'm', 'n')
local since, resumed, beat, anew = times_of_log(KEYS[1], f[1], f[2], f[3], f[4], ARGV[1], ARGV[2])
local oldest, last = math.max(now - tonumber(ARGV[1]), 0), ARGV[3]
local read
if last == '' then
  read = redis.call('XRANGE', KEYS[1], digits(oldest), '+', 'COUNT', ARGV[4])
else
  -- With that entry itself, which shows that this is the log it was read in.
  read = redis.call('XRANGE', KEYS[1], last, '+', 'COUNT', digits(tonumber(ARGV[4]) + 1))
end
if not beat or now - beat >= tonumber(ARGV[5]) then
  beat = now
  redis.call('HSET', KEYS[2], 's', digits(since), 'r', digits(resumed), 'b', digits(beat))
end
if anew and #redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', '1') == 0 then
  -- It has no entry by now whose absence would say that it was lost: it is lost once. After the write that a
  -- server without memory refuses: it takes whatever follows a write that it has taken.
  redis.call('HDEL', KEYS[2], 'm')
end
local continues = last == '' or tonumber(string.match(last, '^%d+')) < oldest
local entries = {}
for _, entry in ipairs(read) do
  if entry[1] == last then
    continues = true
  else
    entries[#entries + 1] = {entry[1], entry[2][2], entry[2][4]}
  end
end
return {digits(since), now - resumed, now - beat, f[5] or '0', continues and 1 or 0, entries}
