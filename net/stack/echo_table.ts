/**
 * Echoes that wait for their reply: which requester asked, and until when.
 *
 * - Each echo has an identifier of its own, so replies are told apart whatever
 *   sequence numbers the requesters use.
 * - At most 64 wait; each leaves the table once, by a reply, an error or its deadline.
 * - A reply counts only when it comes from the address asked and brings the same bytes back.
 *
 * Follows RFC 792, and RFC 1122 section 3.2.2.6.
 */

import { icmpHeader, type IcmpMessage, writeEcho } from "../protocol/icmp.ts";
import { ipProtocols, ipv4Header, type Ipv4Packet } from "../protocol/ipv4.ts";
import { codec } from "../protocol/wire_format.ts";
import type { IpInterface, SendFailure } from "./ip_interface.ts";

const waitingMax = 64;
const millisecondNs = 1_000_000;

const ipv4 = codec(ipv4Header);
const icmp = codec(icmpHeader);

export interface EchoRequest {
  readonly address: number;
  readonly sequence: number;
  readonly size: number;
  readonly timeoutMs: number;
}

/** What became of an echo, as the contract says it. */
export type EchoOutcome =
  | {
    readonly tag: "replied";
    readonly roundTripNs: number;
    readonly size: number;
    readonly timeToLive: number;
  }
  | { readonly tag: "timedOut" }
  | { readonly tag: "unreachable"; readonly from: number; readonly code: number };

export interface EchoEnd<R> {
  readonly requester: R;
  readonly outcome: EchoOutcome;
}

interface WaitingEcho<R> extends EchoRequest {
  readonly requester: R;
  readonly sentAt: number;
  readonly deadline: number;
}

/** The byte at `index` of an echo's data: any pattern does. */
const patternByte = (index: number): number => index & 0xff;

export class EchoTable<R> {
  readonly #interface: IpInterface;
  /** By identifier. */
  readonly #waiting = new Map<number, WaitingEcho<R>>();
  #identifier = 0;

  constructor(ipInterface: IpInterface) {
    this.#interface = ipInterface;
  }

  /** Sends an echo; why not, or undefined when it waits now. */
  start(now: number, requester: R, request: EchoRequest): SendFailure | "NoAddress" | "TooMany" | undefined {
    if (this.#waiting.size >= waitingMax) return "TooMany";
    const source = this.#interface.sourceFor(request.address);
    if (source === undefined) return "NoAddress";
    do this.#identifier = this.#identifier + 1 & 0xffff; while (this.#waiting.has(this.#identifier));
    const identifier = this.#identifier;
    const { address, sequence, size } = request;
    const failure = this.#interface.send(
      now,
      source,
      address,
      ipProtocols.icmp,
      icmpHeader.size + size,
      (bytes, at) => {
        for (let index = 0; index < size; index++) bytes[at + icmpHeader.size + index] = patternByte(index);
        writeEcho(bytes, at, "echo", identifier, sequence, size);
      },
    );
    if (failure !== undefined) return failure;
    const deadline = now + request.timeoutMs * millisecondNs;
    this.#waiting.set(identifier, { ...request, requester, sentAt: now, deadline });
    return undefined;
  }

  /** A reply or an error came; the echo that it ends, if it is one of ours. */
  receive(now: number, packet: Ipv4Packet, message: IcmpMessage): EchoEnd<R> | undefined {
    if (message.kind === "unreachable") return this.#unreachable(packet.source, message.code, message.quoted);
    const echo = this.#waiting.get(message.identifier);
    if (message.kind !== "echo reply" || echo === undefined) return undefined;
    const isSame = packet.source === echo.address && message.sequenceNumber === echo.sequence &&
      message.data.length === echo.size && message.data.every((byte, index) => byte === patternByte(index));
    if (!isSame) return undefined;
    this.#waiting.delete(message.identifier);
    const timeToLive = ipv4.timeToLive.get(packet.header, 0);
    return {
      requester: echo.requester,
      outcome: { tag: "replied", roundTripNs: now - echo.sentAt, size: echo.size, timeToLive },
    };
  }

  /** An error quotes the header of the packet that it is about, and the first 8 bytes behind it. */
  #unreachable(from: number, code: number, quoted: Uint8Array): EchoEnd<R> | undefined {
    if (quoted.length < ipv4Header.size) return undefined;
    const at = ipv4.headerLength.get(quoted, 0) * 4;
    if (quoted.length < at + icmpHeader.size || ipv4.protocol.get(quoted, 0) !== ipProtocols.icmp) {
      return undefined;
    }
    const identifier = icmp.identifier.get(quoted, at);
    const echo = this.#waiting.get(identifier);
    const isOurs = echo !== undefined && ipv4.destination.get(quoted, 0) === echo.address &&
      icmp.sequenceNumber.get(quoted, at) === echo.sequence;
    if (!isOurs) return undefined;
    this.#waiting.delete(identifier);
    return { requester: echo.requester, outcome: { tag: "unreachable", from, code } };
  }

  /** An echo whose time is up, taken out; call again until undefined. */
  expire(now: number): EchoEnd<R> | undefined {
    for (const [identifier, echo] of this.#waiting) {
      if (echo.deadline > now) continue;
      this.#waiting.delete(identifier);
      return { requester: echo.requester, outcome: { tag: "timedOut" } };
    }
    return undefined;
  }

  /** Forgets the echo of a requester that is gone. */
  forget(requester: R): void {
    for (const [identifier, echo] of this.#waiting) {
      if (echo.requester === requester) this.#waiting.delete(identifier);
    }
  }

  nextTimer(): number {
    let next = Infinity;
    for (const { deadline } of this.#waiting.values()) next = Math.min(next, deadline);
    return next;
  }
}
