import assert from "node:assert/strict";
import { byArtist, duration, favourites, upNext } from "./playlist.js";

const tracks = [
  { title: "Moss", artist: "Fen", seconds: 61, rating: 5 },
  { title: "Reed", artist: "Fen", seconds: 100 },
  { title: "Salt", artist: "Dune", seconds: 84, rating: 3 },
];
assert.equal(duration(tracks), "4:05");
assert.deepEqual([...byArtist(tracks).keys()], ["Fen", "Dune"]);
assert.equal(byArtist(tracks).get("Fen").length, 2);
assert.deepEqual(upNext(tracks, 2, 1).map((track) => track.title), ["Moss"], "one track after the last is the first");
assert.deepEqual(upNext(tracks, 0, 9).map((track) => track.title), ["Reed", "Salt"]);
assert.deepEqual(favourites(tracks, 3), ["MOSS", "SALT"]);
