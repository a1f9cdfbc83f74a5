/**
 * The thread of one mail client: carries out what its session wants done.
 *
 * Replies are collected while the session has input and sent together, as pipelining
 * clients expect (RFC 2920, section 3.2).
 * - A message is answered `250` when the store says that it is scanned and on disk.
 * - However the connection ends, a message under way is given up and its memory freed.
 */

import type { Call, Kernel } from "../../kernel/abi/kernel.ts";
import { encodeText } from "../../kernel/abi/text.ts";
import type { Connection } from "./connection.ts";
import { type MemoryBudget, MessageBody } from "./message_body.ts";
import { replies } from "./reply.ts";
import { type Action, type Envelope, pieceMax, SmtpSession } from "./session.ts";
import { StoreClient } from "./store_client.ts";
import { traceHeader } from "./trace_header.ts";

/** Replies that wait to be sent together. */
const repliesMax = 4096;

/** What all clients' threads share. */
export interface MailServer {
  readonly kernel: Kernel;
  readonly budget: MemoryBudget;
  /** Messages begun so far: the last one's id. */
  messageCount: number;
}

export class ClientThread {
  readonly #server: MailServer;
  readonly #connection: Connection;
  readonly #address: string;
  readonly #store: StoreClient;
  readonly #session = new SmtpSession();
  #body: MessageBody | undefined;
  #replies = "";

  /** `address` is the client's, dotted. */
  constructor(server: MailServer, connection: Connection, address: string) {
    this.#server = server;
    this.#connection = connection;
    this.#address = address;
    this.#store = new StoreClient(server.kernel);
  }

  *run(): Call<void> {
    try {
      yield* this.#converse();
    } finally {
      yield* this.#discard();
      yield* this.#store.close();
      yield* this.#connection.close();
    }
  }

  *#converse(): Call<void> {
    while ((yield* this.#perform()) && (yield* this.#flush())) {
      const input = yield* this.#connection.read(pieceMax);
      if (input === "ended") return;
      if (input === "idle") {
        yield* this.#connection.write(replies.idleTooLong);
        return;
      }
      this.#session.receive(input.bytes);
      yield* this.#server.kernel.free(input);
    }
  }

  /** Does what the session wants until it wants more bytes; false when the connection is to be closed. */
  *#perform(): Call<boolean> {
    for (let action = this.#session.next(); action !== undefined; action = this.#session.next()) {
      if (action.kind === "close") {
        yield* this.#flush();
        return false;
      }
      yield* this.#carryOut(action);
      if (this.#replies.length > repliesMax && !(yield* this.#flush())) return false;
    }
    return true;
  }

  *#carryOut(action: Exclude<Action, { kind: "close" }>): Call<void> {
    switch (action.kind) {
      case "reply":
        this.#replies += action.text;
        return;
      case "isAccount":
        return this.#session.lookedUp(yield* this.#store.isAccount(action.name));
      case "begin":
        return yield* this.#begin(action.envelope);
      case "body":
        return yield* this.#append(action.bytes);
      case "deliver":
        return yield* this.#deliver(action.recipients);
      case "discard":
        return yield* this.#discard();
    }
  }

  *#begin(envelope: Envelope): Call<void> {
    const { kernel, budget } = this.#server;
    const id = ++this.#server.messageCount;
    this.#body = new MessageBody(kernel, budget);
    yield* this.#append(encodeText(traceHeader(envelope, this.#address, id, yield* kernel.now())));
  }

  *#append(bytes: Uint8Array): Call<void> {
    if (yield* this.#body!.append(bytes)) return;
    this.#session.refuseMessage(replies.noMemory);
    yield* this.#discard();
  }

  *#deliver(recipients: readonly string[]): Call<void> {
    const text = yield* this.#store.save(recipients, this.#body!.take());
    yield* this.#discard();
    this.#session.delivered(text);
  }

  *#discard(): Call<void> {
    const body = this.#body;
    this.#body = undefined;
    if (body !== undefined) yield* body.release();
  }

  *#flush(): Call<boolean> {
    const text = this.#replies;
    this.#replies = "";
    return text === "" || (yield* this.#connection.write(text));
  }
}
