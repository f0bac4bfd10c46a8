-- KEYS: the log, its state. ARGV: for how long entries are kept; after how long without a write the log was
-- interrupted; then of each entry its cut and its names.
-- The state is a hash: s since when it is remembered, r since when it was written without an interruption,
-- b when somebody wrote last, m when the newest entry was written, n its number.
local f = redis.call('HMGET', KEYS[2], 's', 'r', 'b', 'm', 'n')
local since, resumed = times_of_log(KEYS[1], f[1], f[2], f[3], f[4], ARGV[1], ARGV[2])
-- An entry is never older than the one before it, whatever this clock does and whatever the state has lost.
local at, number = math.max(now, tonumber(f[4] or '') or 0), tonumber(f[5] or '') or 0
-- As a rule none or one, of this millisecond.
local later = redis.call('XRANGE', KEYS[1], digits(at), '+')
local top = later[#later]
if top then
  local of, nth = string.match(top[1], '^(%d+)-(%d+)$')
  at, number = math.max(at, tonumber(of)), math.max(number, tonumber(nth))
end
for i = 3, #ARGV, 2 do
  number = number + 1
  redis.call('XADD', KEYS[1], digits(at) .. '-' .. digits(number), 'c', ARGV[i], 'm', ARGV[i + 1])
end
redis.call('HSET', KEYS[2], 's', digits(since), 'r', digits(resumed), 'b', digits(now), 'm', digits(at),
  'n', digits(number))
local keep = tonumber(ARGV[1])
redis.call('XTRIM', KEYS[1], 'MINID', '~', digits(math.max(now - keep, 0)))
-- An entry may be dated later than now.
redis.call('PEXPIRE', KEYS[1], digits(at - now + keep + 1000))
return 'ok'
