/**
 * Atomic cells and Interlocked: exact between threads, priced by what each ISA executes, and safe.
 *
 * Programs go through both phases, so that each ISA runs its own version of the library's methods.
 * - A program tells its result by its exit status.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { IsaName } from "../../hw/cpu/isa.ts";
import { isaTables } from "../../hw/cpu/isa_tables.ts";
import { readSource } from "../../hw/host/program_files.ts";
import { targetOf } from "../boot/program_loader.ts";
import { compileIl } from "../compiler/phase_two.ts";
import { buildSample, sampleEntry } from "../compiler/sample_programs.ts";
import { Bench, type BenchOptions } from "../testing/bench.ts";

const isas: readonly IsaName[] = ["x86-core2", "x86-k8", "armv5te"];

/** Runs a program whose main has this body, with a cell at hand. */
function run(body: string, options: BenchOptions) {
  const source = `import { Interlocked } from "../../kernel/abi/interlocked.ts";
    export default function* main(kernel) { const cell = yield* kernel.createAtomicCell(); ${body} }`;
  const { il } = buildSample(source, sampleEntry, readSource);
  const bench = new Bench(options);
  const process = bench.startIl(il);
  bench.settle();
  assertEquals(process.state, "ended", "the program ends");
  const { status, fault, cpuCycles } = process;
  return { status, fault, kernelCycles: cpuCycles - process.instance!.readCycles(), cpuCycles };
}

/** What a cell holds after four threads have each counted to 50 in it. */
function counted(count: string, options: BenchOptions): number {
  const { status, fault } = run(
    `const threads = [];
    const start = (yield* kernel.now()) + 1e6;
    for (let index = 0; index < 4; index++) {
      threads.push(yield* kernel.createThread(function* () {
        yield* kernel.sleep(start - (yield* kernel.now()));
        for (let turn = 0; turn < 50; turn++) { ${count} yield* kernel.yieldCpu(); }
      }));
    }
    for (const thread of threads) yield* thread.join();
    return yield* cell.load();`,
    options,
  );
  assertEquals(fault, "");
  return status;
}

const byCompareExchange = `for (;;) {
  const found = yield* cell.load();
  yield* kernel.yieldCpu();
  if ((yield* Interlocked.compareExchange(cell, found + 1, found)) === found) break;
}`;

for (const isa of isas) {
  const cpusPerDomain = isa === "armv5te" ? 1 : 2;
  Deno.test(`threads that count with Interlocked lose nothing on ${isa}`, () => {
    assertEquals(counted("yield* Interlocked.increment(cell);", { isa, cpusPerDomain }), 200);
    assertEquals(counted(byCompareExchange, { isa, cpusPerDomain }), 200);
  });

  Deno.test(`threads that load, yield and store lose counts on ${isa}`, () => {
    const torn = "const n = yield* cell.load(); yield* kernel.yieldCpu(); yield* cell.store(n + 1);";
    const count = counted(torn, { isa, cpusPerDomain });
    assert(count < 200, `${count}`);
  });
}

Deno.test("on two CPUs a load and a store lose counts without any yield between, and so do they with interrupts off", () => {
  const options = { isa: "x86-k8", cpusPerDomain: 2 } as const;
  const torn = "yield* cell.store((yield* cell.load()) + 1);";
  for (const count of [torn, `yield* cell.interruptsOff(); ${torn} yield* cell.interruptsOn();`]) {
    // Threads that take the same time for each turn might never meet, wherever their CPUs' clocks stand.
    const pause = "for (let m = 0; m < index * (turn + n) % 13; m++);";
    const result = counted(`for (let n = 0; n < 20; n++) { ${count} ${pause} }`, options);
    assert(result < 4000, `${result}`);
  }
});

