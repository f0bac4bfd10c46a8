-- KEYS: state. ARGV: predecessor, life.
local record = read(KEYS[1])
if not record then return bad end
local known = now + tonumber(ARGV[2])
if record.predecessor == ARGV[1] then
  known = math.max(known, record.known)
end
record.predecessor, record.known = ARGV[1], known
write(KEYS[1], record)
return 'ok'
