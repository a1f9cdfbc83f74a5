/**
 * Tests of the stand-in for `@std/async`: waiting on the host, and giving up.
 *
 * They hold for the real package too, so they also guard the day when `links` is removed.
 * No test leaves a timer behind; Deno's own sanitizer would tell.
 */
import { assertEquals, assertRejects } from "@std/assert";
import { deadline, delay } from "@std/async";

Deno.test("deadline hands over a result that comes in time and leaves no timer", async () => {
  assertEquals(await deadline(delay(1).then(() => "done"), 60_000), "done");
});

Deno.test("deadline rejects with a TimeoutError when the result is late", async () => {
  const { promise } = Promise.withResolvers<void>();
  const error = await assertRejects(() => deadline(promise, 5), DOMException);
  assertEquals(error.name, "TimeoutError");
});

Deno.test("delay and deadline reject with the reason of their signal", async () => {
  const stop = new AbortController();
  const waits = [
    delay(60_000, { signal: stop.signal }),
    deadline(Promise.withResolvers<void>().promise, 60_000, { signal: stop.signal }),
  ];
  stop.abort(new RangeError("halted"));
  for (const wait of waits) await assertRejects(() => wait, RangeError, "halted");
});
