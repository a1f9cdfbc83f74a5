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

import { setBusMaster } from "../calls/device_handle.ts";
import { CallError } from "../calls/errors.ts";
import { namespaceContract } from "../contracts/namespace.ts";
import type { Coordinator } from "../coordinator.ts";
import type { Kernel } from "../kernel.ts";
import { pairAreaAddress } from "../memory/layout.ts";
import type { Process } from "../process/process.ts";
import { HostCardTransport } from "../remote/host_card_transport.ts";
import { freshCounters, pairAreaSize } from "../remote/pair_area.ts";
import type { Introduction } from "../remote/introduction.ts";
import { RemotePeer } from "../remote/remote_peer.ts";
import { bootInfoSize, encodeBootInfo, readCardFacts } from "./boot_info.ts";
import type { KernelDevice } from "./devices.ts";
import { cardKernelName } from "./kernel_names.ts";

/** Messaging unit, host's view (hardware-reference.md section 2.5). */
const messagingUnit = { IDR: 0x20, ODR: 0x2c, OIMR: 0x34 } as const;
const outboundDoorbellBit = 1 << 2;
const allBells = 0xffff_ffff;
/** Inbound doorbell bit that says "your boot-info block is filled in". */
export const bootInfoBit = 30;
/** Outbound doorbell bit by which a card says that its kernel has panicked. */
export const panicBit = 24;
/** Inbound doorbell bit that says "stop". */
export const haltBit = 29;
/** The doorbell bit of a kernel of the host. With many kernels some share a bit: who finds nothing goes on. */
export const bellOf = (station: number): number => station % panicBit;

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
  const hosts = [...coordinator.hosts];
  const { name, station } = placeOf(coordinator, device.location);
  const index = coordinator.takeIndex();
  const card: Introduction = { index, station, name, address: unit.address };
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
      state: "up",
      reason: "",
    } as const,
  );
  const listener = {};
  const stop = () => {
    kernel.interrupts.ignore(device.line, listener);
    // Transfers that the card has still to do must not reach the host's memory, and its core is to stop.
    setBusMaster(kernel, device, false);
    kernel.complex.space.write32(unit.address + messagingUnit.IDR, 1 << haltBit);
    kernel.processes.end(driver, 1, `the kernel of its card is gone`);
  };
  const panicRecord = bootInfo + bootInfoSize;
  coordinator.enter({ index, station, row, panicRecord, messagingUnit: unit.address, stop });
  const areas = hosts.map(({ index: host, station: hostStation, host: { messages } }) => ({
    kernel: host,
    station: hostStation,
    area: pairAreaAddress(messages, station, pairAreaSize),
    name: kernel.nameOf(host),
  }));
  // All areas are fresh before the card looks at them, whenever their kernels make their pairs.
  for (const { area } of areas) kernel.complex.space.write(area, freshCounters);
  meetCard(kernel, card, kernel.options.memory.messages);
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
  listen(coordinator, device, unit.address, listener);
  kernel.complex.space.write(bootInfo, encodeBootInfo({ index, station, name, pairs: areas }));
  kernel.complex.space.write32(unit.address + messagingUnit.IDR, 2 ** bootInfoBit);
  return name;
}

/** A kernel of the host makes its pair with a card, in an area whose counters the coordinator has set to nought. */
export function meetCard(kernel: Kernel, card: Introduction, messages: { base: number; size: number }): void {
  const { space } = kernel.complex;
  const area = pairAreaAddress(messages, card.station, pairAreaSize);
  const doorbell = card.address + messagingUnit.IDR;
  const { cpu } = kernel.dispatchers[0]!;
  const transport = new HostCardTransport(space, area, cpu, () => {
    kernel.charge(space.latencyNs(doorbell, "write") * cpu.frequencyHz / 1e9);
    space.write32(doorbell, 1 << bellOf(kernel.options.station));
  });
  kernel.connect(card.name, new RemotePeer(kernel, card.index, transport));
  kernel.cardTransports.set(card.index, transport);
}

/** The same card has the same name and the same pair areas in each life of its kernel. */
function placeOf(coordinator: Coordinator, location: string): { name: string; station: number } {
  const { cardLocations } = coordinator;
  if (!cardLocations.includes(location)) cardLocations.push(location);
  const number = cardLocations.indexOf(location);
  return { name: cardKernelName(number), station: coordinator.domains + number };
}

/** Takes the card's interrupt over from its driver: from now on it means remote messages. */
function listen(coordinator: Coordinator, device: KernelDevice, unit: number, owner: object): void {
  const { kernel } = coordinator;
  const { space } = kernel.complex;
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
  // A kernel that was there before may have left a bell ringing.
  space.write32(unit + messagingUnit.ODR, allBells);
  space.write32(unit + messagingUnit.OIMR, ~outboundDoorbellBit >>> 0);
}

function dispatchBells(coordinator: Coordinator, bells: number): void {
  const { kernel } = coordinator;
  if ((bells >>> panicBit & 1) === 1) coordinator.heedAlarms();
  for (const { index, station, host } of coordinator.hosts) {
    if ((bells >>> bellOf(station) & 1) === 0) continue;
    if (index === kernel.index) {
      for (const transport of kernel.cardTransports.values()) transport.interrupted();
    } else kernel.platform.sendIpi(kernel.dispatchers[0]!.cpu, host.apicId);
  }
}

function barOf(device: KernelDevice, index: number) {
  const bar = device.bars.find((candidate) => candidate.index === index);
  if (bar === undefined) {
    throw new CallError("BadArgument", `${device.location} has no base address register ${index}`);
  }
  return bar;
}
