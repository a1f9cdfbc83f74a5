/**
 * A mail client's TCP connection: bytes in, replies out, and patience that ends.
 *
 * - A client that sends nothing, or takes nothing, for five minutes is given up
 *   (RFC 5321, section 4.5.3.2.7).
 * - One request is outstanding on the channel, so a read that waits is cancelled before
 *   anything is written.
 */

import type { Block, Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
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
    const message = yield* this.#next(idleNs);
    if (message === "timeout") return yield* this.#cancelRead();
    return message?.tag === "data" ? message.data : "ended";
  }

  /** The answer to the read may have crossed the cancellation: then it comes before `cancelled`. */
  *#cancelRead(): Call<Block | "ended" | "idle"> {
    const tcp = this.#tcp;
    yield* tcp.send("cancelRead");
    const first = yield* this.#next(cancelPatienceNs);
    if (first === undefined || first === "timeout") return "ended";
    if (first.tag === "cancelled") return "idle";
    if (first.tag !== "data") return "ended";
    const second = yield* this.#next(cancelPatienceNs);
    if (second !== undefined && second !== "timeout" && second.tag === "cancelled") return first.data;
    yield* this.#kernel.free(first.data);
    return "ended";
  }

  /** The next message; undefined when the connection is closed. */
  *#next(
    patienceNs: number,
  ): Call<MessageFrom<typeof tcpConnectionContract, "server"> | "timeout" | undefined> {
    const tcp = this.#tcp;
    const occurrence = yield* this.#kernel.select({ tcp }, patienceNs);
    if (occurrence.on === "timeout") return "timeout";
    return occurrence.on === "tcp" && occurrence.kind === "message" ? occurrence.message : undefined;
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
