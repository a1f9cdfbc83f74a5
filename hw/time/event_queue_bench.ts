/**
 * The event queue on the hold model: 1,000 timers pending, each re-arming itself.
 *
 * Each timer is a process written as a generator, as devices and threads are. The baseline is a bare binary
 * heap of float64 keys, without ties, cancelling, actions or processes, in the same run: what a queue of
 * events costs on top of ordering numbers.
 * - Both stand ready when time is taken: 1,000 entries, and 10,000 turns in each iteration.
 * - Run with `deno bench -A hw/time/`. Delays are drawn from a fixed sequence.
 * - The aim is at least half of the bare heap's rate.
 */

import { EventQueue } from "./event_queue.ts";
import { nanoseconds } from "./time.ts";

const pending = 1000;
const turns = 10_000;

/** The same pseudo-random delays for both. */
class Delays {
  #word = 1;

  next(): number {
    this.#word = Math.imul(this.#word, 1664525) + 1013904223 >>> 0;
    return 1 + this.#word % 10_000;
  }
}

/** A binary heap of numbers with room for `size` of them. */
class BareHeap {
  readonly #keys: Float64Array;
  #length = 0;

  constructor(size: number) {
    this.#keys = new Float64Array(size);
  }

  push(key: number): void {
    const keys = this.#keys;
    let index = this.#length++;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[index] = keys[parent]!;
      index = parent;
    }
    keys[index] = key;
  }

  pop(): number {
    const keys = this.#keys;
    const least = keys[0]!;
    const length = --this.#length;
    const key = keys[length]!;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= length) break;
      if (child + 1 < length && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[index] = keys[child]!;
      index = child;
    }
    keys[index] = key;
    return least;
  }
}

const queue = new EventQueue();

function* timer(delays: Delays): Generator<void, never, () => void> {
  const process = yield;
  for (;;) {
    queue.after(nanoseconds(delays.next()), process);
    yield;
  }
}

const timerDelays = new Delays();
for (let index = 0; index < pending; index++) {
  const process = timer(timerDelays);
  const resume = () => void process.next(resume);
  process.next(resume);
  resume();
}
Deno.bench({ name: "event queue", group: "hold model" }, () => {
  for (let turn = 0; turn < turns; turn++) queue.runNext();
});

const delays = new Delays();
const heap = new BareHeap(pending);
for (let index = 0; index < pending; index++) heap.push(delays.next());
Deno.bench({ name: "bare heap of numbers", group: "hold model", baseline: true }, () => {
  for (let turn = 0; turn < turns; turn++) heap.push(heap.pop() + delays.next());
});
