-- ARGV: prefix, channel, group, then for each call: its entry in the stream, sequence number.
local queue, group = ARGV[1] .. 'queue:' .. ARGV[2], ARGV[3]
for position = 4, #ARGV, 2 do
  if redis.call('XACK', queue, group, ARGV[position]) == 1 then
    redis.call('XDEL', queue, ARGV[position])
    redis.call('XADD', queue, '*', 's', ARGV[position + 1])
  end
end
return 0
