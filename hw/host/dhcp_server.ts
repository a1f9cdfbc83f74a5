/**
 * DHCP server of the emulated LAN: gives addresses out of a pool (RFC 2131 section 4.3).
 *
 * Pure: a message and the time go in, the answer comes out. The same clients in the same
 * order get the same addresses in every run.
 * - A MAC keeps its address as long as nobody else needs it; new ones get the lowest that is
 *   free, and when none is, the address whose lease ended first.
 * - The pool bounds everything that is remembered.
 *
 * Left out: relays, and other servers on the same LAN.
 */

import { broadcastAddress, netmask, unspecifiedAddress } from "../../net/protocol/address.ts";
import type { DhcpMessage } from "../../net/protocol/dhcp.ts";
import { DropCounter } from "../../net/protocol/drop_counter.ts";

export interface DhcpPool {
  readonly server: number;
  readonly prefixLength: number;
  readonly first: number;
  readonly last: number;
  readonly leaseSeconds: number;
}

/** An answer and where it goes. */
export interface DhcpAnswer {
  readonly message: DhcpMessage;
  /** All ones for a broadcast; else the client's MAC is where it goes, whatever ARP says. */
  readonly destination: number;
}

export type DhcpDropReason =
  | "DHCP message came through a relay"
  | "DHCP message is a server's"
  | "DHCP request is for another server"
  | "DHCP request comes from a stranger"
  | "DHCP pool is exhausted"
  | "DHCP message needs no answer";

interface Binding {
  readonly mac: number;
  expiresAt: number;
  /** Acknowledged, not only offered. */
  isLeased: boolean;
}

/** How long an offer holds an address for a client. */
const offerNs = 60e9;
/** How long an address that a client declined is left alone. */
const declinedNs = 3600e9;
/** No client has this MAC; it stands for "somebody unknown uses it". */
const declinedMac = -1;

export class DhcpServer {
  readonly drops = new DropCounter<DhcpDropReason>();
  readonly #pool: DhcpPool;
  readonly #bindings = new Map<number, Binding>();

  constructor(pool: DhcpPool) {
    this.#pool = pool;
  }

  /** Addresses with a lease that runs, lowest first. */
  leasedAddresses(now: number): readonly number[] {
    const addresses: number[] = [];
    for (let address = this.#pool.first; address <= this.#pool.last; address++) {
      const binding = this.#bindings.get(address);
      if (binding !== undefined && binding.isLeased && binding.expiresAt > now) addresses.push(address);
    }
    return addresses;
  }

  /** Answers a client, or counts why not. */
  answer(now: number, message: DhcpMessage): DhcpAnswer | undefined {
    const answer = message.relayAddress === unspecifiedAddress
      ? this.#answerTo(now, message)
      : "DHCP message came through a relay";
    if (typeof answer !== "string") return answer;
    this.drops.count(answer);
    return undefined;
  }

