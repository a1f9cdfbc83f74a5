/**
 * A CPU that moves time on by itself does what it would have done by events, to the byte of the log.
 *
 * The same programs run on a machine whose queue lets no CPU run on, so that each burst is an event. What
 * is compared is the log, in which each line has its instant, and the cycles of every CPU.
 */

import { assert, assertEquals } from "@std/assert";
import { asking, askingIl, echo, echoIl, nestedAskingIl } from "../channels/testing/echo_programs.ts";
import { Bench } from "../testing/bench.ts";

/** Two clients and a server, with bursts of uneven length, sleeps and a quantum that ends. */
function runOn(bench: Bench, serverOn: number): { log: string[]; busy: number[] } {
  bench.start(echo, { on: serverOn });
  bench.start(asking(40), { name: "First" });
  bench.start(asking(25), { name: "Second" });
  bench.start(function* busy(kernel) {
    for (let turn = 1; turn < 12; turn++) {
      bench.work(turn * 1e7 + turn * turn);
      yield* kernel.sleep(turn * 333);
    }
  });
  bench.settle();
  const busy = bench.kernels.flatMap(({ dispatchers }) => dispatchers.map(({ cpu }) => cpu.busyCycles));
  return { log: bench.log, busy };
}

for (
  const [what, domains, cpusPerDomain, serverOn] of [
    ["on one CPU", 1, 1, 0],
    ["on two CPUs of one kernel", 1, 2, 0],
    ["between two kernels", 2, 1, 1],
  ] as const
) {
  Deno.test(`programs ${what} make the same log whether their CPUs run on by themselves or by events`, () => {
    const make = () => new Bench({ domains, cpusPerDomain });
    const byEvents = make();
    let asked = 0;
    byEvents.queue.tryAdvance = () => {
      asked++;
      return false;
    };
    const slow = runOn(byEvents, serverOn);
    const fast = runOn(make(), serverOn);
    assert(asked > 100 && fast.log.length > 130, `${asked} times, ${fast.log.length} lines`);
    assertEquals(fast.log, slow.log);
    assertEquals(fast.busy, slow.busy);
  });
}

/** The same as compiled programs, with calls in generators of generators. */
function runCompiled(bench: Bench): { log: string[]; counted: (readonly number[])[] } {
  const processes = [bench.startIl(echoIl), bench.startIl(askingIl(40)), bench.startIl(nestedAskingIl(30))];
  bench.settle();
  const counted = processes.map(({ cpuCycles, counters, instructions, fault }) => {
    assertEquals(fault, "");
    return [cpuCycles, counters.cycles, instructions];
  });
  return { log: bench.log, counted };
}

for (const cpusPerDomain of [1, 2]) {
  Deno.test(`compiled programs on ${cpusPerDomain} CPUs make the same log, and count the same, both ways`, () => {
    const byEvents = new Bench({ cpusPerDomain });
    byEvents.queue.tryAdvance = () => false;
    const slow = runCompiled(byEvents);
    const fast = runCompiled(new Bench({ cpusPerDomain }));
    assert(fast.log.length > 130, `${fast.log.length} lines`);
    assertEquals(fast.log, slow.log);
    assertEquals(fast.counted, slow.counted);
  });
}
