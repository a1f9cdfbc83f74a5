/**
 * Accounting, on random programs: it changes nothing that a program does, and counts what a reference
 * interpreter counts.
 *
 * A tape of random numbers is read as a program. The first suite writes any statements and compares with
 * the same text run without accounting; the second keeps to few statements and also executes them here,
 * one operation after the other, with the plain target's cost of one cycle each.
 */

import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { allowedNames } from "./allowed_names.ts";
import { CompartmentScript } from "./compartment_script.ts";
import { instantiate } from "./instantiate.ts";
import { surroundings } from "./lockdown.ts";
import { ProcessLimits } from "./process_limits.ts";
import { plainTarget, runSample, sampledTarget, sampleIl, sampleKernel } from "./sample_programs.ts";
import { compileIl } from "./phase_two.ts";

const tapes = fc.array(fc.nat(1000), { minLength: 5, maxLength: 120 });

/** Reads random numbers as choices; an empty tape chooses the first of everything. */
class Tape {
  readonly #numbers: readonly number[];
  #at = 0;

  constructor(numbers: readonly number[]) {
    this.#numbers = numbers;
  }

  number(limit: number): number {
    return (this.#numbers[this.#at++] ?? 0) % limit;
  }

  pick<T>(choices: readonly [T, ...T[]]): T {
    return choices[this.number(choices.length)] ?? choices[0];
  }
}

class ProgramWriter {
  readonly #tape: Tape;
  #names = 0;

  constructor(tape: Tape) {
    this.#tape = tape;
  }

  expression(depth: number): string {
    const inner = () => this.expression(depth - 1);
    if (depth <= 0) return this.#tape.pick(["a", "b", "1", "list.length", "7"]);
    return this.#tape.pick<() => string>([
      () => `(${inner()} + ${inner()} | 0)`,
      () => `(${inner()} < ${inner()} ? ${inner()} : work(${inner()}))`,
      () => `(${inner()} && ${inner()} || twice(${inner()}))`,
      () => `(yield* kernel.ask(${inner()}))`,
      () => `list[${inner()} & 3]`,
      () => `bytes[${inner()}]`,
      () => `(bytes[${inner()} & 63] ${this.#tape.pick(["=", "+=", "??="])} ${inner()})`,
      () => `words[bytes[${inner()}]]`,
      () => `box.bytes[${inner()} & 63]++`,
      () => `box.at(${inner()})`,
      () => `new Box(${inner()}).get(${inner()})`,
      () => `[${inner()}, ...list].map((x) => x + a | 0)[1]`,
      () => `(a = ${inner()})`,
      () => `(list[1] ??= work(${inner()}))`,
      () => `Math.max(${inner()}, ${inner()}) / 2`,
      () => "`${a}`.length",
      () => `((n) => { b = n; return n; })(${inner()})`,
    ])();
  }

  statements(depth: number, leave: readonly string[]): string {
    let text = "";
    for (let count = 1 + this.#tape.number(3); count > 0; count--) text += this.statement(depth, leave);
    return text;
  }

  /** `leave`: jumps that are allowed here. */
  statement(depth: number, leave: readonly string[]): string {
    const tape = this.#tape;
    if (depth <= 0) return `a = ${this.expression(1)}; `;
    const inner = (more: readonly string[] = []) => this.statements(depth - 1, [...leave, ...more]);
    const value = () => this.expression(2);
    const name = `v${this.#names++}`;
    const loopJumps = ["break;", "continue;", `break ${name};`, `continue ${name};`];
    return tape.pick<() => string>([
      () => `b = ${value()}\n`,
      () => `if (${value()}) { ${inner()} } else { ${inner()} }\n`,
      () => `if (${value()}) ${this.statement(0, [])}\n`,
      () => `${name}: for (let i = 0; i < ${tape.number(5)}; i++) { ${inner(loopJumps)} }\n`,
      () =>
        `const ${name} = b & 15; for (let i = a; i < ${name}; i++) { ${inner(["continue;", "break;"])} }\n`,
      () => `for (let i = 0, n = a; i <= n; i += 3) { b = i ^ n; if (i > 90) break; }\n`,
      () => `for (let i = 0; i < list.length; i++) b = b + list[i] | 0;\n`,
      () => `let ${name} = 3; while (${name}-- > 0) { ${inner(["break;", "continue;"])} }\n`,
      () => `let ${name} = 0; do { ${name}++; ${inner(["break;"])} } while (${name} < 2)\n`,
      () => `${name}: for (const x of [...list, a]) { b = x; ${inner(loopJumps)} }\n`,
      () => `try { ${inner(["throw a;", "null.x;"])} } catch (error) { ${inner()} }\n`,
      () => `try { ${inner()} } finally { ${this.statement(0, [])} }\n`,
      () =>
        `switch (${value()} & 3) { case 0: ${
          inner(["break;"])
        } case 1: ${inner()} break; default: ${inner()} }\n`,
      () => `${name}: { ${inner([`break ${name};`])} }\n`,
      () => `;[a, b] = [b, ${value()}]\n`,
      () => `yield* asks(kernel, ${value()})\n`,
      () => leave.length === 0 ? "" : `if (b & 1) ${leave[tape.number(leave.length)] ?? ""}\n`,
      () => `if (a === 5) return ${value()};\n`,
    ])();
  }

  program(): string {
    return `
      const words = new Int32Array(100);
      class Box { #value; static made = 0; field = work(1); constructor(value) { this.#value = value; Box.made++; }
        bytes = new Uint8Array(64); #words = new Int32Array(9);
        at(n) { let s = 0; for (let i = 0; i < (n & 7); i++) { this.#words[i] += i; s += this.#words[i] + words[i]; } return s; }
        get(more) { return (this.#value ^ more) + this.field | 0; } }
      function work(n) { let sum = 0; for (let i = 0; i < (n & 7); i++) { if (i === 5) return sum; sum += i; } return sum; }
      function twice(n) { return n * 2 | 0; }
      function* asks(kernel, n) { for (let i = 0; i < (n & 1) + 1; i++) yield* kernel.ask(n); return n; }
      export default function* main(kernel) {
        let a = 1, b = 2; const list = [1, 2, 3], bytes = new Uint8Array(300), box = new Box(3);
        ${this.statements(4, [])}
        return JSON.stringify([a, b, list, Box.made, [...bytes], [...words]]);
      }`;
  }
}