  #answerTo(now: number, message: DhcpMessage): DhcpAnswer | DhcpDropReason {
    switch (message.type) {
      case "DISCOVER":
        return this.#discover(now, message);
      case "REQUEST":
        return this.#request(now, message);
      case "INFORM":
        // No address and no lease time in the answer (section 4.3.5).
        return this.#reply(message, "ACK", unspecifiedAddress, false);
      case "DECLINE":
        if (this.#addressOf(message.clientMac) === message.requestedAddress) {
          this.#bind(message.requestedAddress!, declinedMac, now + declinedNs, false);
        }
        return "DHCP message needs no answer";
      case "RELEASE":
        if (this.#addressOf(message.clientMac) === message.clientAddress) {
          this.#bind(message.clientAddress, message.clientMac, now, false);
        }
        return "DHCP message needs no answer";
      default:
        return "DHCP message is a server's";
    }
  }

  #discover(now: number, message: DhcpMessage): DhcpAnswer | DhcpDropReason {
    const address = this.#addressOf(message.clientMac) ?? this.#freeAddress(now);
    if (address === undefined) return "DHCP pool is exhausted";
    const binding = this.#bindings.get(address);
    const isRunning = binding?.mac === message.clientMac && binding.isLeased && binding.expiresAt > now;
    if (!isRunning) this.#bind(address, message.clientMac, now + offerNs, false);
    return this.#reply(message, "OFFER", address, true);
  }

  /** The four kinds of request of section 4.3.2, told apart by what the client filled in. */
  #request(now: number, message: DhcpMessage): DhcpAnswer | DhcpDropReason {
    const known = this.#addressOf(message.clientMac);
    const isForAnother = message.serverIdentifier !== undefined &&
      message.serverIdentifier !== this.#pool.server;
    if (isForAnother) {
      if (known !== undefined) this.#bind(known, message.clientMac, now, false);
      return "DHCP request is for another server";
    }
    const wanted = message.clientAddress === unspecifiedAddress
      ? message.requestedAddress
      : message.clientAddress;
    // A client that reboots and is unknown here may be another server's (section 4.3.2).
    const isReboot = message.serverIdentifier === undefined &&
      message.clientAddress === unspecifiedAddress;
    if (known === undefined && isReboot) return "DHCP request comes from a stranger";
    if (known === undefined || wanted !== known) return this.#refuse(message);
    this.#bind(known, message.clientMac, now + this.#pool.leaseSeconds * 1e9, true);
    return this.#reply(message, "ACK", known, true);
  }

  #refuse(message: DhcpMessage): DhcpAnswer {
    return {
      destination: broadcastAddress,
      message: { ...answerBase(message, "NAK", unspecifiedAddress), serverIdentifier: this.#pool.server },
    };
  }

  #reply(
    message: DhcpMessage,
    type: "OFFER" | "ACK",
    address: number,
    isLease: boolean,
  ): DhcpAnswer {
    const { server, prefixLength, leaseSeconds } = this.#pool;
    const lease = isLease
      ? { leaseTime: leaseSeconds, renewalTime: leaseSeconds * 0.5, rebindingTime: leaseSeconds * 0.875 }
      : {};
    // Section 4.1: to the address that the client has; else to all if it asks; else to the new one.
    const unicast = message.clientAddress === unspecifiedAddress ? address : message.clientAddress;
    const isToAll = message.clientAddress === unspecifiedAddress && message.broadcast;
    return {
      destination: isToAll ? broadcastAddress : unicast,
      message: {
        ...answerBase(message, type, address),
        ...lease,
        serverIdentifier: server,
        subnetMask: netmask(prefixLength),
        router: server,
      },
    };
  }

  #bind(address: number, mac: number, expiresAt: number, isLeased: boolean): void {
    this.#bindings.set(address, { mac, expiresAt, isLeased });
  }

  #addressOf(mac: number): number | undefined {
    for (const [address, binding] of this.#bindings) {
      if (binding.mac === mac) return address;
    }
    return undefined;
  }

  #freeAddress(now: number): number | undefined {
    let longestFree: number | undefined;
    let freeSince = now;
    for (let address = this.#pool.first; address <= this.#pool.last; address++) {
      const binding = this.#bindings.get(address);
      if (binding === undefined) return address;
      if (binding.expiresAt > freeSince || (longestFree !== undefined && binding.expiresAt === freeSince)) {
        continue;
      }
      longestFree = address;
      freeSince = binding.expiresAt;
    }
    return longestFree;
  }
}

function answerBase(to: DhcpMessage, type: DhcpMessage["type"], yourAddress: number): DhcpMessage {
  return {
    type,
    xid: to.xid,
    secs: 0,
    broadcast: to.broadcast,
    clientAddress: type === "ACK" ? to.clientAddress : unspecifiedAddress,
    yourAddress,
    relayAddress: to.relayAddress,
    clientMac: to.clientMac,
  };
}
