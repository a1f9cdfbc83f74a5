/**
 * The gateway of the emulated LAN: the one station there that is not a guest.
 *
 * It answers ARP and ICMP echo, gives out addresses (`dhcp_server.ts`), echoes UDP on port 7,
 * and opens TCP connections to guests for the port publisher, all with the protocol machines
 * that the guests use too.
 * - It acts only on frames, on its timers, and on `flush`; without host traffic every run is the same.
 * - After using a connection from outside a frame's arrival, call `flush`.
 * - At most 64 of its TCP frames wait for the wire; other frames beyond 256 are dropped and counted.
 * - It routes to nowhere: packets for other nets are answered with Net Unreachable.
 */

import { broadcastAddress, broadcastMac, isSameSubnet, netmask } from "../../net/protocol/address.ts";
import { type ArpMessage, arpMessage, parseArp, writeArp } from "../../net/protocol/arp.ts";
import { ArpTable } from "../../net/protocol/arp_table.ts";
import { buildDhcp, dhcpPorts, parseDhcp } from "../../net/protocol/dhcp.ts";
import { DropCounter } from "../../net/protocol/drop_counter.ts";
import {
  ethernetHeader,
  etherTypes,
  frameSizeMax,
  parseEthernet,
  writeEthernet,
} from "../../net/protocol/ethernet.ts";
import {
  icmpHeader,
  mayReportError,
  parseIcmp,
  unreachableCodes,
  writeEcho,
  writeUnreachable,
} from "../../net/protocol/icmp.ts";
import {
  fragmentsOf,
  ipProtocols,
  ipv4Header,
  type Ipv4Packet,
  parseIpv4,
  writeIpv4,
} from "../../net/protocol/ipv4.ts";
import { Ipv4Reassembly } from "../../net/protocol/ipv4_reassembly.ts";
import type { TcpConnection } from "../../net/protocol/tcp/connection.ts";
import { TcpTable } from "../../net/protocol/tcp/tcp_table.ts";
import { parseUdp, udpHeader, writeUdp } from "../../net/protocol/udp.ts";
import type { Cable, Station } from "../ethernet/link.ts";
import type { Clock, ScheduledEvent } from "../time/event_queue.ts";
import type { Instant } from "../time/time.ts";
import { DhcpServer } from "./dhcp_server.ts";

/** 10.0.2.2/24, as the user-mode networks of common emulators have it. */
export const gatewayAddress = 0x0a000202;
export const gatewayPrefixLength = 24;
/** 52:55:0a:00:02:02, locally administered. */
export const gatewayMac = 0x5255_0a00_0202;
/** 10.0.2.15 to 10.0.2.254. */
const poolFirst = 0x0a00020f;
const poolLast = 0x0a0002fe;
const leaseSeconds = 3600;
const echoPort = 7; // RFC 862
const tcpFrameCountMax = 64;
const frameCountMax = 256;
const mask = netmask(gatewayPrefixLength);
const subnetBroadcast = (gatewayAddress | ~mask) >>> 0;
/** Where an IPv4 payload starts in a frame of ours. */
const payloadAt = ethernetHeader.size + ipv4Header.size;

export class LanHost implements Station {
  readonly name = "gateway";
  readonly clock: Clock;
  readonly dhcp = new DhcpServer({
    server: gatewayAddress,
    prefixLength: gatewayPrefixLength,
    first: poolFirst,
    last: poolLast,
    leaseSeconds,
  });
  /** Why frames and packets were dropped, malformed ones included. */
  readonly drops = new DropCounter<string>();
  readonly tcp: TcpTable;
  readonly #arp = new ArpTable();
  readonly #reassembly = new Ipv4Reassembly();
  readonly #listeners = new Map<TcpConnection, () => void>();
  readonly #scratch = new Uint8Array(frameSizeMax);
  #cable: Cable | undefined;
  #framesUnderWay = 0;
  #identification = 0;
  #timer: ScheduledEvent | undefined;
  /** What it is set for. */
  #timerAt = 0 as Instant;
  #isFlushing = false;

