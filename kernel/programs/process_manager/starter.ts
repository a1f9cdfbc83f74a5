/**
 * Starts programs: finds them, places them (Figure 3), and has them launched.
 *
 * What boot and clients have in common. A reason comes back as a text.
 * - Programs of the boot archive come from there, all others from the boot volume. A machine whose volume
 *   did not come up gets these from the archive as well, so that there is a shell to look around with.
 * - Only the archive's programs may have privileges: many may write to the volume.
 * - Drivers are placed by their hardware, everything else by its manifest.
 * - Of drivers and services every end is logged, because nobody else waits for them, and each death of a
 *   program that nobody waits for; what was launched with a `restart` is started again when it died by a fault.
 */

import { isKernelError } from "../../abi/errors.ts";
import type {
  Block,
  Call,
  Kernel,
  KernelRow,
  ManifestDescription,
  PlacementAnswer,
  SystemCalls,
} from "../../abi/kernel.ts";
import { manifestPath } from "../../abi/program_paths.ts";
import { takeText, textBlock } from "../../abi/text.ts";
import { BootVolume } from "./boot_volume.ts";
import type { StandardPipes } from "./console_pipes.ts";
import type { KernelPlace } from "./controllers.ts";
import { type Outcome, ProcessTable, type Restart, type StartedProcess } from "./process_table.ts";

export interface FoundProgram {
  readonly name: string;
  readonly manifest: string;
  readonly description: ManifestDescription;
  /** A block with its intermediate language, or why that cannot be had. */
  readonly il: () => Call<Block | string>;
}

/** A manifest, what to call it in a message, and where the rest of the program is. */
type Source = Pick<FoundProgram, "manifest" | "il"> & { readonly file: string; readonly isOurs: boolean };

export class Starter {
  readonly kernel: Kernel;
  readonly system: SystemCalls;
  /** The kernel that the process manager itself runs on. */
  readonly here: KernelRow;
  readonly processes: ProcessTable;
  /** The machine is shutting down: nothing is started any more, and ends are no news. */
  isStopping = false;
  /** Services that ended and are not running again: each is tried once more when a kernel has come up. */
  readonly unplaced = new Set<() => Call<void>>();
  /** Undefined until the boot volume is mounted, or is known not to come. */
  #volume: BootVolume | "absent" | undefined;

  constructor(kernel: Kernel, system: SystemCalls, here: KernelRow) {
    this.kernel = kernel;
    this.system = system;
    this.here = here;
    this.processes = new ProcessTable(kernel, (ended, outcome) => this.#ended(ended, outcome));
  }

  log(text: string): Call<void> {
    return this.system.log(text);
  }

  /** Loads from the boot volume from now on, or does without it when no file system has come up. */
  *openVolume(): Call<void> {
    const volume = new BootVolume(this.kernel);
    if (yield* volume.isMounted()) {
      this.#volume = volume;
      return;
    }
    this.#volume = "absent";
    yield* this.log("No boot volume is mounted: programs come from the boot archive");
  }

  /** A program with what its manifest says, or why it cannot be had. */
  *find(name: string): Call<FoundProgram | string> {
    try {
      const source = yield* this.#sourceOf(name);
      if (typeof source === "string") return source;
      const { manifest, il, file, isOurs } = source;
      const description = yield* this.system.describeManifest(manifest, file);
      if (description.name !== name) return `${file} is the manifest of "${description.name}"`;
      if (isOurs || description.privileges.length === 0) return { name, manifest, il, description };
      const privileges = description.privileges.join(", ");
      return `${file} asks for the privilege ${privileges}, which only programs of the boot archive get`;
    } catch (error) {
      if (!isKernelError(error)) throw error;
      return error.code === "NotFound" ? `no program named ${name}` : error.message;
    }
  }

  *#sourceOf(name: string): Call<Source | string> {
    const { system } = this;
    const archived = yield* unlessNotFound(system.bootProgram(name));
    const volume = this.#volume;
    if (archived !== undefined || volume === "absent") {
      const { manifest, il } = archived ?? (yield* system.spareProgram(name));
      return { manifest, il: () => textBlock(this.kernel, il), file: `manifest of ${name}`, isOurs: true };
    }
    if (volume === undefined) return "the boot volume is not mounted yet";
    const il = () => volume.il(name);
    const chosen = yield* system.manifestForThisRun(name);
    if (chosen !== "") return { manifest: chosen, il, file: `manifest of ${name}`, isOurs: false };
    const found = yield* volume.manifest(name);
    if (found === undefined) return `no program named ${name}`;
    if (typeof found === "string") return found;
    const manifest = yield* takeText(this.kernel, found);
    return { manifest, il, file: manifestPath(name), isOurs: false };
  }

  /** Where a program is to run, or why nowhere. */
  *place(program: FoundProgram): Call<PlacementAnswer | string> {
    try {
      return yield* this.system.place(program.manifest);
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
    const il = this.isStopping ? "the machine is shutting down" : yield* program.il();
    if (typeof il === "string") {
      yield* how.stdin.close();
      yield* how.stdout.close();
      return il;
    }
    return yield* this.processes.launch(place, {
      program: program.name,
      role,
      serves: program.description.services.map(({ contract }) => contract),
      restart: how.restart,
      manifest: program.manifest,
      il,
      arguments: how.arguments,
      device: how.device,
      stdin: how.stdin,
      stdout: how.stdout,
    });
  }

  *#ended(ended: StartedProcess, { status, fault }: Outcome): Call<void> {
    if (this.isStopping) return;
    // Of a program tells who started it, unless nobody waits for its end.
    if (ended.role === "program" && (fault === "" || ended.isWaitedFor)) return;
    const place = `${ended.program} (process ${ended.pid}) on ${ended.place.name}`;
    const { restart } = ended;
    if (fault === "") {
      // What it needs may be gone with a kernel, and come back with it.
      if (restart !== undefined && status !== 0 && status !== killedStatus) {
        this.unplaced.add(() => this.#tryAgain(ended.program, restart));
      }
      return yield* this.log(`${place} ended with status ${status}`);
    }
    const restarted = ended.restart === undefined ? "" : `; ${yield* ended.restart()}`;
    // Below the reason a fault tells the places in the source.
    const [reason, ...places] = fault.split("\n");
    yield* this.log([`${place} died: ${reason}${restarted}`, ...places].join("\n"));
  }

  *#tryAgain(program: string, restart: Restart): Call<void> {
    yield* this.log(`${program} had ended; ${yield* restart()}`);
  }
}

/** The status of a process that somebody has ended. */
const killedStatus = 137;

/** A call's answer, or undefined where it says that there is no such thing. */
function* unlessNotFound<T>(call: Call<T>): Call<T | undefined> {
  try {
    return yield* call;
  } catch (error) {
    if (isKernelError(error) && error.code === "NotFound") return undefined;
    throw error;
  }
}
