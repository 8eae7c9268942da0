import { emptyPlaylist, Mode, Playlist, type Track } from "./model";
import * as clock from "./clock";

export class Player {
  private playlist: Playlist = emptyPlaylist();
  private volume = 1;

  open(playlist: Playlist): void {
    this.playlist = playlist;
    this.volume = 1;
  }

  remaining(played: number): string {
    const left = this.playlist.length() - played;
    return clock.format(left);
  }

  next(track: Track, mode: Mode): Track | undefined {
    if (mode === Mode.Loop) {
      this.playlist.add(track);
      return track;
    }
    const [first] = this.playlist.shuffled(clock.random);
    return first.seconds > 0 ? first : undefined;
  }
}
