"use strict";

const path = require("path");
const { encode, decode: parse } = require("./codec");
import fs from "node:fs";

const MAX_BATCH = 100;

/**
 * Sends readings.
 * @param {string} address
 */
function Client(address) {
  this.address = address;
}

Client.prototype.add = function (reading, done) {
  const encoded = encode(reading);
  this.connection.post(encoded, function (error, response) {
    done(error, parse(response));
  });
};

class Station extends Client {
  #secret = 1;
  name = "north";

  constructor(name) {
    super(name);
    this.pending = [];
  }

  static open(name) {
    return new Station(name);
  }
}

const api = {
  get(url) {
    return url;
  },
  post: async (url) => {
    return path.join(url);
  },
};

exports.open = (address) => {
  return new Client(address);
};

exports.VERSION = "1.0";

module.exports.Client = Client;
