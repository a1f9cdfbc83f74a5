/**
 * The event queue on the hold model: 1,000 timers pending, each re-arming itself.
 *
 * The baseline is a bare binary heap of float64 keys without ties, cancelling or actions,
 * in the same run: what a queue of events costs on top of ordering numbers.
 * - Run with `deno bench -A hw/time/`. Delays are drawn from a fixed sequence.
 */

import { EventQueue } from "./event_queue.ts";
import { nanoseconds } from "./time.ts";

const pending = 1000;
const turns = 100_000;

/** The same pseudo-random delays for both. */
function* delays(): Generator<number, never> {
  for (let word = 1;;) {
    word = Math.imul(word, 1664525) + 1013904223 >>> 0;
    yield 1 + word % 10_000;
  }
}

Deno.bench({ name: "event queue", group: "hold model" }, () => {
  const queue = new EventQueue();
  const delay = delays();
  const rearm = () => void queue.after(nanoseconds(delay.next().value), rearm);
  for (let timer = 0; timer < pending; timer++) rearm();
  for (let turn = 0; turn < turns; turn++) queue.runNext();
});

Deno.bench({ name: "bare heap of numbers", group: "hold model", baseline: true }, () => {
  const heap = new Float64Array(pending);
  const delay = delays();
  for (let timer = 0; timer < pending; timer++) heap[timer] = delay.next().value;
  heap.sort();
  for (let turn = 0; turn < turns; turn++) {
    // Replace the top by its own re-armed time and sift it down.
    const key = heap[0]! + delay.next().value;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= pending) break;
      if (child + 1 < pending && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= key) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = key;
  }
});
