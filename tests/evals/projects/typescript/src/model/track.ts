/** A piece of music. */
export interface Track {
  title: string;
  seconds: number;
  artist?: string;
}

export enum Mode {
  Once = "once",
  Loop = "loop",
}

/** Whether a track says who plays it. */
export function isNamed(track: Track): boolean {
  return track.artist !== undefined;
}
