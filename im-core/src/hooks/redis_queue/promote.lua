-- ARGV: prefix, channel, now, limit, horizon. Moves calls whose time has come into the stream; answers when the next is
-- due, or ''. A time beyond the horizon is of a clock that was set back since.
local prefix, channel, now, limit, horizon = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local later = prefix .. 'later:' .. channel
local function promote(from, to)
  for _, sequence in ipairs(redis.call('ZRANGEBYSCORE', later, from, to, 'LIMIT', 0, limit)) do
    redis.call('ZREM', later, sequence)
    redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence)
  end
end
promote('-inf', now)
promote('(' .. horizon, '+inf')
local next = redis.call('ZRANGE', later, 0, 0, 'WITHSCORES')
return next[2] or ''
