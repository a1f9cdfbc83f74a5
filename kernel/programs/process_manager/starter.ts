/**
 * Starts programs: finds them, places them (Figure 3), and has them launched.
 *
 * What boot and clients have in common. A reason comes back as a text.
 * - Drivers are placed by their hardware, everything else by its manifest.
 * - Of drivers and services every end is logged, because nobody else waits for them; one that was
 *   launched with a `restart` is started again when it died by a fault.
 */

import { isKernelError } from "../../abi/errors.ts";
import type {
  Call,
  Kernel,
  KernelRow,
  ManifestDescription,
  PlacementRow,
  ProgramSource,
  SystemCalls,
} from "../../abi/kernel.ts";
import type { StandardPipes } from "./console_pipes.ts";
import type { KernelPlace } from "./controllers.ts";
import { type Outcome, ProcessTable, type Restart, type StartedProcess } from "./process_table.ts";

export interface FoundProgram {
  readonly name: string;
  readonly source: ProgramSource;
  readonly description: ManifestDescription;
}

export interface Placement {
  readonly kernel: string;
  readonly path: string;
  readonly steps: readonly PlacementRow[];
}

export class Starter {
  readonly kernel: Kernel;
  readonly system: SystemCalls;
  /** The kernel that the process manager itself runs on. */
  readonly here: KernelRow;
  readonly processes: ProcessTable;
  /** The machine is shutting down: nothing is started any more, and ends are no news. */
  isStopping = false;

  constructor(kernel: Kernel, system: SystemCalls, here: KernelRow) {
    this.kernel = kernel;
    this.system = system;
    this.here = here;
    this.processes = new ProcessTable(kernel, (ended, outcome) => this.#ended(ended, outcome));
  }

  log(text: string): Call<void> {
    return this.system.log(text);
  }

  /** A program of the boot archive with what its manifest says, or why it cannot be had. */
  *find(name: string): Call<FoundProgram | string> {
    try {
      const source = yield* this.system.bootProgram(name);
      const description = yield* this.system.describeManifest(source.manifest);
      return { name, source, description };
    } catch (error) {
      if (!isKernelError(error)) throw error;
      return error.code === "NotFound" ? `no program named ${name}` : error.message;
    }
  }

  /** Where a program is to run, or why nowhere. */
  *place(program: FoundProgram): Call<Placement | string> {
    try {
      return yield* this.system.place(program.source.manifest);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      return error.message;
    }
  }

  /** Starts a placed program; the pipes change hands in any case. */
  *launch(
    program: FoundProgram,
    place: KernelPlace,
    role: StartedProcess["role"],
    how: StandardPipes & { readonly arguments: string; readonly device: string; readonly restart?: Restart },
  ): Call<StartedProcess | string> {
    if (this.isStopping) {
      yield* how.stdin.close();
      yield* how.stdout.close();
      return "the machine is shutting down";
    }
    return yield* this.processes.launch(place, {
      program: program.name,
      role,
      serves: program.description.services.map(({ contract }) => contract),
      restart: how.restart,
      source: program.source,
      arguments: how.arguments,
      device: how.device,
      stdin: how.stdin,
      stdout: how.stdout,
    });
  }

  *#ended(ended: StartedProcess, { status, fault }: Outcome): Call<void> {
    if (this.isStopping || ended.role === "program") return;
    const place = `${ended.program} (process ${ended.pid}) on ${ended.place.name}`;
    if (fault === "") return yield* this.log(`${place} ended with status ${status}`);
    const restarted = ended.restart === undefined ? "" : `; ${yield* ended.restart()}`;
    // Below the reason a fault tells the places in the source.
    const [reason, ...places] = fault.split("\n");
    yield* this.log([`${place} died: ${reason}${restarted}`, ...places].join("\n"));
  }
}
