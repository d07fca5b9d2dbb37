-- ARGV: prefix, bound, now, then for each call: channel, lane ('' for none), call as JSON.
-- Answers how many were queued. A call behind another one of its lane comes into the stream when that one is settled.
local prefix, bound, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local waiting = redis.call('HLEN', KEYS[1])
local queued = 0
for position = 4, #ARGV, 3 do
  if waiting + queued >= bound then break end
  local channel, lane, stored = ARGV[position], ARGV[position + 1], ARGV[position + 2]
  local newest = tonumber(redis.call('GET', prefix .. 'sequence') or '0')
  local sequence = string.format('%.0f', math.max(now, newest + 1))
  redis.call('SET', prefix .. 'sequence', sequence)
  redis.call('HSET', KEYS[1], sequence, stored)
  if lane == '' or redis.call('RPUSH', prefix .. 'lane:' .. lane, sequence) == 1 then
    redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence, 'l', lane)
  end
  queued = queued + 1
end
return queued
