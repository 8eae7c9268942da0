export * from "./playlist.js";
export { isNamed, Mode } from "./track.js";
export type { Track } from "./track.js";
