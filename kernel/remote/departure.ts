/**
 * What leaves this kernel with a message: texts get blocks of their own, blocks are lent, ends move away.
 *
 * Apart from the peer because a message of plain fields, as most are, needs none of it.
 * - Without memory for a text nothing has left: the blocks of earlier texts are freed, and CallError is thrown.
 * - What an end had not received follows it, so `afterwards` is to be called when the message is on its way.
 */

import { CallError } from "../calls/errors.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import type { Loans } from "./loans.ts";
import type { Departure } from "./marshal.ts";

/** For a message whose fields stand in the record. */
export const nothingLeaves: Departure = {
  textBlock: () => {
    throw new Error("There is no text");
  },
  blockLeaves: () => {},
  endLeaves: () => {
    throw new Error("There is no end");
  },
};

/** For a message to kernel `to`; `afterwards` gets what is to happen when it has left. */
export function departureFrom(
  kernel: Kernel,
  to: number,
  loans: Loans,
  afterwards: (() => void)[],
): Departure {
  const texts: Block[] = [];
  return {
    textBlock: (text) => {
      const block = kernel.allocateKernelBlock(text.length);
      if (block === undefined) {
        for (const earlier of texts) kernel.heap.free(earlier);
        throw new CallError(
          "OutOfMemory",
          `${kernel.name} has no memory for a text of ${text.length} bytes`,
        );
      }
      texts.push(block);
      block.bytes.set(text);
      return block;
    },
    blockLeaves: (block) => loans.lend(block),
    endLeaves: (carried) => {
      const { travelling, follow } = kernel.channels.depart(carried, to);
      afterwards.push(follow);
      return travelling;
    },
  };
}
