/**
 * What a machine file says: CPUs, memory, buses, cards, disks, links and their figures.
 *
 * The schema below is the one place that lists the fields; the types come from it.
 * - `parseMachineDescription` gives a description or one error line that names file,
 *   JSON path, value and what was expected.
 * - Fields end in their unit. `figures` lists each figure with its source.
 * - What a schema cannot say (domains exist, slots differ, memory fits) is checked
 *   after it, so `assembleMachine` may rely on all of it.
 */

import { linesPerSample } from "../cpu/cache.ts";
import { kernelPrimitives, type PrimitiveCycles } from "../cpu/isa_tables.ts";
import {
  choice,
  type Figure,
  figure,
  flag,
  integer,
  listOf,
  object,
  oneOf,
  optional,
} from "./json_schema.ts";
import { type Parsed, type Reading, type Schema, SchemaError, text } from "./json_schema.ts";

const latencyNs = figure(0, 1e9);
const frequencyHz = figure(1e6, 1e11);
const bytesPerSecond = figure(1e3, 1e12);
const cyclesOfPrimitive: Schema<number | undefined> = figure(0, 1e9);
const instructionCostScale = optional(figure(0.01, 100), 1);

/** Kernel primitives that cost other than the ISA's table says, in cycles. */
const primitives = optional(
  object(Object.fromEntries(kernelPrimitives.map((name) => [name, optional(cyclesOfPrimitive, undefined)]))),
  {},
) as Schema<PrimitiveCycles>;

const macAddress: Schema<string> = {
  read(_, path, value) {
    if (typeof value === "string" && /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/.test(value)) return value;
    throw new SchemaError(
      `${path} is ${JSON.stringify(value)}, must be a unicast address such as 02:00:00:00:00:01`,
    );
  },
};

const cacheLevel = object({
  sizeKiB: figure(1, 65536),
  ways: figure(1, 64),
  /** Both levels have the same. */
  lineBytes: figure(16, 256),
  /** From the address to the data; for L1 it is part of what a load costs in the ISA's table. */
  hitCycles: figure(0, 1000),
});

const cachesOfCpu = object({
  l1: cacheLevel,
  l2: cacheLevel,
  /** Misses that the core keeps under way at a time: a program waits for a share of each. */
  missesAtOnce: figure(1, 64),
});

/** Data caches of each CPU; without them every access hits. */
const caches = optional<Parsed<typeof cachesOfCpu> | undefined>(cachesOfCpu, undefined);

const host = object({
  /** Its firmware and boot loader are x86's. */
  isa: choice("x86-core2", "x86-k8"),
  frequencyHz,
  primitives,
  /** Drives the local APIC timers. */
  busClockHz: frequencyHz,
  caches,
  /** The first one listed boots. */
  cpus: listOf(object({ apicId: integer(0, 254), domain: integer(0, 63), instructionCostScale }), 1, 128),
  domains: listOf(object({ memoryMiB: integer(64, 3072) }), 1, 64),
  memory: object({
    localNs: latencyNs,
    /** Needed with more than one domain. */
    remoteNs: optional<number | undefined>(latencyNs, undefined),
    /** Needed when interleaved. */
    interleavedNs: optional<number | undefined>(latencyNs, undefined),
    /** Pages alternate between the nodes: one domain, and every access costs `interleavedNs`. */
    interleaved: flag,
  }),
  interrupts: object({
    /** From the ICR write to the first instruction of the handler, less the interrupt entry. */
    ipiSameDomainNs: latencyNs,
    ipiOtherDomainNs: latencyNs,
    /** From a device's line or MSI to the CPU. */
    deviceNs: latencyNs,
  }),
});

const bus = object({
  bytesPerSecond,
  transactionLatencyNs: latencyNs,
  /** What a CPU's load from a device stalls. */
  readLatencyNs: latencyNs,
  /** What a CPU's posted store to a device stalls. */
  writeLatencyNs: latencyNs,
  /** What firmware, or the kernel of a card, puts into the register: 32-bit words. */
  cacheLineSize: integer(0, 255),
});

const disk = object({
  model: text,
  serial: text,
  sectorCount: integer(2048, 2 ** 32),
  cylinders: integer(1, 1e6),
  rotationsPerMinute: figure(1000, 100000),
  trackToTrackSeekMs: figure(0, 1000),
  averageReadSeekMs: figure(0, 1000),
  averageWriteSeekMs: figure(0, 1000),
  fullStrokeSeekMs: figure(0, 1000),
  outerBytesPerSecond: bytesPerSecond,
  innerBytesPerSecond: bytesPerSecond,
  interfaceBytesPerSecond: bytesPerSecond,
  bufferMiB: figure(0.125, 1024),
  commandOverheadMs: figure(0, 1000),
  cleanFlushMs: figure(0, 1000),
});

