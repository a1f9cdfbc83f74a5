/**
 * The event queue against a sorted list: order, ties, cancelling, and handles that are out of date.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { EventQueue, type ScheduledEvent } from "./event_queue.ts";
import type { Instant } from "./time.ts";

const at = (instant: number) => instant as Instant;

Deno.test("events run by time, those of one instant in the order in which they were scheduled", () => {
  const event = fc.record({ delay: fc.nat(20), cancels: fc.nat(400), follows: fc.boolean() });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 300 }), (events) => {
      const queue = new EventQueue();
      const handles: ScheduledEvent[] = [];
      const model: { instant: number; number: number }[] = [];
      const ran: number[] = [];
      const schedule = (delay: number, follows: boolean) => {
        const number = handles.length;
        const instant = queue.now + delay;
        model.push({ instant, number });
        handles.push(queue.at(at(instant), () => {
          ran.push(number);
          const index = model.findIndex((one) => one.number === number);
          const [due] = model.toSorted((a, b) => a.instant - b.instant || a.number - b.number);
          assertEquals(due!.number, number);
          model.splice(index, 1);
          // An event that goes on, as timers do.
          if (follows) schedule(delay, false);
        }));
      };
      for (const { delay, cancels, follows } of events) {
        schedule(delay, follows);
        if (cancels < handles.length) {
          queue.cancel(handles[cancels]!);
          const index = model.findIndex((one) => one.number === cancels);
          if (index >= 0) model.splice(index, 1);
        }
        if (delay % 5 === 0) queue.runNext();
        assertEquals(queue.size, model.length);
      }
      while (queue.runNext());
      assertEquals([model.length, queue.size, new Set(ran).size], [0, 0, ran.length]);
    }),
    { numRuns: 60 },
  );
});

Deno.test("a handle whose event ran or was cancelled cancels nothing, whatever has its place now", () => {
  const queue = new EventQueue();
  const ran: string[] = [];
  const first = queue.at(at(1), () => ran.push("first"));
  queue.runNext();
  const second = queue.at(at(2), () => ran.push("second"));
  queue.cancel(first);
  queue.cancel(second);
  queue.at(at(3), () => ran.push("third"));
  queue.cancel(second);
  queue.runUntil(at(10));
  assertEquals([ran, queue.size], [["first", "third"], 0]);
});

Deno.test("a CPU runs on until just before the next event, within the horizon, whatever was scheduled meanwhile", () => {
  const queue = new EventQueue();
  const steps: boolean[] = [];
  const cancelled = queue.at(at(5), () => {});
  queue.at(at(1), () => {
    steps.push(queue.tryAdvance(at(4)), queue.tryAdvance(at(5)));
    queue.cancel(cancelled);
    steps.push(queue.tryAdvance(at(6)));
    queue.at(at(7), () => steps.push(queue.tryAdvance(at(10)), queue.tryAdvance(at(11))));
    steps.push(queue.tryAdvance(at(7)), queue.tryAdvance(at(6.5)));
  });
  queue.runUntil(at(10));
  assertEquals(steps, [true, false, true, false, true, true, false]);
  assertEquals(queue.now, 10);
  assert(queue.tryAdvance(at(1000)));
  assertThrows(() => queue.at(at(1), () => {}), Error, "Cannot schedule at 1 ns");
});
