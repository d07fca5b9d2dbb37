-- Carries out commands whose replies hold stored values, and stops before these exceed the budget together: Redis has no
-- other way to bound a reply, and a pipeline that asks for one large value a thousand times would fill the memory of both.
-- KEYS: those of all commands. ARGV: the budget, then for each command its name, how many keys it has, how many other
-- arguments, and these.
local left = tonumber(ARGV[1])
local PART = 16

local function size(reply)
  if type(reply) == 'string' then
    return PART + #reply
  elseif type(reply) ~= 'table' then
    return PART
  elseif reply.err or reply.ok then
    return PART + #(reply.err or reply.ok)
  end
  local sum = PART
  for i = 1, #reply do
    sum = sum + size(reply[i])
  end
  return sum
end

-- These name a value as often as they like, so they are asked for one value at a time.
local one_by_one = { MGET = 'GET', HMGET = 'HGET' }

local replies = {}
local key, argument = 1, 2
while argument <= #ARGV do
  local name = ARGV[argument]
  local words = { name }
  for i = key, key + ARGV[argument + 1] - 1 do
    words[#words + 1] = KEYS[i]
  end
  key = key + ARGV[argument + 1]
  local first = argument + 3
  argument = first + ARGV[argument + 2]
  for i = first, argument - 1 do
    words[#words + 1] = ARGV[i]
  end

  local reply
  if one_by_one[name] then
    reply = {}
    for i = (name == 'HMGET') and 3 or 2, #words do
      local value
      if name == 'HMGET' then
        value = redis.pcall('HGET', words[2], words[i])
      else
        value = redis.pcall('GET', words[i])
      end
      if type(value) == 'table' then
        if name == 'HMGET' then
          reply = value
          break
        end
        value = false
      end
      left = left - size(value)
      if left < 0 then
        return redis.status_reply('HOOKDBUDGET')
      end
      reply[#reply + 1] = value
    end
  else
    reply = redis.pcall(unpack(words))
    left = left - size(reply)
    if left < 0 then
      return redis.status_reply('HOOKDBUDGET')
    end
  end
  replies[#replies + 1] = reply
end
return replies
