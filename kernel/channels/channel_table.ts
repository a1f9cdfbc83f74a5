/**
 * The channels of one kernel: ends that are here, and ends that went elsewhere.
 *
 * An end keeps its number for life, whichever kernel holds it. When one leaves inside
 * a message, its peer is told where it went; what still comes here for it is sent on
 * for as long as the end lives, since it may come by a third kernel, at any time.
 * - When both ends of a channel meet on one kernel, it becomes local.
 * - An end that was closed stays known until its peer has closed too, so that what is
 *   under way to it can be dealt with.
 */

import { CallError } from "../calls/errors.ts";
import type { End } from "../contracts/contract.ts";
import type { CompiledContract } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import { RemoteDelivery } from "../remote/remote_delivery.ts";
import type { RemotePeer } from "../remote/remote_peer.ts";
import type { TravellingEnd } from "../remote/marshal.ts";
import { type Arrival, ChannelEnd, forEachCarried, LostDelivery, type Message } from "./channel_end.ts";
import { connectLocally, LocalDelivery } from "./local_delivery.ts";

interface Forwarding {
  readonly to: number;
  readonly contract: CompiledContract;
}

/** Kernel index in the top eight bits, so that numbers are unique over all kernels. */
const serialBits = 24;

const otherEnd = (end: End): End => end === "client" ? "server" : "client";
const keyOf = (channel: number, end: End): number => channel * 2 + (end === "client" ? 0 : 1);

