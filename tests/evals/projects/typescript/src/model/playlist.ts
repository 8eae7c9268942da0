import { isNamed, Mode, Track } from "./track.js";

/** Tracks in an order. */
export class Playlist {
  private tracks: Track[] = [];
  mode = Mode.Once;

  constructor(readonly name: string) {}

  add(track: Track): this {
    if (isNamed(track)) {
      this.tracks.push(track);
    }
    return this;
  }

  length(): number {
    return this.tracks.reduce((sum, track) => sum + track.seconds, 0);
  }

  shuffled(random: () => number): Track[] {
    return [...this.tracks].sort(() => random() - 0.5);
  }
}

export function emptyPlaylist(): Playlist {
  return new Playlist("empty");
}
