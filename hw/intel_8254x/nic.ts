/**
 * The Intel 8254x: a PCI gigabit Ethernet controller, on the host's bus and on the board alike.
 *
 * This file ties register tables to the units that do the work: receive, transmit, interrupts, PHY,
 * EEPROM, statistics. The NIC is a station on a cable; without a cable the link stays down.
 * - All accesses are 32 bits wide; the registers are reachable through BAR0, and through an address
 *   and a data port in the I/O BAR.
 * - CTRL.RST puts everything but the EEPROM and the PHY's abilities back to power-on, at once.
 *
 * hardware-reference.md section 3. Left out: flow control, wake-up, segmentation, EECD bit-banging.
 */

import type { Cable, Station } from "../ethernet/link.ts";
import { BusFault, type BusTarget } from "../memory/bus_target.ts";
import type { BarDefinition, PciDevice, PciDeviceFactory, PciSlot } from "../pci/device.ts";
import { hasBit, type RegisterHandlers, RegisterWindow, withBit } from "../register/register_map.ts";
import { later, nanoseconds } from "../time/time.ts";
import { Eeprom } from "./eeprom.ts";
import { InterruptUnit } from "./interrupts.ts";
import { Phy } from "./phy.ts";
import { ReceiveUnit } from "./receive.ts";
import { addressValidBit, causes, ioRegisters, nicRegisters, registerArrays } from "./registers.ts";
import { Statistics, statisticsRegisters } from "./statistics.ts";
import { TransmitUnit } from "./transmit.ts";

export interface NicOptions {
  readonly name: string;
  readonly model: "82540EM" | "82545GM";
  /** Six bytes, as the EEPROM holds them. */
  readonly macAddress: Uint8Array;
  /** Plugs the NIC in: called once, with the NIC as a station. Undefined: no cable. */
  readonly plug: ((station: Station) => Cable) | undefined;
}

export function createNic(options: NicOptions): PciDeviceFactory {
  if (options.macAddress.length !== 6) {
    throw new Error(
      `Cannot make ${options.name}: a MAC address has 6 bytes, not ${options.macAddress.length}`,
    );
  }
  return (slot) => new Nic(options, slot);
}

const intel = 0x8086;
const deviceIds = { "82540EM": 0x100e, "82545GM": 0x1026 } as const;
const memorySize = 0x20000;
const ioSize = 0x40;
/** PBA after reset: 48 KiB to receive, 16 KiB to send. */
const receiveKibDefault = 48;
const bufferKib = 64;
const vlanEtherType = 0x8100;
const transmitGapDefault = 0x0060_2008;
const macLoopback = 1;
/** Preamble, FCS and gap of a frame on the wire, in bytes; 8 ns a byte at 1 Gb/s. */
const wireOverheadBytes = 24;
const nsPerByte = 8;

const ctrl = nicRegisters.CTRL.bits;
const statusBits = nicRegisters.STATUS.bits;
const keptRegisters = [
  ...["CTRL_EXT", "FCAL", "FCAH", "FCT", "FCTTV", "LEDCTL", "FCRTL", "FCRTH"],
  ...["RXDCTL", "TXDCTL", "WUC", "WUFC", "WUS", "MANC", "TIPG", "VET"],
] as const;
type KeptName = typeof keptRegisters[number];

class Nic implements PciDevice, Station {
  readonly name: string;
  readonly identity;
  readonly bars: readonly BarDefinition[];
  readonly #slot: PciSlot;
  readonly #cable: Cable | undefined;
  readonly #model: NicOptions["model"];
  readonly #statistics: Statistics;
  readonly #eeprom: Eeprom;
  readonly #phy: Phy;
  readonly #interrupts: InterruptUnit;
  readonly #receive: ReceiveUnit;
  readonly #transmit: TransmitUnit;
  readonly #kept = new Map<string, number>();
  #control = 0;
  #receiveKib = receiveKibDefault;
  #ioAddress = 0;

