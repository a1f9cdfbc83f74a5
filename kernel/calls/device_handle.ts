/**
 * A device as its driver sees it: registers, an interrupt, memory to share.
 *
 * The kernel gives a driver exactly the function that its manifest asked for; the
 * addresses stay inside. Each access is a kernel call and takes the bus's time: a read
 * stalls the CPU for the round trip, a write is posted.
 */

import type { Call, Device, SharedMemory } from "../abi/kernel.ts";
import type { KernelDevice } from "../boot/devices.ts";
import { BusFault } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Block } from "../memory/exchange_heap.ts";
import { pageSize } from "../memory/page_allocator.ts";
import type { Process } from "../process/process.ts";
import { ownBlock } from "./block_calls.ts";
import { CallError } from "./errors.ts";
import { InterruptHandle } from "./interrupt_handle.ts";
import { submit } from "./kernel_call.ts";

/** Command register of the configuration space, and its bus-master bit (hardware-reference.md section 1.1). */
const commandRegister = 0x04;
const busMasterBit = 1 << 2;
/** The part of a function's configuration space that every PCI device has. */
const configurationSize = 256;
const sharedMemoryMax = 1 << 20;

/** What a driver gets for `device`; its interrupt line is taken until the process ends. */
export function openDevice(kernel: Kernel, process: Process, device: KernelDevice): Device {
  const interrupt = new InterruptHandle(device.line);
  kernel.interrupts.listen(device.line, interrupt, () => InterruptHandle.eventOf(interrupt)!.signal());
  process.device = { location: device.location, interrupt };
  // A driver that dies must not leave its device writing to memory that is somebody else's by then.
  setBusMaster(kernel, device, true);
  process.finalisers.push(() => {
    // A card that was attached is the kernel's from then on, and goes on without its driver.
    if (process.device !== undefined) setBusMaster(kernel, device, false);
  });
  process.finalisers.push(() => kernel.interrupts.ignore(device.line, interrupt));
  const access = new RegisterAccess(kernel, device);
  return Object.freeze({
    location: device.location,
    vendorId: device.vendorId,
    deviceId: device.deviceId,
    interrupt,
    read8: (bar: number, offset: number) => access.read(bar, offset, 1),
    read16: (bar: number, offset: number) => access.read(bar, offset, 2),
    read32: (bar: number, offset: number) => access.read(bar, offset, 4),
    write8: (bar: number, offset: number, value: number) => access.write(bar, offset, value, 1),
    write16: (bar: number, offset: number, value: number) => access.write(bar, offset, value, 2),
    write32: (bar: number, offset: number, value: number) => access.write(bar, offset, value, 4),
    writeMemory: (bar: number, offset: number, block: unknown) =>
      access.writeBlock(process, bar, offset, block),
    readConfiguration32: (offset: number) =>
      submit({
        perform: () =>
          kernel.platform.configuration.read32(...device.address, checkConfiguration(device, offset)),
      }),
    writeConfiguration32: (offset: number, value: number) =>
      submit({
        perform: () =>
          kernel.platform.configuration.write32(
            ...device.address,
            checkConfiguration(device, offset),
            value >>> 0,
          ),
      }),
    shareMemory: (size: number) =>
      submit({ primitive: "blockAllocate", perform: () => shareMemory(kernel, process, size) }),
    addressOf: (block: unknown) =>
      submit({
        perform() {
          const found = ownBlock(block, process);
          handToDevice(kernel, found);
          return found.address;
        },
      }),
  }) as Device;
}

/** The device is to read what the CPU has stored, and the CPU is to read what the device will store. */
function handToDevice(kernel: Kernel, { address, offset, length }: Block): void {
  const { dataCache } = kernel.complex;
  if (dataCache === undefined) return;
  dataCache.clean(address + offset, length);
  dataCache.invalidate(address + offset, length);
  // One instruction does both to a line.
  kernel.charge(dataCache.linesOf(address + offset, length) * kernel.costs.cacheLineClean);
}

/** An offset that stays inside this function's own registers; beyond them lie other functions, and memory. */
function checkConfiguration(device: KernelDevice, offset: number): number {
  if (!isPciFunction(device)) {
    throw new CallError("BadArgument", `${device.location} has no configuration space`);
  }
  if (!Number.isInteger(offset) || offset < 0 || offset >= configurationSize || offset % 4 !== 0) {
    throw new CallError("BadArgument", `Offset ${offset} is no register of a configuration space`);
  }
  return offset;
}

