/**
 * Booting a satellite kernel on a card: from the image in its memory to a controller.
 *
 * The kernel tells the host that it is up, through the messaging unit, and waits until
 * the coordinator has filled in its boot-info block; then it makes its pairs with the
 * kernels of the host and starts the controller process (paper, section 3.3).
 * - Registers: hardware-reference.md sections 2.5 and 2.8, the core's view.
 */

import { namespaceContract } from "../contracts/namespace.ts";
import { AdmaChannel, descriptorsMax } from "../hal/adma.ts";
import type { AddressSpace, Complex, Cpu, DataCache } from "../hal/hardware.ts";
import { Iop348Platform } from "../hal/iop348_platform.ts";
import { CountedEngine } from "../hal/counted_engine.ts";
import { MemcpyEngine } from "../hal/memcpy_engine.ts";
import type { TransferEngine } from "../hal/transfer_engine.ts";
import { Kernel } from "../kernel.ts";
import { layOutMemory } from "../memory/layout.ts";
import { pageSize } from "../memory/page_allocator.ts";
import { parseSystemManifest } from "../placement/manifest.ts";
import { spawnFromKernel } from "../process/spawn.ts";
import { CardTransport } from "../remote/card_transport.ts";
import { freshCounters, pairAreaSize } from "../remote/pair_area.ts";
import { RemotePeer } from "../remote/remote_peer.ts";
import { type BootImage, readBootImage } from "./boot_image.ts";
import { type BootInfo, bootInfoSize, decodeBootInfo, encodeCardFacts, type HostPair } from "./boot_info.ts";
import { bellOf, bootInfoBit, haltBit, namespaceSerial, panicBit } from "./card.ts";
import { describeDevice, findPciDevices } from "./devices.ts";
import type { BootOptions } from "./host_boot.ts";
import { writePanicRecord } from "./panic_record.ts";

const messagingUnit = 0xffd8_4000;
const register = { OMR0: 0x18, OMR1: 0x1c, IDR: 0x20, IISR: 0x24, IIMR: 0x28, ODR: 0x2c } as const;
/** Inbound status and mask bit of the doorbell. */
const doorbellBit = 1 << 2;
const messagingSource = 12;
const kernelUp = 0x10;
/** In the part of memory that the image leaves free. */
const bootInfoAddress = 0x0060_0000;
const admaChannels = 3;
const descriptorSize = 32;

/** Who hears of a card's kernel when it runs, and when its core has stopped. */
export interface CardObserver {
  onKernel(kernel: Kernel): void;
  onHalt(kernel: Kernel): void;
}

/** The card's core jumps to the image at `imageAddress`. */
export function bootCard(
  complex: Complex,
  cpu: Cpu,
  imageAddress: number,
  options: BootOptions,
  observer: CardObserver,
): void {
  const { space } = complex;
  const image = readBootImage((address, length) => space.read(address, length), imageAddress);
  const total = complex.dram.reduce((sum, dram) => sum + dram.size, 0);
  const facts = encodeCardFacts({
    isa: cpu.isa.name,
    platform: cpu.isa.platform,
    cpus: complex.cpus.length,
    memoryMiB: total / 2 ** 20,
  });
  space.write(bootInfoAddress, facts);
  const platform = new Iop348Platform(complex, cpu);
  platform.enable(cpu, () => {
    if ((takeDoorbells(complex) >>> bootInfoBit & 1) === 0) return platform.acknowledge(messagingSource);
    const info = decodeBootInfo(space.read(bootInfoAddress, bootInfoSize));
    if (info === undefined) throw new Error("The host rang, but the boot-info block is not filled in");
    observer.onKernel(startKernel(complex, cpu, platform, image, info, options, observer));
  });
  // What rang for a kernel before this one.
  takeDoorbells(complex);
  space.write32(messagingUnit + register.IIMR, ~doorbellBit >>> 0);
  platform.connect(messagingSource);
  space.write32(messagingUnit + register.OMR1, bootInfoAddress);
  space.write32(messagingUnit + register.OMR0, kernelUp);
}

/** Reads and clears the doorbells that the host has rung. */
function takeDoorbells({ space }: Complex): number {
  const bells = space.read32(messagingUnit + register.IDR);
  space.write32(messagingUnit + register.IDR, bells);
  return bells;
}

