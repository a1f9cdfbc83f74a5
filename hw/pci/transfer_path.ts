/**
 * A bus or link that carries one DMA transfer at a time.
 *
 * Devices on a shared bus share one path; a card on a PCI Express link has its own.
 * - Transfers start in the order in which they were asked for. One whose device may
 *   not master the bus is passed over and keeps its place in the queue.
 * - A transfer holds the path for the latency of a transaction and its bytes at the
 *   path's rate. A model that must not hold a bus long asks in pieces.
 * - A device that asks for more than `queueCapacity` transfers at once is a bug and throws.
 */

import type { Clock } from "../time/event_queue.ts";
import { type Duration, nanoseconds } from "../time/time.ts";

export interface TransferTiming {
  readonly bytesPerSecond: number;
  /** Arbitration, address phase and first data of each transfer, in ns. */
  readonly transactionLatencyNs: number;
}

export interface Transfer {
  readonly length: number;
  /** May it start now? */
  allowed(): boolean;
  /** Runs at the instant at which the last byte has arrived. */
  complete(): void;
}

const queueCapacity = 4096;

export class TransferPath {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #timing: TransferTiming;
  readonly #queue: Transfer[] = [];
  #busy = false;

  constructor(name: string, clock: Clock, timing: TransferTiming) {
    this.#name = name;
    this.#clock = clock;
    this.#timing = timing;
  }

  submit(transfer: Transfer): void {
    if (this.#queue.length >= queueCapacity) {
      throw new Error(`Cannot queue another transfer on ${this.#name}: ${queueCapacity} wait already`);
    }
    this.#queue.push(transfer);
    this.resume();
  }

  /** Starts the next transfer if the path is free; called also when a device was allowed to master the bus. */
  resume(): void {
    if (this.#busy) return;
    const index = this.#queue.findIndex((transfer) => transfer.allowed());
    if (index < 0) return;
    const [transfer] = this.#queue.splice(index, 1);
    this.#busy = true;
    this.#clock.after(this.#durationOf(transfer!.length), () => {
      this.#busy = false;
      // The next one starts first: what `complete` asks for queues behind those that wait.
      this.resume();
      transfer!.complete();
    });
  }

  #durationOf(length: number): Duration {
    return nanoseconds(this.#timing.transactionLatencyNs + length * 1e9 / this.#timing.bytesPerSecond);
  }
}
