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

-- The whole of it anew, so that no field of an earlier state is left.
local function write(key, record)
  redis.call('DEL', key)
  local fields, last = {}, now
  local function add(name, value)
    fields[#fields + 1] = name
    fields[#fields + 1] = value
  end
  if record.state then
    last = record.till
    add('s', record.state)
    add('at', digits(record.at))
    add('u', digits(record.till))
    if record.owner then add('o', record.owner) end
    if record.out then add('x', '1') end
    if record.late then add('l', digits(record.late)) end
    if record.code then add('c', record.code) end
  end
  if record.predecessor then
    last = math.max(last, record.known)
    add('p', record.predecessor)
    add('pu', digits(record.known))
  end
  if #fields > 0 then
    redis.call('HSET', key, unpack(fields))
    redis.call('PEXPIRE', key, digits(last - now))
  end
end

local bad = redis.error_reply('BADRECORD its state has no times')
