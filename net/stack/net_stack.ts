/**
 * The net stack behind its channels: one input at a time, then everything that follows from it.
 *
 * `main.ts` waits for inputs and hands them here.
 * - `input*` and `serve*` take one message each; afterwards call `settle`, which handles
 *   frames to ourselves, due timers, TCP's output and the frames for the driver.
 * - Blocks of frames that are done with go back to the pool, so that most frames cost no allocation.
 */

import type { Block, Call, Endpoint, Kernel, MessageFrom } from "../../kernel/abi/kernel.ts";
import type { nicDeviceContract } from "../contracts/nic_device.ts";
import { DropCounter } from "../protocol/drop_counter.ts";
import { frameSizeMax } from "../protocol/ethernet.ts";
import { unreachableCodes } from "../protocol/icmp.ts";
import { ipProtocols, type Ipv4Packet } from "../protocol/ipv4.ts";
import { FramePool } from "./frame_pool.ts";
import { IcmpService } from "./icmp_service.ts";
import { IpConfigService } from "./ip_config_service.ts";
import { IpInterface } from "./ip_interface.ts";
import { Lease } from "./lease.ts";
import { NicPort } from "./nic_port.ts";
import { RandomNumbers } from "./random_numbers.ts";
import { TcpService } from "./tcp_service.ts";
import { UdpService } from "./udp_service.ts";

export interface NicProperties {
  readonly mac: number;
  readonly mtu: number;
  readonly linkUp: boolean;
  readonly transmitCredit: number;
}

export class NetStack {
  readonly drops = new DropCounter<"transport protocol is unknown">();
  readonly interface: IpInterface;
  readonly icmp: IcmpService;
  readonly udp: UdpService;
  readonly tcp: TcpService;
  readonly ipConfig: IpConfigService;
  readonly #kernel: Kernel;
  readonly #nic: NicPort;
  readonly #lease: Lease;
  readonly #pool = new FramePool();

  constructor(
    kernel: Kernel,
    endpoint: Endpoint<typeof nicDeviceContract, "client">,
    nic: NicProperties,
    seed: number,
  ) {
    const numbers = new RandomNumbers(seed);
    const random = () => numbers.next();
    this.#kernel = kernel;
    this.#nic = new NicPort(endpoint, nic.transmitCredit, nic.linkUp);
    this.interface = new IpInterface(nic.mac, nic.mtu, this.#pool);
    this.icmp = new IcmpService(this.interface);
    this.udp = new UdpService(kernel, this.interface, random);
    this.tcp = new TcpService(kernel, this.interface, random);
    this.#lease = new Lease(this.interface, this.udp, random);
    this.ipConfig = new IpConfigService(kernel, this.interface, this.#nic, this.#lease);
  }

  /** Fills the pool, lets frames in and asks for an address. */
  *open(now: number): Call<void> {
    yield* this.#fillPool();
    yield* this.#nic.open();
    yield* this.settle(now);
  }

  /** True once packets can be sent. */
  get hasAddress(): boolean {
    return this.interface.configured !== undefined;
  }

  /** A message of the driver. */
  *inputFromNic(now: number, message: MessageFrom<typeof nicDeviceContract, "server">): Call<void> {
    switch (message.tag) {
      case "received":
        yield* this.#nic.noteReceived();
        return yield* this.#inputFrame(now, message.frame);
      case "transmitted":
        return this.#nic.noteTransmitted(message.frames);
      case "linkChanged":
        return yield* this.#nic.noteLink(message.up);
      case "counted":
        return yield* this.ipConfig.answer(now, message);
    }
  }

  *#inputFrame(now: number, frame: Block): Call<void> {
    const packet = this.interface.receive(now, frame.bytes);
    const isTaken = packet !== undefined && (yield* this.#inputPacket(now, packet, frame));
    if (isTaken) return;
    if (this.#pool.missing > 0 && frame.capacity >= frameSizeMax) this.#pool.add(frame);
    else yield* this.#kernel.free(frame);
  }

  /** Gives a packet to its protocol; true when the frame's block went with it. */
  *#inputPacket(now: number, packet: Ipv4Packet, frame: Block): Call<boolean> {
    switch (packet.protocol) {
      case ipProtocols.tcp:
        this.tcp.receive(now, packet);
        return false;
      case ipProtocols.icmp:
        yield* this.icmp.receive(now, packet);
        return false;
      case ipProtocols.udp: {
        const outcome = yield* this.udp.receive(now, packet, frame);
        if (outcome === "no such port") this.icmp.reportUnreachable(now, packet, unreachableCodes.port);
        return outcome === "taken";
      }
      default:
        this.drops.count("transport protocol is unknown");
        this.icmp.reportUnreachable(now, packet, unreachableCodes.protocol);
        return false;
    }
  }

  /** All that follows from an input, or from time that has passed. */
  *settle(now: number): Call<void> {
    // What this pass sends to ourselves is the next pass's: `patience` is 0 then.
    for (let left = this.interface.looped.length; left > 0; left--) {
      yield* this.#inputFrame(now, this.interface.looped.shift()!);
    }
    if (now >= this.interface.nextTimer()) this.interface.poll(now);
    if (now >= this.icmp.nextTimer()) yield* this.icmp.expire(now);
    this.#lease.poll(now);
    yield* this.tcp.settle(now);
    yield* this.#nic.flush(this.interface);
    yield* this.#fillPool();
  }

  /** How long to wait for the next input before `settle` has something to do. */
  patience(now: number): number | undefined {
    if (this.interface.looped.length > 0 || this.tcp.hasOutput) return 0;
    const next = Math.min(
      this.interface.nextTimer(),
      this.icmp.nextTimer(),
      this.#lease.nextTimer(),
      this.tcp.nextTimer(),
    );
    return next === Infinity ? undefined : Math.max(0, next - now);
  }

  *#fillPool(): Call<void> {
    // A block of 2048 bytes is the smallest class that holds a frame, and what the driver receives into.
    while (this.#pool.missing > 0) this.#pool.add(yield* this.#kernel.allocate(2048));
  }
}
