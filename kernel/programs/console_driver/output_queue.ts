/**
 * What waits to be shown: one block for each pipe that has written.
 *
 * A pipe's write is answered when its last byte has left the UART's FIFO, so no
 * pipe has more than one block here and the queue is as long as there are pipes.
 * - Blocks go out whole, in the order in which they came: lines of two programs mix
 *   only where a program itself wrote a line in pieces.
 */

import { unlessClosed } from "../../abi/errors.ts";
import type { Block, Call, Endpoint, Kernel } from "../../abi/kernel.ts";
import type { pipeContract } from "../../contracts/pipe.ts";
import { transmitFifoSize, type Uart } from "./uart.ts";

export interface OutputPipe {
  readonly endpoint: Endpoint<typeof pipeContract, "server">;
  /** The writer is gone; what it wrote is shown all the same. */
  closed: boolean;
}

interface Outgoing {
  readonly pipe: OutputPipe;
  readonly block: Block;
  shown: number;
}

export class OutputQueue {
  readonly #kernel: Kernel;
  readonly #uart: Uart;
  readonly #waiting: Outgoing[] = [];
  #fifoIsEmpty = false;

  constructor(kernel: Kernel, uart: Uart) {
    this.#kernel = kernel;
    this.#uart = uart;
  }

  get length(): number {
    return this.#waiting.length;
  }

  *add(pipe: OutputPipe, block: Block): Call<void> {
    this.#waiting.push({ pipe, block, shown: 0 });
    if (this.#fifoIsEmpty) yield* this.fill();
  }

  /** To be called whenever the UART says that its transmitter is empty. */
  *fill(): Call<void> {
    this.#fifoIsEmpty = true;
    for (;;) {
      const head = this.#waiting[0];
      if (head === undefined) return;
      if (head.shown < head.block.length) {
        const piece = head.block.bytes.slice(head.shown, head.shown + transmitFifoSize);
        head.shown += piece.length;
        this.#fifoIsEmpty = false;
        yield* this.#uart.transmit(piece);
        return;
      }
      this.#waiting.shift();
      yield* this.#kernel.free(head.block);
      if (!head.pipe.closed) yield* unlessClosed(head.pipe.endpoint.send("written"));
    }
  }
}
