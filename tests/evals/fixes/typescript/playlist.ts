// Playlists: order, length and what comes next.

export interface Track {
  title: string;
  artist: string;
  seconds: number;
  rating?: number;
}

export function duration(tracks: readonly Track[]): string {
  const total = tracks.reduce((sum, track) => sum + track.seconds, 0);
  const minutes = Math.floor(total / 60);
  return `${minutes}:${String(total % 60).padStart(2, "0")}`;
}

export function byArtist(tracks: readonly Track[]): Map<string, Track[]> {
  const groups = new Map<string, Track[]>();
  for (const track of tracks) {
    const group = groups.get(track.artist) ?? [];
    group.push(track);
    groups.set(track.artist, group);
  }
  return groups;
}

export function upNext(tracks: readonly Track[], current: number, count: number): Track[] {
  const next: Track[] = [];
  for (let step = 1; step <= count && step < tracks.length; step++) {
    const index = (current + step) % tracks.length;
    next.push(tracks[index]!);
  }
  return next;
}

export function favourites(tracks: readonly Track[], least: number): string[] {
  const loved = tracks.filter((track) => (track.rating ?? 0) >= least);
  return loved.map((track) => track.title.toUpperCase());
}
