import axios, { AxiosInstance as Http } from "axios";
import * as units from "../units";
import type { Reading } from "./model.js";
import "./polyfill";
export { Station } from "./station";
export * from "./errors";

/** Readings that are sent at once. */
export const MAX_BATCH = 100;

export interface Sender<T> extends Base, Closeable {
  readonly station: string;
  send(readings: T[]): Promise<void>;
}

export type Batch = {
  readings: Reading[];
  number: number;
};

export enum Mode {
  Fast = "fast",
  Safe,
}

/**
 * Sends readings to a server.
 */
@Injectable({ providedIn: "root" })
export class Client<T extends Reading> extends Base<T> implements Sender<T> {
  private pending: T[] = [];

  constructor(private readonly http: Http, public station = "north") {
    super();
    this.retries = 3;
  }

  /** Queues a reading. */
  @Log()
  async add(reading: T, mode: Mode = Mode.Fast): Promise<number> {
    const encoded = units.encode(reading);
    this.pending.push(reading);
    const response = await this.http.post<Reading>(`/${this.station}`, { body: encoded, mode });
    return response.data.code;
  }

  get size(): number {
    return this.pending.length;
  }
}

export function retry<T>(times: number): Promise<T>;
export function retry<T>(times: number, delay = 1): Promise<T> {
  const wait = () => delay;
  return wait() as never;
}

export const double = (value: number): number => value * 2;

export const useReadings = (station: string) => {
  return station;
};

declare module "weather" {
  function now(): Reading;
}

export default class Other {}
