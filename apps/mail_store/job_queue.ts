/**
 * Jobs on their way from one thread of a process to the next, first come first served.
 *
 * - One thread takes; it sleeps while there is nothing, woken by a message on a channel
 *   inside the process, of which at most one is on its way.
 * - Bounded by who puts jobs in: each client of the store has at most one.
 */

import type { Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import type { Contract } from "../../kernel/contracts/contract.ts";

const wakeUpContract = {
  name: "mail-store-wake-up/1",
  contractName: "MailStoreWakeUpContract",
  messages: { wakeUp: { from: "client", doc: "There is a job" } },
  start: "ready",
  states: { ready: { wakeUp: "ready" } },
} as const satisfies Contract;

export class JobQueue<J> {
  readonly #bell: Endpoint<typeof wakeUpContract, "client">;
  readonly #sleeper: Endpoint<typeof wakeUpContract, "server">;
  #jobs: J[] = [];
  #sleeps = false;

  private constructor(
    bell: Endpoint<typeof wakeUpContract, "client">,
    sleeper: Endpoint<typeof wakeUpContract, "server">,
  ) {
    this.#bell = bell;
    this.#sleeper = sleeper;
  }

  static *create<J>(kernel: Kernel): Call<JobQueue<J>> {
    const { client, server } = yield* kernel.createChannel(wakeUpContract);
    return new JobQueue<J>(client, server);
  }

  *put(job: J): Call<void> {
    this.#jobs.push(job);
    if (!this.#sleeps) return;
    this.#sleeps = false;
    yield* this.#bell.send("wakeUp");
  }

  /** All jobs that wait, at least one, in the order in which they came. */
  *takeAll(): Call<readonly J[]> {
    while (this.#jobs.length === 0) {
      this.#sleeps = true;
      yield* this.#sleeper.receive();
    }
    const jobs = this.#jobs;
    this.#jobs = [];
    return jobs;
  }
}
