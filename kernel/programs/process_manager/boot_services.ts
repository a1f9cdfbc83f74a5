/**
 * The second half of the boot: the services of the system manifest, in its order.
 *
 * Those of the boot archive come first, because the file system is one of them and all others are
 * loaded through it.
 * Placement counts the services that run, so before a program is placed the ones that
 * its affinities name get 3 s of virtual time to appear; what does not come has no effect.
 * - Not waited for: what the program itself or a later one of the list will serve.
 * - The log tells for each service where it runs and which pass of Figure 3 decided.
 * - A service that cannot be started costs a line in the log, never the boot.
 * - One that dies by a fault is placed and started again, three times at most: what it met, such as a
 *   message that it cannot take, may not come again. Its clients have to bind anew.
 */

import { isKernelError } from "../../abi/errors.ts";
import type { Call, Kernel, PlacementRow, Thread } from "../../abi/kernel.ts";
import type { ConsolePipes } from "./console_pipes.ts";
import type { StartedProcess } from "./process_table.ts";
import type { FoundProgram, Starter } from "./starter.ts";
import { decidedBy } from "./tables.ts";

const affinityTimeoutNs = 3e9;
/** Mounting a volume, or the first of several names while the last is still in work, takes a while. */
const registrationTimeoutNs = 10e9;
const restartsMax = 3;

/** A line of the boot list. */
interface BootService {
  readonly program: FoundProgram;
  readonly arguments: string;
  restarts: number;
}

export function* bootServices(starter: Starter, pipes: ConsolePipes): Call<void> {
  const lines = yield* starter.system.bootList();
  yield* startServices(starter, pipes, lines.filter(({ isInArchive }) => isInArchive));
  yield* starter.openVolume();
  yield* startServices(starter, pipes, lines.filter(({ isInArchive }) => !isInArchive));
}

function* startServices(
  starter: Starter,
  pipes: ConsolePipes,
  lines: readonly { readonly program: string; readonly arguments: readonly string[] }[],
): Call<void> {
  const list: BootService[] = [];
  for (const line of lines) {
    const program = yield* starter.find(line.program);
    if (typeof program === "string") yield* starter.log(`Cannot start ${line.program}: ${program}`);
    else list.push({ program, arguments: line.arguments.join("\n"), restarts: 0 });
  }
  for (const [index, service] of list.entries()) {
    const { program } = service;
    const later = list.slice(index).flatMap((line) => servicePaths(line.program));
    yield* awaitAffinities(starter, program, later);
    const started = yield* startService(starter, pipes, service);
    if (started !== undefined) yield* awaitRegistration(starter, program, started);
  }
}

function servicePaths(program: FoundProgram): string[] {
  return program.description.services.map(({ path }) => path).filter((path) => path !== "");
}

function* awaitAffinities(starter: Starter, program: FoundProgram, later: readonly string[]): Call<void> {
  const paths = program.description.affinities
    .filter(({ affinity, path }) => affinity !== 0 && path !== "" && !later.includes(path))
    .map(({ path }) => path);
  for (const path of yield* missingNames(starter.kernel, paths, affinityTimeoutNs)) {
    yield* starter.log(`${program.name} is placed without ${path}, which nobody serves`);
  }
}

function* startService(
  starter: Starter,
  pipes: ConsolePipes,
  service: BootService,
): Call<StartedProcess | undefined> {
  const launched = yield* launchService(starter, pipes, service);
  if (typeof launched === "string") {
    yield* starter.log(launched);
    return undefined;
  }
  const { started, steps } = launched;
  yield* starter.log(`${started.program} on ${started.place.name} (${decidedBy(steps)})`);
  return started;
}

interface LaunchedService {
  readonly started: StartedProcess;
  readonly steps: readonly PlacementRow[];
}

/** Places a service and starts it there, or says why that cannot be done. */
function* launchService(
  starter: Starter,
  pipes: ConsolePipes,
  service: BootService,
): Call<LaunchedService | string> {
  const { program, arguments: argumentLines } = service;
  const placement = yield* starter.place(program);
  if (typeof placement === "string") return `Cannot place ${program.name}: ${placement}`;
  const place = { name: placement.kernel, path: placement.path };
  const how = {
    ...yield* pipes.forService(program.name),
    arguments: argumentLines,
    device: "",
    restart: () => restart(starter, pipes, service),
  };
  const started = yield* starter.launch(program, place, "service", how);
  if (typeof started === "string") return `Cannot start ${program.name} on ${place.name}: ${started}`;
  return { started, steps: placement.steps };
}

function* restart(starter: Starter, pipes: ConsolePipes, service: BootService): Call<string> {
  if (service.restarts >= restartsMax) return `not started again after ${restartsMax} times`;
  service.restarts++;
  const launched = yield* launchService(starter, pipes, service);
  if (typeof launched === "string") {
    starter.unplaced.add(() => tryAgain(starter, pipes, service));
    return `not started again: ${launched}`;
  }
  return `started again on ${launched.started.place.name}`;
}

/** The services that found no place after their end: there may be one now. */
export function* startUnplaced(starter: Starter): Call<void> {
  const services = [...starter.unplaced];
  starter.unplaced.clear();
  for (const start of services) yield* start();
}

function* tryAgain(starter: Starter, pipes: ConsolePipes, service: BootService): Call<void> {
  const started = yield* startService(starter, pipes, service);
  if (started === undefined) starter.unplaced.add(() => tryAgain(starter, pipes, service));
}

function* awaitRegistration(starter: Starter, program: FoundProgram, started: StartedProcess): Call<void> {
  const paths = servicePaths(program);
  const missing = yield* missingNames(starter.kernel, paths, registrationTimeoutNs, started.watcher);
  // The end of a service is in the log already.
  if (started.outcome !== undefined || missing.length === 0) return;
  const names = missing.join(", ");
  yield* starter.log(`${program.name} has not registered ${names} within ${registrationTimeoutNs / 1e9} s`);
}

/** Waits until each name has been in the namespace; those that were not when the time was up, or that thread at its end. */
function* missingNames(
  kernel: Kernel,
  paths: readonly string[],
  timeoutNs: number,
  end?: Thread,
): Call<string[]> {
  const deadline = (yield* kernel.now()) + timeoutNs;
  const missing: string[] = [];
  for (const path of paths) if (!(yield* appears(kernel, path, deadline, end))) missing.push(path);
  return missing;
}

function* appears(
  kernel: Kernel,
  path: string,
  deadline: number,
  end: Thread | undefined,
): Call<boolean> {
  const watch = yield* kernel.watch(path);
  let isThere = false;
  for (;;) {
    isThere = yield* isName(kernel, path);
    if (isThere) break;
    const left = deadline - (yield* kernel.now());
    const occurrence = end === undefined
      ? yield* kernel.select({ watch }, left)
      : yield* kernel.select({ watch, end }, left);
    if (occurrence.on !== "watch" || occurrence.kind === "closed") break;
    yield* watch.send("next");
  }
  yield* watch.close();
  return isThere;
}

function* isName(kernel: Kernel, path: string): Call<boolean> {
  try {
    yield* kernel.enumerate(path, "children");
    return true;
  } catch (error) {
    if (isKernelError(error) && error.code === "NotFound") return false;
    throw error;
  }
}
