/**
 * The Silicon Image 3114: a PCI card with four SATA ports.
 *
 * BAR5 holds all registers; BARs 0 to 4 show those of ports 0 and 1 at the places of an IDE
 * controller. INTA# is asserted while any port that is not masked has INTRQ or a SATA interrupt.
 * - Ports 2 and 3 interrupt only once the steering bit in port 2's bus-master command was set.
 * - The latch in the bus-master status (bus master 2 bit 18) stays until software writes 1 to it; the
 *   wire follows the drive's INTRQ, which reading the status drops.
 *
 * Registers: hardware-reference.md 4.1 to 4.3.
 */

import type { DiskDrive } from "../disk/drive.ts";
import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import type { BarDefinition, PciDevice, PciDeviceFactory, PciSlot } from "../pci/device.ts";
import { hasBit, type RegisterHandlers, RegisterWindow } from "../register/register_map.ts";
import { BusMaster } from "./bus_master.ts";
import { defaultFifoTiming, type FifoTiming, lowWaterMark } from "./fifo.ts";
import { SataPort } from "./port.ts";
import { bits, chipRegisters, portCount, type PortRegisterMap, portRegisters } from "./registers.ts";

export interface SataControllerOptions {
  readonly name: string;
  /** The drives on ports 0 to 3; the places that are left out are empty. */
  readonly ports: readonly (DiskDrive | undefined)[];
  readonly fifo?: Partial<FifoTiming>;
}

export function createSataController(options: SataControllerOptions): PciDeviceFactory {
  if (options.ports.length > portCount) {
    throw new Error(
      `Cannot cable ${options.ports.length} drives to ${options.name}: it has ${portCount} ports`,
    );
  }
  return (slot) => new SataController(options, slot);
}

/** A port and its bus master, with the registers that have no effect. */
interface Channel {
  readonly port: SataPort;
  readonly busMaster: BusMaster;
  readonly stored: { fifoControl: number; taskFileConfig: number; transferMode: number; fisConfig: number };
}

const bar5Size = 1024;
/** RAID class, as the sister chip reports itself (hardware-reference.md 4.1). */
const classCode = 0x010400;

class SataController implements PciDevice {
  readonly name: string;
  readonly identity = {
    vendorId: 0x1095,
    deviceId: 0x3114,
    classCode,
    revisionId: 2,
    interruptPin: 1,
    subsystemVendorId: 0x1095,
    subsystemId: 0x3114,
  };
  readonly bars: readonly BarDefinition[];
  readonly #slot: PciSlot;
  readonly #channels: readonly Channel[];
  #systemConfiguration = 0;
  #asserted = false;

  constructor(options: SataControllerOptions, slot: PciSlot) {
    this.name = options.name;
    this.#slot = slot;
    const fifoTiming = { ...defaultFifoTiming, ...options.fifo };
    this.#channels = Array.from(
      { length: portCount },
      (_, index) => this.#channel(index, options.ports[index], fifoTiming),
    );
    const memory = this.#decoder();
    const io = (index: number, size: number, base: number): BarDefinition => ({
      index,
      kind: "io",
      size,
      prefetchable: false,
      target: aliasOf(memory, base),
    });
    this.bars = [
      io(0, 8, 0x080), // task file of port 0
      io(1, 4, 0x088), // control of port 0, at +2
      io(2, 8, 0x0c0),
      io(3, 4, 0x0c8),
      io(4, 16, 0x000), // bus masters of ports 0 and 1
      { index: 5, kind: "memory32", size: bar5Size, prefetchable: false, target: memory },
    ];
  }

  #channel(index: number, drive: DiskDrive | undefined, fifoTiming: FifoTiming): Channel {
    const name = `${this.name}.port${index}`;
    const { clock, log, dma } = this.#slot;
    const stored = { fifoControl: 0, taskFileConfig: 0, transferMode: 0, fisConfig: 1 };
    const busMaster = new BusMaster({
      name,
      clock,
      log,
      dma,
      fifoTiming,
      lowWaterMark: () => lowWaterMark(stored.fifoControl & 0x3f, this.#slot.cacheLineSize()),
    });
    const interruptChanged = () => this.#driveLine();
    return {
      port: new SataPort({ name, clock, log, drive, busMaster, interruptChanged }),
      busMaster,
      stored,
    };
  }

  /** All of BAR5: an offset belongs to one port's window, to the chip, or to nothing. */
  #decoder(): BusTarget {
    const chip = new RegisterWindow(this.name, chipRegisters, {
      SYSTEM_CONFIGURATION: {
        read: () => this.#systemConfiguration,
        write: (value) => {
          this.#systemConfiguration = value;
          this.#driveLine();
        },
      },
    });
    const owners = new Map<number, BusTarget>();
    this.#channels.forEach((channel, index) => {
      const map = portRegisters(index);
      const window = new RegisterWindow(`${this.name}.port${index}`, map, this.#handlers(channel, index));
      for (const { offset } of Object.values(map)) owners.set(offset, window);
    });
    const ownerOf = (offset: number, length: number) => {
      if (offset + length > bar5Size) {
        throw new BusFault(this.name, offset, `${length} bytes run past the registers`);
      }
      return owners.get(offset) ?? chip;
    };
    return {
      read: (offset, into) => ownerOf(offset, into.length).read(offset, into),
      write: (offset, from) => ownerOf(offset, from.length).write(offset, from),
    };
  }

  #handlers(channel: Channel, index: number): RegisterHandlers<PortRegisterMap> {
    return {
      ...taskFileHandlers(channel),
      ...sataHandlers(channel),
      ...this.#busMasterHandlers(channel, index),
    };
  }

  #busMasterHandlers(channel: Channel, index: number) {
    const { busMaster } = channel;
    return {
      BM_COMMAND: {
        read: () => busMaster.command,
        write: (value: number) => {
          busMaster.writeCommand(value, false);
          this.#driveLine();
        },
      },
      BM_STATUS: {
        read: () => busMasterStatus(busMaster),
        write: (value: number) => {
          if (hasBit(value, bits.BM_STATUS.error)) busMaster.error = false;
          if (hasBit(value, bits.BM_STATUS.interrupt)) busMaster.interrupt = false;
          busMaster.driveFlags = value & (1 << bits.BM_STATUS.drive0Dma | 1 << bits.BM_STATUS.drive1Dma);
        },
      },
      BM_PRD_TABLE: {
        read: () => busMaster.table,
        write: (value: number) => {
          busMaster.table = (value & ~3) >>> 0;
        },
      },
      BM2: {
        read: () => this.#wideStatus(index),
        // The steering bit has its place in the plain command register and is kept.
        write: (value: number) => busMaster.writeCommand(value & 9 | busMaster.command & 2, true),
      },
      PRD_ADDRESS_NOW: { read: () => busMaster.addressNow },
      BYTE_COUNT_NOW: { read: () => busMaster.bytesLeft },
    };
  }

  #wideStatus(index: number): number {
    const own = this.#channels[index]!;
    const next = index % 2 === 0 ? this.#channels[index + 1]! : undefined;
    let value = own.busMaster.command;
    if (own.port.sataInterrupt) value |= 1 << bits.BM2.sataInterrupt;
    value |= (busMasterStatus(own.busMaster) & 7) << bits.BM2.active;
    if (next !== undefined) {
      if (next.port.sataInterrupt) value |= 1 << bits.BM2.sataInterruptNext;
      value |= (busMasterStatus(next.busMaster) & 7) << bits.BM2.activeNext;
    }
    return value >>> 0;
  }

  #driveLine(): void {
    const steered = hasBit(this.#channels[2]!.busMaster.command, bits.BM_COMMAND.interruptSteering);
    const asserted = this.#channels.some(({ port }, index) => {
      const masked = hasBit(
        this.#systemConfiguration,
        chipRegisters.SYSTEM_CONFIGURATION.bits.maskPort0 + index,
      );
      return (port.interrupt || port.sataInterrupt) && !masked && (index < 2 || steered);
    });
    if (asserted === this.#asserted) return;
    this.#asserted = asserted;
    if (asserted) this.#slot.log.record(this.name, "interrupt");
    this.#slot.interrupt.set(asserted);
  }
}

