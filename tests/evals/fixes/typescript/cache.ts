// A cache in front of something slow, with entries that expire.

interface Entry<T> {
  value: T;
  expires: number;
}

export type Load<T> = (key: string) => Promise<T>;

export class Cache<T> {
  private readonly entries = new Map<string, Entry<T>>();

  constructor(
    private readonly load: Load<T>,
    private readonly ttl: number,
    private readonly now: () => number,
  ) {}

  async get(key: string): Promise<T> {
    const known = this.peek(key);
    if (known !== undefined) {
      return known;
    }
    const value = await this.load(key);
    this.entries.set(key, { value, expires: this.now() + this.ttl });
    return value;
  }

  peek(key: string): T | undefined {
    const entry = this.entries.get(key);
    if (entry === undefined || entry.expires <= this.now()) {
      return undefined;
    }
    return entry.value;
  }

  sweep(): number {
    let removed = 0;
    for (const [key, entry] of this.entries) {
      if (entry.expires <= this.now()) {
        this.entries.delete(key);
        removed++;
      }
    }
    return removed;
  }
}

export async function lengths(cache: Cache<string>, keys: string[]): Promise<number> {
  let total = 0;
  for (const key of keys) {
    const text = await cache.get(key);
    total += text.length;
  }
  return total;
}
