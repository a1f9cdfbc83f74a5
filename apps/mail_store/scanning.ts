/**
 * The first stage: every message goes through the scanner, one after the other.
 *
 * The store keeps one channel to the scanner, bound when the first message comes,
 * because the scanner is placed away from the store and so starts after it.
 * - Without a scanner nothing is stored: the sender is told to try again.
 * - The first message waits for a scanner that is still to start. One that ended is looked for anew with
 *   each message, but not waited for: the sender is told at once.
 */

import { isKernelError, reasonOf } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import { answer, type Job, type Refusal, refuse } from "./job.ts";
import type { JobQueue } from "./job_queue.ts";

type Antivirus = Endpoint<typeof antivirusContract, "client">;

/** How long the first message waits for a scanner, which may be starting. */
const firstPatienceNs = 10e9;

type Verdict = { readonly data: Block; readonly virus: string } | { readonly unavailable: string };

export class ScanningStage {
  readonly #kernel: Kernel;
  #antivirus: Antivirus | undefined;
  #patienceNs = firstPatienceNs;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Takes messages from `incoming`; those that are clean go to `clean`. */
  *run(incoming: JobQueue<Job>, clean: JobQueue<Job>): Call<never> {
    for (;;) {
      for (const job of yield* incoming.takeAll()) yield* this.#scan(job, clean);
    }
  }

  *#scan(job: Job, clean: JobQueue<Job>): Call<void> {
    const unavailable = yield* this.#bind();
    if (unavailable !== undefined) return yield* refuse(this.#kernel, job, failed(unavailable));
    const verdict = yield* this.#check(job.data);
    if ("unavailable" in verdict) return yield* answer(job.client, failed(verdict.unavailable));
    const { data, virus } = verdict;
    if (virus === "") yield* clean.put({ ...job, data });
    else yield* refuse(this.#kernel, { ...job, data }, { code: "Contaminated", reason: virus });
  }

  /** Sees to it that there is a scanner; why there is none. */
  *#bind(): Call<string | undefined> {
    yield* this.#letGoIfEnded();
    if (this.#antivirus !== undefined) return undefined;
    const patienceNs = this.#patienceNs;
    this.#patienceNs = 0;
    try {
      this.#antivirus = yield* this.#kernel.bind(antivirusContract, antivirusPath, patienceNs);
    } catch (error) {
      if (!isKernelError(error)) throw error;
      return `there is no virus scanner: ${reasonOf(error)}`;
    }
    return undefined;
  }

  /** A scanner may have ended since the last message, and another one may be there in its place. */
  *#letGoIfEnded(): Call<void> {
    const antivirus = this.#antivirus;
    if (antivirus === undefined) return;
    const event = yield* this.#kernel.select({ antivirus }, 0);
    // Out of its turn a scanner cannot speak, so what happened is its end.
    if (event.on === "timeout") return;
    this.#antivirus = undefined;
    yield* antivirus.close();
  }

  *#check(data: Block): Call<Verdict> {
    const antivirus = this.#antivirus!;
    yield* antivirus.send("checkFile", { data });
    const verdict = yield* antivirus.receiveOrClosed();
    if (verdict === undefined) {
      this.#antivirus = undefined;
      yield* antivirus.close();
      return { unavailable: "the virus scanner ended during the check" };
    }
    return { data: verdict.data, virus: verdict.tag === "fileClean" ? "" : verdict.name };
  }
}

const failed = (reason: string): Refusal => ({ code: "Failed", reason });
