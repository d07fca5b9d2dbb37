-- ARGV: prefix, channel, group, now, bound of dead letters, then for each call: its entry in the stream, sequence number,
-- lane ('' for none), fate, and what belongs to the fate:
--   done: ''   again: the time   dead: the letter as JSON
-- and the call as JSON for 'again'. Answers how many dead letters were thrown away.
local prefix, channel, group, now, bound = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local queue = prefix .. 'queue:' .. channel

-- The next call of the lane comes into the stream.
local function advance(lane, sequence)
  if lane == '' then return end
  local key = prefix .. 'lane:' .. lane
  if redis.call('LINDEX', key, 0) ~= sequence then
    redis.call('LREM', key, 1, sequence)
    return
  end
  redis.call('LPOP', key)
  local next = redis.call('LINDEX', key, 0)
  if next then redis.call('XADD', queue, '*', 's', next, 'l', lane) end
end

local thrown_away = 0
for position = 6, #ARGV, 6 do
  local entry, sequence, lane = ARGV[position], ARGV[position + 1], ARGV[position + 2]
  local fate, detail, stored = ARGV[position + 3], ARGV[position + 4], ARGV[position + 5]
  redis.call('XACK', queue, group, entry)
  redis.call('XDEL', queue, entry)
  if fate == 'again' then
    -- A call that another node settled meanwhile is not brought back.
    if redis.call('HEXISTS', KEYS[1], sequence) == 1 then
      redis.call('HSET', KEYS[1], sequence, stored)
      redis.call('ZADD', prefix .. 'later:' .. channel, detail, sequence)
    end
  elseif redis.call('HDEL', KEYS[1], sequence) == 1 then
    advance(lane, sequence)
    if fate == 'dead' then
      redis.call('HSET', prefix .. 'letters', sequence, detail)
      redis.call('ZADD', prefix .. 'dead', now, sequence)
      while redis.call('ZCARD', prefix .. 'dead') > bound do
        local oldest = redis.call('ZPOPMIN', prefix .. 'dead')
        redis.call('HDEL', prefix .. 'letters', oldest[1])
        thrown_away = thrown_away + 1
      end
    end
  end
end
return thrown_away
