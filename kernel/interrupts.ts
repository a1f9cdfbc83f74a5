/**
 * Device interrupts of one kernel: which lines it listens to, and who is told.
 *
 * A line may be shared: when it fires, everybody on it is signalled, and it stays
 * masked until all of them have acknowledged it.
 * - All device lines are steered to the kernel's first CPU, as in the paper (section 3.4).
 */

import type { Kernel } from "./kernel.ts";

interface Listener {
  /** Identity for `acknowledge`. */
  readonly owner: object;
  readonly fired: () => void;
  waiting: boolean;
}

export class Interrupts {
  readonly #kernel: Kernel;
  readonly #lines = new Map<number, Listener[]>();
  /** Device interrupts taken since boot. */
  count = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** `fired` runs in the interrupt; the owner acknowledges when its device is quiet. */
  listen(line: number, owner: object, fired: () => void): void {
    const listeners = this.#lines.get(line) ?? [];
    listeners.push({ owner, fired, waiting: false });
    this.#lines.set(line, listeners);
    if (listeners.length === 1) this.#kernel.platform.connect(line, this.#kernel.dispatchers[0]!.cpu);
  }

  ignore(line: number, owner: object): void {
    const listeners = this.#lines.get(line) ?? [];
    const left = listeners.filter((listener) => listener.owner !== owner);
    this.#lines.set(line, left);
    if (left.length > 0) this.#unmaskIfQuiet(line);
  }

  fired(line: number): void {
    this.count++;
    const listeners = this.#lines.get(line) ?? [];
    this.#kernel.note(`interrupt line ${line}`);
    for (const listener of listeners) listener.waiting = true;
    for (const listener of [...listeners]) listener.fired();
  }

  acknowledge(line: number, owner: object): void {
    const listener = this.#lines.get(line)?.find((candidate) => candidate.owner === owner);
    if (listener === undefined || !listener.waiting) return;
    listener.waiting = false;
    this.#unmaskIfQuiet(line);
  }

  #unmaskIfQuiet(line: number): void {
    const listeners = this.#lines.get(line) ?? [];
    if (listeners.every((listener) => !listener.waiting)) this.#kernel.platform.acknowledge(line);
  }
}
