/**
 * One IPv4 interface: frames in, packets out to the upper layers, and back.
 *
 * It ties the protocol machines of one NIC together (Ethernet, ARP, IPv4 and its
 * fragments); no kernel calls, so it is tested with plain objects.
 * - `receive` answers with the packet for the upper layers; it still lies in the frame's
 *   block, which stays the caller's.
 * - `send` writes into a block of the pool, which ends up in `outgoing`, or in `looped` when
 *   it is for ourselves (our address, or 127.0.0.0/8): feed that to `receive`.
 * - Whatever cannot be taken or sent is dropped and counted by reason.
 */

import type { Block } from "../../kernel/abi/kernel.ts";
import {
  broadcastAddress,
  broadcastMac,
  isGroupAddress,
  isSameSubnet,
  unspecifiedAddress,
} from "../protocol/address.ts";
import { type ArpMalformation, arpMessage, parseArp, writeArp } from "../protocol/arp.ts";
import { ArpTable } from "../protocol/arp_table.ts";
import { DropCounter } from "../protocol/drop_counter.ts";
import {
  ethernetHeader,
  type EthernetMalformation,
  etherTypes,
  parseEthernet,
  writeEthernet,
} from "../protocol/ethernet.ts";
import { Ipv4Reassembly } from "../protocol/ipv4_reassembly.ts";
import {
  fragmentsOf,
  ipv4Header,
  type Ipv4Malformation,
  type Ipv4Packet,
  ipv4PayloadMax,
  parseIpv4,
  writeIpv4,
} from "../protocol/ipv4.ts";
import { type FramePool, poolSize } from "./frame_pool.ts";

/** Frames that wait for the driver; more are dropped. */
const outgoingMax = 256;
const loopedMax = 64;

export type InterfaceDropReason =
  | EthernetMalformation
  | ArpMalformation
  | Ipv4Malformation
  | "frame type is neither IPv4 nor ARP"
  | "packet is not for us"
  | "no frame is free"
  | "the queue to the driver is full";

/** Why a packet was not sent; what happens later nobody knows. */
export type SendFailure = "Unreachable" | "TooLong" | "Busy";

export interface InterfaceAddress {
  readonly address: number;
  readonly subnetMask: number;
  readonly router: number | undefined;
}

/** Where the IPv4 payload starts in a frame that we send. */
export const payloadAt = ethernetHeader.size + ipv4Header.size;

export const isLoopback = (address: number): boolean => address >>> 24 === 127;

export class IpInterface {
  readonly mac: number;
  readonly mtu: number;
  readonly drops = new DropCounter<InterfaceDropReason>();
  readonly arp = new ArpTable();
  readonly reassembly = new Ipv4Reassembly();
  /** Frames for the driver, oldest first. */
  readonly outgoing: Block[] = [];
  /** Frames for ourselves, oldest first. */
  readonly looped: Block[] = [];
  readonly #pool: FramePool;
  #configured: InterfaceAddress | undefined = undefined;
  #identification = 0;

  constructor(mac: number, mtu: number, pool: FramePool) {
    this.mac = mac;
    this.mtu = mtu;
    this.#pool = pool;
  }

  get configured(): InterfaceAddress | undefined {
    return this.#configured;
  }

  configure(address: InterfaceAddress | undefined): void {
    this.#configured = address;
  }

  /** Longest payload of an IPv4 packet in one frame. */
  get payloadSizeMax(): number {
    return this.mtu - ipv4Header.size;
  }

  /** The address that a packet to `destination` comes from; undefined while we have none. */
  sourceFor(destination: number): number | undefined {
    return isLoopback(destination) ? destination : this.#configured?.address;
  }

  /** True when a packet to `address` has somewhere to go. */
  isReachable(address: number): boolean {
    return this.#isLocal(address) || this.#neighbourFor(address) !== undefined;
  }

  /** True when `take` would find a block. */
  get hasFreeFrame(): boolean {
    return this.#pool.available > 0;
  }

