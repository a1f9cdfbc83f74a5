/**
 * One end of a channel, as the kernel that holds it keeps it.
 *
 * A channel has two ends and a contract. Each end has its queue of arrived messages
 * and its view of the contract's state; how messages reach the other end is the
 * business of its `delivery`, chosen per channel: local or remote.
 * - Messages of one direction carry consecutive numbers and are taken in that order,
 *   so an end can move to another kernel while messages are under way.
 * - A close is numbered like a message: the peer learns of it after all of them.
 * - A queue has as many slots as the contract lets messages be under way, no more.
 */

import type { End } from "../contracts/contract.ts";
import type { CompiledContract, CompiledMessage } from "../contracts/monitor.ts";
import type { Block } from "../memory/exchange_heap.ts";
import { WaitQueue } from "../scheduling/wait_queue.ts";
import type { Process } from "../process/process.ts";
import type { EndpointGroup } from "./endpoint_group.ts";
import { Inbox } from "./inbox.ts";

export type MessageValue = number | boolean | string | Block | ChannelEnd;

/** A message between send and receive: values in the order of the contract's fields. */
export interface Message {
  readonly definition: CompiledMessage;
  readonly values: readonly MessageValue[];
}

/** How the other end is reached. */
export interface Delivery {
  readonly kind: "local" | "remote";
  /** Where the peer is, for tables: `Program:pid@kernel` or `@kernel`. */
  describePeer(): string;
  send(sequence: number, message: Message): void;
  close(sequence: number): void;
}

/** What comes from the peer; "lost" stands for a message that this kernel had no room for. */
export type Arrival = { readonly message: Message } | "closed" | "lost";

export class ChannelEnd {
  state: number;
  /** The process that may use this end; undefined while it is in a message or the kernel's own. */
  holder: Process | undefined;
  delivery: Delivery | undefined;
  /** True when this side has closed. */
  closed = false;
  /** True when all that the peer sent before closing has arrived. */
  peerClosed = false;
  sendSequence = 0;
  receiveSequence = 0;
  /** How often this end has moved to another kernel, and how often the other end had when last heard of. */
  moves = 0;
  peerMoves = 0;
  inbox: Inbox;
  /**
   * Of each credit of the contract: what this end has left of it, if it is the credit's user; otherwise what the
   * other end may still use or has under way, as far as this end knows.
   */
  credits: Int32Array;
  readonly waiters = new WaitQueue();
  /** The set of endpoints that this one is in. */
  group: EndpointGroup | undefined;
  /** The kernel's own ends take messages by a function instead of the queue. */
  onMessage: ((message: Message) => void) | undefined;
  onClosed: (() => void) | undefined;
  /** Arrived out of order, by number. */
  readonly #early = new Map<number, Arrival>();
  #earlyCount = 0;

  #contract: CompiledContract;
  #lastNamed: CompiledMessage | undefined;

  readonly channel: number;
  readonly end: End;

  constructor(channel: number, end: End, contract: CompiledContract) {
    this.channel = channel;
    this.end = end;
    this.#contract = contract;
    this.state = contract.start;
    this.inbox = new Inbox(contract.queueMax[end]);
    this.credits = contract.credits.length === 0
      ? noCredits
      : Int32Array.from(contract.credits, ({ initial }) => initial);
  }

  get contract(): CompiledContract {
    return this.#contract;
  }

  /** An end that came before its contract was known here: nothing could be received until now. */
  learn(contract: CompiledContract): void {
    this.#contract = contract;
    this.#lastNamed = undefined;
    this.inbox = new Inbox(contract.queueMax[this.end]);
  }

  /** True when a receive would not have to wait. */
  get ready(): boolean {
    return this.inbox.length > 0 || this.peerClosed;
  }

  /** The contract's message of that name; it is the same one again and again, as a rule. */
  messageNamed(tag: string): CompiledMessage | undefined {
    const last = this.#lastNamed;
    if (last !== undefined && last.tag === tag) return last;
    return this.#lastNamed = this.#contract.messageOf.get(tag);
  }

  /** The state that follows when `message` is sent now, or -1 when the contract forbids it. */
  stateAfter(message: CompiledMessage): number {
    if (message.from !== this.end) return -1;
    if (message.uses >= 0 && this.credits[message.uses]! <= 0) return -1;
    const { transitions, messages } = this.#contract;
    return transitions[this.state * messages.length + message.index]!;
  }

