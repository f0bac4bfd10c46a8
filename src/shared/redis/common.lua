-- A record is a hash: s state, o whose attempt, at since when, u until when, x signed out, l late from
-- when, c by whom ended; p its predecessor, pu until when that is known. Milliseconds of this clock.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

-- Lua would write a large number as 1.7e+12.
local function digits(number)
  return string.format('%.0f', number)
end

local function read(key)
  local f = redis.call('HMGET', key, 's', 'o', 'at', 'u', 'x', 'l', 'c', 'p', 'pu')
  local record = {}
  if f[1] then
    local at, till = tonumber(f[3]), tonumber(f[4])
    if not at or not till then
      return nil
    end
    if now < till then
      record.state, record.at, record.till = f[1], at, till
      record.owner, record.out, record.late, record.code = f[2], f[5], tonumber(f[6]), f[7]
    end
  end
  local known = tonumber(f[9])
  if f[8] and known and now < known then
    record.predecessor, record.known = f[8], known
  end
  return record
end

-- The whole of it, and no field of an earlier state is left. First what needs memory: from its first
-- write on Redis lets a script take as much as it likes, however little there is.
local function write(key, record)
  local there, gone, last = {}, {}, now
  local function put(name, value)
    if value then
      there[#there + 1] = name
      there[#there + 1] = value
    else
      gone[#gone + 1] = name
    end
  end
  local stands = record.state and true or false
  if stands then last = record.till end
  put('s', stands and record.state)
  put('at', stands and digits(record.at))
  put('u', stands and digits(record.till))
  put('o', stands and record.owner)
  put('x', stands and record.out and '1')
  put('l', stands and record.late and digits(record.late))
  put('c', stands and record.code)
  if record.predecessor then last = math.max(last, record.known) end
  put('p', record.predecessor)
  put('pu', record.predecessor and digits(record.known))
  if #there == 0 then
    redis.call('DEL', key)
    return
  end
  redis.call('HSET', key, unpack(there))
  redis.call('HDEL', key, unpack(gone))
  redis.call('PEXPIRE', key, digits(last - now))
end

-- Of the log of marks, by its state: since when it is remembered, since when it was written without an
-- interruption, when somebody wrote last, and whether it begins anew now. A log that has lost its newest
-- entry is another one: who does not know what was in it is not to rely on it.
local function times_of_log(log, since, resumed, beat, newest, keep, quiet)
  since, resumed, beat = tonumber(since or ''), tonumber(resumed or ''), tonumber(beat or '')
  newest = tonumber(newest or '')
  local lost = newest and newest >= now - tonumber(keep)
    and #redis.call('XRANGE', log, '-', '+', 'COUNT', '1') == 0
  if not since or since > now or lost then
    return now, now, nil, true
  end
  if not resumed or not beat or beat > now or now - beat > tonumber(quiet) then
    return since, now, nil, false
  end
  return since, resumed, beat, false
end

local bad = redis.error_reply('BADRECORD its state has no times')