function busMasterStatus(busMaster: BusMaster): number {
  return (busMaster.active ? 1 << bits.BM_STATUS.active : 0) |
    (busMaster.error ? 1 << bits.BM_STATUS.error : 0) |
    (busMaster.interrupt ? 1 << bits.BM_STATUS.interrupt : 0) | busMaster.driveFlags;
}

function taskFileHandlers({ port }: Channel) {
  const { taskFile } = port;
  const queued = (byte: typeof taskFile.count) => ({
    read: () => port.highOrderByte ? byte.previous : byte.current,
    write: (value: number) => port.writeArgument(() => byte.push(value)),
  });
  return {
    DATA: { read: () => port.readData(), write: (value: number) => port.writeData(value) },
    ERROR_FEATURES: {
      read: () => taskFile.error,
      write: (value: number) =>
        port.writeArgument(() => {
          taskFile.features = value;
        }),
    },
    SECTOR_COUNT: queued(taskFile.count),
    LBA_LOW: queued(taskFile.low),
    LBA_MID: queued(taskFile.mid),
    LBA_HIGH: queued(taskFile.high),
    DEVICE: {
      read: () => taskFile.device,
      write: (value: number) =>
        port.writeArgument(() => {
          taskFile.device = value;
        }),
    },
    STATUS_COMMAND: { read: () => port.readStatus(), write: (value: number) => port.start(value) },
    ALTERNATE_STATUS_CONTROL: {
      read: () => port.alternateStatus,
      write: (value: number) => port.writeControl(value),
    },
  };
}

function sataHandlers({ port, stored }: Channel) {
  return {
    SCONTROL: { read: () => port.sataControl, write: (value: number) => port.writeSataControl(value) },
    SSTATUS: { read: () => port.sataStatus },
    SERROR: { read: () => port.sataError, write: (value: number) => port.clearSataError(value) },
    SIEN: {
      read: () => port.sataInterruptEnable,
      write: (value: number) => port.writeSataInterruptEnable(value),
    },
    FIFO_CONTROL: {
      read: () => stored.fifoControl,
      write: (value: number) => {
        stored.fifoControl = value & 0x3f3f;
      },
    },
    TF_CONFIG: {
      read: () => stored.taskFileConfig | (port.interrupt ? 1 << bits.TF_CONFIG.interruptPending : 0),
      write: (value: number) => {
        stored.taskFileConfig = value & ~(1 << bits.TF_CONFIG.interruptPending);
      },
    },
    TRANSFER_MODE: {
      read: () => stored.transferMode,
      write: (value: number) => {
        stored.transferMode = value & 0x33;
      },
    },
    SFIS_CONFIG: {
      read: () => stored.fisConfig,
      write: (value: number) => {
        stored.fisConfig = value;
      },
    },
  };
}

/** Another window onto a target, from `base` on. */
const aliasOf = (target: BusTarget, base: number): BusTarget => ({
  read: (offset, into) => target.read(base + offset, into),
  write: (offset, from) => target.write(base + offset, from),
});
