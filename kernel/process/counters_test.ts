/**
 * What the counters of a program say on the shipped machines: misses, instructions per cycle, latencies.
 *
 * Programs are loaded as a kernel loads them and run on the caches of a machine's CPU, with their private
 * memory where a kernel of that machine puts it.
 */

// deno-lint-ignore-file require-yield -- programs are generators, also those that make no call

import { assert, assertEquals } from "@std/assert";
import { assembleMachine } from "../../hw/machine/assemble.ts";
import { type MachineDescription, readMachineDescription } from "../../hw/machine/description.ts";
import { shippedMachines } from "../../hw/machines/machines.ts";
import { LineEventLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import { createProgramLoader } from "../boot/program_loader.ts";
import { sampleIl } from "../compiler/sample_programs.ts";
import type { Complex } from "../hal/hardware.ts";
import { layOutMemory } from "../memory/layout.ts";
import { ProgramMemory } from "../memory/program_memory.ts";
import { Bench } from "../testing/bench.ts";

function describe(
  name: string,
  change: (json: Record<string, never>) => void = () => {},
): MachineDescription {
  const json = structuredClone(shippedMachines.get(name)) as Record<string, never>;
  change(json);
  const result = readMachineDescription(json, name);
  if (!result.ok) throw new Error(result.error);
  return result.description;
}

interface Place {
  readonly machine: MachineDescription;
  /** "host" or "card". */
  readonly complex: "host" | "card";
  /** Of the program's memory; its CPU is the first one. */
  readonly domain: number;
}

const atHome = (name: string): Place => ({ machine: describe(name), complex: "host", domain: 0 });

function complexOf({ machine, complex }: Place): Complex {
  const queue = new EventQueue();
  const assembled = assembleMachine(machine, {
    queue,
    log: new LineEventLog(queue, () => {}),
    medium: undefined,
  });
  return complex === "host" ? assembled.host : assembled.cards[0]!;
}

/** Runs a main function's body and gives what its CPU counted. */
function count(body: string, place: Place) {
  const complex = complexOf(place);
  const { base, size } = complex.dram[place.domain]!;
  const { isa, caches } = complex.cpus[0]!;
  if (caches === undefined) throw new Error("the machine has no caches");
  const source = `export default function* main() { ${body} }`;
  const il = sampleIl(source);
  const memory = new ProgramMemory(layOutMemory(complex, [{ base, size }]), 1, caches);
  const instance = createProgramLoader()(il, isa, memory);
  instance.runOn(caches);
  instance.start({}).next();
  const [cycles, instructions] = [instance.readCycles(), instance.readInstructions()];
  return { cycles, instructions, l1Misses: caches.l1Misses, l2Misses: caches.l2Misses, isa };
}

const walk = (bytes: number, turns: number) => `
  const a = new Int32Array(${bytes / 4}); let s = 0;
  for (let turn = 0; turn < ${turns}; turn++) for (let i = 0; i < a.length; i++) s += a[i];
  return s;`;

const places: [string, Place][] = [
  ...[...shippedMachines.keys()].map((name): [string, Place] => [name, atHome(name)]),
  ["the card of helios", { ...atHome("helios"), complex: "card" }],
];

for (const [name, place] of places) {
  const { machine, complex } = place;
  const board = machine.devices.find((device) => device.model === "iop348");
  const { l1, l2 } = complex === "card" ? board!.caches! : machine.host.caches!;

  Deno.test(`on ${name}, walks over twice the L2 miss it once for each line, within a tenth`, () => {
    const bytes = 2 * l2.sizeKiB * 1024;
    const expected = 3 * bytes / l2.lineBytes;
    const { l1Misses, l2Misses } = count(walk(bytes, 3), place);
    for (const misses of [l1Misses, l2Misses]) {
      assert(Math.abs(misses - expected) < expected / 10, `${misses} of ${expected}`);
    }
  });

  Deno.test(`on ${name}, walks over half the L1 hit from the second on`, () => {
    const lines = l1.sizeKiB * 1024 / 2 / l1.lineBytes;
    const { l1Misses, l2Misses } = count(walk(lines * l1.lineBytes, 50), place);
    assertEquals([l1Misses, l2Misses], [lines, lines]);
  });

  Deno.test(`on ${name}, no program issues more instructions in a cycle than the core can`, () => {
    for (const body of [walk(4096, 200), "let x = 1; for (let i = 0; i < 1e5; i++) x = (x * 3 + i) | 0;"]) {
      const { instructions, cycles, isa } = count(body, place);
      const ipc = instructions / cycles;
      assert(ipc > 0.2 && ipc <= isa.issueWidth.count, String(ipc));
    }
  });
}

Deno.test("memory of the other domain, and interleaved memory, cost the misses what the machine says", () => {
  const body = walk(4 << 20, 1);
  const stalls = (place: Place) => {
    const { cycles, l2Misses } = count(body, place);
    const hits = count(walk(4 << 20, 0), place).cycles + 65536 * 16 * perTurn();
    return (cycles - hits) / l2Misses;
  };
  const perTurn = () => {
    const short = count(walk(2048, 1000), atHome("opteron-numa")).cycles;
    const long = count(walk(2048, 2000), atHome("opteron-numa")).cycles;
    return (long - short) / (1000 * 513);
  };
  const local = stalls(atHome("opteron-numa"));
  const remote = stalls({ ...atHome("opteron-numa"), domain: 1 });
  const interleaved = stalls(atHome("opteron-interleaved"));
  // Half of (latency x 2 GHz - 3): two misses are under way at a time.
  const close = (found: number, ns: number) => assert(Math.abs(found - (ns * 2 - 3) / 2) < 2, String(found));
  close(local, 65);
  close(remote, 89.7);
  close(interleaved, 77.35);
});

Deno.test("a latency that is changed in a machine file changes the cycles of a walk", () => {
  const slow = describe("opteron-numa", (json) => {
    Reflect.set(Reflect.get(Reflect.get(json, "host"), "memory"), "localNs", 130);
  });
  const body = walk(4 << 20, 1);
  const usual = count(body, atHome("opteron-numa"));
  const slower = count(body, { ...atHome("opteron-numa"), machine: slow });
  assertEquals(slower.l2Misses, usual.l2Misses);
  assertEquals(slower.cycles - usual.cycles, usual.l2Misses * 65);
});

Deno.test("a machine file without caches gives the same program without misses", () => {
  const bare = describe("opteron-numa", (json) =>
    Reflect.deleteProperty(Reflect.get(json, "host"), "caches"));
  assertEquals(complexOf({ ...atHome("opteron-numa"), machine: bare }).cpus[0]!.caches, undefined);
});

Deno.test("the kernel remembers the counters of processes that have ended", () => {
  const bench = new Bench();
  const rows: unknown[] = [];
  const ended = bench.start(function* Short() {
    bench.work(1900);
  });
  bench.run(function* reader(kernel) {
    for (const row of yield* kernel.system!.counters()) rows.push(row);
  }, { privileged: true });
  const row = rows.find((candidate) => (candidate as { pid: number }).pid === ended.pid);
  assertEquals(row, {
    ...{ pid: ended.pid, program: "Short", kernel: "coordinator", state: "ended" },
    ...{ instructions: 2000, cycles: 2000, ipc: 1, l1Misses: 0, l2Misses: 0 },
  });
});