export class ChannelTable {
  readonly #kernel: Kernel;
  readonly #ends = new Map<number, ChannelEnd>();
  readonly #forwardings = new Map<number, Forwarding>();
  /** Serials below 16 are for the channels that exist from the start. */
  #nextSerial = 16;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** All ends here, in the order of their channels' numbers. */
  get ends(): ChannelEnd[] {
    return [...this.#ends.entries()].sort((a, b) => a[0] - b[0]).map(([, end]) => end);
  }

  /** A new channel with both ends here. */
  create(contract: CompiledContract): { client: ChannelEnd; server: ChannelEnd } {
    const serial = this.#nextSerial++;
    if (serial >= 2 ** serialBits) throw new Error("This kernel has made more channels than it can number");
    const channel = this.#kernel.index * 2 ** serialBits + serial;
    const client = this.#enter(new ChannelEnd(channel, "client", contract));
    const server = this.#enter(new ChannelEnd(channel, "server", contract));
    this.#connect(client, server);
    return { client, server };
  }

  /** One end of a channel that two kernels agreed on when they met: number `serial` of kernel `owner`. */
  createFixed(
    owner: number,
    serial: number,
    end: End,
    contract: CompiledContract,
    peerKernel: number,
  ): ChannelEnd {
    const created = this.#enter(new ChannelEnd(owner * 2 ** serialBits + serial, end, contract));
    created.delivery = new RemoteDelivery(this.#kernel.peer(peerKernel), created);
    return created;
  }

  /** True when an end is here, or was and its messages are sent on. */
  knows(channel: number, end: End): boolean {
    const key = keyOf(channel, end);
    return this.#ends.has(key) || this.#forwardings.has(key);
  }

  contractOf(channel: number, end: End): CompiledContract | undefined {
    const key = keyOf(channel, end);
    const here = this.#ends.get(key);
    if (here === undefined) return this.#forwardings.get(key)?.contract;
    this.learnContract(here);
    return here.contract;
  }

  /** An end may have come before the program that brings its contract: it is looked up again when it matters. */
  learnContract(end: ChannelEnd): void {
    const { name, digest, stateNames } = end.contract;
    if (stateNames.length > 0) return;
    const known = this.#kernel.contracts.find(name, digest);
    if (known !== undefined) end.learn(known);
  }

  /** Closes an end that is here, whoever held it, and frees what waits for it. */
  close(end: ChannelEnd): void {
    if (end.closed) return;
    end.holder?.ends.delete(end);
    end.holder = undefined;
    for (const message of end.inbox.takeAll()) this.dispose(message);
    end.close();
    this.#forgetIfDone(end);
  }

  /** Frees the blocks and closes the ends that a message carries. */
  dispose(message: Message): void {
    forEachCarried(message, (block) => this.#kernel.heap.free(block), (end) => this.close(end));
  }

  /** Something for an end came from another kernel. */
  arrived(channel: number, end: End, sequence: number, arrival: Arrival): void {
    const key = keyOf(channel, end);
    const here = this.#ends.get(key);
    // It may have been lost while what the message carries was copied.
    if (here !== undefined && !(here.delivery instanceof LostDelivery)) {
      here.arrive(sequence, arrival);
      if (here.closed) { for (const message of here.inbox.takeAll()) this.dispose(message); }
      this.#forgetIfDone(here);
      return;
    }
    const forwarding = this.#forwardings.get(key);
    if (forwarding === undefined) {
      if (typeof arrival !== "string") this.dispose(arrival.message);
      return;
    }
    this.#forward(forwarding.to, channel, end, sequence, arrival);
  }

  /** A kernel is gone or cut off: ends whose peer it held are alone, and what went there is not sent on. */
  loseKernel(peer: RemotePeer): void {
    for (const [key, { to }] of [...this.#forwardings]) if (to === peer.index) this.#forwardings.delete(key);
    for (const end of this.ends) {
      if (end.delivery instanceof RemoteDelivery && end.delivery.peer === peer) this.#lose(end);
    }
  }

  /** The channel of an end is broken somewhere on its way. */
  lose(channel: number, end: End): void {
    const here = this.#ends.get(keyOf(channel, end));
    if (here !== undefined) this.#lose(here);
  }

  /** True when both ends are here. */
  isLocal(channel: number, end: End): boolean {
    return this.#ends.get(keyOf(channel, end))?.delivery instanceof LocalDelivery;
  }

  #lose(end: ChannelEnd): void {
    this.#kernel.note(`channel ${end.channel} is lost to its ${end.end}`);
    end.lose((message) => this.dispose(message));
    if (end.closed) { for (const message of end.inbox.takeAll()) this.dispose(message); }
    this.#forgetIfDone(end);
  }

  /** Lets an end reach its other end on kernel `location`; without a way there, as between two cards, it is alone. */
  #reach(end: ChannelEnd, location: number): void {
    const kernel = this.#kernel;
    const peer = kernel.findPeer(location);
    if (peer !== undefined && !peer.isCutOff) {
      end.delivery = new RemoteDelivery(peer, end);
      return;
    }
    if (!kernel.lost.has(location)) {
      kernel.say(
        `${kernel.name} has no connection to kernel ${location}: channel ${end.channel} ` +
          `(${end.contract.name}) is closed`,
      );
    }
    this.#lose(end);
  }

  /** How much an end here has received; undefined when it is not here. */
  arrivalsOf(channel: number, end: End): { readonly received: number; readonly isLost: boolean } | undefined {
    const here = this.#ends.get(keyOf(channel, end));
    return here && { received: here.receiveSequence, isLost: here.delivery instanceof LostDelivery };
  }

  /** The kernel that an end has moved to from here. */
  movedTo(channel: number, end: End): number | undefined {
    const key = keyOf(channel, end);
    return this.#ends.has(key) ? undefined : this.#forwardings.get(key)?.to;
  }

  /** A message for an end came and could not be taken: the channel ends here, as if its peer had closed. */
  lost(channel: number, end: End, sequence: number): void {
    const key = keyOf(channel, end);
    const forwarding = this.#forwardings.get(key);
    if (forwarding !== undefined) {
      this.#kernel.findPeer(forwarding.to)?.sendClose(channel, end, sequence);
      return;
    }
    const here = this.#ends.get(key);
    if (here === undefined) return;
    this.#kernel.note(`channel ${channel} is closed: no memory for a message to its ${end}`);
    this.close(here);
    here.arrive(sequence, "lost");
    this.#forgetIfDone(here);
  }

  /** Gives an end away to kernel `to`; `follow` sends after it what it had not received. */
  depart(end: ChannelEnd, to: number): { travelling: TravellingEnd; follow: () => void } {
    const { channel, delivery } = end;
    const unread = end.takeUnread();
    const travelling: TravellingEnd = {
      channel,
      end: end.end,
      contract: end.contract.name,
      digest: end.contract.digest,
      state: end.state,
      credits: end.credits,
      sendSequence: end.sendSequence,
      receiveSequence: end.receiveSequence,
      moves: end.moves + 1,
      peerMoves: end.peerMoves,
      peerKernel: delivery instanceof RemoteDelivery ? delivery.peer.index : this.#kernel.index,
    };
    this.#ends.delete(keyOf(channel, end.end));
    end.holder?.ends.delete(end);
    this.#forwardings.set(keyOf(channel, end.end), { to, contract: end.contract });
    if (delivery instanceof RemoteDelivery) {
      if (delivery.peer.index !== to) {
        delivery.peer.sendMoved(channel, otherEnd(end.end), to, travelling.moves);
      }
    } else if (delivery instanceof LocalDelivery) {
      delivery.peer.delivery = new RemoteDelivery(this.#kernel.peer(to), delivery.peer);
      delivery.peer.peerMoves = travelling.moves;
    }
    const follow = () => {
      for (const { sequence, arrival } of unread) this.#forward(to, channel, end.end, sequence, arrival);
    };
    return { travelling, follow };
  }

  /** Takes an end that came from another kernel, in a field that says `expected` of its contract. */
  adopt(travelling: TravellingEnd, expected: CompiledContract | undefined): ChannelEnd {
    const known = this.#kernel.contracts.find(travelling.contract, travelling.digest);
    // A contract that nobody here knows is derived from the expected one, and numbers messages and states as that
    // does; a kernel that only passes an end on, as the coordinator does for a bind, need not know any.
    const contract = known ?? expected ?? opaqueContract(travelling);
    const end = new ChannelEnd(travelling.channel, travelling.end, contract);
    end.state = travelling.state;
    end.credits = travelling.credits;
    end.sendSequence = travelling.sendSequence;
    end.receiveSequence = travelling.receiveSequence;
    end.moves = travelling.moves;
    end.peerMoves = travelling.peerMoves;
    this.#forwardings.delete(keyOf(end.channel, end.end));
    this.#enter(end);
    const peer = this.#ends.get(keyOf(end.channel, otherEnd(end.end)));
    if (peer !== undefined) {
      this.#connect(...(end.end === "client" ? [end, peer] as const : [peer, end] as const));
      end.peerMoves = peer.moves;
      peer.peerMoves = end.moves;
      this.#kernel.note(`channel ${end.channel} became local`);
    } else if (travelling.peerKernel === this.#kernel.index) {
      // The peer left in the meantime, and its new place knows this one from its forwarding.
      const forwarding = this.#forwardings.get(keyOf(end.channel, otherEnd(end.end)));
      if (forwarding !== undefined) this.#reach(end, forwarding.to);
      else this.#lose(end);
    } else {
      this.#reach(end, travelling.peerKernel);
    }
    for (const kernelPeer of this.#kernel.peers) kernelPeer.retryEarly(end.channel, end.end);
    return end;
  }

  /**
   * The other end of the channel that `end` is on now lives on kernel `location`. News of several moves may come
   * by different ways and out of order; only what is newer than all before counts, and without any the messages
   * still arrive, by a longer way.
   */
  peerMoved(channel: number, end: End, location: number, moves: number): void {
    const key = keyOf(channel, end);
    const here = this.#ends.get(key);
    if (here === undefined) {
      const to = this.#forwardings.get(key)?.to;
      if (to !== undefined) this.#kernel.peer(to).sendMoved(channel, end, location, moves);
    } else if (location !== this.#kernel.index && moves > here.peerMoves) {
      here.peerMoves = moves;
      if (!(here.delivery instanceof LostDelivery)) this.#reach(here, location);
    }
  }

  /** An end that left is gone for good: nothing more comes for it. */
  settled(channel: number, end: End): void {
    this.#forwardings.delete(keyOf(channel, end));
  }

  #forward(to: number, channel: number, end: End, sequence: number, arrival: Arrival): void {
    const peer = this.#kernel.peer(to);
    if (typeof arrival === "string") return peer.sendClose(channel, end, sequence);
    try {
      peer.sendMessage(channel, end, sequence, arrival.message);
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#kernel.note(`channel ${channel} is closed: ${error.message}`);
      this.dispose(arrival.message);
      peer.sendClose(channel, end, sequence);
    }
  }

  #enter(end: ChannelEnd): ChannelEnd {
    this.#ends.set(keyOf(end.channel, end.end), end);
    return end;
  }

  #connect(client: ChannelEnd, server: ChannelEnd): void {
    connectLocally(client, server, this.#kernel.channels, (text) => this.#kernel.note(text));
  }

  #forgetIfDone(end: ChannelEnd): void {
    this.#forget(end);
    if (end.delivery instanceof LocalDelivery) this.#forget(end.delivery.peer);
  }

  /** Once both sides have closed and all messages to the end have come, kernels that it was on need not send any on. */
  #forget(end: ChannelEnd): void {
    if (!end.closed || !end.peerClosed || !this.#ends.delete(keyOf(end.channel, end.end))) return;
    if (end.moves > 0) { for (const peer of this.#kernel.peers) peer.sendSettled(end.channel, end.end); }
  }
}

/** All that an end's contract is to a kernel that cannot receive its messages. */
function opaqueContract({ contract, digest, state }: TravellingEnd): CompiledContract {
  return {
    name: contract,
    contractName: contract,
    base: undefined,
    addsOnlyFor: { client: false, server: false },
    messages: [],
    messageOf: new Map(),
    credits: [],
    stateNames: [],
    transitions: new Int16Array(0),
    start: state,
    queueMax: { client: 0, server: 0 },
    digest,
  };
}