Deno.test("on one CPU an interrupt may come between a load and a store, but never into an Interlocked operation", () => {
  for (const isa of isas) {
    const cellHolds = (count: string) => {
      const { status, fault } = run(
        `const waker = yield* kernel.createThread(function* () {
          for (let turn = 0; turn < 200; turn++) { yield* kernel.sleep(900 + turn); ${count} }
        });
        yield* kernel.yieldCpu();
        for (let turn = 0; turn < 20000; turn++) { ${count} }
        yield* waker.join();
        return yield* cell.load();`,
        { isa },
      );
      assertEquals(fault, "");
      return status;
    };
    const torn = cellHolds("yield* cell.store((yield* cell.load()) + 1);");
    assert(torn < 20_200, `${isa}: ${torn}`);
    assertEquals(cellHolds("yield* Interlocked.add(cell, 1);"), 20_200);
  }
});

/** Cycles beside the image's own that one turn of a loop takes. */
function cyclesOf(operation: string, isa: IsaName): number {
  const cycles = (turns: number) =>
    run(`for (let turn = 0; turn < ${turns}; turn++) yield* ${operation};`, { isa }).kernelCycles;
  return (cycles(200) - cycles(100)) / 100;
}

Deno.test("an Interlocked operation costs one locked instruction on x86, and the whole sequence on armv5te", () => {
  for (const isa of isas) {
    const { lockedOperation, sharedLoad, sharedStore, interruptsOff, interruptsOn } =
      isaTables[isa].primitives;
    const isX86 = isa !== "armv5te";
    const failed = interruptsOff.cycles + sharedLoad.cycles + interruptsOn.cycles;
    const sequence = failed + sharedStore.cycles;
    const rounded = (operation: string) => Math.round(cyclesOf(operation, isa) * 1e3) / 1e3;
    assertEquals(rounded("Interlocked.add(cell, 1)"), isX86 ? lockedOperation.cycles : sequence);
    assertEquals(
      rounded("Interlocked.compareExchange(cell, turn + 1, turn)"),
      isX86 ? lockedOperation.cycles : sequence,
    );
    assertEquals(
      rounded("Interlocked.compareExchange(cell, 1, 2)"),
      isX86 ? lockedOperation.cycles : failed,
    );
    assertEquals(rounded("Interlocked.exchange(cell, turn)"), lockedOperation.cycles);
  }
});

Deno.test("the library's image for an ISA names the instructions of that ISA only", () => {
  const source =
    `export { Interlocked } from "../../kernel/abi/interlocked.ts"; export default function* main() {}`;
  const { il } = buildSample(source, sampleEntry, readSource);
  for (const isa of isas) {
    const { body } = compileIl(il, targetOf(isaTables[isa]));
    assertEquals(body.includes("interruptsOff"), isa === "armv5te");
    assertEquals(body.includes("lockedAdd"), isa !== "armv5te");
    assertEquals(body.includes("lockedCompareExchange"), isa !== "armv5te");
    assert(body.includes("lockedExchange"));
  }
});

Deno.test("Interlocked wraps like int32 arithmetic, and gives the same answers on every ISA", () => {
  const value = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.constantFrom(2 ** 31, -1, 0));
  const operation = fc.record({
    name: fc.constantFrom("add", "exchange", "compareExchange"),
    value,
    like: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(operation, { minLength: 1, maxLength: 12 }), (operations) => {
      let held = 0;
      let expected = 0;
      let code = "let sum = 0;\n";
      for (const { name, value, like } of operations) {
        const comparand = like ? held : held ^ 1;
        const found = held;
        if (name === "add") held = held + value | 0;
        else if (name === "exchange" || like) held = value | 0;
        expected = Math.imul(expected, 31) + (name === "add" ? held : found) | 0;
        const given = name === "compareExchange" ? `${value}, ${comparand}` : `${value}`;
        code += `sum = Math.imul(sum, 31) + (yield* Interlocked.${name}(cell, ${given})) | 0;\n`;
      }
      for (const isa of ["x86-k8", "armv5te"] as const) {
        assertEquals(run(`${code}return sum;`, { isa }).status, expected);
      }
    }),
    { numRuns: 8, seed: 3 },
  );
});

