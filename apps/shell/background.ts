/**
 * Programs in the background: the shell hears of each one's end, and tells of those that died.
 *
 * Each has a channel of its own to the process manager, on which `wait` is answered when the program ends.
 * - Nothing is said of a program that ended by itself: what it wrote says what came of it.
 * - Ends wait in their channels until the shell looks, so it tells of them between two commands, never within.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Call, EndpointSet, Kernel, Occurrence } from "../../kernel/abi/kernel.ts";
import type { processManagerContract } from "../../kernel/contracts/process_manager.ts";
import type { Result } from "./command.ts";
import type { StartedProgram } from "./foreground.ts";

type Ends = EndpointSet<typeof processManagerContract, "client", BackgroundProgram>;
export type EndOccurrence = Extract<Occurrence<{ readonly ended: Ends }>, { readonly on: "ended" }>;

export interface BackgroundProgram {
  readonly name: string;
  readonly pid: number;
  readonly kernel: string;
}

export interface Death {
  readonly name: string;
  readonly result: Result;
}

/** What is said of a program that died. */
export function deathOf({ name, pid, kernel }: BackgroundProgram, status: number, fault: string): Result {
  const fields = { pid, program: name, kernel, fault };
  const error = `${name} (process ${pid}) on ${kernel} died: ${fault}`;
  return { status: status === 0 ? 1 : status, fields, error };
}

export class BackgroundPrograms {
  /** For `select`: fires when one has ended. */
  readonly ends: Ends;
  readonly #kernel: Kernel;

  constructor(kernel: Kernel, ends: Ends) {
    this.#kernel = kernel;
    this.ends = ends;
  }

  /** Takes the program's channel to the process manager. */
  *add({ name, manager, pid, kernel }: StartedProgram): Call<void> {
    this.ends.add(manager, { name, pid, kernel });
    yield* unlessClosed(manager.send("wait", { pid }));
  }

  /** Those that have died; waits so long for the first of them. */
  *deaths(timeoutNs: number): Call<readonly Death[]> {
    const deaths: Death[] = [];
    while (this.ends.size > 0) {
      const event = yield* this.#kernel.select({ ended: this.ends }, deaths.length > 0 ? 0 : timeoutNs);
      if (event.on !== "ended") break;
      const death = yield* this.take(event);
      if (death !== undefined) deaths.push(death);
    }
    return deaths;
  }

  /** What is to be told of an end, if anything. */
  *take(event: EndOccurrence): Call<Death | undefined> {
    if (event.kind === "closed") return;
    this.ends.remove(event.endpoint);
    yield* event.endpoint.close();
    if (event.message.tag !== "exited" || event.message.fault === "") return;
    const { status, fault } = event.message;
    return { name: event.data.name, result: deathOf(event.data, status, fault) };
  }
}
