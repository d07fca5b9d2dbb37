-- ARGV: prefix, then all channels. Leaves the newest sequence number: the app's id is not given again.
local prefix = ARGV[1]
for _, stored in ipairs(redis.call('HVALS', KEYS[1])) do
  local lane = cjson.decode(stored).lane
  if lane and lane ~= cjson.null then redis.call('DEL', prefix .. 'lane:' .. lane) end
end
for position = 2, #ARGV do
  redis.call('DEL', prefix .. 'queue:' .. ARGV[position], prefix .. 'later:' .. ARGV[position])
end
redis.call('DEL', KEYS[1], prefix .. 'dead', prefix .. 'letters')
return 0