Deno.test("armv5te has no locked add or compare-and-exchange, and says so at the call", () => {
  for (const call of ["lockedAdd(1)", "lockedCompareExchange(1, 0)"]) {
    const { fault } = run(`yield* cell.${call};`, { isa: "armv5te" });
    assertStringIncludes(fault, "KernelError: armv5te has no instruction for a locked");
  }
  assertEquals(
    run("yield* cell.lockedExchange(5); return yield* cell.load();", { isa: "armv5te" }).status,
    5,
  );
});

Deno.test("the cycle counter counts at the CPU's clock, costs its instruction, and can be read while interrupts are off", () => {
  for (const isa of isas) {
    const { cycleCounter } = isaTables[isa].primitives;
    assertEquals(Math.round(cyclesOf("kernel.cycleCount()", isa) * 1e3) / 1e3, cycleCounter.cycles);
    const { status, fault } = run(
      `const [startNs, start] = [yield* kernel.now(), yield* kernel.cycleCount()];
      yield* kernel.sleep(1e6);
      yield* cell.interruptsOff();
      const end = yield* kernel.cycleCount();
      yield* cell.interruptsOn();
      const ns = (yield* kernel.now()) - startNs;
      return Math.round((end - start) / ns * 100);`,
      { isa },
    );
    // Machines of the bench run at 2 GHz.
    assertEquals([status, fault], [200, ""], isa);
  }
});

Deno.test("a program that keeps interrupts off dies, and the others go on", () => {
  const off = "yield* cell.interruptsOff();";
  const cases = [
    [`${off} yield* kernel.now();`, "A kernel call was made while interrupts were off"],
    [`${off} yield* kernel.yieldCpu();`, "A kernel call was made while interrupts were off"],
    [`${off} let n = 0; while (true) n++;`, "Interrupts were off for more than 1000 cycles"],
    [`${off} while (true) yield* cell.load();`, "Interrupts were off for more than 1000 cycles"],
    [`${off} while (true) yield* cell.interruptsOff();`, "Interrupts were off for more than 1000 cycles"],
    [`${off} throw new Error("odd");`, "odd"],
  ] as const;
  for (const [body, reason] of cases) {
    const bench = new Bench();
    const source =
      `export default function* main(kernel) { const cell = yield* kernel.createAtomicCell(); ${body} }`;
    const process = bench.startIl(buildSample(source).il);
    let slept = 0;
    bench.start(function* other(kernel) {
      for (; slept < 5; slept++) yield* kernel.sleep(1e6);
    });
    bench.settle();
    assertStringIncludes(process.fault, reason);
    assertEquals(slept, 5);
  }
});

Deno.test("a cell takes whole numbers only, cannot be changed but by its operations, and is bounded in number", () => {
  const fault = (body: string) => run(body, { isa: "x86-k8" }).fault;
  assertStringIncludes(fault("yield* cell.store(0.5);"), "A cell holds whole numbers, not 0.5");
  assertStringIncludes(
    fault("yield* cell.store({ valueOf() { return 1; } });"),
    "not a value of type object",
  );
  assertStringIncludes(fault("yield* cell.lockedCompareExchange(1, 'x');"), "not a value of type string");
  assertStringIncludes(fault("cell.value = 1;"), "TypeError");
  assertStringIncludes(fault("Object.getPrototypeOf(cell).load = () => 1;"), "TypeError");
  assertStringIncludes(fault("new cell.constructor(1).load();"), "TypeError");
  assertStringIncludes(fault("yield* cell.load.call({});"), "TypeError");
  assertStringIncludes(
    fault("for (;;) yield* kernel.createAtomicCell();"),
    "A process has at most 4096 atomic cells",
  );
});
