/**
 * Test bench: a guest on a cable to the gateway, made of the same protocol machines.
 *
 * It stands for a whole guest OS in tests of `lan_host.ts` and `publisher.ts`: it gets its
 * address by DHCP, answers ARP, and has TCP.
 * - `onFrame` sees every frame that the gateway sends, before the guest does.
 * - `onStep` is called after each frame and timer, so that a test's server can read and write.
 */

import { broadcastMac, formatIpv4Address } from "../../../net/protocol/address.ts";
import { arpMessage, parseArp, writeArp } from "../../../net/protocol/arp.ts";
import { dhcpPorts, parseDhcp } from "../../../net/protocol/dhcp.ts";
import { DhcpClient } from "../../../net/protocol/dhcp_client.ts";
import {
  ethernetHeader,
  etherTypes,
  frameSizeMax,
  parseEthernet,
  writeEthernet,
} from "../../../net/protocol/ethernet.ts";
import {
  ipProtocols,
  ipv4Header,
  type Ipv4Packet,
  parseIpv4,
  writeIpv4,
} from "../../../net/protocol/ipv4.ts";
import type { TcpSettings } from "../../../net/protocol/tcp/control_block.ts";
import { TcpTable } from "../../../net/protocol/tcp/tcp_table.ts";
import { parseUdp, udpHeader, writeUdp } from "../../../net/protocol/udp.ts";
import type { Station } from "../../ethernet/link.ts";
import type { Clock, ScheduledEvent } from "../../time/event_queue.ts";
import { type Instant, microseconds } from "../../time/time.ts";
import { gatewayAddress, gatewayMac, LanHost } from "../lan_host.ts";

export const guestMac = 0x525400000001;
const payloadAt = ethernetHeader.size + ipv4Header.size;

export class BenchGuest implements Station {
  readonly name = "guest";
  readonly tcp: TcpTable;
  readonly dhcp = new DhcpClient({ mac: guestMac, random: () => 5 });
  /** IPv4 packets other than TCP and DHCP, and what the gateway said about them. */
  readonly packets: Ipv4Packet[] = [];
  onStep: () => void = () => {};
  onFrame: (frame: Uint8Array) => void = () => {};
  readonly #clock: Clock;
  readonly #send: (frame: Uint8Array) => void;
  #timer: ScheduledEvent | undefined;

  constructor(clock: Clock, send: (frame: Uint8Array) => void, settings: Partial<TcpSettings>) {
    this.#clock = clock;
    this.#send = send;
    this.tcp = new TcpTable({ random: () => 77_000, settings });
  }

  get address(): number {
    return this.dhcp.lease?.address ?? 0;
  }

  /** Asks for an address. */
  start(): void {
    const outgoing = this.dhcp.poll(this.#clock.now);
    if (outgoing === undefined) return;
    const { source, destination, payload } = outgoing;
    this.sendUdp(source, dhcpPorts.client, destination, dhcpPorts.server, payload);
  }

  sendUdp(source: number, sourcePort: number, destination: number, port: number, payload: Uint8Array): void {
    const frame = new Uint8Array(payloadAt + udpHeader.size + payload.length);
    frame.set(payload, payloadAt + udpHeader.size);
    writeUdp(frame, payloadAt, source, sourcePort, destination, port, payload.length);
    this.sendIpv4(frame, source, destination, ipProtocols.udp);
  }

  /** Sends the IPv4 payload that stands behind the headers in `frame`. */
  sendIpv4(frame: Uint8Array, source: number, destination: number, protocol: number): void {
    writeIpv4(frame, ethernetHeader.size, source, destination, protocol, 1, frame.length - payloadAt);
    const mac = destination === gatewayAddress || destination >>> 8 !== gatewayAddress >>> 8
      ? gatewayMac
      : broadcastMac;
    writeEthernet(frame, 0, mac, guestMac, etherTypes.ipv4);
    this.#send(frame);
  }

  receive(bytes: Uint8Array): void {
    this.onFrame(bytes);
    const frame = parseEthernet(bytes);
    if (typeof frame === "string") throw new Error(`the gateway sent nonsense: ${frame}`);
    if (frame.destination !== guestMac && frame.destination !== broadcastMac) return;
    if (frame.etherType === etherTypes.arp) this.#answerArp(frame.payload);
    else this.#receiveIpv4(frame.payload);
    this.flush();
  }

  flush(): void {
    this.onStep();
    const room = new Uint8Array(frameSizeMax);
    for (;;) {
      const emitted = this.tcp.poll(this.#clock.now, room, payloadAt);
      if (emitted === undefined) break;
      const frame = room.slice(0, payloadAt + emitted.size);
      this.sendIpv4(frame, emitted.source, emitted.destination, ipProtocols.tcp);
    }
    if (this.#timer !== undefined) this.#clock.cancel(this.#timer);
    const next = this.tcp.nextTimer();
    if (next === undefined) return;
    this.#timer = this.#clock.at(Math.max(next, this.#clock.now) as Instant, () => {
      this.tcp.timer(this.#clock.now);
      this.flush();
    });
  }

  #answerArp(bytes: Uint8Array): void {
    const message = parseArp(bytes);
    if (typeof message === "string") throw new Error(`the gateway sent nonsense: ${message}`);
    if (message.operation !== "request" || message.targetAddress !== this.address) return;
    const frame = new Uint8Array(ethernetHeader.size + arpMessage.size);
    const [targetMac, targetAddress] = [message.senderMac, message.senderAddress];
    const us = { senderMac: guestMac, senderAddress: this.address };
    writeArp(frame, ethernetHeader.size, { operation: "reply", ...us, targetMac, targetAddress });
    writeEthernet(frame, 0, targetMac, guestMac, etherTypes.arp);
    this.#send(frame);
  }

  #receiveIpv4(bytes: Uint8Array): void {
    const packet = parseIpv4(bytes);
    if (typeof packet === "string") throw new Error(`the gateway sent nonsense: ${packet}`);
    const { source, destination } = packet;
    if (packet.protocol === ipProtocols.tcp) {
      if (destination !== this.address) throw new Error(`for ${formatIpv4Address(destination)}`);
      this.tcp.segment(this.#clock.now, source, destination, packet.payload);
      return;
    }
    const datagram = packet.protocol === ipProtocols.udp ? parseUdp(packet) : undefined;
    if (typeof datagram === "object" && datagram.destinationPort === dhcpPorts.client) {
      const message = parseDhcp(datagram.payload);
      if (typeof message === "string") throw new Error(`the gateway sent nonsense: ${message}`);
      this.dhcp.receive(this.#clock.now, message);
      this.start();
      return;
    }
    this.packets.push(packet);
  }
}

/** A gateway and a guest, joined by a cable without a switch: 1 Gbit/s, 10 µs from end to end. */
export function lanOnABench(
  clock: Clock,
  settings: Partial<TcpSettings> = {},
): { lan: LanHost; guest: BenchGuest } {
  const lan = new LanHost(clock);
  let wireFreeAt: number = clock.now;
  const guest = new BenchGuest(clock, (frame) => {
    clock.after(microseconds(10), () => lan.receive(frame));
  }, settings);
  lan.attach({
    bitsPerSecond: 1e9,
    transmit: (frame, sent) => {
      wireFreeAt = Math.max(wireFreeAt, clock.now) + (frame.length + 24) * 8;
      clock.at(wireFreeAt as Instant, () => {
        sent?.();
        clock.after(microseconds(10), () => guest.receive(frame));
      });
    },
  });
  return { lan, guest };
}
