# frozen_string_literal: true

require "json"
require_relative "net/connection"

module Weather
  MAX_BATCH = 100

  # Sends readings to a server.
  class Client < Base
    include Retrying
    attr_reader :station, :pending

    Mode = Struct.new(:name)

    def self.open(address)
      new(Connection.new(address))
    end

    def initialize(connection, retries: 3)
      super()
      @connection = connection
      @pending = []
    end

    # Queues a reading.
    def add(reading)
      encoded = JSON.generate(reading.to_h)
      response = @connection.post(encoded)
      Audit.record(response)
      flush! if full?
    end

    private

    def full? = @pending.size >= MAX_BATCH
  end
end

def helper(value)
  value
end