/** Every other line is a sampled one, so that most programs touch some. */
const lineMemory = { lineBytes: 16, sampleBytes: 32, origin: 0, addressOf: () => 4096 };

/** What a run shows: kernel calls with their arguments, then the result or the error. */
function observe(next: (answer: unknown) => IteratorResult<unknown, unknown>): unknown[] {
  const seen: unknown[] = [];
  try {
    let step = next(undefined);
    // Some random programs run for long; their beginnings are as good.
    while (!step.done && seen.length < 200) {
      const { answer } = step.value as { readonly answer: unknown };
      seen.push(answer);
      step = next(Number(answer) & 7);
    }
    if (step.done) seen.push(["returns", step.value]);
  } catch (error) {
    seen.push(["throws", error instanceof Error ? error.message : error]);
  }
  return seen;
}

function withoutAccounting(il: string): Generator<unknown, unknown, unknown> {
  const body = il.replace(/export default (\$m\d+\.default);/, "return $1;");
  const make = new CompartmentScript(
    `(($e)=>{const{${[...allowedNames].join()}}=$e.library;${body}})`,
    "sample",
  ).evaluate();
  const main = (make as (given: object) => unknown)(
    surroundings({ stop: () => new Error("never"), memory: new ProcessLimits("plain").surroundings() }),
  ) as (
    kernel: object,
  ) => Generator<unknown, unknown, unknown>;
  return main(sampleKernel());
}

Deno.test("a random program does the same with accounting as without, and counts the same each time", () => {
  fc.assert(
    fc.property(tapes, (numbers) => {
      const il = sampleIl(new ProgramWriter(new Tape(numbers)).program());
      const plain = withoutAccounting(il);
      const expected = observe((answer) => plain.next(answer));
      const image = compileIl(il, plainTarget);
      const sampled = instantiate(compileIl(il, sampledTarget), lineMemory);
      const sampledThread = sampled.start(sampleKernel());
      assertEquals(observe((answer) => sampledThread.next(answer)), expected);
      const [first, second] = [1, 2].map(() => {
        const instance = instantiate(image);
        const thread = instance.start(sampleKernel());
        return { seen: observe((answer) => thread.next(answer)), cycles: instance.readCycles() };
      });
      assertEquals(first?.seen, expected);
      assertEquals(first, second);
    }),
    { numRuns: 300 },
  );
});

/** A program of the second suite: its text, and how to execute it while counting. */
interface Counted {
  readonly text: string;
  /** False when the loop around is to be left. */
  execute(machine: Machine): boolean;
}

/** The reference: three variables, the cycles so far, and the cycles at each kernel call. */
class Machine {
  readonly variables = [1, 2, 3];
  cycles = 0;
  readonly atCalls: number[] = [];
}

const names = ["a", "b", "c"];

