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
import { MemcpyEngine } from "../hal/memcpy_engine.ts";
import { Kernel } from "../kernel.ts";
import { layOutMemory } from "../memory/layout.ts";
import { pageSize } from "../memory/page_allocator.ts";
import { parseSystemManifest } from "../placement/manifest.ts";
import { spawnFromKernel } from "../process/spawn.ts";
import { CardTransport } from "../remote/card_transport.ts";
import { pairAreaSize } from "../remote/pair_area.ts";
import { RemotePeer } from "../remote/remote_peer.ts";
import { type BootImage, readBootImage } from "./boot_image.ts";
import { type BootInfo, bootInfoSize, decodeBootInfo, encodeCardFacts } from "./boot_info.ts";
import { bootInfoBit, namespaceSerial } from "./card.ts";
import { describeDevice, findPciDevices } from "./devices.ts";
import type { BootOptions } from "./host_boot.ts";

const messagingUnit = 0xffd8_4000;
const register = { OMR0: 0x18, OMR1: 0x1c, IDR: 0x20, IISR: 0x24, IIMR: 0x28 } as const;
/** Inbound status and mask bit of the doorbell. */
const doorbellBit = 1 << 2;
const messagingSource = 12;
const kernelUp = 0x10;
/** In the part of memory that the image leaves free. */
const bootInfoAddress = 0x0060_0000;
const admaChannels = 3;
const descriptorSize = 32;

/** The card's core jumps to the image at `imageAddress`; `onKernel` hears of the kernel when it runs. */
export function bootCard(
  complex: Complex,
  cpu: Cpu,
  imageAddress: number,
  options: BootOptions,
  onKernel: (kernel: Kernel) => void,
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
    onKernel(startKernel(complex, cpu, platform, image, info, options));
  });
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
): Kernel {
  const { clock, log, seed, instantiate } = options;
  const kernel = new Kernel({
    index: info.index,
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
  });
  kernel.start();
  const transports = connectHosts(kernel, info);
  const owner = {};
  kernel.interrupts.listen(messagingSource, owner, () => {
    const bells = takeDoorbells(complex);
    for (const [host, transport] of transports) if ((bells >>> host & 1) === 1) transport.interrupted();
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

/** Makes the pairs with the kernels of the host; pairs share the transfer engines in turn. */
function connectHosts(kernel: Kernel, info: BootInfo): Map<number, CardTransport> {
  const { space, dataCache: cache } = kernel.complex;
  if (cache === undefined) throw new Error("A card's kernel expects a cache that DMA does not see");
  const { cpu } = kernel.dispatchers[0]!;
  const engines = kernel.options.system.cardTransport === "memcpy"
    ? [new MemcpyEngine(space, cache, cpu)]
    : openChannels(kernel, space, cache, Math.min(admaChannels, info.pairs.length));
  return new Map(info.pairs.map((pair, index) => {
    const bellWord = pagesFor(kernel, 128);
    cache.write(bellWord, new Uint8Array(Uint32Array.of(2 ** pair.kernel).buffer));
    const mirror = pagesFor(kernel, pairAreaSize);
    cache.write(mirror, new Uint8Array(pairAreaSize));
    const transport = new CardTransport({
      cache,
      cpu,
      engine: engines[index % engines.length]!,
      hostArea: pair.area,
      mirror,
      bellWord,
    });
    kernel.connect(pair.name, new RemotePeer(kernel, pair.kernel, transport));
    return [pair.kernel, transport] as const;
  }));
}

function openChannels(kernel: Kernel, space: AddressSpace, cache: DataCache, count: number): AdmaChannel[] {
  const { cpu } = kernel.dispatchers[0]!;
  return Array.from({ length: count }, (_, index) => {
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
