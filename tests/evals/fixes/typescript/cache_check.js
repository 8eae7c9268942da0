import assert from "node:assert/strict";
import { Cache, lengths } from "./cache.js";

let clock = 0;
let loads = 0;
const cache = new Cache(async (key) => { loads++; return key + key; }, 10, () => clock);
assert.equal(cache.peek("ab"), undefined);
assert.equal(await cache.get("ab"), "abab");
assert.equal(await cache.get("ab"), "abab");
assert.equal(loads, 1);
assert.equal(await lengths(cache, ["ab", "c"]), 6);
assert.equal(cache.sweep(), 0);
clock = 10;
assert.equal(cache.peek("ab"), undefined);
assert.equal(cache.sweep(), 2);
assert.equal(cache.sweep(), 0);
