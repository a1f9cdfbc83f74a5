/**
 * Mail clients for tests: a net stack that exists only as its contract, with scripts at the far ends.
 *
 * A script is what a client sends, step by step; a step goes out when the server wants to
 * read, so when it has said all it has to say to the step before.
 * - After its last step a client closes its side, or stays silent for ever.
 * - Bytes arrive in small pieces, so that lines are cut; those of long steps in larger ones, to save time.
 */

import type { Call, Endpoint, Kernel, MessageFrom, Program } from "../../../kernel/abi/kernel.ts";
import { tcpConnectionContract, tcpContract } from "../../../net/contracts/tcp.ts";

type Connection = Endpoint<typeof tcpConnectionContract, "server">;

/** Bytes of a piece, as far as there are so many. */
const pieceBytes = 1000;

export class MailClient {
  /** What the server said before the first step, and after each. */
  readonly answers: string[] = [""];
  isClosed = false;
  /** When the server closed the connection, in virtual nanoseconds. */
  closedAtNs = 0;
  readonly #steps: Uint8Array[];
  readonly #staysSilent: boolean;
  #pending: Uint8Array = new Uint8Array(0);

  constructor(steps: readonly (string | Uint8Array)[], staysSilent = false) {
    this.#steps = steps.map((step) => typeof step === "string" ? new TextEncoder().encode(step) : step);
    this.#staysSilent = staysSilent;
  }

  /** The codes of all replies. */
  get codes(): string {
    const lines = this.answers.join("").split("\r\n");
    return lines.filter((line) => line[3] === " ").map((line) => line.slice(0, 3)).join(" ");
  }

  *converse(kernel: Kernel, connection: Connection): Program {
    for (;;) {
      const request = yield* connection.receiveOrClosed();
      if (request === undefined) break;
      yield* this.#serve(kernel, connection, request);
    }
    this.closedAtNs = yield* kernel.now();
    this.isClosed = true;
  }

  *#serve(
    kernel: Kernel,
    connection: Connection,
    request: MessageFrom<typeof tcpConnectionContract, "client">,
  ): Call<void> {
    switch (request.tag) {
      case "write":
        this.answers[this.answers.length - 1] += new TextDecoder().decode(request.data.bytes);
        yield* kernel.free(request.data);
        return yield* connection.send("written");
      case "read":
        return yield* this.#read(kernel, connection, request.maximum);
      case "cancelRead":
        return yield* connection.send("cancelled");
    }
  }

  *#read(kernel: Kernel, connection: Connection, maximum: number): Call<void> {
    if (this.#pending.length === 0) {
      const step = this.#steps.shift();
      if (step === undefined) {
        if (!this.#staysSilent) yield* connection.send("endOfStream");
        return;
      }
      this.#pending = step;
      this.answers.push("");
    }
    const piece = this.#pending.subarray(
      0,
      Math.min(maximum, Math.max(pieceBytes, this.#pending.length >> 8)),
    );
    this.#pending = this.#pending.subarray(piece.length);
    const data = yield* kernel.allocate(piece.length);
    data.bytes.set(piece);
    yield* connection.send("data", { data });
  }
}

/** The net stack: connections of `clients` come in as long as there are any. */
export function netStack(clients: MailClient[]): (kernel: Kernel) => Program {
  return function* (kernel) {
    const service = yield* kernel.register(tcpContract, "/service/tcp");
    const server = yield* service.accept();
    for (;;) {
      const request = yield* server.receive();
      if (request.tag === "listen") yield* server.send("listening", { port: request.port });
      else if (request.tag === "accept") {
        while (clients.length === 0) yield* kernel.sleep(100e6);
        const client = clients.shift()!;
        const channel = yield* kernel.createChannel(tcpConnectionContract);
        yield* kernel.createThread(() => client.converse(kernel, channel.server));
        const connection = channel.client;
        yield* server.send("accepted", { connection, remoteAddress: 0x0a000202, remotePort: 40000 });
      }
    }
  };
}
