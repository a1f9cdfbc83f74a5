/**
 * TCP connections in programs' hands: reads that wait for data, writes that wait for room.
 *
 * Serves `tcpConnectionContract`. A connection has one request outstanding at most;
 * `progress` answers it as soon as the protocol machine allows.
 * - A write is answered when all its bytes are in the send buffer.
 * - A connection that ends while nothing is asked of it is remembered: the next request fails.
 * - Closing the endpoint closes in order, also in the middle of a write: the rest is sent first.
 */

import type { Block, Call, Endpoint, EndpointSet, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import { tcpConnectionContract } from "../contracts/tcp.ts";
import type { TcpConnection } from "../protocol/tcp/connection.ts";

type Contract = typeof tcpConnectionContract;

/** A connection and what its holder waits for. */
export interface HeldConnection {
  readonly tcp: TcpConnection;
  readonly endpoint: Endpoint<Contract, "server">;
  /** Most bytes of the answer to a `read` that waits; 0 when none does. */
  readMaximum: number;
  /** The block of a `write` that waits, from byte `writtenTo` on. */
  writing: Block | undefined;
  writtenTo: number;
  /** The holder is gone; only the rest of `writing` keeps the connection here. */
  isOrphan: boolean;
  /** The contract is at its end: nothing may be answered any more. */
  isOver: boolean;
}

export class TcpConnections {
  readonly endpoints: EndpointSet<Contract, "server", HeldConnection>;
  readonly #kernel: Kernel;
  readonly #held = new Map<TcpConnection, HeldConnection>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.endpoints = kernel.endpointSet(tcpConnectionContract, "server");
  }

  /** The client's end of a new channel for `tcp`. */
  *open(tcp: TcpConnection): Call<Endpoint<Contract, "client">> {
    const channel = yield* this.#kernel.createChannel(tcpConnectionContract);
    const held: HeldConnection = {
      tcp,
      endpoint: channel.server,
      readMaximum: 0,
      writing: undefined,
      writtenTo: 0,
      isOrphan: false,
      isOver: false,
    };
    this.#held.set(tcp, held);
    this.endpoints.add(channel.server, held);
    return channel.client;
  }

  /** The holder asks for something. */
  *serve(now: number, held: HeldConnection, message: MessageFrom<Contract, "client">): Call<void> {
    switch (message.tag) {
      case "read":
        held.readMaximum = Math.max(1, message.maximum);
        return yield* this.#progress(now, held);
      case "cancelRead":
        // The read's own answer may have crossed the cancellation, and so may the end of the connection.
        if (held.isOver) return;
        held.readMaximum = 0;
        return yield* held.endpoint.send("cancelled");
      case "write":
        held.writing = message.data;
        held.writtenTo = 0;
        return yield* this.#progress(now, held);
      case "finish":
        if (held.tcp.failure !== undefined) return yield* this.#fail(held);
        held.tcp.finish();
        return yield* held.endpoint.send("finished");
      case "abort":
        held.isOver = true;
        return held.tcp.abort();
    }
  }

  /** The holder has closed its end. */
  *close(now: number, held: HeldConnection): Call<void> {
    held.isOrphan = true;
    held.readMaximum = 0;
    yield* this.#progress(now, held);
  }

  /** Something about the connection changed: answers what waits, if that can be answered now. */
  *changed(now: number, tcp: TcpConnection): Call<void> {
    const held = this.#held.get(tcp);
    if (held !== undefined) yield* this.#progress(now, held);
  }

  *#progress(now: number, held: HeldConnection): Call<void> {
    if (held.writing !== undefined) yield* this.#write(held, held.writing);
    else if (held.readMaximum > 0) yield* this.#read(held);
    if (held.isOrphan && held.writing === undefined) {
      this.#held.delete(held.tcp);
      held.tcp.close(now);
    }
  }

  *#read(held: HeldConnection): Call<void> {
    const { tcp, endpoint } = held;
    const length = Math.min(tcp.available, held.readMaximum);
    if (length > 0) {
      held.readMaximum = 0;
      const data = yield* this.#kernel.allocate(length);
      tcp.receive(data.bytes);
      return yield* endpoint.send("data", { data });
    }
    if (tcp.endOfStream) {
      held.readMaximum = 0;
      return yield* endpoint.send("endOfStream");
    }
    if (tcp.state === "CLOSED") yield* this.#fail(held);
  }

  *#write(held: HeldConnection, block: Block): Call<void> {
    const { tcp } = held;
    held.writtenTo += tcp.send(held.writtenTo === 0 ? block.bytes : block.bytes.subarray(held.writtenTo));
    const isWhole = held.writtenTo === block.length;
    // Data may be sent in these states alone; the handshake is over when a program gets the connection.
    const isOver = tcp.state !== "ESTABLISHED" && tcp.state !== "CLOSE-WAIT";
    if (!isWhole && !isOver) return;
    held.writing = undefined;
    yield* this.#kernel.free(block);
    if (held.isOrphan) return;
    if (isWhole && tcp.failure === undefined) yield* held.endpoint.send("written");
    else yield* this.#fail(held);
  }

  *#fail(held: HeldConnection): Call<void> {
    held.readMaximum = 0;
    held.isOver = true;
    const { failure } = held.tcp;
    const code = failure === "TimedOut" ? "TimedOut" : failure === undefined ? "NotConnected" : "Reset";
    yield* held.endpoint.send("failed", { code });
  }
}
