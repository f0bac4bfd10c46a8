-- KEYS: state, whole, tokens. ARGV: attempt, ending (free, rest, dead), by whom, how long.
local record = read(KEYS[1])
if not record then return bad end
local ending, code, till = ARGV[2], ARGV[3], now + tonumber(ARGV[4])
local own = record.state == 'sent' and record.owner == ARGV[1]

if ending == 'free' and own then
  record.state = nil
elseif ending == 'rest' and own then
  record.state, record.till, record.owner = 'rest', till, nil
elseif ending == 'dead' and (own or not record.state or code == 'out') then
  if record.state == 'dead' and record.code == 'out' then
    till = math.max(till, record.till)
  end
  record.state, record.at, record.till, record.code = 'dead', now, till, code
  record.owner, record.late = nil, nil
  -- Before the state, so that an end is noted even where there is no memory for it.
  redis.call('DEL', KEYS[2], KEYS[3])
else
  return 'other'
end
write(KEYS[1], record)
return 'ok'