  constructor(options: NicOptions, slot: PciSlot) {
    const { name, model } = options;
    const { clock, log, dma } = slot;
    const deviceId = deviceIds[model];
    this.name = name;
    this.#model = model;
    this.#slot = slot;
    this.identity = {
      vendorId: intel,
      deviceId,
      classCode: 0x020000,
      revisionId: 2,
      interruptPin: 1,
      subsystemVendorId: intel,
      subsystemId: deviceId,
    };
    this.#statistics = new Statistics(name);
    this.#eeprom = new Eeprom(options.macAddress, deviceId, intel);
    this.#interrupts = new InterruptUnit({
      name,
      clock,
      log,
      line: slot.interrupt,
      statistics: this.#statistics,
    });
    const shared = {
      name,
      clock,
      log,
      dma,
      interrupts: this.#interrupts,
      statistics: this.#statistics,
      vlan: () => ({ enabled: hasBit(this.#control, ctrl.VME), etherType: this.#kept.get("VET")! }),
    };
    this.#receive = new ReceiveUnit({ ...shared, bufferBytes: () => this.#receiveKib * 1024 });
    this.#transmit = new TransmitUnit({
      ...shared,
      bufferBytes: () => (bufferKib - this.#receiveKib) * 1024,
      send: (frame, sent) => this.#send(frame, sent),
    });
    this.#cable = options.plug?.(this);
    this.#phy = new Phy({
      clock,
      cablePlugged: this.#cable !== undefined,
      speed: this.#speed(),
      changed: () => this.#linkChanged(),
    });
    this.#powerOnValues();
    const memory = this.#decoder();
    this.bars = [
      { index: 0, kind: "memory32", size: memorySize, prefetchable: false, target: memory },
      { index: 2, kind: "io", size: ioSize, prefetchable: false, target: this.#ioWindow(memory) },
    ];
  }

  /** A frame arrives at the plug. */
  receive(frame: Uint8Array): void {
    if (this.#phy.linkUp && !this.#loopsBack()) this.#receive.receive(frame);
  }

  #send(frame: Uint8Array, sent: () => void): boolean {
    if (this.#loopsBack()) {
      const { clock } = this.#slot;
      clock.at(later(clock.now, nanoseconds((frame.length + wireOverheadBytes) * nsPerByte)), () => {
        this.#receive.receive(frame);
        sent();
      });
      return true;
    }
    if (this.#cable === undefined || !this.#phy.linkUp) return false;
    this.#cable.transmit(frame, sent);
    return true;
  }

  #loopsBack(): boolean {
    return (this.#receive.control >>> 6 & 3) === macLoopback;
  }

  /** STATUS 7:6 */
  #speed(): number {
    const bitsPerSecond = this.#cable?.bitsPerSecond ?? 0;
    return bitsPerSecond >= 1e9 ? 2 : bitsPerSecond >= 1e8 ? 1 : 0;
  }

  #linkChanged(): void {
    this.#slot.log.record(this.name, this.#phy.linkUp ? "link up" : "link down");
    this.#interrupts.raise(causes.LSC);
  }

  #status(): number {
    let value = this.#model === "82545GM" ? 1 << statusBits.BUS64 | 1 << statusBits.PCIX : 0;
    value = withBit(value, statusBits.FD, true);
    value = withBit(value, statusBits.LU, this.#phy.linkUp);
    return value | this.#speed() << 6;
  }

  #writeControl(value: number): void {
    if (hasBit(value, ctrl.RST)) return this.#reset();
    this.#control = withBit(value, ctrl.PHY_RST, false);
    if (hasBit(value, ctrl.PHY_RST)) this.#phy.reset();
    this.#phy.want(hasBit(value, ctrl.SLU));
  }

  #reset(): void {
    this.#slot.log.record(this.name, "reset");
    this.#receive.reset();
    this.#transmit.reset();
    this.#statistics.clear();
    this.#powerOnValues();
    this.#phy.want(false);
    // Last, so that the link that was lost leaves no cause behind.
    this.#interrupts.reset();
  }

  #powerOnValues(): void {
    this.#control = 1 << ctrl.FD;
    this.#receiveKib = receiveKibDefault;
    for (const name of keptRegisters) this.#kept.set(name, 0);
    this.#kept.set("TIPG", transmitGapDefault);
    this.#kept.set("VET", vlanEtherType);
    const [first, second, third] = this.#eeprom.macWords;
    this.#receive.addresses[0] = first | second << 16;
    this.#receive.addresses[1] = (third | 1 << addressValidBit) >>> 0;
  }

  /** All of BAR0: single registers, statistics, and the arrays. */
  #decoder(): BusTarget {
    const registers = new RegisterWindow(this.name, nicRegisters, this.#handlers());
    const counters = new Set<number>(Object.values(statisticsRegisters).map(({ offset }) => offset));
    const arrays = [
      { ...registerArrays.MTA, words: this.#receive.multicastTable },
      { ...registerArrays.RA, words: this.#receive.addresses },
      { ...registerArrays.VFTA, words: this.#receive.vlanTable },
    ].map(({ offset, count, words }) => ({
      offset,
      end: offset + 4 * count,
      target: wordArray(this.name, words),
    }));
    const select = (offset: number, length: number): [BusTarget, number] => {
      if (length !== 4 || offset % 4 !== 0) {
        throw new BusFault(
          this.name,
          offset,
          `registers are accessed as aligned 32-bit words, not ${length} bytes`,
        );
      }
      if (counters.has(offset)) return [this.#statistics.window, offset];
      const array = arrays.find((range) => offset >= range.offset && offset < range.end);
      return array === undefined ? [registers, offset] : [array.target, offset - array.offset];
    };
    return {
      read: (offset, into) => {
        const [target, inside] = select(offset, into.length);
        target.read(inside, into);
      },
      write: (offset, from) => {
        const [target, inside] = select(offset, from.length);
        target.write(inside, from);
      },
    };
  }

  #ioWindow(memory: BusTarget): BusTarget {
    const word = new Uint8Array(4);
    const view = new DataView(word.buffer);
    return new RegisterWindow(`${this.name}.io`, ioRegisters, {
      IOADDR: {
        read: () => this.#ioAddress,
        write: (value) => {
          this.#ioAddress = value;
        },
      },
      IODATA: {
        read: () => {
          memory.read(this.#ioAddress, word);
          return view.getUint32(0, true);
        },
        write: (value) => {
          view.setUint32(0, value, true);
          memory.write(this.#ioAddress, word);
        },
      },
    });
  }

  #handlers(): RegisterHandlers<typeof nicRegisters> {
    const control = { read: () => this.#control, write: (value: number) => this.#writeControl(value) };
    const kept = keptRegisters.map((name) => [name, {
      read: () => this.#kept.get(name)!,
      write: (value: number) => this.#kept.set(name, value),
    }]);
    return {
      ...Object.fromEntries(kept) as Pick<RegisterHandlers<typeof nicRegisters>, KeptName>,
      ...this.#interruptHandlers(),
      ...receiveHandlers(this.#receive),
      ...transmitHandlers(this.#transmit),
      CTRL: control,
      CTRL_DUP: control,
      STATUS: { read: () => this.#status() },
      EECD: { read: () => 1 << nicRegisters.EECD.bits.PRES },
      EERD: { read: () => this.#eeprom.read(), write: (value) => this.#eeprom.write(value) },
      MDIC: {
        read: () => this.#phy.mdic,
        write: (value) => {
          this.#phy.access(value);
          if (hasBit(value, nicRegisters.MDIC.bits.INTERRUPT)) this.#interrupts.raise(causes.MDAC);
        },
      },
      PBA: {
        read: () => (bufferKib - this.#receiveKib) << 16 | this.#receiveKib,
        write: (value) => {
          this.#receiveKib = Math.min(value & 0xffff, bufferKib - 1);
        },
      },
    };
  }

  #interruptHandlers() {
    const unit = this.#interrupts;
    return {
      ICR: { read: () => unit.take(), write: (value: number) => unit.clear(value) },
      ITR: { read: () => unit.throttle, write: (value: number) => unit.setThrottle(value) },
      ICS: { write: (value: number) => unit.raise(value) },
      IMS: { read: () => unit.mask, write: (value: number) => unit.enable(value) },
      IMC: { write: (value: number) => unit.disable(value) },
    };
  }
}

function receiveHandlers(unit: ReceiveUnit) {
  const { ring, timer } = unit;
  return {
    RCTL: { read: () => unit.control, write: (value: number) => void (unit.control = value) },
    RXCSUM: {
      read: () => unit.checksumControl,
      write: (value: number) => void (unit.checksumControl = value),
    },
    RDBAL: { read: () => ring.baseLow, write: (value: number) => void (ring.baseLow = value) },
    RDBAH: { read: () => ring.baseHigh, write: (value: number) => void (ring.baseHigh = value) },
    RDLEN: { read: () => ring.length, write: (value: number) => void (ring.length = value) },
    RDH: { read: () => ring.head, write: (value: number) => void (ring.head = value) },
    RDT: {
      read: () => ring.tail,
      write: (value: number) => {
        ring.tail = value;
        unit.tailMoved();
      },
    },
    RDTR: {
      read: () => timer.delay,
      write: (value: number) => {
        timer.delay = value & 0xffff;
        if (hasBit(value, nicRegisters.RDTR.bits.FPD) && timer.running) timer.flush();
      },
    },
    RADV: { read: () => timer.absolute, write: (value: number) => void (timer.absolute = value & 0xffff) },
  };
}

function transmitHandlers(unit: TransmitUnit) {
  const { ring, timer } = unit;
  return {
    TCTL: { read: () => unit.control, write: (value: number) => void (unit.control = value) },
    TDBAL: { read: () => ring.baseLow, write: (value: number) => void (ring.baseLow = value) },
    TDBAH: { read: () => ring.baseHigh, write: (value: number) => void (ring.baseHigh = value) },
    TDLEN: { read: () => ring.length, write: (value: number) => void (ring.length = value) },
    TDH: { read: () => ring.head, write: (value: number) => void (ring.head = value) },
    TDT: {
      read: () => ring.tail,
      write: (value: number) => {
        ring.tail = value;
        unit.advance();
      },
    },
    TIDV: { read: () => timer.delay, write: (value: number) => void (timer.delay = value & 0xffff) },
    TADV: { read: () => timer.absolute, write: (value: number) => void (timer.absolute = value & 0xffff) },
  };
}

/** 32-bit words as a bus target. */
function wordArray(name: string, words: Uint32Array): BusTarget {
  const check = (offset: number) => {
    const index = offset / 4;
    if (index >= words.length) throw new BusFault(name, offset, "beyond the end of a register array");
    return index;
  };
  return {
    read: (offset, into) =>
      new DataView(into.buffer, into.byteOffset).setUint32(0, words[check(offset)]!, true),
    write: (offset, from) => {
      words[check(offset)] = new DataView(from.buffer, from.byteOffset).getUint32(0, true);
    },
  };
}
