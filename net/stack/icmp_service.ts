/**
 * ICMP: echoes answered, echoes asked for programs, and errors reported to senders.
 *
 * Serves `icmpContract`.
 * - Echo requests to a group are not answered (RFC 1122 section 3.2.2.6 allows that).
 * - Which error may be sent about what is judged by `net/protocol/icmp.ts`.
 */

import type { Call, Endpoint, MessageFrom } from "../../kernel/abi/kernel.ts";
import type { icmpContract } from "../contracts/icmp.ts";
import { isGroupAddress } from "../protocol/address.ts";
import { DropCounter } from "../protocol/drop_counter.ts";
import {
  icmpHeader,
  type IcmpMalformation,
  type IcmpMessage,
  mayReportError,
  parseIcmp,
  writeEcho,
  writeUnreachable,
} from "../protocol/icmp.ts";
import { ipProtocols, type Ipv4Packet } from "../protocol/ipv4.ts";
import { type EchoEnd, EchoTable } from "./echo_table.ts";
import type { IpInterface } from "./ip_interface.ts";

type Client = Endpoint<typeof icmpContract, "server">;

/** Data of the original packet that an error quotes behind its header (RFC 792). */
const quotedDataMax = 8;

export class IcmpService {
  readonly drops = new DropCounter<IcmpMalformation>();
  readonly #interface: IpInterface;
  readonly #echoes: EchoTable<Client>;

  constructor(ipInterface: IpInterface) {
    this.#interface = ipInterface;
    this.#echoes = new EchoTable(ipInterface);
  }

  /** A client wants an echo. */
  *serve(now: number, client: Client, message: MessageFrom<typeof icmpContract, "client">): Call<void> {
    const failure = this.#echoes.start(now, client, message);
    if (failure === undefined) return;
    yield* client.send("failed", { code: failure === "Busy" ? "TooMany" : failure });
  }

  /** A client is gone; its echo with it. */
  forget(client: Client): void {
    this.#echoes.forget(client);
  }

  /** An ICMP packet came: answers it or gives it to who waits for it; the message if it was one. */
  *receive(now: number, packet: Ipv4Packet): Call<IcmpMessage | undefined> {
    const message = parseIcmp(packet.payload);
    if (typeof message === "string") {
      this.drops.count(message);
      return undefined;
    }
    if (message.kind === "echo") {
      this.#answer(now, packet, message);
    } else {
      const end = this.#echoes.receive(now, packet, message);
      if (end !== undefined) yield* this.#finish(end);
    }
    return message;
  }

  #answer(
    now: number,
    packet: Ipv4Packet,
    echo: IcmpMessage & { readonly kind: "echo" | "echo reply" },
  ): void {
    const own = this.#interface.sourceFor(packet.source);
    if (own === undefined || isGroupAddress(packet.destination)) return;
    const { data, identifier, sequenceNumber } = echo;
    const length = icmpHeader.size + data.length;
    this.#interface.send(now, own, packet.source, ipProtocols.icmp, length, (bytes, at) => {
      bytes.set(data, at + icmpHeader.size);
      writeEcho(bytes, at, "echo reply", identifier, sequenceNumber, data.length);
    });
  }

  /** Tells the sender of `packet` that it cannot be delivered (a code of `unreachableCodes`). */
  reportUnreachable(now: number, packet: Ipv4Packet, code: number): void {
    const own = this.#interface.sourceFor(packet.source);
    if (own === undefined || !mayReportError(packet)) return;
    const length = icmpHeader.size + packet.header.length + Math.min(quotedDataMax, packet.payload.length);
    this.#interface.send(now, own, packet.source, ipProtocols.icmp, length, (bytes, at) => {
      writeUnreachable(bytes, at, code, packet);
    });
  }

  /** Answers the echoes whose time is up. */
  *expire(now: number): Call<void> {
    for (let end = this.#echoes.expire(now); end !== undefined; end = this.#echoes.expire(now)) {
      yield* this.#finish(end);
    }
  }

  nextTimer(): number {
    return this.#echoes.nextTimer();
  }

  *#finish({ requester, outcome }: EchoEnd<Client>): Call<void> {
    switch (outcome.tag) {
      case "replied":
        return yield* requester.send("replied", {
          roundTripNs: outcome.roundTripNs,
          size: outcome.size,
          timeToLive: outcome.timeToLive,
        });
      case "unreachable":
        return yield* requester.send("unreachable", { from: outcome.from, code: outcome.code });
      case "timedOut":
        return yield* requester.send("timedOut");
    }
  }
}
