/**
 * The second half of the boot: the services of the system manifest, in its order.
 *
 * Placement counts the services that run, so before a program is placed the ones that
 * its affinities name get 3 s of virtual time to appear; what does not come has no effect.
 * - Not waited for: what the program itself or a later one of the list will serve.
 * - The log tells for each service where it runs and which pass of Figure 3 decided.
 * - A service that cannot be started costs a line in the log, never the boot.
 */

import type { Call } from "../../abi/kernel.ts";
import type { ConsolePipes } from "./console_pipes.ts";
import type { StartedProcess } from "./process_table.ts";
import type { FoundProgram, Starter } from "./starter.ts";
import { decidedBy } from "./tables.ts";

const affinityTimeoutNs = 3e9;
/** Mounting a volume, or the first of several names while the last is still in work, takes a while. */
const registrationTimeoutNs = 10e9;
const pollNs = 2e6;

export function* bootServices(starter: Starter, pipes: ConsolePipes): Call<void> {
  const list: { readonly program: FoundProgram; readonly arguments: string }[] = [];
  for (const line of yield* starter.system.bootList()) {
    const program = yield* starter.find(line.program);
    if (typeof program === "string") yield* starter.log(`Cannot start ${line.program}: ${program}`);
    else list.push({ program, arguments: line.arguments.join("\n") });
  }
  for (const [index, { program, arguments: argumentLines }] of list.entries()) {
    const later = list.slice(index).flatMap((line) => servicePaths(line.program));
    yield* awaitAffinities(starter, program, later);
    const started = yield* startService(starter, pipes, program, argumentLines);
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
  for (const path of yield* missingNames(starter, paths, affinityTimeoutNs)) {
    yield* starter.log(`${program.name} is placed without ${path}, which nobody serves`);
  }
}

function* startService(
  starter: Starter,
  pipes: ConsolePipes,
  program: FoundProgram,
  argumentLines: string,
): Call<StartedProcess | undefined> {
  const { name } = program;
  const placement = yield* starter.place(program);
  if (typeof placement === "string") {
    yield* starter.log(`Cannot place ${name}: ${placement}`);
    return undefined;
  }
  const place = { name: placement.kernel, path: placement.path };
  const how = { ...yield* pipes.forService(name), arguments: argumentLines, device: "" };
  const started = yield* starter.launch(program, place, "service", how);
  if (typeof started === "string") {
    yield* starter.log(`Cannot start ${name} on ${place.name}: ${started}`);
    return undefined;
  }
  yield* starter.log(`${name} on ${place.name} (${decidedBy(placement.steps)})`);
  return started;
}

function* awaitRegistration(starter: Starter, program: FoundProgram, started: StartedProcess): Call<void> {
  const hasEnded = () => started.outcome !== undefined;
  const missing = yield* missingNames(starter, servicePaths(program), registrationTimeoutNs, hasEnded);
  // The end of a service is in the log already.
  if (hasEnded() || missing.length === 0) return;
  const names = missing.join(", ");
  yield* starter.log(`${program.name} has not registered ${names} within ${registrationTimeoutNs / 1e9} s`);
}

/** Waits until all names are in the namespace; those that are not when the time is up. */
function* missingNames(
  starter: Starter,
  paths: readonly string[],
  timeoutNs: number,
  giveUp: () => boolean = () => false,
): Call<string[]> {
  const { kernel } = starter;
  const deadline = (yield* kernel.now()) + timeoutNs;
  for (;;) {
    if (paths.length === 0) return [];
    const names = new Set((yield* kernel.enumerate("/")).map(({ path }) => path));
    const missing = paths.filter((path) => !names.has(path));
    if (missing.length === 0 || giveUp() || (yield* kernel.now()) >= deadline) return missing;
    yield* kernel.sleep(pollNs);
  }
}