const slot = integer(1, 31);

const nic = object({
  slot,
  model: choice("intel-8254x"),
  part: choice("82540EM", "82545GM"),
  macAddress,
  /** Is it plugged into the switch? */
  cable: flag,
});

const sata = object({
  slot,
  model: choice("sii3114"),
  /** How long its FIFO waits for memory at each refill. */
  memoryAccessNs: latencyNs,
  /** What a FIFO that ran dry costs beyond the wait: the link stops, and starts again. */
  fifoUnderrunNs: latencyNs,
  disk,
});

const board = object({
  slot,
  model: choice("iop348"),
  /** Its core is an XScale. */
  isa: choice("armv5te"),
  frequencyHz,
  primitives,
  internalBusHz: frequencyHz,
  caches,
  instructionCostScale,
  memoryMiB: choice(64, 128, 256),
  memoryLatencyNs: latencyNs,
  /** A read of one of its own peripheral registers. */
  registerLatencyNs: latencyNs,
  /** Its boot loader's time until it answers configuration cycles. */
  bootMs: figure(0, 60000),
  /** Its rate is that of copies inside the card; towards the host the link's rate holds. */
  adma: object({ setupNs: latencyNs, descriptorNs: latencyNs, bytesPerSecond }),
  /** Its PCI Express link; accesses by its CPU to the host stall for the two latencies. */
  link: object({
    bytesPerSecond,
    transactionLatencyNs: latencyNs,
    readLatencyNs: latencyNs,
    writeLatencyNs: latencyNs,
  }),
  pciX: bus,
  /** Cells of its DRAM that read wrong: address, and which bits read inverted. */
  dramFaults: optional(
    listOf(object({ address: integer(0, 2 ** 28 - 1), xor: integer(1, 255) }), 0, 1024),
    [],
  ),
  /** What sits on its PCI-X bus. */
  devices: listOf(oneOf("model", { "intel-8254x": nic, "sii3114": sata }), 0, 8),
});

const machine = object({
  name: text,
  title: text,
  host,
  acpi: object({ srat: flag }),
  pci: bus,
  devices: listOf(oneOf("model", { "intel-8254x": nic, "sii3114": sata, "iop348": board }), 0, 16),
  lan: object({ switchLatencyNs: latencyNs, linkBitsPerSecond: figure(1e6, 1e12) }),
});

export type HostDescription = Parsed<typeof host>;
export type CachesDescription = Parsed<typeof cachesOfCpu>;
export type BusDescription = Parsed<typeof bus>;
export type DiskDescription = Parsed<typeof disk>;
export type NicDescription = Parsed<typeof nic>;
export type SataDescription = Parsed<typeof sata>;
export type BoardDescription = Parsed<typeof board>;
export type HostDeviceDescription = NicDescription | SataDescription | BoardDescription;
export type MachineDescription = Parsed<typeof machine> & { readonly figures: readonly Figure[] };

export type DescriptionResult =
  | { readonly ok: true; readonly description: MachineDescription }
  | { readonly ok: false; readonly error: string };

/** What K8 processors of the time address: 40 bits, less the window below 4 GiB, and far less than that. */
const hostMemoryMiBMax = 65536;

export function parseMachineDescription(source: string, fileName: string): DescriptionResult {
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    return refused(fileName, `is not JSON: ${(error as Error).message}`);
  }
  return readMachineDescription(json, fileName);
}

/** The same for JSON that is parsed already. */
export function readMachineDescription(json: unknown, fileName: string): DescriptionResult {
  const reading: Reading = { figures: [] };
  try {
    const description = { ...machine.read(reading, "", json), figures: reading.figures };
    checkWhole(description);
    return { ok: true, description };
  } catch (error) {
    if (error instanceof SchemaError) return refused(fileName, error.message);
    throw error;
  }
}

function refused(fileName: string, reason: string): DescriptionResult {
  return { ok: false, error: `Cannot read machine "${fileName}": ${reason.replaceAll("\n", " ").trim()}` };
}