  constructor(clock: Clock) {
    this.clock = clock;
    // A proxy must not hold back what its peer already decided to send.
    this.tcp = new TcpTable({ random: randomWords(gatewayAddress), settings: { noDelay: true } });
  }

  /** Tells it which cable it is plugged into. */
  attach(cable: Cable): void {
    this.#cable = cable;
  }

  /** The guest that published ports lead to: the lowest address that is leased now. */
  get guestAddress(): number | undefined {
    return this.dhcp.leasedAddresses(this.clock.now)[0];
  }

  /** Begins a TCP connection to a guest; `onChange` is called whenever its levels may have changed. */
  connect(address: number, port: number, onChange: () => void): TcpConnection | "TooMany" {
    const connection = this.tcp.connect(this.clock.now, gatewayAddress, address, port);
    if (connection !== "TooMany") this.#listeners.set(connection, onChange);
    return connection;
  }

  /** No more calls for this connection; it goes on closing by itself. */
  forget(connection: TcpConnection): void {
    this.#listeners.delete(connection);
  }

  receive(frame: Uint8Array): void {
    const parsed = parseEthernet(frame);
    if (typeof parsed === "string") {
      this.drops.count(parsed);
      return;
    }
    if (parsed.destination !== gatewayMac && parsed.destination !== broadcastMac) return;
    if (parsed.etherType === etherTypes.arp) this.#receiveArp(parsed.payload);
    else if (parsed.etherType === etherTypes.ipv4) this.#receiveIpv4(parsed.payload);
    else this.drops.count("EtherType is not handled");
    this.flush();
  }

