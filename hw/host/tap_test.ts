/**
 * The TAP station by itself: frames in both directions, its bounds, and its end.
 *
 * The host's side is a device that the test feeds; real interfaces are in tests/tap_test.ts.
 */

import { assertEquals, assertThrows } from "@std/assert";
import type { Cable } from "../ethernet/link.ts";
import { EventQueue } from "../time/event_queue.ts";
import type { Instant } from "../time/time.ts";
import { Tap } from "./tap.ts";
import { openTapDevice, type TapDevice, type TapWait } from "./tap_device.ts";
import { TapError } from "./tap_error.ts";

/** An interface whose frames the test puts in and takes out. */
class FakeDevice implements TapDevice {
  readonly name = "tap0";
  readonly taken: Uint8Array[] = [];
  isFull = false;
  readonly waiting: Uint8Array[] = [];
  isClosed = false;
  #tell: ((outcome: TapWait) => void) | undefined;

  wait(): Promise<TapWait> {
    if (this.waiting.length > 0) return Promise.resolve("readable");
    return new Promise((resolve) => this.#tell = resolve);
  }

  /** The host sends frames, or removes the interface; resolves when the station has seen to it. */
  async happens(outcome: TapWait, frames: readonly Uint8Array[] = []): Promise<void> {
    this.waiting.push(...frames);
    this.#tell?.(outcome);
    await settled();
  }

  read(into: Uint8Array): number | undefined {
    const frame = this.waiting.shift();
    if (frame === undefined) return undefined;
    into.set(frame.subarray(0, into.length));
    return Math.min(frame.length, into.length);
  }

  write(frame: Uint8Array): boolean {
    if (this.isFull) return false;
    this.taken.push(frame);
    return true;
  }

  async close(): Promise<void> {
    this.isClosed = true;
    await this.happens("closed");
  }
}

/** Lets every promise that can go on do so. */
const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

function tapOnABench() {
  const queue = new EventQueue();
  const device = new FakeDevice();
  const lan: Uint8Array[] = [];
  const sent: (() => void)[] = [];
  const log: string[] = [];
  const cable: Cable = {
    bitsPerSecond: 1e9,
    transmit: (frame, whenSent) => {
      lan.push(frame);
      if (whenSent !== undefined) sent.push(whenSent);
    },
  };
  const bench = { queue, device, lan, sent, log, present: 0, tap: undefined as unknown as Tap };
  bench.tap = new Tap(device, { clock: queue, wake: () => void queue.tryAdvance(bench.present as Instant) });
  bench.tap.attach(cable, { record: (source, text) => void log.push(`${queue.now} ${source} ${text}`) });
  return bench;
}

const frameOf = (size: number, value: number) => new Uint8Array(size).fill(value);

Deno.test("frames of the host enter the LAN in order, as events at the instant at which they came", async () => {
  const bench = tapOnABench();
  bench.present = 5000;
  await bench.device.happens("readable", [frameOf(60, 1), frameOf(1514, 2)]);
  assertEquals(bench.lan, []);
  assertEquals(bench.queue.nextInstant(), 5000 as Instant);
  bench.queue.runUntil(5000 as Instant);
  assertEquals(bench.lan, [frameOf(60, 1), frameOf(1514, 2)]);
  await bench.tap.close();
});

Deno.test("frames of the LAN go to the host, and those that it does not take are counted", async () => {
  const { tap, device } = tapOnABench();
  tap.receive(frameOf(60, 1));
  device.isFull = true;
  tap.receive(frameOf(60, 2));
  assertEquals(device.taken, [frameOf(60, 1)]);
  assertEquals(tap.drops.of("the host did not take it"), 1);
  await tap.close();
});

Deno.test("a frame longer than an Ethernet's is dropped and counted, and the next one passes", async () => {
  const bench = tapOnABench();
  await bench.device.happens("readable", [frameOf(9014, 1), frameOf(60, 2)]);
  bench.queue.runUntil(0 as Instant);
  assertEquals(bench.lan, [frameOf(60, 2)]);
  assertEquals(bench.tap.drops.of("longer than an Ethernet frame"), 1);
  await bench.tap.close();
});

Deno.test("a flood waits in the host's queue while 256 frames are on their way, and then goes on", async () => {
  const bench = tapOnABench();
  await bench.device.happens("readable", Array.from({ length: 300 }, (_, index) => frameOf(60, index)));
  bench.queue.runUntil(0 as Instant);
  assertEquals([bench.lan.length, bench.device.waiting.length], [256, 44]);
  for (const whenSent of bench.sent.splice(0, 128)) whenSent();
  await settled();
  bench.queue.runUntil(0 as Instant);
  assertEquals([bench.lan.length, bench.device.waiting.length], [300, 0]);
  await bench.tap.close();
});

Deno.test("closing ends the reading, also while a flood waits", async () => {
  for (const count of [0, 300]) {
    const { device, tap, queue } = tapOnABench();
    await device.happens("readable", Array.from({ length: count }, () => frameOf(60, 1)));
    const waiting = queue.size;
    await tap.close();
    assertEquals(device.isClosed, true);
    assertEquals(queue.size, waiting);
  }
});

Deno.test("an interface that the host removes is told in the event log", async () => {
  const { device, tap, queue, log } = tapOnABench();
  await device.happens("removed");
  queue.runUntil(0 as Instant);
  assertEquals(log, ["0 tap0 the host removed the interface"]);
  await tap.close();
});

Deno.test("a name that no interface can have is refused with the reason", () => {
  for (const name of ["", "sixteen-letters-", "a b", "a/b", "tap%d", "a:b", ".", ".."]) {
    assertThrows(() => openTapDevice(name), TapError, `Cannot attach TAP "${name}": `);
  }
});
