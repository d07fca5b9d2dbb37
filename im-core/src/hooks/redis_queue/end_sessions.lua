-- ARGV: prefix, node, now, channel, then for each session: its name, lane, its `_clientOffline` as JSON ('' when it cannot
-- be read). Queues the calls of those sessions that no other node has ended, and removes the node when it has none
-- left.
local prefix, node, now, channel = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local online = prefix .. 'online:' .. node
local ended = 0
for position = 5, #ARGV, 3 do
  local session, lane, stored = ARGV[position], ARGV[position + 1], ARGV[position + 2]
  if redis.call('HDEL', online, session) == 1 and stored ~= '' then
    local newest = tonumber(redis.call('GET', prefix .. 'sequence') or '0')
    local sequence = string.format('%.0f', math.max(now, newest + 1))
    redis.call('SET', prefix .. 'sequence', sequence)
    redis.call('HSET', KEYS[1], sequence, stored)
    if redis.call('RPUSH', prefix .. 'lane:' .. lane, sequence) == 1 then
      redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence, 'l', lane)
    end
    ended = ended + 1
  end
end
if redis.call('EXISTS', online) == 0 then redis.call('ZREM', prefix .. 'nodes', node) end
return ended
