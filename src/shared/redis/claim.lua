-- KEYS: state, whole, tokens, born. ARGV: attempt, purpose (exchange, out, look, back), lease,
-- quarantine. Who looks back is told what is late, too.
local attempt, purpose = ARGV[1], ARGV[2]
local record = read(KEYS[1])
if not record then return bad end

local function told(word, first, second, bytes)
  return {word, first or 0, second or 0, bytes or '', record.predecessor or ''}
end

local looks, signs_out = purpose == 'look' or purpose == 'back', purpose == 'out'
local state = record.state
if not state and looks then
  return told('none')
end

if not state or (state == 'rest' and signs_out) then
  local quarantine = tonumber(ARGV[4])
  if not signs_out and quarantine > 0 then
    local born = tonumber(redis.call('GET', KEYS[4]) or '')
    -- Without a birth nobody knows how long ago it was, and one to come was by another clock.
    if not born or born > now then
      return told('lost', 0, quarantine)
    elseif now - born < quarantine then
      return told('lost', 0, quarantine - (now - born))
    end
  end
  record.state, record.owner, record.at = 'sent', attempt, now
  record.till, record.out = now + tonumber(ARGV[3]), signs_out
  write(KEYS[1], record)
  return told('own', 1)
end

if state == 'sent' and record.owner == attempt and not looks then
  record.till = math.max(record.till, now + tonumber(ARGV[3]))
  record.out = record.out or signs_out
  write(KEYS[1], record)
  return told('own')
end

if state == 'dead' then
  return told('dead', 0, 0, record.code or '')
end
if state == 'rest' then
  return told('rest', 0, record.till - now)
end
if signs_out then
  if not record.out then redis.call('HSET', KEYS[1], 'x', '1') end
elseif record.out then
  return told('dead', 0, 0, 'out')
end

if state == 'sent' then
  return told('busy', now - record.at, record.till - now)
elseif record.late and now >= record.late and not signs_out and purpose ~= 'back' then
  return told('late')
end
local answer = redis.call('GET', KEYS[2]) or redis.call('GET', KEYS[3])
if not answer then
  return redis.error_reply('BADRECORD its answer is gone')
end
return told('done', now - record.at, 0, answer)