function checkWhole(description: MachineDescription): void {
  const { host, devices, acpi } = description;
  checkDifferent(host.cpus.map(({ apicId }) => apicId), (index) => `host.cpus[${index}].apicId`);
  host.cpus.forEach(({ domain }, index) => {
    if (domain < host.domains.length) return;
    throw new SchemaError(
      `host.cpus[${index}].domain is ${domain}, must be below ${host.domains.length}, the number of domains`,
    );
  });
  host.domains.forEach((_, domain) => {
    if (host.cpus.some((cpu) => cpu.domain === domain)) return;
    throw new SchemaError(`host.domains[${domain}] has 0 CPUs, must have at least 1`);
  });
  if (host.cpus[0]!.domain !== 0) {
    throw new SchemaError(
      `host.cpus[0].domain is ${host.cpus[0]!.domain}, must be 0: the boot processor is in domain 0`,
    );
  }
  const memoryMiB = host.domains.reduce((sum, domain) => sum + domain.memoryMiB, 0);
  if (memoryMiB > hostMemoryMiBMax) {
    throw new SchemaError(`host.domains has ${memoryMiB} MiB in all, must be at most ${hostMemoryMiBMax}`);
  }
  if (host.memory.interleaved && (host.domains.length !== 1 || acpi.srat)) {
    throw new SchemaError(
      `host.memory.interleaved is true, must be false unless there is one domain and no SRAT`,
    );
  }
  requireLatency(host.memory.remoteNs, "remoteNs", host.domains.length > 1);
  requireLatency(host.memory.interleavedNs, "interleavedNs", host.memory.interleaved);
  checkCaches("host.caches", host.caches);
  devices.forEach((device, index) => {
    if (device.model === "iop348") checkCaches(`devices[${index}].caches`, device.caches);
  });
  checkDevices(devices);
}

function checkCaches(path: string, caches: CachesDescription | undefined): void {
  if (caches === undefined) return;
  for (const name of ["l1", "l2"] as const) {
    const { sizeKiB, ways, lineBytes } = caches[name];
    const sets = sizeKiB * 1024 / (ways * lineBytes);
    if (!isPowerOfTwo(lineBytes)) {
      throw new SchemaError(`${path}.${name}.lineBytes is ${lineBytes}, must be a power of two`);
    }
    if (!Number.isInteger(ways) || !isPowerOfTwo(sets) || sets < linesPerSample) {
      throw new SchemaError(
        `${path}.${name} has ${sets} sets of ${ways} ways, must have a power of two of sets, at least ` +
          `${linesPerSample}: one in ${linesPerSample} is simulated`,
      );
    }
  }
  const { l1, l2 } = caches;
  if (l1.lineBytes !== l2.lineBytes) {
    throw new SchemaError(`${path}.l2.lineBytes is ${l2.lineBytes}, must be that of l1, ${l1.lineBytes}`);
  }
  if (l2.hitCycles < l1.hitCycles) {
    throw new SchemaError(
      `${path}.l2.hitCycles is ${l2.hitCycles}, must be at least that of l1, ${l1.hitCycles}`,
    );
  }
}

const isPowerOfTwo = (value: number) => Number.isInteger(Math.log2(value));

function requireLatency(latencyNs: number | undefined, field: string, needed: boolean): void {
  if (needed && latencyNs === undefined) {
    throw new SchemaError(`host.memory.${field} is missing, must be a number of ns`);
  }
}

function checkDevices(devices: readonly HostDeviceDescription[]): void {
  checkDifferent(devices.map((device) => device.slot), (index) => `devices[${index}].slot`);
  const everywhere = devices.flatMap((device, index) => {
    const inner = device.model === "iop348" ? device.devices : [];
    const innerPath = `devices[${index}].devices`;
    checkDifferent(inner.map(({ slot }) => slot), (position) => `${innerPath}[${position}].slot`);
    return [
      { path: `devices[${index}]`, device },
      ...inner.map((device, position) => ({ path: `${innerPath}[${position}]`, device })),
    ];
  });
  const macs = everywhere.flatMap(({ path, device }) =>
    device.model === "intel-8254x" ? [{ path, mac: device.macAddress }] : []
  );
  checkDifferent(macs.map(({ mac }) => mac), (index) => `${macs[index]!.path}.macAddress`);
  const disks = everywhere.filter(({ device }) => device.model === "sii3114");
  if (disks.length > 1) {
    throw new SchemaError(`${disks[1]!.path}.model is "sii3114", must be another: one disk per machine`);
  }
  everywhere.forEach(({ path, device }) => {
    if (device.model !== "iop348") return;
    const size = device.memoryMiB * 2 ** 20;
    const outside = device.dramFaults.find(({ address }) => address >= size);
    if (outside === undefined) return;
    throw new SchemaError(`${path}.dramFaults has address ${outside.address}, must be below ${size}`);
  });
}

function checkDifferent(values: readonly (string | number)[], pathOf: (index: number) => string): void {
  values.forEach((value, index) => {
    if (values.indexOf(value) === index) return;
    throw new SchemaError(
      `${pathOf(index)} is ${JSON.stringify(value)}, must differ from ${pathOf(values.indexOf(value))}`,
    );
  });
}
