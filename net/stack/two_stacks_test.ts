/**
 * Two net stacks on one Ethernet, in virtual time: the bench of the stack's tests.
 *
 * It plays both drivers and the wire: it carries frames with a delay, answers DHCP,
 * keeps an eye on credit, and loses frames on demand. The second stack's names start
 * with `/far`. The tests themselves stand in `main_test.ts` and `tcp_test.ts`.
 */

import { assertEquals } from "@std/assert";
import type { Block, Call, Endpoint, EndpointSet, Kernel, Program } from "../../kernel/abi/kernel.ts";
import { TestKernel, type TestProcess } from "../../kernel/programs/testing/test_kernel.ts";
import { nicDeviceContract } from "../contracts/nic_device.ts";
import { isGroupMac, parseIpv4Address } from "../protocol/address.ts";
import { buildDhcp, dhcpPorts, parseDhcp } from "../protocol/dhcp.ts";
import { ethernetHeader, etherTypes, parseEthernet, writeEthernet } from "../protocol/ethernet.ts";
import { ipProtocols, ipv4Header, parseIpv4, writeIpv4 } from "../protocol/ipv4.ts";
import { parseUdp, udpHeader, writeUdp } from "../protocol/udp.ts";
import main from "./main.ts";

type Nic = Endpoint<typeof nicDeviceContract, "server">;

export const delayNs = 50_000;
const firstMac = 0x525400000001;
const serverMac = 0x5254000000ff;
export const ip = (text: string) => parseIpv4Address(text)!;
export const near = ip("10.0.2.15");
export const far = ip("10.0.2.16");
const serverAddress = ip("10.0.2.2");

interface Port {
  readonly mac: number;
  readonly endpoint: Nic;
  transmitCredit: number;
  receiveCredit: number;
}

/** The Ethernet: a driver for each stack that binds, and a DHCP server. */
class Ethernet {
  readonly ports: Port[] = [];
  /** Frames carried, for `lose` to count. */
  carried = 0;
  lose: (count: number) => boolean = () => false;
  dhcpWorks = true;
  isUnplugged = false;
  /** Out of credit: frames that the stack should not have sent, or that found no grant. */
  overruns = 0;
  readonly #arriving: { at: number; port: Port; frame: Uint8Array }[] = [];

  *main(kernel: Kernel): Program {
    const ports: EndpointSet<typeof nicDeviceContract, "server", Port> = kernel.endpointSet(
      nicDeviceContract,
      "server",
    );
    const service = yield* kernel.register(nicDeviceContract, "/dev/nic0");
    for (let now = 0; !this.isUnplugged; now = yield* kernel.now()) {
      const patience = this.#arriving.length > 0 ? Math.max(0, this.#arriving[0]!.at - now) : 1e9;
      const input = yield* kernel.select({ ports, service }, patience);
      now = yield* kernel.now();
      if (input.on === "service") {
        const port = {
          mac: firstMac + this.ports.length,
          endpoint: input.endpoint,
          transmitCredit: 0,
          receiveCredit: 0,
        };
        this.ports.push(port);
        ports.add(input.endpoint, port);
      } else if (input.on === "ports" && input.kind === "message") {
        const port = input.data;
        if (input.message.tag === "describe") {
          yield* port.endpoint.send("described", { mac: port.mac, mtu: 1500, linkUp: true });
        } else if (input.message.tag === "start") {
          port.transmitCredit = 64;
          yield* port.endpoint.send("started", { transmitCredit: 64 });
        } else if (input.message.tag === "grant") {
          port.receiveCredit += input.message.frames;
        } else if (input.message.tag === "count") {
          yield* port.endpoint.send("counted", {
            received: 1,
            missed: 2,
            bad: 3,
            transmitted: 4,
            dropped: 5,
          });
        } else if (input.message.tag === "transmit") {
          if (port.transmitCredit-- <= 0) this.overruns++;
          this.#carry(now, port, input.message.frame.bytes.slice());
          yield* kernel.free(input.message.frame);
          port.transmitCredit++;
          yield* port.endpoint.send("transmitted", { frames: 1 });
        }
      }
      yield* this.#deliver(kernel, now);
    }
  }

