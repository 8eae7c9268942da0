/** Seconds as people read them. */
export function format(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export const random = (): number => (Date.now() % 1000) / 1000;
