-- ARGV: prefix, then all channels. Leaves the newest sequence number: the app's id is not given again.
local prefix = ARGV[1]
for _, stored in ipairs(redis.call('HVALS', KEYS[1])) do
  local readable, call = pcall(cjson.decode, stored)
  if readable and type(call) == 'table' and type(call.lane) == 'string' then
    redis.call('DEL', prefix .. 'lane:' .. call.lane)
  end
end
for position = 2, #ARGV do
  redis.call('DEL', prefix .. 'queue:' .. ARGV[position], prefix .. 'later:' .. ARGV[position])
end
for _, node in ipairs(redis.call('ZRANGE', prefix .. 'nodes', 0, -1)) do
  redis.call('DEL', prefix .. 'online:' .. node)
end
redis.call('DEL', KEYS[1], prefix .. 'dead', prefix .. 'letters', prefix .. 'nodes', prefix .. 'taken')
return 0
