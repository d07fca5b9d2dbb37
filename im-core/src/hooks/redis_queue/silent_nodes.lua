-- ARGV: prefix, this node, seconds. Says that this node lives, where it has sessions; answers the nodes with sessions that
-- have not said so for that long. By the clock of Redis, which all of them share.
local prefix, node, silence = ARGV[1], ARGV[2], tonumber(ARGV[3])
local now = tonumber(redis.call('TIME')[1])
if redis.call('EXISTS', prefix .. 'online:' .. node) == 1 then redis.call('ZADD', prefix .. 'nodes', now, node) end
return redis.call('ZRANGEBYSCORE', prefix .. 'nodes', '-inf', now - silence)
