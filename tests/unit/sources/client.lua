local connection = require("weather.net.connection")
local json = require "json"

local MAX_BATCH = 100

-- Sends readings.
local Client = {}
Client.__index = Client

-- Makes a client.
function Client.new(address)
  local self = setmetatable({}, Client)
  self.connection = connection.open(address)
  return self
end

-- Queues a reading.
function Client:add(reading, retries)
  local encoded = json.encode(reading)
  local response = self.connection:post(encoded)
  audit.record(response)
  return response.code
end

Client.close = function(self)
  self.connection:close()
end

local function helper(value)
  return value
end

function global_helper(value)
  return helper(value)
end

return Client
