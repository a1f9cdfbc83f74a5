/**
 * The second stage: clean messages become files, and are answered when they are on the disk.
 *
 * Messages that came while the disk was busy are written together and share one sync, so
 * the disk's latency is paid once for all of them.
 * - Numbers follow the order of arrival. A message that could not be stored for all of
 *   its accounts is taken away again, and its numbers are given to the next.
 * - No answer goes out before the sync that covers its message.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Kernel } from "../../kernel/abi/kernel.ts";
import type { FileError } from "../../fs/contracts/file_system.ts";
import type { Account, Accounts } from "./accounts.ts";
import { answer, type Job, type Refusal } from "./job.ts";
import type { JobQueue } from "./job_queue.ts";
import type { MailDisk, NewFile } from "./mail_disk.ts";

/** Numbers tried when files are there that the store did not write. */
const numbersTriedMax = 1000;

interface StoredFile {
  readonly account: Account;
  readonly number: number;
}

interface Outcome {
  readonly job: Job;
  readonly files: readonly StoredFile[];
  readonly refusal: Refusal | undefined;
}

export class StoringStage {
  readonly #kernel: Kernel;
  readonly #disk: MailDisk;
  readonly #accounts: Accounts;

  constructor(kernel: Kernel, disk: MailDisk, accounts: Accounts) {
    this.#kernel = kernel;
    this.#disk = disk;
    this.#accounts = accounts;
  }

  *run(clean: JobQueue<Job>): Call<never> {
    for (;;) yield* this.#storeAll(yield* clean.takeAll());
  }

  *#storeAll(jobs: readonly Job[]): Call<void> {
    const outcomes: Outcome[] = [];
    for (const job of jobs) outcomes.push(yield* this.#store(job));
    let lost: Refusal | undefined;
    if (outcomes.some(({ refusal }) => refusal === undefined)) {
      const failure = yield* this.#disk.sync();
      if (failure !== undefined) lost = refusalFor(failure, "the disk");
    }
    // Backwards, so that each account's numbers are given back from the last.
    if (lost !== undefined) {
      for (const { files } of [...outcomes].reverse()) yield* this.#takeAway(files);
    }
    for (const { job, refusal } of outcomes) yield* answer(job.client, refusal ?? lost);
  }

  /** Writes the message for each account, or for none. */
  *#store(job: Job): Call<Outcome> {
    const files: StoredFile[] = [];
    const last = job.accounts.length - 1;
    for (const [index, account] of job.accounts.entries()) {
      const data = index === last ? job.data : yield* this.#copy(job.data);
      const refusal = data === undefined
        ? { code: "Failed" as const, reason: "out of memory" }
        : yield* this.#write(account, data, files);
      if (refusal === undefined) continue;
      if (index !== last) yield* this.#kernel.free(job.data);
      yield* this.#takeAway(files);
      return { job, files: [], refusal };
    }
    return { job, files, refusal: undefined };
  }

  *#copy(data: Block): Call<Block | undefined> {
    try {
      const copy = yield* this.#kernel.allocate(data.length);
      copy.bytes.set(data.bytes);
      return copy;
    } catch (error) {
      if (isKernelError(error) && error.code === "OutOfMemory") return undefined;
      throw error;
    }
  }

  /** Writes one file, and adds it to `files`; the block is gone afterwards. */
  *#write(account: Account, data: Block, files: StoredFile[]): Call<Refusal | undefined> {
    const file = yield* this.#create(account);
    if (typeof file === "string") {
      yield* this.#kernel.free(data);
      if (file === "NotFound" || file === "NotADirectory") this.#accounts.forget(account);
      return refusalFor(file, account.name);
    }
    files.push({ account, number: account.nextNumber++ });
    const failure = yield* this.#disk.fill(file, data);
    return failure === undefined ? undefined : refusalFor(failure, account.name);
  }

  /** Makes the account's next file. */
  *#create(account: Account): Call<NewFile | FileError> {
    for (let tried = 0;; tried++) {
      const file = yield* this.#disk.create(account.pathOf(account.nextNumber));
      const isTaken = file === "AlreadyExists" || file === "IsADirectory";
      if (!isTaken || tried === numbersTriedMax) return file;
      account.nextNumber++;
    }
  }

  /** Removes files again, the last first; a number whose file cannot be removed stays taken. */
  *#takeAway(files: readonly StoredFile[]): Call<void> {
    for (const { account, number } of [...files].reverse()) {
      const failure = yield* this.#disk.remove(account.pathOf(number));
      if (failure === undefined && account.nextNumber === number + 1) account.nextNumber = number;
    }
  }
}

function refusalFor(error: FileError, where: string): Refusal {
  if (error === "NoSpace") return { code: "NoSpace", reason: "the disk is full" };
  if (error === "NotFound" || error === "NotADirectory") return { code: "UnknownAccount", reason: where };
  return { code: "Failed", reason: `${where}: ${error}` };
}
