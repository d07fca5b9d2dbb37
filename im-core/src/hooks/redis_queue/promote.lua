-- ARGV: prefix, channel, now, limit. Moves calls whose time has come into the stream; answers when the next is due, or ''.
local prefix, channel, now, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local later = prefix .. 'later:' .. channel
for _, sequence in ipairs(redis.call('ZRANGEBYSCORE', later, '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZREM', later, sequence)
  redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence)
end
local next = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
return next[2] or ''