function startKernel(
  complex: Complex,
  cpu: Cpu,
  platform: Iop348Platform,
  image: BootImage,
  info: BootInfo,
  options: BootOptions,
  observer: CardObserver,
): Kernel {
  const { clock, log, seed, instantiate, onPanic } = options;
  const kernel = new Kernel({
    index: info.index,
    station: info.station,
    name: info.name,
    role: "satellite",
    place: info.name.replace("card", "card "),
    domain: 0,
    complex,
    cpus: [cpu],
    clock,
    log,
    platform,
    memory: layOutMemory(complex, complex.dram.map(({ base, size }) => ({ base, size }))),
    system: parseSystemManifest(image.system, "system.xml"),
    seed,
    instantiate,
    alarm,
    ...(onPanic && { onPanic }),
    onHalt: (halted) => observer.onHalt(halted),
  });
  kernel.start();
  kernel.occupies(cpu);
  const pairs = new HostPairs(kernel);
  for (const pair of info.pairs) pairs.connect(pair);
  kernel.onMeet = ({ index, station, name, address }) => {
    pairs.connect({ kernel: index, station, area: address, name });
  };
  const owner = {};
  kernel.interrupts.listen(messagingSource, owner, () => {
    const bells = takeDoorbells(complex);
    pairs.rung(bells);
    if ((bells >>> haltBit & 1) === 1) return kernel.halt();
    kernel.interrupts.acknowledge(messagingSource, owner);
  });
  const contract = kernel.contracts.admit(namespaceContract, kernel.self);
  kernel.useNamespace(kernel.channels.createFixed(kernel.index, namespaceSerial, "client", contract, 0));
  const found = findPciDevices(platform);
  kernel.devices = found.devices;
  for (const device of found.devices) kernel.say(describeDevice(device));
  for (const problem of found.problems) kernel.say(`PCI-X: ${problem}`);
  spawnFromKernel(kernel, image.controller.manifest, image.controller.il, []);
  return kernel;
}

/** The last that the kernel of a card does. */
function alarm({ complex: { space } }: Kernel, reason: string): void {
  writePanicRecord(space, bootInfoAddress + bootInfoSize, reason);
  space.write32(messagingUnit + register.ODR, 1 << panicBit);
}

/** The pairs with the kernels of the host; they share the transfer engines in turn. */
class HostPairs {
  readonly #kernel: Kernel;
  readonly #cache: DataCache;
  readonly #engines: readonly TransferEngine[];
  readonly #transports = new Map<number, { readonly station: number; readonly transport: CardTransport }>();
  /** Memory for a pair, by station: a kernel that is started again gets that of the one before. */
  readonly #memory = new Map<number, { readonly bellWord: number; readonly mirror: number }>();

  constructor(kernel: Kernel) {
    const { space, dataCache: cache } = kernel.complex;
    if (cache === undefined) throw new Error("A card's kernel expects a cache that DMA does not see");
    this.#kernel = kernel;
    this.#cache = cache;
    this.#engines = kernel.options.system.cardTransport === "memcpy"
      ? [new MemcpyEngine(space, cache, kernel.dispatchers[0]!.cpu)]
      : openChannels(kernel, space, cache);
  }

  connect({ kernel: index, station, area, name }: HostPair): void {
    const kernel = this.#kernel;
    const cache = this.#cache;
    const memory = this.#memory.get(station) ??
      { bellWord: pagesFor(kernel, 128), mirror: pagesFor(kernel, pairAreaSize) };
    this.#memory.set(station, memory);
    cache.write(memory.bellWord, new Uint8Array(Uint32Array.of(1 << bellOf(station)).buffer));
    cache.write(memory.mirror, freshCounters);
    const transport = new CardTransport({
      cache,
      cpu: kernel.dispatchers[0]!.cpu,
      engine: new CountedEngine(this.#engines[station % this.#engines.length]!),
      hostArea: area,
      ...memory,
    });
    for (const [other, { station: taken }] of this.#transports) {
      if (taken === station) this.#transports.delete(other);
    }
    kernel.connect(name, new RemotePeer(kernel, index, transport));
    this.#transports.set(index, { station, transport });
  }

  /** The host has rung doorbells. */
  rung(bells: number): void {
    for (const { station, transport } of this.#transports.values()) {
      if ((bells >>> bellOf(station) & 1) === 1) transport.interrupted();
    }
  }
}

function openChannels(kernel: Kernel, space: AddressSpace, cache: DataCache): AdmaChannel[] {
  const { cpu } = kernel.dispatchers[0]!;
  return Array.from({ length: admaChannels }, (_, index) => {
    const descriptors = pagesFor(kernel, descriptorsMax * descriptorSize);
    const channel = new AdmaChannel(space, cache, cpu, index, descriptors);
    for (const source of Object.values(channel.sources)) {
      kernel.interrupts.listen(source, channel, () => {
        channel.interrupted();
        kernel.interrupts.acknowledge(source, channel);
      });
    }
    return channel;
  });
}

function pagesFor(kernel: Kernel, size: number): number {
  const base = kernel.pages.allocate(Math.ceil(size / pageSize));
  if (base === undefined) throw new Error(`The card has no ${size} bytes left for the exchange of messages`);
  return base;
}