  /** Sends; the contract has been checked. After the peer's close it goes nowhere. */
  send(message: Message, nextState: number): void {
    const before = this.state;
    this.state = nextState;
    this.#count(message, 1);
    const sequence = this.sendSequence++;
    try {
      this.delivery?.send(sequence, message);
    } catch (error) {
      // Its number is that of the close which follows: the peer must not wait for a message that never went.
      this.sendSequence = sequence;
      this.state = before;
      this.#count(message, -1);
      throw error;
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.group?.remove(this);
    this.delivery?.close(this.sendSequence++);
    // A thread that waits here learns that another one has closed the end.
    this.waiters.wakeAll();
  }

  /** A message from the peer, as `arrive`; nearly always its turn has come. */
  arriveMessage(sequence: number, message: Message): void {
    if (sequence !== this.receiveSequence || this.#earlyCount > 0 || this.onMessage !== undefined) {
      this.arrive(sequence, { message });
      return;
    }
    this.receiveSequence++;
    const { first } = this.waiters;
    if (first?.take !== undefined && this.inbox.length === 0 && this.group === undefined) {
      this.#follow(message);
      first.take(message);
      return;
    }
    this.inbox.push(message);
    this.group?.noteReady(this);
    this.waiters.wakeOne();
  }

  /** Something from the peer: kept until its turn has come. */
  arrive(sequence: number, arrival: Arrival): void {
    if (sequence !== this.receiveSequence) {
      this.#early.set(sequence, arrival);
      this.#earlyCount = this.#early.size;
      return;
    }
    this.#take(arrival);
    while (this.#earlyCount > 0) {
      const next = this.#early.get(this.receiveSequence);
      if (next === undefined) return;
      this.#early.delete(this.receiveSequence);
      this.#earlyCount = this.#early.size;
      this.#take(next);
    }
  }

  /** The next message for the holder, whose view of the contract's state follows it; undefined if none waits. */
  receive(): Message | undefined {
    const message = this.inbox.shift();
    if (message !== undefined) this.#follow(message);
    return message;
  }

  /** Messages that have arrived and were not received, those whose turn has not come included. */
  *waiting(): Iterable<Message> {
    yield* this.inbox;
    for (const arrival of this.#early.values()) if (typeof arrival !== "string") yield arrival.message;
  }

  /** All that has arrived and was not received, in order, with its number; for an end that moves. */
  takeUnread(): { sequence: number; arrival: Arrival }[] {
    const unread: { sequence: number; arrival: Arrival }[] = [];
    const closes = this.peerClosed ? 1 : 0;
    const first = this.receiveSequence - this.inbox.length - closes;
    this.inbox.takeAll().forEach((message, index) =>
      unread.push({ sequence: first + index, arrival: { message } })
    );
    if (closes === 1) unread.push({ sequence: this.receiveSequence - 1, arrival: "closed" });
    for (const [sequence, arrival] of [...this.#early].sort((a, b) => a[0] - b[0])) {
      unread.push({ sequence, arrival });
    }
    this.#early.clear();
    this.#earlyCount = 0;
    this.receiveSequence = first;
    this.peerClosed = false;
    return unread;
  }

  /** The other end, or what it sent, is lost: this end is as if its peer had closed behind what has arrived. */
  lose(dispose: (message: Message) => void): void {
    this.delivery = new LostDelivery(dispose);
    for (const arrival of this.#early.values()) if (typeof arrival !== "string") dispose(arrival.message);
    this.#early.clear();
    this.#earlyCount = 0;
    if (!this.peerClosed) this.#take("closed");
  }

  #follow(message: Message): void {
    const { transitions, messages } = this.#contract;
    const next = transitions[this.state * messages.length + message.definition.index]!;
    if (next < 0) {
      throw new Error(`Message "${message.definition.tag}" came to the ${this.end} in state ${this.state}`);
    }
    this.state = next;
    this.#count(message, 1);
  }

  /** Books what a message uses and gives; `sign` is -1 for one that was not sent after all. */
  #count({ definition, values }: Message, sign: 1 | -1): void {
    if (definition.uses >= 0) this.credits[definition.uses]! -= sign;
    if (definition.gives >= 0) this.credits[definition.gives]! += sign * amountGiven(definition, values);
  }

  #take(arrival: Arrival): void {
    this.receiveSequence++;
    if (arrival === "closed") {
      this.peerClosed = true;
      this.onClosed?.();
    } else if (arrival === "lost") {
      return;
    } else if (this.onMessage !== undefined && !this.closed) {
      this.#follow(arrival.message);
      this.onMessage(arrival.message);
      return;
    } else {
      this.inbox.push(arrival.message);
    }
    this.group?.noteReady(this);
    // A message is for one of those who wait, a close for all of them.
    if (arrival === "closed") this.waiters.wakeAll();
    else this.waiters.wakeOne();
  }
}

const noCredits = new Int32Array(0);

/** How much of its credit a message gives. */
export function amountGiven(definition: CompiledMessage, values: readonly unknown[]): number {
  return definition.givesField < 0 ? definition.givesAmount : values[definition.givesField] as number;
}

/** The way to an end that is lost: what is sent goes nowhere. */
export class LostDelivery implements Delivery {
  readonly kind = "remote";

  readonly dispose: (message: Message) => void;

  constructor(dispose: (message: Message) => void) {
    this.dispose = dispose;
  }

  describePeer(): string {
    return "closed";
  }

  send(_sequence: number, message: Message): void {
    this.dispose(message);
  }

  close(): void {}
}

/** Visits the blocks and the ends that a message carries. */
export function forEachCarried(
  message: Message,
  onBlock: (block: Block) => void,
  onEnd: (end: ChannelEnd) => void,
): void {
  message.definition.fields.forEach((field, index) => {
    if (field.kind === "bytes") onBlock(message.values[index] as Block);
    else if (field.kind === "endpoint") onEnd(message.values[index] as ChannelEnd);
  });
}
