/**
 * A mail client's TCP connection: bytes in, replies out, and patience that ends.
 *
 * - A client that sends nothing, or takes nothing, for five minutes is given up
 *   (RFC 5321, section 4.5.3.2.7).
 * - One request is outstanding on the channel, so a read that waits is cancelled before
 *   anything is written.
 */

import type { Block, Call, Endpoint, Kernel } from "../../kernel/abi/kernel.ts";
import { textBlock } from "../../kernel/abi/text.ts";
import type { tcpConnectionContract } from "../../net/contracts/tcp.ts";

export const idleNs = 300e9;
/** The net stack answers a cancelled read at once, unless it is gone or in trouble. */
const cancelPatienceNs = 10e9;

export type TcpEndpoint = Endpoint<typeof tcpConnectionContract, "client">;

export class Connection {
  readonly #kernel: Kernel;
  readonly #tcp: TcpEndpoint;

  constructor(kernel: Kernel, tcp: TcpEndpoint) {
    this.#kernel = kernel;
    this.#tcp = tcp;
  }

  /** The next bytes, at most `maximum`; "idle" when none came for too long, and then there can still be written. */
  *read(maximum: number): Call<Block | "ended" | "idle"> {
    const tcp = this.#tcp;
    yield* tcp.send("read", { maximum });
    let occurrence = yield* this.#kernel.select({ tcp }, idleNs);
    if (occurrence.on === "timeout") {
      yield* tcp.send("cancelRead");
      occurrence = yield* this.#kernel.select({ tcp }, cancelPatienceNs);
    }
    if (occurrence.on === "timeout" || occurrence.kind === "closed") return "ended";
    const { message } = occurrence;
    if (message.tag === "data") return message.data;
    return message.tag === "cancelled" ? "idle" : "ended";
  }

  /** Sends text; false when the client is gone or takes nothing. */
  *write(text: string): Call<boolean> {
    const tcp = this.#tcp;
    yield* tcp.send("write", { data: yield* textBlock(this.#kernel, text) });
    const occurrence = yield* this.#kernel.select({ tcp }, idleNs);
    return occurrence.on === "tcp" && occurrence.kind === "message" && occurrence.message.tag === "written";
  }

  /** Closes in order: what was written is delivered first. */
  close(): Call<void> {
    return this.#tcp.close();
  }
}
