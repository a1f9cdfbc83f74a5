/**
 * A TCP port that waits for connections: LISTEN, with its two bounded queues.
 *
 * The table owns it; a user takes connections with `accept`.
 * - Half-open connections (SYN-RECEIVED) are counted against the SYN queue, complete ones
 *   against the backlog; a SYN that finds either full is dropped, and the peer tries again.
 */

import type { TcpConnection } from "./connection.ts";

export class TcpListener {
  readonly port: number;
  readonly #backlog: number;
  readonly #halfOpenCountMax: number;
  readonly #halfOpen = new Set<TcpConnection>();
  readonly #complete: TcpConnection[] = [];
  #isOpen = true;

  constructor(port: number, backlog: number, halfOpenCountMax: number) {
    this.port = port;
    this.#backlog = Math.max(1, backlog);
    this.#halfOpenCountMax = halfOpenCountMax;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Connections that `accept` would give. */
  get completeCount(): number {
    return this.#complete.length;
  }

  /** True when another SYN may be answered. */
  get hasRoom(): boolean {
    return this.#isOpen && this.#complete.length < this.#backlog &&
      this.#halfOpen.size < this.#halfOpenCountMax;
  }

  /** The oldest complete connection, or undefined. It may have ended already. */
  accept(): TcpConnection | undefined {
    return this.#complete.shift();
  }

  /** The table answers a SYN for this port. */
  addHalfOpen(connection: TcpConnection): void {
    this.#halfOpen.add(connection);
  }

  /** A half-open connection is complete or gone; true when it can be accepted now. */
  leaveHalfOpen(connection: TcpConnection): boolean {
    if (!this.#halfOpen.delete(connection) || connection.state === "CLOSED") return false;
    this.#complete.push(connection);
    return true;
  }

  /** No more connections; those that nobody took are reset. */
  close(): void {
    this.#isOpen = false;
    for (const connection of this.#halfOpen) connection.abort();
    this.#halfOpen.clear();
    for (const connection of this.#complete) connection.abort();
    this.#complete.length = 0;
  }
}
