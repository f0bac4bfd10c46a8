-- KEYS: state, whole, tokens. ARGV: attempt, whole, tokens, keep, age, life, delivered (1 or 0), remember.
local record = read(KEYS[1])
if not record then return bad end
if record.state == 'dead' and record.code == 'out' then
  return 'out'
end

local attempt, keep, remember = ARGV[1], tonumber(ARGV[4]), tonumber(ARGV[8])
-- The owner of an answer publishes again where Redis's word on that was lost.
local owned = (record.state == 'sent' or record.state == 'done') and record.owner == attempt
local since, till = now - tonumber(ARGV[5]), now + tonumber(ARGV[6])
if record.state == 'done' then
  since, till = record.at, math.max(till, record.till)
else
  record.late = nil
end
if not record.late and ARGV[7] == '1' then
  record.late = now
end
if record.late then
  till = record.late + remember
end

record.state, record.owner, record.at, record.till, record.code = 'done', attempt, since, till, nil
write(KEYS[1], record)
-- A second more than the record, so that the record is never there without them.
redis.call('SET', KEYS[3], ARGV[3], 'PX', digits(math.max(till - now, 0) + 1000))
local left = since + keep - now
if left > 0 then
  redis.call('SET', KEYS[2], ARGV[2], 'PX', digits(left))
else
  redis.call('DEL', KEYS[2])
end
if record.out then
  return 'out'
end
return owned and 'own' or 'foreign'
