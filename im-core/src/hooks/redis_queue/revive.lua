-- ARGV: prefix, bound, then for each letter: sequence number, channel, lane ('' for none), call as JSON.
-- Answers how many dead letters are calls again.
local prefix, bound = ARGV[1], tonumber(ARGV[2])
local revived = 0
for position = 3, #ARGV, 4 do
  if redis.call('HLEN', KEYS[1]) >= bound then break end
  local sequence, channel, lane, stored = ARGV[position], ARGV[position + 1], ARGV[position + 2], ARGV[position + 3]
  if redis.call('HDEL', prefix .. 'letters', sequence) == 1 then
    redis.call('ZREM', prefix .. 'dead', sequence)
    redis.call('HSET', KEYS[1], sequence, stored)
    if lane == '' or redis.call('RPUSH', prefix .. 'lane:' .. lane, sequence) == 1 then
      redis.call('XADD', prefix .. 'queue:' .. channel, '*', 's', sequence, 'l', lane)
    end
    revived = revived + 1
  end
end
return revived
