-- KEYS: state, tokens. ARGV: keep, remember.
local record = read(KEYS[1])
if not record then return bad end
if record.state ~= 'done' or record.late then
  return ''
end
record.late = now + tonumber(ARGV[1])
record.till = record.late + tonumber(ARGV[2])
write(KEYS[1], record)
redis.call('PEXPIRE', KEYS[2], digits(record.till - now + 1000))
return record.predecessor or ''
