import assert from "node:assert/strict";
import { basePrice, book, neighbours, seatName, ticketPrice } from "./seats.js";

assert.equal(seatName(1, 3), "B4");
assert.throws(() => seatName(8, 0), RangeError);
assert.deepEqual(["stalls", "balcony", "box"].map(basePrice), [3200, 2400, 5100]);
assert.equal(ticketPrice({ seat: "A1", category: "box", reduced: true }), 3060);
assert.deepEqual(book(0, 0, "stalls"), { seat: "A1", category: "stalls", reduced: false });
assert.deepEqual(neighbours(3, 0, 0), ["A2"]);
assert.deepEqual(neighbours(3, 0, 1), ["A1", "A3"]);
assert.deepEqual(neighbours(3, 0, 2), ["A2"], "the last seat of a row has one neighbour");
