/**
 * A session's channel to the mail store, and what the store's answers mean in SMTP.
 *
 * Bound when it is first needed, and again after the store was gone; meanwhile the
 * client is told to try again later.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { mailStoreContract, type MailStoreError, mailStorePath } from "../contracts/mail_store.ts";
import { replies, reply } from "./reply.ts";

/** Of what others say, so much is passed on: a reply line has at most 512 octets (RFC 5321, section 4.5.3.1.5). */
const reasonLengthMax = 200;

export class StoreClient {
  readonly #kernel: Kernel;
  #store: Endpoint<typeof mailStoreContract, "client"> | undefined;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Whether there is such an account; undefined when it cannot be found out. */
  *isAccount(name: string): Call<boolean | undefined> {
    const store = yield* this.#bound();
    if (store === undefined) return undefined;
    yield* store.send("isAccount", { name });
    const answer = yield* store.receiveOrClosed();
    if (answer === undefined) yield* this.close();
    return answer?.tag === "account" ? answer.exists : undefined;
  }

  /** Has a message stored; the reply for the mail client. The block is gone afterwards. */
  *save(accounts: readonly string[], data: Block): Call<string> {
    const store = yield* this.#bound();
    if (store === undefined) {
      yield* this.#kernel.free(data);
      return replies.storeUnavailable;
    }
    yield* store.send("saveMessage", { accounts: accounts.join("\n"), data });
    const answer = yield* store.receiveOrClosed();
    if (answer === undefined) yield* this.close();
    if (answer?.tag === "saveAck") return replies.stored;
    return answer?.tag === "saveNak" ? replyTo(answer.code, answer.reason) : replies.storeUnavailable;
  }

  *close(): Call<void> {
    const store = this.#store;
    this.#store = undefined;
    if (store !== undefined) yield* store.close();
  }

  *#bound(): Call<Endpoint<typeof mailStoreContract, "client"> | undefined> {
    if (this.#store !== undefined) return this.#store;
    try {
      this.#store = yield* this.#kernel.bind(mailStoreContract, mailStorePath);
    } catch (error) {
      if (!isKernelError(error)) throw error;
    }
    return this.#store;
  }
}

function replyTo(code: MailStoreError, reason: string): string {
  switch (code) {
    case "Contaminated":
      return reply(554, `5.7.1 The message is contaminated: ${printable(reason)}`);
    case "NoSpace":
      return replies.noMemory;
    case "UnknownAccount":
      return replies.unknownUser;
    case "Failed":
      return reply(451, `4.3.0 Not stored, try again later: ${printable(reason)}`);
  }
}

function printable(text: string): string {
  let kept = "";
  for (const character of text.slice(0, reasonLengthMax)) {
    kept += character >= " " && character <= "~" ? character : "?";
  }
  return kept;
}
