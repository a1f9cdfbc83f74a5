/**
 * A machine that hostile programs are let loose on, beside a server that has to go on answering.
 *
 * Programs are texts: compiled through both phases, loaded by the kernel with the host's collector behind
 * it, run as a process of the coordinator.
 * - `fateOf` gives how the program ended; it throws when the server is silent afterwards, or when
 *   something of the dead process is left.
 */

import { assertEquals } from "@std/assert";
import { V8Memory } from "../../../hw/host/host_memory.ts";
import { createProgramLoader } from "../../../kernel/boot/program_loader.ts";
import { CompileError } from "../../../kernel/compiler/compile_error.ts";
import { buildIl } from "../../../kernel/compiler/phase_one.ts";
import { pipeContract } from "../../../kernel/contracts/pipe.ts";
import { Bench } from "../../../kernel/testing/bench.ts";

export interface Fate {
  /** Why the process ended, or why the program was refused; empty when it came to its own end. */
  readonly reason: string;
  readonly status: number;
}

const entry = "apps/hostile/main.ts";
/** Seconds of virtual time that a program gets. */
const patience = 20;

export class HostileBench {
  readonly #bench = new Bench({ load: createProgramLoader(new V8Memory()) });

  constructor() {
    this.#bench.start(function* server(kernel) {
      const service = yield* kernel.register(pipeContract, "/server");
      for (;;) {
        const pipe = yield* service.accept();
        const { data } = yield* pipe.receive();
        yield* kernel.free(data);
        yield* pipe.send("written");
        yield* pipe.close();
      }
    });
    this.#bench.settle(1);
  }

  /** Runs a main function's body, or a module with an export, to its end. */
  fateOf(text: string, { memoryMiB = 4 } = {}): Fate {
    const source = text.includes("export default")
      ? text
      : `export default function* main(kernel) {\n${text}\n}`;
    const declared = `${source}\nexport const program = { name: "Hostile", doc: "A hostile program" };`;
    return this.#fate(() => buildIl(entry, (path) => path === entry ? declared : undefined).il, memoryMiB);
  }

  /** Hands an intermediate language to phase two that phase one would not have made. */
  fateOfIl(il: string): Fate {
    return this.#fate(() => il, 4);
  }

  #fate(il: () => string, memoryMiB: number): Fate {
    const bench = this.#bench;
    try {
      const process = bench.startIl(il(), { name: "Hostile", memoryMiB });
      bench.settle(patience);
      assertEquals(process.state, "ended", "the hostile program still runs");
      assertEquals([process.threads.size, process.blocks.size, process.ends.size], [0, 0, 0]);
      return { reason: process.fault, status: process.status };
    } catch (error) {
      // What refuses a program is told to whoever starts it.
      if (!(error instanceof CompileError) && !`${error}`.includes("Cannot load")) throw error;
      return { reason: (error as Error).message, status: 1 };
    } finally {
      this.#expectAnswer();
    }
  }

  #expectAnswer(): void {
    let answered = false;
    this.#bench.run(function* client(kernel) {
      const pipe = yield* kernel.bind(pipeContract, "/server");
      yield* pipe.send("write", { data: yield* kernel.allocate(16) });
      yield* pipe.receive();
      answered = true;
    });
    assertEquals(answered, true, "the other process has stopped answering");
  }
}
