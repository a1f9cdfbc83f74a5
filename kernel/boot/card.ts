/**
 * Meeting a card: the coordinator hands it its place in the machine, and the kernels of
 * the host set up their pairs with it.
 *
 * The card's kernel has left a boot-info block in its memory and waits for a doorbell.
 * The coordinator writes there which kernels there are and where the pair areas lie,
 * introduces the card to the other kernels of the host, and rings.
 * - The card's interrupt comes to the coordinator, which passes it on by IPI to the
 *   kernel that the doorbell's bit names (paper, section 3.4: all device interrupts go
 *   to the coordinator's CPUs).
 */

import { CallError } from "../calls/errors.ts";
import { namespaceContract } from "../contracts/namespace.ts";
import { type Coordinator, describeKernel } from "../coordinator.ts";
import type { Kernel } from "../kernel.ts";
import { pairAreaAddress } from "../memory/layout.ts";
import type { Process } from "../process/process.ts";
import { HostCardTransport } from "../remote/host_card_transport.ts";
import { pairAreaSize } from "../remote/pair_area.ts";
import { type Introduction, RemotePeer } from "../remote/remote_peer.ts";
import { encodeBootInfo, readCardFacts } from "./boot_info.ts";
import type { KernelDevice } from "./devices.ts";

/** Messaging unit, host's view (hardware-reference.md section 2.5). */
const messagingUnit = { IDR: 0x20, ODR: 0x2c, OIMR: 0x34 } as const;
const outboundDoorbellBit = 1 << 2;
/** Inbound doorbell bit that says "your boot-info block is filled in". */
export const bootInfoBit = 30;
/** The serial of the channel to the namespace that every satellite has from the start. */
export const namespaceSerial = 1;

interface CardRequest {
  readonly messagingUnitBar: number;
  readonly memoryBar: number;
  readonly bootInfo: number;
}

/** Attaches the card that `driver` drives; returns the name of its kernel. */
export function attachCard(coordinator: Coordinator, driver: Process, request: CardRequest): string {
  const { kernel } = coordinator;
  const device = kernel.devices.find((candidate) => candidate.location === driver.device?.location);
  if (device === undefined || driver.device === undefined) {
    throw new CallError("NotPermitted", "Only the driver of a card can attach it");
  }
  const unit = barOf(device, request.messagingUnitBar);
  const memory = barOf(device, request.memoryBar);
  const bootInfo = memory.address + request.bootInfo;
  const facts = readCardFacts((length) => kernel.complex.space.read(bootInfo, length));
  if (facts === undefined) {
    throw new CallError("DeviceFault", `The card at ${device.location} shows no boot-info block`);
  }
  const index = coordinator.kernels.length;
  const name = `card${coordinator.kernels.filter(({ row }) => row.place.startsWith("card")).length}`;
  const card: Introduction = { index, name, messagingUnit: unit.address };
  const hosts = coordinator.kernels.filter(({ row }) => row.place.startsWith("domain"));
  const row = Object.freeze(
    {
      name,
      role: "satellite",
      isa: facts.isa,
      platform: facts.platform,
      cpus: facts.cpus,
      memoryMiB: facts.memoryMiB,
      place: name.replace("card", "card "),
      path: `/kernels/${name}`,
    } as const,
  );
  coordinator.kernels.push({ index, row });
  kernel.say(describeKernel(row));
  const areas = hosts.map(({ index: host }) => ({
    kernel: host,
    area: pairAreaAddress(coordinator.messageAreaOf(host), index, pairAreaSize),
    name: kernel.nameOf(host),
  }));
  meetCard(kernel, card, coordinator.messageAreaOf(kernel.index));
  for (const { index: host } of hosts) if (host !== kernel.index) kernel.peer(host).sendMeet(card);
  const end = kernel.channels.createFixed(
    index,
    namespaceSerial,
    "server",
    kernel.contracts.admit(namespaceContract, kernel.self),
    index,
  );
  coordinator.namespace.serve(end, index);
  kernel.interrupts.ignore(device.line, driver.device.interrupt);
  driver.device = undefined;
  listen(coordinator, device, unit.address);
  kernel.complex.space.write(bootInfo, encodeBootInfo({ index, name, pairs: areas }));
  kernel.complex.space.write32(unit.address + messagingUnit.IDR, 2 ** bootInfoBit);
  return name;
}

/** A kernel of the host makes its pair with a card. */
export function meetCard(kernel: Kernel, card: Introduction, messages: { base: number; size: number }): void {
  const { space } = kernel.complex;
  const area = pairAreaAddress(messages, card.index, pairAreaSize);
  space.write(area, new Uint8Array(pairAreaSize));
  const doorbell = card.messagingUnit + messagingUnit.IDR;
  const { cpu } = kernel.dispatchers[0]!;
  const transport = new HostCardTransport(space, area, cpu, () => {
    kernel.charge(space.latencyNs(doorbell, "write") * cpu.frequencyHz / 1e9);
    space.write32(doorbell, 2 ** kernel.index);
  });
  kernel.connect(card.name, new RemotePeer(kernel, card.index, transport));
  kernel.cardTransports.push(transport);
}

/** Takes the card's interrupt over from its driver: from now on it means remote messages. */
function listen(coordinator: Coordinator, device: KernelDevice, unit: number): void {
  const { kernel } = coordinator;
  const { space } = kernel.complex;
  const owner = {};
  const { cpu } = kernel.dispatchers[0]!;
  const fired = () => {
    // All other causes are masked, so the doorbells tell all; each read stalls the CPU for a trip across the link.
    kernel.charge(space.latencyNs(unit, "read") * cpu.frequencyHz / 1e9);
    const bells = space.read32(unit + messagingUnit.ODR);
    space.write32(unit + messagingUnit.ODR, bells);
    dispatchBells(coordinator, bells);
    kernel.interrupts.acknowledge(device.line, owner);
  };
  kernel.interrupts.listen(device.line, owner, fired);
  space.write32(unit + messagingUnit.OIMR, ~outboundDoorbellBit >>> 0);
}

function dispatchBells(coordinator: Coordinator, bells: number): void {
  const { kernel } = coordinator;
  for (let index = 0; index < 30; index++) {
    if ((bells >>> index & 1) === 0) continue;
    if (index === kernel.index) { for (const transport of kernel.cardTransports) transport.interrupted(); }
    else coordinator.interruptKernel(index);
  }
}

function barOf(device: KernelDevice, index: number) {
  const bar = device.bars.find((candidate) => candidate.index === index);
  if (bar === undefined) {
    throw new CallError("BadArgument", `${device.location} has no base address register ${index}`);
  }
  return bar;
}
