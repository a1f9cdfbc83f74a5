/**
 * Port publisher: connections to a port of the host become connections to the guest.
 *
 * The host's side is a socket, the guest's side a TCP connection of the gateway's through the
 * emulated Ethernet; bytes, ends of stream and resets are carried over in both directions.
 * - All that the host brings enters the emulation as an event at `clock.now`, after `wake()`.
 * - Back-pressure: the socket is read only while the send buffer has room, and the connection
 *   only when the socket took the bytes before; so nothing piles up in between.
 * - At most 256 connections; one more, or one while no guest has an address, is closed at once.
 *
 * Sockets are Node's, not Deno's, because only they can be closed with a RST.
 */

import { createServer, type Server, type Socket } from "node:net";
import type { TcpConnection } from "../../net/protocol/tcp/connection.ts";
import type { LanHost } from "./lan_host.ts";
import { PublishError, type PublishOption } from "./publish_option.ts";

const connectionCountMax = 256;
const chunkSize = 65_536;

export class Publisher {
  /** The port that is listened to; of use when the option said 0. */
  readonly hostPort: number;
  readonly #server: Server;
  readonly #lan: LanHost;
  readonly #guestPort: number;
  readonly #wake: () => void;
  readonly #connections = new Set<PublishedConnection>();

  private constructor(server: Server, option: PublishOption, lan: LanHost, wake: () => void) {
    const address = server.address();
    this.hostPort = typeof address === "object" && address !== null ? address.port : option.hostPort;
    this.#server = server;
    this.#guestPort = option.guestPort;
    this.#lan = lan;
    this.#wake = wake;
    server.on("connection", (socket) => this.#accept(socket));
  }

  /** Listens; rejects with a PublishError when it can't. `wake` is called before something of the host's goes in. */
  static open(option: PublishOption, lan: LanHost, wake: () => void): Promise<Publisher> {
    const { hostAddress, hostPort } = option;
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
    return new Promise((resolve, reject) => {
      server.on("error", (error: Error & { code?: string }) => {
        const reason = reasonOf(error);
        reject(new PublishError(`Cannot publish ${hostAddress}:${hostPort}: ${reason}`));
      });
      server.listen(hostPort, hostAddress, () => resolve(new Publisher(server, option, lan, wake)));
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Stops listening and resets every connection, on both sides. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.reset();
    this.#lan.flush();
    return closed;
  }

  #accept(socket: Socket): void {
    const address = this.#lan.guestAddress;
    if (this.#connections.size >= connectionCountMax || address === undefined) {
      socket.on("error", () => {});
      socket.destroy();
      return;
    }
    const connection = new PublishedConnection(socket, this.#lan, this.#wake, () => {
      this.#connections.delete(connection);
    });
    this.#connections.add(connection);
    connection.connect(address, this.#guestPort);
  }
}

function reasonOf(error: Error & { code?: string }): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "permission to listen there is denied";
    case "EADDRNOTAVAIL":
      return "no interface of this host has the address";
    default:
      return error.message;
  }
}

/** One socket of the host and the TCP connection that it leads to. */
class PublishedConnection {
  readonly #socket: Socket;
  readonly #lan: LanHost;
  readonly #wake: () => void;
  readonly #onEnd: () => void;
  #guest: TcpConnection | undefined;
  /** The socket is taking bytes; the guest's next ones wait. */
  #isWriting = false;
  /** The guest's end of stream was handed to the socket. */
  #isEnded = false;
  /** The host's end of stream was read. */
  #isHostFinished = false;
  #isOver = false;

  constructor(socket: Socket, lan: LanHost, wake: () => void, onEnd: () => void) {
    this.#socket = socket;
    this.#lan = lan;
    this.#wake = wake;
    this.#onEnd = onEnd;
    socket.setNoDelay(true);
    socket.on("readable", () => this.#enter(() => this.#readHost()));
    socket.on("end", () => this.#enter(() => this.#finishHost()));
    socket.on("error", () => this.#enter(() => this.reset()));
    socket.on("close", () => this.#enter(() => this.#hostClosed()));
  }

  connect(address: number, port: number): void {
    this.#enter(() => {
      const guest = this.#lan.connect(address, port, () => this.#guestChanged());
      if (guest === "TooMany") {
        this.#end();
        return;
      }
      this.#guest = guest;
      this.#readHost();
    });
  }

  /** Ends both sides at once. */
  reset(): void {
    this.#guest?.abort();
    this.#end();
  }

  /** Does something of the host's as an event of the emulation. */
  #enter(action: () => void): void {
    if (this.#isOver) return;
    // First, so that the event is stamped with the present, not with when the machine fell asleep.
    this.#wake();
    const { clock } = this.#lan;
    clock.at(clock.now, () => {
      if (this.#isOver) return;
      action();
      this.#lan.flush();
    });
  }

  #guestChanged(): void {
    const guest = this.#guest;
    if (guest === undefined || this.#isOver) return;
    if (guest.failure !== undefined) {
      this.#end();
      return;
    }
    this.#readHost();
    this.#writeHost();
  }

  /** Host to guest: as much as fits into the send buffer. */
  #readHost(): void {
    const guest = this.#guest;
    if (guest === undefined) return;
    for (;;) {
      const count = Math.min(guest.sendSpace, this.#socket.readableLength);
      if (count === 0) break;
      const bytes: Uint8Array | null = this.#socket.read(count);
      if (bytes === null) break;
      guest.send(bytes);
    }
    // An empty read makes the stream go on, or tell its end.
    if (guest.sendSpace > 0 && this.#socket.readableLength === 0) this.#socket.read(0);
  }

  #finishHost(): void {
    this.#isHostFinished = true;
    this.#guest?.finish();
    this.#endIfDone();
  }

  /** Guest to host: one chunk at a time, so that the guest's window closes when the host is slow. */
  #writeHost(): void {
    const guest = this.#guest;
    if (guest === undefined || this.#isWriting || this.#isEnded) return;
    if (guest.available > 0) {
      const bytes = new Uint8Array(Math.min(guest.available, chunkSize));
      guest.receive(bytes);
      this.#isWriting = true;
      this.#socket.write(bytes, () =>
        this.#enter(() => {
          this.#isWriting = false;
          this.#writeHost();
        }));
    } else if (guest.endOfStream) {
      this.#isEnded = true;
      this.#socket.end();
      this.#endIfDone();
    }
  }

  /** The socket is gone; if it had not finished, the guest must not wait for more. */
  #hostClosed(): void {
    if (!this.#isHostFinished || !this.#isEnded) this.#guest?.abort();
    this.#end();
  }

  /** Both directions are finished: the guest's side closes by itself from here. */
  #endIfDone(): void {
    if (this.#isHostFinished && this.#isEnded) this.#end();
  }

  /** Lets go of both sides; a guest that reset, or vanished, resets the host's. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const guest = this.#guest;
    if (guest !== undefined) this.#lan.forget(guest);
    if (guest?.failure === "Reset" || guest?.failure === "TimedOut") this.#socket.resetAndDestroy();
    else if (!this.#isEnded) this.#socket.destroy();
    this.#onEnd();
  }
}