  /** Sends what is to be sent, tells users of connections that changed, and sets the timer. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    do {
      this.#emitTcp();
      this.#emitArpQueries();
    } while (this.#tellChanged());
    this.#isFlushing = false;
    this.#setTimer();
  }

  #emitTcp(): void {
    const now = this.clock.now;
    while (this.#framesUnderWay < tcpFrameCountMax) {
      const emitted = this.tcp.poll(now, this.#scratch, payloadAt);
      if (emitted === undefined) return;
      const frame = this.#scratch.slice(0, payloadAt + emitted.size);
      this.#sendIpv4(frame, emitted.destination, ipProtocols.tcp, emitted.size);
    }
  }

  #tellChanged(): boolean {
    let isChanged = false;
    for (let next = this.tcp.takeChanged(); next !== undefined; next = this.tcp.takeChanged()) {
      isChanged = true;
      this.#listeners.get(next)?.();
    }
    return isChanged;
  }

  #setTimer(): void {
    const next = Math.min(this.tcp.nextTimer() ?? Infinity, this.#arp.nextTimer() ?? Infinity);
    if (this.#timer !== undefined) {
      if (this.#timerAt === next) return;
      this.clock.cancel(this.#timer);
      this.#timer = undefined;
    }
    if (next === Infinity) return;
    this.#timerAt = Math.max(next, this.clock.now) as Instant;
    this.#timer = this.clock.at(this.#timerAt, () => {
      this.#timer = undefined;
      this.tcp.timer(this.clock.now);
      this.flush();
    });
  }

  // ------------------------------------------------------------- ARP

  #receiveArp(bytes: Uint8Array): void {
    const message = parseArp(bytes);
    if (typeof message === "string") {
      this.drops.count(message);
      return;
    }
    const isForUs = message.targetAddress === gatewayAddress;
    // A probe of RFC 5227 names no sender and teaches nothing.
    if (message.senderAddress !== 0) {
      const { senderAddress, senderMac } = message;
      for (const frame of this.#arp.confirm(this.clock.now, senderAddress, senderMac, isForUs)) {
        writeEthernet(frame, 0, senderMac, gatewayMac, etherTypes.ipv4);
        this.#transmit(frame);
      }
    }
    if (isForUs && message.operation === "request") {
      this.#sendArp(message.senderMac, {
        operation: "reply",
        senderMac: gatewayMac,
        senderAddress: gatewayAddress,
        targetMac: message.senderMac,
        targetAddress: message.senderAddress,
      });
    }
  }

  #emitArpQueries(): void {
    const now = this.clock.now;
    for (let target = this.#arp.dueQuery(now); target !== undefined; target = this.#arp.dueQuery(now)) {
      this.#sendArp(broadcastMac, {
        operation: "request",
        senderMac: gatewayMac,
        senderAddress: gatewayAddress,
        targetMac: 0,
        targetAddress: target,
      });
    }
  }

  #sendArp(destination: number, message: ArpMessage): void {
    const frame = new Uint8Array(ethernetHeader.size + arpMessage.size);
    writeArp(frame, ethernetHeader.size, message);
    writeEthernet(frame, 0, destination, gatewayMac, etherTypes.arp);
    this.#transmit(frame);
  }

  // ------------------------------------------------------------- IPv4 and above

  #receiveIpv4(bytes: Uint8Array): void {
    const parsed = parseIpv4(bytes);
    if (typeof parsed === "string") {
      this.drops.count(parsed);
      return;
    }
    const { destination } = parsed;
    const isForUs = destination === gatewayAddress;
    if (!isForUs && destination !== broadcastAddress && destination !== subnetBroadcast) {
      if (!isSameSubnet(destination, gatewayAddress, mask)) {
        this.#reportUnreachable(parsed, unreachableCodes.net);
      }
      return;
    }
    const packet = parsed.isFragment ? this.#reassembly.add(this.clock.now, parsed) : parsed;
    if (packet === undefined) return;
    if (packet.protocol === ipProtocols.udp) this.#receiveUdp(packet);
    else if (!isForUs) this.drops.count("packet to all is not UDP");
    else if (packet.protocol === ipProtocols.icmp) this.#receiveIcmp(packet);
    else if (packet.protocol === ipProtocols.tcp) {
      this.tcp.segment(this.clock.now, packet.source, destination, packet.payload);
    } else this.#reportUnreachable(packet, unreachableCodes.protocol);
  }

  #receiveIcmp(packet: Ipv4Packet): void {
    const message = parseIcmp(packet.payload);
    if (typeof message === "string") {
      this.drops.count(message);
      return;
    }
    if (message.kind !== "echo") return;
    const { identifier, sequenceNumber, data } = message;
    const answer = new Uint8Array(icmpHeader.size + data.length);
    answer.set(data, icmpHeader.size);
    writeEcho(answer, 0, "echo reply", identifier, sequenceNumber, data.length);
    this.#sendPayload(packet.source, ipProtocols.icmp, answer);
  }

  #receiveUdp(packet: Ipv4Packet): void {
    const datagram = parseUdp(packet);
    if (typeof datagram === "string") {
      this.drops.count(datagram);
      return;
    }
    const { sourcePort, destinationPort, payload } = datagram;
    if (destinationPort === dhcpPorts.server) {
      this.#receiveDhcp(payload);
    } else if (destinationPort === echoPort && packet.destination === gatewayAddress) {
      const answer = new Uint8Array(udpHeader.size + payload.length);
      answer.set(payload, udpHeader.size);
      writeUdp(answer, 0, gatewayAddress, echoPort, packet.source, sourcePort, payload.length);
      this.#sendPayload(packet.source, ipProtocols.udp, answer);
    } else if (packet.destination === gatewayAddress) {
      this.#reportUnreachable(packet, unreachableCodes.port);
    } else {
      this.drops.count("nobody here listens to broadcasts on this UDP port");
    }
  }

  #receiveDhcp(bytes: Uint8Array): void {
    const message = parseDhcp(bytes);
    if (typeof message === "string") {
      this.drops.count(message);
      return;
    }
    const answer = this.dhcp.answer(this.clock.now, message);
    if (answer === undefined) return;
    const payload = buildDhcp(answer.message);
    const length = udpHeader.size + payload.length;
    const frame = new Uint8Array(payloadAt + length);
    frame.set(payload, payloadAt + udpHeader.size);
    const { destination } = answer;
    const { server, client } = dhcpPorts;
    writeUdp(frame, payloadAt, gatewayAddress, server, destination, client, payload.length);
    this.#writeIpv4(frame, destination, ipProtocols.udp, length);
    // The client can't answer ARP before it has its address.
    const mac = destination === broadcastAddress ? broadcastMac : message.clientMac;
    writeEthernet(frame, 0, mac, gatewayMac, etherTypes.ipv4);
    this.#transmit(frame);
  }

  #reportUnreachable(packet: Ipv4Packet, code: number): void {
    if (!mayReportError(packet)) return;
    const length = writeUnreachable(this.#scratch, payloadAt, code, packet);
    this.#sendIpv4(this.#scratch.slice(0, payloadAt + length), packet.source, ipProtocols.icmp, length);
  }

  /** Sends a payload that came from a guest, so no longer than a packet's, in as many frames as it needs. */
  #sendPayload(destination: number, protocol: number, payload: Uint8Array): void {
    const fragments = fragmentsOf(payload.length, frameSizeMax - payloadAt);
    const identification = this.#nextIdentification();
    for (const fragment of fragments) {
      const { start, length } = fragment;
      const frame = new Uint8Array(payloadAt + length);
      frame.set(payload.subarray(start, start + length), payloadAt);
      const part = fragments.length === 1 ? undefined : fragment;
      const { size } = ethernetHeader;
      writeIpv4(frame, size, gatewayAddress, destination, protocol, identification, length, part);
      this.#route(frame, destination);
    }
  }

  /** Sends the payload of `length` bytes that stands at `payloadAt` in `frame`. */
  #sendIpv4(frame: Uint8Array, destination: number, protocol: number, length: number): void {
    this.#writeIpv4(frame, destination, protocol, length);
    this.#route(frame, destination);
  }

  /** Sends a packet to the neighbour that it is for, as soon as its MAC is known. */
  #route(frame: Uint8Array, destination: number): void {
    if (!isSameSubnet(destination, gatewayAddress, mask)) {
      this.drops.count("destination is not on this LAN");
      return;
    }
    const mac = this.#arp.lookup(this.clock.now, destination);
    if (mac === undefined) {
      this.#arp.wait(this.clock.now, destination, frame);
      return;
    }
    writeEthernet(frame, 0, mac, gatewayMac, etherTypes.ipv4);
    this.#transmit(frame);
  }

  #writeIpv4(frame: Uint8Array, destination: number, protocol: number, length: number): void {
    const { size } = ethernetHeader;
    writeIpv4(frame, size, gatewayAddress, destination, protocol, this.#nextIdentification(), length);
  }

  #nextIdentification(): number {
    this.#identification = (this.#identification + 1) & 0xffff;
    return this.#identification;
  }

  #transmit(frame: Uint8Array): void {
    if (this.#cable === undefined || this.#framesUnderWay >= frameCountMax) {
      this.drops.count(this.#cable === undefined ? "no cable is plugged in" : "too many frames wait");
      return;
    }
    this.#framesUnderWay++;
    this.#cable.transmit(frame, () => {
      this.#framesUnderWay--;
      // TCP may have been waiting for the wire.
      if (this.#framesUnderWay === tcpFrameCountMax - 1) this.flush();
    });
  }
}

/** Words for initial sequence numbers: xorshift32, so that every run has the same. */
function randomWords(seed: number): () => number {
  let word = seed;
  return () => {
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    return word >>> 0;
  };
}