  *#deliver(kernel: Kernel, now: number): Call<void> {
    while (this.#arriving.length > 0 && this.#arriving[0]!.at <= now) {
      const { port, frame } = this.#arriving.shift()!;
      if (port.receiveCredit-- <= 0) this.overruns++;
      const block = yield* kernel.allocate(2048);
      block.window(0, frame.length);
      block.bytes.set(frame);
      yield* port.endpoint.send("received", { frame: block });
    }
  }

  #carry(now: number, from: Port, frame: Uint8Array): void {
    if (this.lose(this.carried++)) return;
    const parsed = parseEthernet(frame);
    if (typeof parsed === "string") throw new Error(parsed);
    assertEquals(parsed.source, from.mac);
    const answer = this.dhcpWorks ? answerDhcp(from, parsed.payload, parsed.etherType) : undefined;
    if (answer !== undefined) this.#arriving.push({ at: now + delayNs, port: from, frame: answer });
    for (const port of this.ports) {
      const isFor = isGroupMac(parsed.destination) ? port !== from : port.mac === parsed.destination;
      if (isFor) this.#arriving.push({ at: now + delayNs, port, frame });
    }
  }
}

/** The frame that answers a client's DHCP message; addresses follow the ports' order. */
function answerDhcp(from: Port, payload: Uint8Array, etherType: number): Uint8Array | undefined {
  const packet = etherType === etherTypes.ipv4 ? parseIpv4(payload) : undefined;
  if (packet === undefined || typeof packet === "string" || packet.protocol !== ipProtocols.udp) {
    return undefined;
  }
  const datagram = parseUdp(packet);
  if (typeof datagram === "string" || datagram.destinationPort !== dhcpPorts.server) return undefined;
  const message = parseDhcp(datagram.payload);
  if (typeof message === "string") throw new Error(message);
  const address = near + from.mac - firstMac;
  const data = buildDhcp({
    ...message,
    type: message.type === "DISCOVER" ? "OFFER" : "ACK",
    yourAddress: address,
    subnetMask: ip("255.255.255.0"),
    router: serverAddress,
    leaseTime: 3600,
    serverIdentifier: serverAddress,
    requestedAddress: undefined,
  });
  const frame = new Uint8Array(ethernetHeader.size + ipv4Header.size + udpHeader.size + data.length);
  const udpAt = ethernetHeader.size + ipv4Header.size;
  frame.set(data, udpAt + udpHeader.size);
  writeUdp(frame, udpAt, serverAddress, dhcpPorts.server, address, dhcpPorts.client, data.length);
  writeIpv4(
    frame,
    ethernetHeader.size,
    serverAddress,
    address,
    ipProtocols.udp,
    1,
    udpHeader.size + data.length,
  );
  writeEthernet(frame, 0, from.mac, serverMac, etherTypes.ipv4);
  return frame;
}

export class Bench {
  readonly kernel = new TestKernel();
  readonly ethernet = new Ethernet();
  readonly nearStack: TestProcess;
  readonly farStack: TestProcess;
  readonly #programs: TestProcess[] = [];

  constructor() {
    this.kernel.start("Ethernet", (kernel) => this.ethernet.main(kernel));
    this.nearStack = this.kernel.start("NetStack", main);
    this.farStack = this.kernel.start(
      "FarStack",
      (kernel) => main({ ...kernel, register: (contract, path) => kernel.register(contract, `/far${path}`) }),
    );
  }

  start(name: string, body: (kernel: Kernel) => Program): TestProcess {
    const process = this.kernel.start(name, body);
    this.#programs.push(process);
    return process;
  }

  /** Runs until all programs have ended; a fault of one, or a stack's end, fails the test. */
  run(limitNs = 300e9) {
    this.kernel.run(() => this.#programs.every(({ status }) => status !== undefined), limitNs);
    for (const { name, status, fault } of [...this.#programs, this.nearStack, this.farStack]) {
      assertEquals(fault, "", name);
      if (this.#programs.some((program) => program.name === name)) {
        assertEquals(status, 0, `${name} did not end`);
      }
    }
    assertEquals(this.ethernet.overruns, 0);
  }
}

/** A block with these bytes. */
export function* blockOf(kernel: Kernel, bytes: Uint8Array): Call<Block> {
  const block = yield* kernel.allocate(bytes.length);
  block.bytes.set(bytes);
  return block;
}
