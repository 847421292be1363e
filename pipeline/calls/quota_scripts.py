"""The quota's Lua. All times are microseconds of the server's own clock (TIME), so hosts may disagree about theirs."""

from __future__ import annotations

_NOW = """
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local held = redis.call('PTTL', KEYS[2])
"""

#: KEYS log, hold, counts; ARGV span, room, allowed, floor, token, in flight, gap.
#: Returns {0 or the microseconds to wait, slots in use, the log's name}; a call in flight is expected back at once.
#: The name is given once: a new one means that the log was lost.
TAKE = (
    _NOW
    + """
redis.call('HSETNX', KEYS[3], 'name', ARGV[5])
local name = redis.call('HGET', KEYS[3], 'name')
local span, room, allowed, floor = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - span))
local used = redis.call('ZCARD', KEYS[1])
if held > 0 then return {held * 1000, used, name} end
if used >= room and used < allowed and floor > 0 then
  local bulk = 0
  for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if string.sub(member, 1, 1) == 'b' then bulk = bulk + 1 end
  end
  if bulk < floor then room = allowed end
end
if used >= room then
  if room < 1 then return {span, used, name} end
  local oldest = redis.call('ZRANGE', KEYS[1], used - room, used - room, 'WITHSCORES')
  return {math.max(math.min(tonumber(oldest[2]), now) + span - now + 1, 1000), used, name}
end
local gap = tonumber(ARGV[7])
if gap > 0 then
  local last = tonumber(redis.call('HGET', KEYS[3], 'last') or '0')
  if now - last < gap then return {gap - (now - last), used, name} end
  redis.call('HSET', KEYS[3], 'last', string.format('%.0f', now))
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[6])), ARGV[5])
redis.call('PEXPIRE', KEYS[1], math.ceil((2 * span + tonumber(ARGV[6])) / 1000))
return {0, used + 1, name}
"""
)

#: KEYS log, hold, counts; ARGV token, slots once in use. Fills a log that forgot calls up to that number with calls
#: stamped now, however many processes do so, and gives the token back.
RESTORE = (
    _NOW
    + """
redis.call('ZREM', KEYS[1], ARGV[1])
for n = redis.call('ZCARD', KEYS[1]) + 1, tonumber(ARGV[2]) do
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), 'm:lost:' .. ARGV[1] .. ':' .. n)
end
return 0
"""
)

#: KEYS log; ARGV token. The call is over: it counts from now.
SETTLE = (
    _NOW
    + """
local stamp = redis.call('ZSCORE', KEYS[1], ARGV[1])
if stamp and tonumber(stamp) > now then
  redis.call('ZADD', KEYS[1], string.format('%.0f', now), ARGV[1])
end
return 0
"""
)

#: KEYS log, hold, counts; ARGV hold span, window, limit. Only ever lengthens a hold.
HOLD = (
    _NOW
    + """
local span = math.ceil(tonumber(ARGV[1]) / 1000)
if span > held and span > 0 then redis.call('SET', KEYS[2], '1', 'PX', span) end
redis.call('HINCRBY', KEYS[3], 'throttles', 1)
local window, limit = tonumber(ARGV[2]), tonumber(ARGV[3])
if limit > 0 and redis.call('ZCOUNT', KEYS[1], string.format('%.0f', now - window), '+inf') <= limit then
  redis.call('HINCRBY', KEYS[3], 'foreign', 1)
end
return 0
"""
)

#: KEYS log, hold, counts; ARGV span. Returns used, bulk, held, throttles, foreign.
USAGE = (
    _NOW
    + """
local used, bulk = 0, 0
local first = string.format('(%.0f', now - tonumber(ARGV[1]))
for _, member in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], first, '+inf')) do
  used = used + 1
  if string.sub(member, 1, 1) == 'b' then bulk = bulk + 1 end
end
local counts = redis.call('HMGET', KEYS[3], 'throttles', 'foreign')
return {used, bulk, math.max(held, 0) * 1000, tonumber(counts[1] or '0'), tonumber(counts[2] or '0')}
"""
)

#: KEYS day, hold, counts; ARGV room. Returns 0 or the microseconds to wait (to the next UTC midnight when used up).
DAILY = (
    _NOW
    + """
if held > 0 then return held * 1000 end
local today = math.floor(t[1] / 86400)
if redis.call('HGET', KEYS[1], 'day') ~= tostring(today) then
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], 'day', tostring(today), 'used', '0')
end
local used = tonumber(redis.call('HGET', KEYS[1], 'used'))
if used >= tonumber(ARGV[1]) then return (today + 1) * 86400 * 1000000 - now end
redis.call('HINCRBY', KEYS[1], 'used', 1)
redis.call('EXPIRE', KEYS[1], 172800)
return 0
"""
)