function countedStatement(tape: Tape, depth: number, inLoop: boolean): Counted {
  const [target, source, constant] = [tape.number(3), tape.number(3), tape.number(9)];
  const [x, y] = [names[target] ?? "", names[source] ?? ""];
  const read = (machine: Machine) => machine.variables[source] ?? 0;
  const simple: [() => Counted, ...(() => Counted)[]] = [
    () => ({
      text: `${x} = (${y} + ${constant}) | 0; `,
      execute: (machine) => {
        machine.cycles += 2;
        machine.variables[target] = (read(machine) + constant) | 0;
        return true;
      },
    }),
    () => ({
      text: `${x} = (yield* kernel.ask(${y})) | 0; `,
      execute: (machine) => {
        // The call of ask, the load of it, the kernel call, and the operator.
        machine.cycles += 4;
        machine.atCalls.push(machine.cycles);
        machine.variables[target] = read(machine) & 7;
        return true;
      },
    }),
    () => ({
      text: `${x} = work(${y}); `,
      execute: (machine) => {
        const turns = read(machine) & 3;
        machine.cycles += 1 + 1 + 2 + 2 + turns * 5;
        machine.variables[target] = ((turns * (turns - 1)) / 2 + read(machine)) | 0;
        return true;
      },
    }),
    () => ({
      text: inLoop ? `if (${y} < ${constant}) break; ` : "",
      execute: (machine) => {
        if (!inLoop) return true;
        machine.cycles += 2;
        return read(machine) >= constant;
      },
    }),
  ];
  if (depth === 0) return tape.pick(simple)();
  return tape.pick([
    ...simple,
    () =>
      countedIf(tape, depth, inLoop, {
        text: `${y} < ${constant}`,
        holds: (machine) => read(machine) < constant,
      }),
    () => countedLoop(tape, depth, constant % 5),
  ])();
}

function countedIf(
  tape: Tape,
  depth: number,
  inLoop: boolean,
  test: { readonly text: string; readonly holds: (machine: Machine) => boolean },
): Counted {
  const yes = countedList(tape, depth - 1, inLoop);
  const no = countedList(tape, depth - 1, inLoop);
  return {
    text: `if (${test.text}) { ${yes.text}} else { ${no.text}} `,
    execute: (machine) => {
      machine.cycles += 2;
      return (test.holds(machine) ? yes : no).execute(machine);
    },
  };
}

function countedLoop(tape: Tape, depth: number, turns: number): Counted {
  const body = countedList(tape, depth - 1, true);
  return {
    text: `for (let i = 0; i < ${turns}; i++) { ${body.text}} `,
    execute: (machine) => {
      machine.cycles += 2;
      for (let turn = 0; turn < turns; turn++) {
        machine.cycles += 3;
        if (!body.execute(machine)) break;
      }
      return true;
    },
  };
}

function countedList(tape: Tape, depth: number, inLoop: boolean): Counted {
  const list = Array.from({ length: 1 + tape.number(4) }, () => countedStatement(tape, depth, inLoop));
  return {
    text: list.map((statement) => statement.text).join(""),
    execute: (machine) => list.every((statement) => statement.execute(machine)),
  };
}

Deno.test("a random program counts, up to each kernel call, what a reference interpreter counts", () => {
  fc.assert(
    fc.property(tapes, (numbers) => {
      const program = countedList(new Tape(numbers), 4, false);
      const textOf = (body: string) => `
        function work(n) { let s = 0; const m = n & 3; for (let i = 0; i < m; i++) s = (s + i) | 0; return (s + n) | 0; }
        export default function* main(kernel) { ${body} }`;
      const il = sampleIl(textOf(`let a = 1, b = 2, c = 3; ${program.text} return [a, b, c];`));
      // The top level of the module.
      const top = runSample(textOf(""));
      const start = top.cycles;
      const startInstructions = top.instance.readInstructions();
      const machine = new Machine();
      program.execute(machine);
      // The array at the end, with its three stores.
      machine.cycles += 4;
      const instance = instantiate(compileIl(il, plainTarget));
      const thread = instance.start(sampleKernel());
      const atCalls: number[] = [];
      let step = thread.next();
      while (!step.done) {
        atCalls.push(instance.readCycles() - start);
        const { answer } = step.value as { readonly answer: unknown };
        step = thread.next(Number(answer) & 7);
      }
      assertEquals(step.value, machine.variables);
      assertEquals(atCalls.length, machine.atCalls.length);
      const counts = [...atCalls, instance.readCycles() - start];
      [...machine.atCalls, machine.cycles].forEach((expected, index) => {
        // A function without any operation before its first call is charged 1/64 cycle.
        assertAlmostEquals(counts[index] ?? 0, expected, 1 / 60);
      });
      // Each operation of the plain target is one instruction, and those are whole.
      assertEquals(instance.readInstructions() - startInstructions, machine.cycles);
    }),
    { numRuns: 300 },
  );
});
