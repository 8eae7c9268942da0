// Where the edits of a document belong once it was changed elsewhere. By lines: whoever types in one of those that an
// edit is about, or between them, has made it one for another text. Nothing of VS Code's: `npm test` needs no editor.

interface Place {
  readonly line: number;
}

interface Stretch {
  readonly start: Place;
  readonly end: Place;
}

/** What VS Code tells of a change: the stretch as it was, and what stands there now. */
export interface Change {
  readonly range: Stretch;
  readonly text: string;
}

/**
 * How many lines further down edits belong (less than none: further up); undefined: they belong nowhere any more.
 *
 * @param ranges the edits'.
 * @param changes in the order in which they came about.
 */
export function shift(ranges: readonly Stretch[], changes: readonly Change[]): number | undefined {
  const first = Math.min(...ranges.map(({ start }) => start.line));
  const last = Math.max(...ranges.map(({ end }) => end.line));
  let lines = 0;
  for (const { range, text } of changes) {
    if (range.start.line > last + lines) continue;
    if (range.end.line >= first + lines) return undefined;
    lines += (text.match(/\r\n|\r|\n/g)?.length ?? 0) - (range.end.line - range.start.line);
  }
  return lines;
}
