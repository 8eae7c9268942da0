import assert from "node:assert/strict";
import { test } from "node:test";
import { type Change, shift } from "../src/moving.ts";

/** The lines from one to the other, and what they become. */
function change(start: number, end: number, text = ""): Change {
  return { range: { start: { line: start }, end: { line: end } }, text };
}

/** Two edits of one function, with lines between them that stay. */
const RANGES = [change(10, 10).range, change(13, 14).range];

const MOVED: readonly (readonly [string, readonly Change[], number | undefined])[] = [
  ["nothing has changed", [], 0],
  ["a key in the line above", [change(9, 9, "k")], 0],
  ["Enter at the end of the line above", [change(9, 9, "\n    ")], 1],
  ["Enter in a file of Windows", [change(0, 0, "\r\n\r\n")], 2],
  ["lines above are taken away", [change(2, 5)], -3],
  ["lines above become others", [change(2, 5, "one\ntwo")], -2],
  ["a key in the line below", [change(15, 15, "k")], 0],
  ["the line below is taken away", [change(15, 16)], 0],
  ["a key in the first line", [change(10, 10, "k")], undefined],
  ["a key between the edits", [change(12, 12, "k")], undefined],
  ["a key in the last line", [change(14, 14, "k")], undefined],
  ["the line above is joined to the first", [change(9, 10)], undefined],
  ["the last line is joined to the one below", [change(14, 15)], undefined],
  ["a stretch around both", [change(2, 40)], undefined],
  ["moved down, then a key where the first line was", [change(0, 0, "\n"), change(10, 10, "k")], 1],
  ["moved down, then a key where the first line is", [change(0, 0, "\n"), change(11, 11, "k")], undefined],
  ["moved down, then a key below", [change(0, 0, "\n\n"), change(17, 17, "k")], 2],
  ["two cursors, told of from below", [change(20, 20, "\n"), change(3, 3, "\n")], 1],
];

for (const [name, changes, expected] of MOVED) test(name, () => assert.equal(shift(RANGES, changes), expected));
