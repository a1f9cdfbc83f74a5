/**
 * One message on its way through the store, and how its sender gets the answer.
 *
 * - A client may go while its message is under way; the message is stored all the same,
 *   and the answer goes nowhere.
 */

import { unlessClosed } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import type { mailStoreContract, MailStoreError } from "../contracts/mail_store.ts";
import type { Account } from "./accounts.ts";

export interface Client {
  readonly endpoint: Endpoint<typeof mailStoreContract, "server">;
  isGone: boolean;
}

export interface Job {
  readonly client: Client;
  /** At least one, each once. */
  readonly accounts: readonly Account[];
  /** The message; at least one byte. */
  readonly data: Block;
}

export interface Refusal {
  readonly code: MailStoreError;
  readonly reason: string;
}

/** Tells the client that its message is stored, or why not. */
export function* answer(client: Client, refusal: Refusal | undefined): Call<void> {
  if (client.isGone) return;
  // The thread that hears the clients may learn of a client's end just now.
  const { endpoint } = client;
  yield* unlessClosed(
    refusal === undefined
      ? endpoint.send("saveAck")
      : endpoint.send("saveNak", { code: refusal.code, reason: refusal.reason }),
  );
}

/** Gives a message up, with its bytes. */
export function* refuse(kernel: Kernel, job: Job, refusal: Refusal): Call<void> {
  yield* kernel.free(job.data);
  yield* answer(job.client, refusal);
}