  #isLocal(address: number): boolean {
    return address === this.#configured?.address || isLoopback(address);
  }

  // -------------------------------------------------------------- receiving

  /** Takes a frame's bytes; a whole packet for us comes out, ARP is dealt with here. */
  receive(now: number, bytes: Uint8Array): Ipv4Packet | undefined {
    const frame = parseEthernet(bytes);
    if (typeof frame === "string") return this.#drop(frame);
    if (frame.etherType === etherTypes.arp) return this.#receiveArp(now, frame.payload);
    if (frame.etherType !== etherTypes.ipv4) return this.#drop("frame type is neither IPv4 nor ARP");
    const packet = parseIpv4(frame.payload);
    if (typeof packet === "string") return this.#drop(packet);
    if (!this.#isForUs(packet.destination, frame.source)) return this.#drop("packet is not for us");
    return packet.isFragment ? this.reassembly.add(now, packet) : packet;
  }

  #isForUs(destination: number, sourceMac: number): boolean {
    const own = this.#configured;
    // Before we have an address, only the DHCP client listens; its server writes to our MAC (RFC 2131, 4.1).
    if (own === undefined || destination === own.address || destination === broadcastAddress) return true;
    // Loopback addresses must not come off the wire (RFC 1122 section 3.2.1.3); our own frames bear our MAC.
    if (isLoopback(destination)) return sourceMac === this.mac;
    return this.#isSubnetBroadcast(destination, own);
  }

  #isSubnetBroadcast(destination: number, own: InterfaceAddress): boolean {
    return isSameSubnet(destination, own.address, own.subnetMask) &&
      (destination | own.subnetMask) >>> 0 === broadcastAddress;
  }

  #receiveArp(now: number, payload: Uint8Array): undefined {
    const message = parseArp(payload);
    if (typeof message === "string") return this.#drop(message);
    const own = this.#configured?.address;
    const isForUs = message.targetAddress === own;
    if (message.senderAddress !== unspecifiedAddress && message.senderAddress !== own) {
      const waiting = this.arp.confirm(now, message.senderAddress, message.senderMac, isForUs);
      for (const packet of waiting) this.#sendKept(packet, message.senderMac);
    }
    if (isForUs && message.operation === "request") {
      this.#sendArp("reply", message.senderMac, message.senderMac, message.senderAddress);
    }
    return undefined;
  }

  #drop(reason: InterfaceDropReason): undefined {
    this.drops.count(reason);
    return undefined;
  }

  // -------------------------------------------------------------- sending

  /**
   * Sends a packet of `payloadLength` bytes, which `write` puts into the bytes at the offset
   * given; in fragments when it is longer than a frame. Returns why not, or undefined when it
   * is on its way.
   */
  send(
    now: number,
    source: number,
    destination: number,
    protocol: number,
    payloadLength: number,
    write: (bytes: Uint8Array, at: number) => void,
  ): SendFailure | undefined {
    if (payloadLength > this.payloadSizeMax) {
      return this.#sendFragments(now, source, destination, protocol, payloadLength, write);
    }
    const block = this.take();
    if (block === undefined) return "Busy";
    block.window(0, payloadAt + payloadLength);
    write(block.bytes, payloadAt);
    return this.dispatch(now, block, source, destination, protocol, payloadLength);
  }

  /** Unless there is a frame for every fragment nothing is sent: part of a datagram is of no use. */
  #sendFragments(
    now: number,
    source: number,
    destination: number,
    protocol: number,
    payloadLength: number,
    write: (bytes: Uint8Array, at: number) => void,
  ): SendFailure | undefined {
    const fragments = fragmentsOf(payloadLength, this.payloadSizeMax);
    if (payloadLength > ipv4PayloadMax || fragments.length > poolSize) return "TooLong";
    if (!this.isReachable(destination)) return "Unreachable";
    if (this.#pool.available < fragments.length) {
      this.drops.count("no frame is free");
      return "Busy";
    }
    const payload = new Uint8Array(payloadLength);
    write(payload, 0);
    const identification = this.#nextIdentification();
    for (const fragment of fragments) {
      const { start, length } = fragment;
      const block = this.take();
      // An ARP query has gone out in the meantime.
      if (block === undefined) return "Busy";
      block.window(0, payloadAt + length);
      const { bytes } = block;
      bytes.set(payload.subarray(start, start + length), payloadAt);
      writeIpv4(bytes, ethernetHeader.size, source, destination, protocol, identification, length, fragment);
      this.#route(now, block, destination);
    }
    return undefined;
  }

  #nextIdentification(): number {
    this.#identification = this.#identification + 1 & 0xffff;
    return this.#identification;
  }

  /** A block for a frame to be written at leisure, or undefined; give it to `dispatch` or to `giveBack`. */
  take(): Block | undefined {
    const block = this.#pool.take();
    if (block === undefined) this.drops.count("no frame is free");
    return block;
  }

  giveBack(block: Block): void {
    this.#pool.add(block);
  }

  /** Sends a packet whose payload stands in `block` at `payloadAt`; takes the block in every case. */
  dispatch(
    now: number,
    block: Block,
    source: number,
    destination: number,
    protocol: number,
    payloadLength: number,
  ): SendFailure | undefined {
    if (!this.isReachable(destination)) {
      this.giveBack(block);
      return "Unreachable";
    }
    block.window(0, payloadAt + payloadLength);
    const identification = this.#nextIdentification();
    writeIpv4(block.bytes, ethernetHeader.size, source, destination, protocol, identification, payloadLength);
    this.#route(now, block, destination);
    return undefined;
  }

  /** Gives a packet that has somewhere to go its frame header, and queues it. */
  #route(now: number, block: Block, destination: number): void {
    const { bytes } = block;
    if (this.#isLocal(destination)) {
      writeEthernet(bytes, 0, this.mac, this.mac, etherTypes.ipv4);
      return this.#enqueue(this.looped, loopedMax, block);
    }
    const neighbour = this.#neighbourFor(destination)!;
    const mac = neighbour === broadcastAddress ? broadcastMac : this.arp.lookup(now, neighbour);
    if (mac === undefined) {
      // The packet is copied, because the block's view does not outlive its next move.
      this.arp.wait(now, neighbour, bytes.slice(ethernetHeader.size));
      this.giveBack(block);
      this.poll(now);
      return;
    }
    writeEthernet(bytes, 0, mac, this.mac, etherTypes.ipv4);
    this.#enqueue(this.outgoing, outgoingMax, block);
  }

  /** Whom to hand a packet for `destination`: itself, the router, or everyone; undefined without a route. */
  #neighbourFor(destination: number): number | undefined {
    if (destination === broadcastAddress) return broadcastAddress;
    const own = this.#configured;
    if (own === undefined || destination === unspecifiedAddress || isGroupAddress(destination)) {
      return undefined;
    }
    if (this.#isSubnetBroadcast(destination, own)) return broadcastAddress;
    return isSameSubnet(destination, own.address, own.subnetMask) ? destination : own.router;
  }

  #enqueue(queue: Block[], countMax: number, block: Block): void {
    if (queue.length >= countMax) {
      this.drops.count("the queue to the driver is full");
      this.giveBack(block);
      return;
    }
    queue.push(block);
  }

  /** Sends a packet that waited for its neighbour's answer. */
  #sendKept(packet: Uint8Array, mac: number): void {
    this.#sendFrame(mac, etherTypes.ipv4, packet.length, (bytes, at) => bytes.set(packet, at));
  }

  #sendArp(operation: "request" | "reply", to: number, targetMac: number, targetAddress: number): void {
    const senderAddress = this.#configured?.address ?? unspecifiedAddress;
    this.#sendFrame(to, etherTypes.arp, arpMessage.size, (bytes, at) => {
      writeArp(bytes, at, { operation, senderMac: this.mac, senderAddress, targetMac, targetAddress });
    });
  }

  #sendFrame(
    destination: number,
    etherType: number,
    length: number,
    write: (bytes: Uint8Array, at: number) => void,
  ): void {
    const block = this.take();
    if (block === undefined) return;
    block.window(0, ethernetHeader.size + length);
    const bytes = block.bytes;
    writeEthernet(bytes, 0, destination, this.mac, etherType);
    write(bytes, ethernetHeader.size);
    this.#enqueue(this.outgoing, outgoingMax, block);
  }

  // -------------------------------------------------------------- time

  /** Does what is due: ARP queries. */
  poll(now: number): void {
    for (;;) {
      const address = this.arp.dueQuery(now);
      if (address === undefined) return;
      this.#sendArp("request", broadcastMac, 0, address);
    }
  }

  /** When `poll` has something to do next. */
  nextTimer(): number {
    return this.arp.nextTimer() ?? Infinity;
  }
}
