/**
 * Ports of one transport protocol: who has which, and which one is free.
 *
 * - Port 0 asks for any free port of the dynamic range (RFC 6335 section 6).
 * - The search starts at a random port, so that a port is not used again at once (RFC 6056 section 3.3.1).
 * - At most `countMax` ports are held.
 */

const dynamicFirst = 49152;
const dynamicCount = 65536 - dynamicFirst;

export class PortTable<T> {
  readonly #holders = new Map<number, T>();
  readonly #countMax: number;
  readonly #random: () => number;

  constructor(countMax: number, random: () => number) {
    this.#countMax = countMax;
    this.#random = random;
  }

  holder(port: number): T | undefined {
    return this.#holders.get(port);
  }

  /** The port to use when `port` is asked for, or why there is none. */
  choose(port: number): number | "PortInUse" | "TooMany" {
    if (this.#holders.size >= this.#countMax) return "TooMany";
    if (port !== 0) return this.#holders.has(port) ? "PortInUse" : port;
    const start = this.#random();
    // `countMax` is far below the range's size, so one of the next `countMax` ports is free.
    for (let step = 0; step < this.#countMax; step++) {
      const candidate = dynamicFirst + (start + step) % dynamicCount;
      if (!this.#holders.has(candidate)) return candidate;
    }
    return "TooMany";
  }

  hold(port: number, holder: T): void {
    this.#holders.set(port, holder);
  }

  release(port: number): void {
    this.#holders.delete(port);
  }
}