/** Devices of the board itself, such as the serial port, are on no PCI bus. */
const isPciFunction = (device: KernelDevice): boolean => device.vendorId !== 0;

/** Lets a device reach memory by itself, or not. */
export function setBusMaster(kernel: Kernel, device: KernelDevice, on: boolean): void {
  if (!isPciFunction(device)) return;
  const { configuration } = kernel.platform;
  const command = configuration.read32(...device.address, commandRegister) & 0xffff;
  const value = on ? command | busMasterBit : command & ~busMasterBit;
  configuration.write32(...device.address, commandRegister, value);
}

class RegisterAccess {
  readonly #kernel: Kernel;
  readonly #device: KernelDevice;

  constructor(kernel: Kernel, device: KernelDevice) {
    this.#kernel = kernel;
    this.#device = device;
  }

  read(bar: number, offset: number, width: number): Call<number> {
    return submit({
      perform: () =>
        this.#guarded(() => {
          const { space, address } = this.#locate(bar, offset, width);
          this.#stall(space.latencyNs(address, "read"));
          const bytes = space.read(address, width);
          return bytes.reduceRight((value, byte) => value * 256 + byte, 0);
        }),
    });
  }

  write(bar: number, offset: number, value: number, width: number): Call<void> {
    return submit({
      perform: () =>
        this.#guarded(() => {
          const { space, address } = this.#locate(bar, offset, width);
          this.#stall(space.latencyNs(address, "write"));
          const bytes = Uint8Array.from({ length: width }, (_, index) => value >>> (8 * index));
          space.write(address, bytes);
        }),
    });
  }

  writeBlock(process: Process, bar: number, offset: number, block: unknown): Call<void> {
    return submit({
      perform: () =>
        this.#guarded(() => {
          const found = ownBlock(block, process);
          const { space, address } = this.#locate(bar, offset, found.length);
          const lines = Math.ceil(found.length / 64);
          this.#stall(space.latencyNs(address, "write") * lines);
          space.write(address, found.bytes);
        }),
    });
  }

  #locate(bar: number, offset: number, length: number) {
    const window = this.#device.bars.find((candidate) => candidate.index === bar);
    if (window === undefined) {
      throw new CallError("BadArgument", `${this.#device.location} has no base address register ${bar}`);
    }
    if (!Number.isInteger(offset) || offset < 0 || offset + length > window.size) {
      throw new CallError(
        "BadArgument",
        `Offset ${offset} does not lie in register window ${bar} of ${window.size} bytes`,
      );
    }
    const { complex } = this.#kernel;
    return { space: window.kind === "io" ? complex.ports : complex.space, address: window.address + offset };
  }

  #stall(nanoseconds: number): void {
    const cpu = this.#kernel.executing?.cpu;
    if (cpu !== undefined) this.#kernel.charge(nanoseconds * cpu.frequencyHz / 1e9);
  }

  #guarded<T>(access: () => T): T {
    try {
      return access();
    } catch (error) {
      if (error instanceof BusFault) throw new CallError("DeviceFault", error.message);
      throw error;
    }
  }
}

function shareMemory(kernel: Kernel, process: Process, size: number): SharedMemory {
  if (!Number.isInteger(size) || size <= 0 || size > sharedMemoryMax) {
    throw new CallError("BadArgument", `Cannot share ${size} bytes, 1 to ${sharedMemoryMax} are possible`);
  }
  const pages = Math.ceil(size / pageSize);
  const base = kernel.pages.allocate(pages);
  if (base === undefined) throw new CallError("OutOfMemory", `No ${pages} contiguous pages are free`);
  const { space } = kernel.complex;
  space.write(base, new Uint8Array(pages * pageSize));
  kernel.chargeStores(pages * pageSize);
  process.finalisers.push(() => kernel.pages.free(base, pages));
  const check = (offset: number, length: number) => {
    if (
      !Number.isInteger(offset) || !Number.isInteger(length) || offset < 0 || length < 0 ||
      offset + length > size
    ) {
      throw new CallError("BadArgument", `${offset}+${length} does not lie in ${size} shared bytes`);
    }
  };
  return Object.freeze({
    address: base,
    size,
    read: (offset: number, length: number) =>
      submit({
        perform: () => {
          check(offset, length);
          return space.read(base + offset, length);
        },
      }),
    write: (offset: number, bytes: Uint8Array) =>
      submit({
        perform: () => {
          const copy = Uint8Array.from(bytes);
          check(offset, copy.length);
          space.write(base + offset, copy);
        },
      }),
  });
}
