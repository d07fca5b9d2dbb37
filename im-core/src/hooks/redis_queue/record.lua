-- ARGV: prefix, bound, now, node, then for each entry: channel, lane ('' for none), call as JSON ('' for none), session
-- ('' for none), its `_clientOffline` as JSON while it is open ('' when it has ended), row of an outbox ('' for none).
-- Answers how many calls are queued. A call behind another one of its lane comes into the stream when that one is settled;
-- one whose row was here before is queued already.
local prefix, bound, now, node = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
-- A node that did not come back for its outbox in a week has lost its disk.
local week = 7 * 24 * 60 * 60 * 1000
local waiting = redis.call('HLEN', KEYS[1])
local queued, new = 0, 0
for position = 5, #ARGV, 6 do
  local channel, lane, stored = ARGV[position], ARGV[position + 1], ARGV[position + 2]
  local session, if_lost, row = ARGV[position + 3], ARGV[position + 4], ARGV[position + 5]
  if row ~= '' and redis.call('ZSCORE', prefix .. 'taken', row) then
    queued = queued + 1
  elseif stored ~= '' and waiting + new < bound then
    local newest = tonumber(redis.call('GET', prefix .. 'sequence') or '0')
    local sequence = string.format('%.0f', math.max(now, newest + 1))
    redis.call('SET', prefix .. 'sequence', sequence)
    redis.call('HSET', KEYS[1], sequence, stored)
    if lane == '' or redis.call('RPUSH', prefix .. 'lane:' .. lane, sequence) == 1 then
      redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence, 'l', lane)
    end
    if row ~= '' then
      redis.call('ZREMRANGEBYSCORE', prefix .. 'taken', '-inf', now - week)
      redis.call('ZADD', prefix .. 'taken', now, row)
    end
    queued, new = queued + 1, new + 1
  end
  if if_lost ~= '' then
    redis.call('HSET', prefix .. 'online:' .. node, session, if_lost)
    local time = redis.call('TIME')
    redis.call('ZADD', prefix .. 'nodes', time[1], node)
  elseif session ~= '' then
    redis.call('HDEL', prefix .. 'online:' .. node, session)
  end
end
return queued
