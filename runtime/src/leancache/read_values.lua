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

-- A negative count draws as many members as it says, however few there are: one at a time, and no more than the budget holds.
-- Another one that looks like it is out of range, and Redis says so.
local function draws(name, words)
  local count = words[3]
  if name ~= 'SRANDMEMBER' or not count or not string.find(count, '^%-[1-9]%d*$') then
    return false
  end
  return #count < 20 or (#count == 20 and count <= '-9223372036854775807')
end

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
  elseif draws(name, words) then
    reply = {}
    -- Exact enough: a count that a double does not hold is beyond every budget.
    for i = 1, -tonumber(words[3]) do
      local value = redis.pcall(name, words[2])
      if not value then
        break
      elseif type(value) == 'table' then
        reply = value
        break
      end
      left = left - size(value)
      if left < 0 then
        return redis.status_reply('HOOKDBUDGET')
      end
      reply[i] = value
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
