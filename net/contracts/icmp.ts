/**
 * Reachability: ICMP echo (RFC 792) as a service at `/service/icmp`.
 *
 * A client asks for one echo at a time and gets what became of it.
 * - Addresses are IPv4 as u32, most significant byte first; times are virtual nanoseconds.
 * - Every echo is answered by exactly one message, at the latest when its time is up.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

export const icmpContract = {
  name: "icmp/1",
  contractName: "IcmpContract",
  messages: {
    echo: {
      from: "client",
      doc: "Sends one echo request with `size` bytes of payload and waits `timeoutMs` for its reply",
      body: { address: "u32", sequence: "u16", size: "u16", timeoutMs: "u32" },
    },
    replied: {
      from: "server",
      doc: "The peer answered with the same bytes",
      body: { roundTripNs: "f64", size: "u16", timeToLive: "u8" },
    },
    timedOut: { from: "server", doc: "No answer came in time" },
    unreachable: {
      from: "server",
      doc: "A station on the way (`from`) says that the peer cannot be reached; codes of RFC 792, type 3",
      body: { from: "u32", code: "u8" },
    },
    failed: {
      from: "server",
      doc:
        "Nothing was sent: no address of our own yet, no route, too many echoes waiting, or longer than a packet can be",
      body: { code: ["NoAddress", "Unreachable", "TooMany", "TooLong"] },
    },
  },
  start: "ready",
  states: {
    ready: { echo: "waiting" },
    waiting: { replied: "ready", timedOut: "ready", unreachable: "ready", failed: "ready" },
  },
} as const satisfies Contract;
