/**
 * The messages that wait at one end: as many slots as its contract lets messages be under way.
 *
 * As in Singularity the slots belong to the receiver, so a send finds its slot and allocates nothing;
 * here they are made with the first message, since most ends of most kernels never get one.
 * - More messages than slots cannot come: the sender's kernel checks the contract.
 */

import type { Message } from "./channel_end.ts";

export class Inbox implements Iterable<Message> {
  #slots: (Message | undefined)[] | undefined;
  #first = 0;
  length = 0;

  readonly capacity: number;

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  push(message: Message): void {
    const slots = this.#slots ??= new Array<Message | undefined>(this.capacity).fill(undefined);
    if (this.length === slots.length) {
      throw new Error(
        `Message "${message.definition.tag}" is beyond the ${this.capacity} that its contract allows`,
      );
    }
    const at = this.#first + this.length++;
    slots[at < slots.length ? at : at - slots.length] = message;
  }

  shift(): Message | undefined {
    if (this.length === 0) return undefined;
    const slots = this.#slots!;
    const message = slots[this.#first];
    slots[this.#first] = undefined;
    this.#first = this.#first + 1 === slots.length ? 0 : this.#first + 1;
    this.length--;
    return message;
  }

  /** Empties it, oldest message first. */
  takeAll(): Message[] {
    const messages = [...this];
    this.length = 0;
    this.#slots = undefined;
    this.#first = 0;
    return messages;
  }

  *[Symbol.iterator](): Iterator<Message> {
    for (let index = 0; index < this.length; index++) {
      yield this.#slots![(this.#first + index) % this.capacity]!;
    }
  }
}
