-- ARGV: prefix, channel, group. Makes the consumer group where there is none.
local made = redis.pcall('XGROUP', 'CREATE', ARGV[1] .. 'queue:' .. ARGV[2], ARGV[3], '0', 'MKSTREAM')
if made.err and not string.find(made.err, 'BUSYGROUP', 1, true) then return made end
return 0
