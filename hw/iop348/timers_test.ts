/**
 * Timers, watchdog and interrupt controller, driven through coprocessor 6.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { EventQueue } from "../time/event_queue.ts";
import { type Instant, later, nanoseconds, seconds } from "../time/time.ts";
import { InterruptControllerUnit, interruptSources } from "./interrupt_controller.ts";
import { Timers } from "./timers.ts";

const tickNs = 2.5;
const [tmr0, tmr1, tcr0, tcr1, trr0, trr1, tisr, wdtcr] = [0, 1, 2, 3, 4, 5, 6, 7];
const enable = 2;
const reload = 4;

function coprocessorOnABench() {
  const queue = new EventQueue();
  const icu = new InterruptControllerUnit("icu");
  const expired: boolean[] = [];
  const timers = new Timers({
    clock: queue,
    busHz: 400e6,
    interrupts: [icu.line(interruptSources.timer0), icu.line(interruptSources.timer1)],
    watchdogExpired: (resets) => expired.push(resets),
  });
  let raised = 0;
  icu.connect(() => raised++, timers.registers);
  const timer = (register: number) => icu.read(register, 9);
  return {
    queue,
    icu,
    expired,
    raised: () => raised,
    timer,
    setTimer: (register: number, value: number) => icu.write(register, 9, value),
    ticks: (count: number) => queue.runUntil(later(queue.now, nanoseconds(count * tickNs))),
  };
}

Deno.test("a timer without reload counts down to zero, raises its source once and stops", () => {
  const { timer, setTimer, ticks, icu } = coprocessorOnABench();
  setTimer(tcr0, 100);
  setTimer(tmr0, enable);
  ticks(40);
  assertEquals(timer(tcr0), 60);
  ticks(59);
  assertEquals([timer(tcr0), timer(tisr)], [1, 0]);
  ticks(1);
  assertEquals([timer(tcr0), timer(tisr), timer(tmr0) & 3], [0, 1, 1]);
  assertEquals(icu.read(0, 3), 1 << interruptSources.timer0);
  ticks(1000);
  setTimer(tisr, 1);
  ticks(1000);
  assertEquals([timer(tisr), timer(tcr0), icu.read(0, 3)], [0, 0, 0]);
});

Deno.test("a reloading timer has a period of TRR + 1 ticks and does not drift when its flag is cleared late", () => {
  const { timer, setTimer, ticks } = coprocessorOnABench();
  setTimer(trr0, 99);
  setTimer(tcr0, 99);
  setTimer(tmr0, enable | reload);
  ticks(99);
  assertEquals([timer(tisr), timer(tcr0)], [1, 0]);
  ticks(1);
  assertEquals(timer(tcr0), 99);
  ticks(950);
  setTimer(tisr, 1);
  assertEquals([timer(tisr), timer(tcr0)], [0, 49]);
  ticks(48);
  assertEquals(timer(tisr), 0);
  ticks(1);
  assertEquals(timer(tisr), 1);
});

Deno.test("a timer whose flag is up costs no events, however short its period", () => {
  const { setTimer, queue, ticks } = coprocessorOnABench();
  setTimer(trr1, 0);
  setTimer(tcr1, 0);
  setTimer(tmr1, enable | reload);
  ticks(10);
  assertEquals(queue.size, 0);
});

Deno.test("the divider slows the count, and changing it keeps the count", () => {
  const { timer, setTimer, ticks } = coprocessorOnABench();
  setTimer(tcr1, 1000);
  setTimer(tmr1, enable | 2 << 4);
  ticks(80);
  assertEquals(timer(tcr1), 990);
  setTimer(tmr1, enable);
  ticks(90);
  assertEquals(timer(tcr1), 900);
  setTimer(tmr1, 0);
  ticks(90);
  assertEquals(timer(tcr1), 900);
});

Deno.test("a free-running timer read often counts every tick of a long run", () => {
  const { timer, setTimer, ticks } = coprocessorOnABench();
  setTimer(trr1, 0xffffffff);
  setTimer(tcr1, 0xffffffff);
  setTimer(tmr1, enable | reload);
  for (let count = 0; count < 1000; count++) ticks(1234567);
  assertEquals(timer(tcr1), 0xffffffff - 1234567000);
});

Deno.test("the watchdog starts and stops only with its whole sequence, and asks for a reset when it runs out", () => {
  const { setTimer, timer, queue, expired, icu } = coprocessorOnABench();
  setTimer(wdtcr, 0x1e1e1e1e);
  setTimer(wdtcr, 0);
  setTimer(wdtcr, 0xe1e1e1e1);
  queue.runUntil(seconds(11) as number as Instant);
  assertEquals([expired, timer(wdtcr)], [[], 0]);
  setTimer(wdtcr, 0x1e1e1e1e);
  setTimer(wdtcr, 0xe1e1e1e1);
  queue.runUntil(seconds(15) as number as Instant);
  assertEquals(timer(wdtcr), 2 ** 32 - 4 * 400e6);
  setTimer(wdtcr, 0x1f1f1f1f);
  setTimer(wdtcr, 0xf1f1f1f1);
  queue.runUntil(seconds(30) as number as Instant);
  assertEquals(expired, []);
  setTimer(wdtcr, 0x1e1e1e1e);
  setTimer(wdtcr, 0xe1e1e1e1);
  queue.runUntil(seconds(41) as number as Instant);
  assertEquals(expired, [true]);
  icu.recordWatchdogReset();
  assertEquals(icu.read(0, 1), 1 << 5);
});

Deno.test("an enabled source interrupts as long as its level stands, a disabled one only shows as pending", () => {
  const { icu, raised } = coprocessorOnABench();
  const line = icu.line(57);
  line.set(true);
  assertEquals([icu.read(1, 3), icu.pending, raised()], [1 << 25, false, 0]);
  icu.write(1, 4, 1 << 25);
  assertEquals([icu.pending, raised(), icu.acknowledge()], [true, 1, 57]);
  assert(icu.pending, "there is no acknowledge register");
  line.set(false);
  assert(!icu.pending);
  assertThrows(() => icu.acknowledge());
});

Deno.test("FIQ goes before IRQ, then IPR decides, then the lower number", () => {
  const { icu } = coprocessorOnABench();
  for (const source of [12, 24, 57, 113]) {
    icu.line(source).set(true);
    const word = source >>> 5;
    icu.write(word, 4, (icu.read(word, 4) | 1 << (source & 31)) >>> 0);
  }
  assertEquals(icu.acknowledge(), 12);
  icu.write(0, 8, 3 << 24);
  assertEquals(icu.acknowledge(), 24, "source 12 has the lowest priority now");
  icu.write(3, 5, 1 << 17);
  assertEquals(icu.acknowledge(), 113, "source 113 is steered to FIQ");
  assertEquals(icu.read(3, 7), 1 << 17);
  assertEquals(icu.read(3, 6), 0);
});

Deno.test("the vector registers give base and source, or all ones when nothing is active", () => {
  const { icu } = coprocessorOnABench();
  icu.write(0, 2, 0x1000);
  assertEquals(icu.read(3, 2), 0xffffffff);
  icu.line(12).set(true);
  icu.write(0, 4, 1 << 12);
  assertEquals(icu.read(3, 2), 0x1000 + 4 * 12);
  assertEquals(icu.read(4, 2), 0xffffffff);
});
