/**
 * SMTP front end: takes mail for the accounts of helios.test on port 25.
 *
 * One thread per connection; the net stack, the mail store and behind it the scanner are other
 * processes (paper, section 3.7.4). Implements RFC 5321 with SIZE, 8BITMIME, PIPELINING and
 * ENHANCEDSTATUSCODES; it relays nothing.
 * - At most 64 connections, and 64 MiB of messages under way; who comes beyond is told to try later.
 * - A thread that a kernel call fails in, as for want of memory, drops its own connection only.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { formatIpv4Address } from "../../net/contracts/address.ts";
import { tcpContract } from "../../net/contracts/tcp.ts";
import { mailStoreContract } from "../contracts/mail_store.ts";
import { ClientThread, type MailServer } from "./client_thread.ts";
import { Connection } from "./connection.ts";
import { MemoryBudget } from "./message_body.ts";
import { replies } from "./reply.ts";

export const program = {
  name: "Smtp",
  doc: "Takes mail for the accounts of helios.test on port 25",
  endpoints: [tcpContract, mailStoreContract],
} as const satisfies ProgramDeclaration;

type Tcp = Endpoint<typeof tcpContract, "client">;

const smtpPort = 25;
const connectionsMax = 64;
const backlog = 64;
const messageBytesMax = 64 << 20;
/** How long one wait for the net stack lasts; a machine without a cable waits again and again. */
const bindTimeoutNs = 3600e9;

class Smtp {
  readonly #kernel: Kernel;
  readonly #server: MailServer;
  #connectionCount = 0;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#server = { kernel, budget: new MemoryBudget(messageBytesMax), messageCount: 0 };
  }

  /** Takes connections until the net stack has no more; says why. */
  *serve(tcp: Tcp): Call<string> {
    yield* tcp.send("listen", { port: smtpPort, backlog });
    let answer = yield* tcp.receiveOrClosed();
    while (answer?.tag === "listening" || answer?.tag === "accepted") {
      if (answer.tag === "accepted") {
        const connection = new Connection(this.#kernel, answer.connection);
        yield* this.#admit(connection, formatIpv4Address(answer.remoteAddress));
      }
      yield* tcp.send("accept");
      answer = yield* tcp.receiveOrClosed();
    }
    return answer?.tag === "failed" ? answer.code : "the net stack is gone";
  }

  *#admit(connection: Connection, address: string): Call<void> {
    if (this.#connectionCount >= connectionsMax) {
      yield* connection.write(replies.tooManyConnections);
      return yield* connection.close();
    }
    this.#connectionCount++;
    const client = new ClientThread(this.#server, connection, address);
    try {
      yield* this.#kernel.createThread(() => this.#run(client));
    } catch (error) {
      // No thread for one client is no reason to leave the others.
      if (!isKernelError(error)) throw error;
      this.#connectionCount--;
      yield* connection.close();
    }
  }

  *#run(client: ClientThread): Program {
    try {
      yield* client.run();
    } catch (error) {
      if (!isKernelError(error)) throw error;
    } finally {
      this.#connectionCount--;
    }
  }
}

function* bindTcp(kernel: Kernel): Call<Tcp> {
  for (;;) {
    try {
      return yield* kernel.bind(tcpContract, "/service/tcp", bindTimeoutNs);
    } catch (error) {
      if (!isKernelError(error) || error.code !== "TimedOut") throw error;
    }
  }
}

export default function* main(kernel: Kernel): Program {
  const reason = yield* new Smtp(kernel).serve(yield* bindTcp(kernel));
  yield* writeText(kernel, kernel.stdout, `Cannot take mail on port ${smtpPort}: ${reason}\n`);
  return 1;
}
