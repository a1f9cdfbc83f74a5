/**
 * DHCP client: gets an IPv4 address and keeps it (RFC 2131 section 4.4, figure 5).
 *
 * Sans-I/O: give it messages and the time, send what `poll` returns, come back at `nextTimer`.
 * - `lease` is what may be used now; it becomes undefined when the lease is lost.
 * - In BOUND nothing is sent before T1; RENEWING speaks to the lease's server alone,
 *   REBINDING to everyone.
 * - Unanswered messages are repeated after 4, 8, 16, 32, then 64 s, each give or take a second
 *   (section 4.1).
 *
 * Left out: INIT-REBOOT (nothing survives a boot), and probing the address with ARP before use.
 */

import { broadcastAddress, netmask, unspecifiedAddress } from "./address.ts";
import { buildDhcp, type DhcpMessage } from "./dhcp.ts";

export type DhcpState = "INIT" | "SELECTING" | "REQUESTING" | "BOUND" | "RENEWING" | "REBINDING";

export interface DhcpLease {
  readonly address: number;
  readonly subnetMask: number;
  readonly router: number | undefined;
  readonly server: number;
}

/** A UDP payload to send from port 68 to port 67. */
export interface DhcpOutgoing {
  readonly source: number;
  readonly destination: number;
  readonly payload: Uint8Array;
}

export interface DhcpClientOptions {
  readonly mac: number;
  /** A random u32. */
  readonly random: () => number;
}

const secondNs = 1e9;
const retransmitFirstNs = 4 * secondNs;
const retransmitMaxNs = 64 * secondNs;
/** Requests to one server before the client starts over (section 3.1, step 5). */
const requestCountMax = 4;
/** RENEWING and REBINDING repeat at half of the time left, but no sooner (section 4.4.5). */
const renewIntervalMinNs = 60 * secondNs;

export class DhcpClient {
  readonly #mac: number;
  readonly #random: () => number;
  #state: DhcpState = "INIT";
  #lease: DhcpLease | undefined;
  #xid = 0;
  #startedAt = 0;
  #requestedAt = 0;
  #requestCount = 0;
  #intervalNs = retransmitFirstNs;
  #offer: DhcpMessage | undefined;
  /** When to send next (or, in BOUND, when T1 is). */
  #dueAt = 0;
  #rebindAt = Infinity;
  #expiresAt = Infinity;

  constructor(options: DhcpClientOptions) {
    this.#mac = options.mac;
    this.#random = options.random;
  }

  get state(): DhcpState {
    return this.#state;
  }

  get lease(): DhcpLease | undefined {
    return this.#lease;
  }

  /** When the lease ends: `Infinity` for never; undefined when there is none. */
  get leaseEndsAt(): number | undefined {
    return this.#lease === undefined ? undefined : this.#expiresAt;
  }

