/**
 * How the network interfaces are configured, for people and for tools.
 *
 * A client of `/service/ip` asks for the table; it is a block of JSON, an array
 * of `InterfaceRow`. The service is there from the start, before there is an address.
 * - Addresses are text in a row (dotted, or six hexadecimal pairs), empty when there is none.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export interface InterfaceRow {
  readonly name: string;
  readonly mac: string;
  readonly linkUp: boolean;
  readonly mtu: number;
  readonly address: string;
  readonly mask: string;
  readonly router: string;
  /** State of the DHCP client (RFC 2131, figure 5), such as "BOUND". */
  readonly lease: string;
  /** Until the lease ends; 0 when there is none, null when it never ends. */
  readonly leaseLeftNs: number | null;
  readonly receivedFrames: number;
  readonly transmittedFrames: number;
  /** Received frames for which the device had no buffer. */
  readonly missedFrames: number;
  /** Received frames that were damaged, or malformed up to the IPv4 header. */
  readonly malformedFrames: number;
  /** Frames that were not sent: the queue towards the driver was full, or the driver refused them. */
  readonly droppedFrames: number;
}

export const ipConfigContract = {
  name: "ip-config/1",
  contractName: "IpConfigContract",
  messages: {
    interfaces: { from: "client", doc: "Wants the table of interfaces" },
    rows: { from: "server", doc: "The table, as JSON", body: { json: "bytes" } },
    failed: { from: "server", doc: "Too many ask at once", body: { code: ["TooMany"] } },
  },
  start: "ready",
  states: {
    ready: { interfaces: "listing" },
    listing: { rows: "ready", failed: "ready" },
  },
} as const satisfies Contract;