  /** When `poll` has something to do next. */
  nextTimer(): number {
    return Math.min(this.#dueAt, this.#state === "RENEWING" ? this.#rebindAt : Infinity, this.#expiresAt);
  }

  /** A message to send now, or undefined. */
  poll(now: number): DhcpOutgoing | undefined {
    if (now >= this.#expiresAt) this.#restart(now);
    if (this.#state === "RENEWING" && now >= this.#rebindAt) {
      this.#state = "REBINDING";
      this.#dueAt = now;
    }
    if (now < this.#dueAt) return undefined;
    switch (this.#state) {
      case "INIT":
        this.#xid = this.#random() >>> 0;
        this.#startedAt = now;
        this.#intervalNs = retransmitFirstNs;
        this.#state = "SELECTING";
        return this.#discover(now);
      case "SELECTING":
        return this.#discover(now);
      case "REQUESTING":
        if (this.#requestCount >= requestCountMax) {
          this.#restart(now);
          return this.poll(now);
        }
        this.#requestCount++;
        this.#backOff(now);
        return this.#requestOffer(now);
      case "BOUND":
        this.#state = "RENEWING";
        this.#xid = this.#random() >>> 0;
        this.#startedAt = now;
        return this.#extendLease(now);
      case "RENEWING":
      case "REBINDING":
        return this.#extendLease(now);
    }
  }

  /** A message came from a server. Answers that do not fit are ignored. */
  receive(now: number, message: DhcpMessage): void {
    if (message.xid !== this.#xid || message.clientMac !== this.#mac) return;
    const isWaiting = this.#state === "REQUESTING" || this.#state === "RENEWING" ||
      this.#state === "REBINDING";
    if (message.type === "OFFER" && this.#state === "SELECTING") {
      // The first usable offer is taken; section 4.4.1 leaves the choice to the client.
      if (message.serverIdentifier === undefined || message.yourAddress === unspecifiedAddress) return;
      this.#offer = message;
      this.#state = "REQUESTING";
      this.#requestCount = 0;
      this.#intervalNs = retransmitFirstNs;
      this.#dueAt = now;
    } else if (message.type === "ACK" && isWaiting) {
      this.#bind(message);
    } else if (message.type === "NAK" && isWaiting) {
      this.#restart(now);
    }
  }

  /** Forgets the lease and starts over. */
  #restart(now: number): void {
    this.#state = "INIT";
    this.#lease = undefined;
    this.#expiresAt = Infinity;
    this.#rebindAt = Infinity;
    this.#dueAt = now;
  }

  #bind(message: DhcpMessage): void {
    if (message.leaseTime === undefined || message.leaseTime === 0) return;
    if (message.yourAddress === unspecifiedAddress) return;
    const server = message.serverIdentifier ?? this.#lease?.server ?? this.#offer?.serverIdentifier;
    if (server === undefined) return;
    this.#lease = {
      address: message.yourAddress,
      subnetMask: message.subnetMask ?? netmask(24),
      router: message.router,
      server,
    };
    this.#state = "BOUND";
    this.#offer = undefined;
    // The lease runs from when it was asked for (section 4.4.1); T1 and T2 default to section 4.4.5.
    const lifeSeconds = message.leaseTime === 0xffff_ffff ? Infinity : message.leaseTime;
    const t2 = Math.min(message.rebindingTime ?? lifeSeconds * 0.875, lifeSeconds);
    const t1 = Math.min(message.renewalTime ?? lifeSeconds * 0.5, t2);
    this.#expiresAt = this.#requestedAt + lifeSeconds * secondNs;
    this.#rebindAt = this.#requestedAt + t2 * secondNs;
    this.#dueAt = this.#requestedAt + t1 * secondNs;
  }

  #discover(now: number): DhcpOutgoing {
    this.#backOff(now);
    return this.#outgoing(unspecifiedAddress, broadcastAddress, this.#message(now, "DISCOVER", {}));
  }

  #requestOffer(now: number): DhcpOutgoing {
    this.#requestedAt = now;
    const offer = this.#offer!;
    const choice = { requestedAddress: offer.yourAddress, serverIdentifier: offer.serverIdentifier };
    return this.#outgoing(unspecifiedAddress, broadcastAddress, this.#message(now, "REQUEST", choice));
  }

  #extendLease(now: number): DhcpOutgoing {
    this.#requestedAt = now;
    const lease = this.#lease!;
    const until = this.#state === "RENEWING" ? this.#rebindAt : this.#expiresAt;
    this.#dueAt = now + Math.max((until - now) / 2, renewIntervalMinNs);
    const destination = this.#state === "RENEWING" ? lease.server : broadcastAddress;
    const message = this.#message(now, "REQUEST", { clientAddress: lease.address });
    return this.#outgoing(lease.address, destination, message);
  }

  /** Sets the time of the next repetition: doubled, and spread over two seconds. */
  #backOff(now: number): void {
    const spreadNs = ((this.#random() >>> 0) / 2 ** 32 * 2 - 1) * secondNs;
    this.#dueAt = now + this.#intervalNs + spreadNs;
    this.#intervalNs = Math.min(this.#intervalNs * 2, retransmitMaxNs);
  }

  #message(now: number, type: "DISCOVER" | "REQUEST", rest: Partial<DhcpMessage>): DhcpMessage {
    return {
      type,
      xid: this.#xid,
      secs: Math.min(Math.floor((now - this.#startedAt) / secondNs), 0xffff),
      // Answers come as unicast to the MAC; our stack takes them without an address.
      broadcast: false,
      clientAddress: unspecifiedAddress,
      yourAddress: unspecifiedAddress,
      relayAddress: unspecifiedAddress,
      clientMac: this.#mac,
      ...rest,
    };
  }

  #outgoing(source: number, destination: number, message: DhcpMessage): DhcpOutgoing {
    return { source, destination, payload: buildDhcp(message) };
  }
}
