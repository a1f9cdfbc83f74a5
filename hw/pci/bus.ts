/**
 * A PCI bus: configuration space, BAR decoding, DMA and INTx lines of its devices.
 *
 * The host's bus and the board's PCI-X bus are both of this class; device models
 * are attached as function 0 of a device number.
 * - Reads that no device claims give all ones and writes are dropped, as on a real bus.
 * - A device masters the bus only while its command register allows it; a transfer
 *   that faults sets status bit 13 (nobody answers) or 12 (the target refuses).
 * - INTx is level-sensitive and shared: devices that `interruptLine` gives the same
 *   line are ORed, so it must return one object per wire.
 */

import type { AddressSpace } from "../memory/address_space.ts";
import {
  type AccessLatencies,
  BusFault,
  type BusTarget,
  type DmaPort,
  type InterruptLine,
} from "../memory/bus_target.ts";
import { hasBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { commandBits, ConfigurationSpace, type DecodedBar, statusBits } from "./configuration_space.ts";
import type { PciDevice, PciDeviceFactory, PciSlot } from "./device.ts";
import { TransferPath, type TransferTiming } from "./transfer_path.ts";

export interface PciBusOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly timing: TransferTiming;
  /** Where the devices' DMA goes. */
  readonly memory: AddressSpace;
  /** The address in `memory` of a PCI address, or undefined if no bridge claims it. */
  translate(pciAddress: number, length: number): number | undefined;
  /** The wire that pin 1 (INTA#) to 4 (INTD#) of a device number is soldered to. */
  interruptLine(device: number, pin: number): InterruptLine;
  /** What firmware stores in a device's scratch registers; zeros if no firmware runs here. */
  readonly firmware?: {
    readonly cacheLineSize: number;
    interruptNumber(device: number, pin: number): number;
  };
}

/** Configuration cycles on one bus; undefined and false mean that no device answered. */
export interface ConfigurationAccess {
  read(device: number, fn: number, offset: number, width: 1 | 2 | 4): number | undefined;
  write(device: number, fn: number, offset: number, width: 1 | 2 | 4, value: number): boolean;
  read32(device: number, fn: number, offset: number): number | undefined;
  write32(device: number, fn: number, offset: number, value: number): boolean;
}

/** A path of a device's own: transfers, and what a CPU's access to its registers costs. */
export type LinkTiming = TransferTiming & AccessLatencies;

const deviceNumbers = 32;

interface Occupant {
  readonly number: number;
  readonly device: PciDevice;
  readonly configuration: ConfigurationSpace;
  readonly path: TransferPath;
  readonly link: LinkTiming | undefined;
  /** What the model drives on its pin, before the INTx-disable gate. */
  pinAsserted: boolean;
  /** What reaches the shared wire. */
  lineAsserted: boolean;
}

export class PciBus implements ConfigurationAccess {
  readonly name: string;
  readonly #options: PciBusOptions;
  readonly #path: TransferPath;
  readonly #occupants: (Occupant | undefined)[] = new Array(deviceNumbers).fill(undefined);
  /** How many devices assert each wire. */
  readonly #asserted = new Map<InterruptLine, number>();
  #decoded: (DecodedBar & { readonly link: LinkTiming | undefined })[] = [];

  constructor(options: PciBusOptions) {
    this.name = options.name;
    this.#options = options;
    this.#path = new TransferPath(options.name, options.clock, options.timing);
  }

  /** Puts a device into a slot; `link` gives it a path of its own (PCI Express) instead of the shared bus. */
  attach(number: number, factory: PciDeviceFactory, link?: LinkTiming): PciDevice {
    if (number < 0 || number >= deviceNumbers) {
      throw new Error(`Cannot attach to ${this.name}: no slot ${number}`);
    }
    if (this.#occupants[number] !== undefined) {
      throw new Error(
        `Cannot attach to ${this.name}: slot ${number} holds ${this.#occupants[number].device.name}`,
      );
    }
    const { clock, firmware } = this.#options;
    const path = link === undefined ? this.#path : new TransferPath(`${this.name}.${number}`, clock, link);
    const device = factory(this.#slot(number, path));
    const pin = device.identity.interruptPin;
    const presets = {
      cacheLineSize: firmware?.cacheLineSize ?? 0,
      interruptLine: pin === 0 ? 0 : firmware?.interruptNumber(number, pin) ?? 0,
    };
    const configuration = new ConfigurationSpace(device, presets, () => this.#configurationChanged(number));
    this.#occupants[number] = {
      number,
      device,
      configuration,
      path,
      link,
      pinAsserted: false,
      lineAsserted: false,
    };
    return device;
  }

  read(device: number, fn: number, offset: number, width: 1 | 2 | 4): number | undefined {
    return fn === 0 ? this.#occupants[device]?.configuration.read(offset, width) : undefined;
  }

  write(device: number, fn: number, offset: number, width: 1 | 2 | 4, value: number): boolean {
    const occupant = fn === 0 ? this.#occupants[device] : undefined;
    occupant?.configuration.write(offset, width, value);
    return occupant !== undefined;
  }

  read32(device: number, fn: number, offset: number): number | undefined {
    return this.read(device, fn, offset, 4);
  }

  write32(device: number, fn: number, offset: number, value: number): boolean {
    return this.write(device, fn, offset, 4, value);
  }

  /** A window onto the bus's memory addresses; offset 0 is PCI address `base`. */
  memoryWindow(base: number): BusTarget {
    return this.#window("memory", base);
  }

  /** A window onto the bus's I/O addresses; offset 0 is port `base`. */
  ioWindow(base: number): BusTarget {
    return this.#window("io", base);
  }

  #window(space: DecodedBar["space"], base: number): BusTarget {
    return {
      latencies: (offset) => this.#claimant(space, base + offset, 1)?.link,
      read: (offset, into) => {
        const bar = this.#claimant(space, base + offset, into.length);
        if (bar === undefined) into.fill(0xff);
        else bar.definition.target.read(base + offset - bar.base, into);
      },
      write: (offset, from) => {
        const bar = this.#claimant(space, base + offset, from.length);
        if (bar !== undefined) bar.definition.target.write(base + offset - bar.base, from);
        else {this.#log(
            `${space} write of ${from.length} bytes to ${hex(base + offset)} dropped: nobody claims it`,
          );}
      },
    };
  }

  #claimant(space: DecodedBar["space"], address: number, length: number) {
    for (const bar of this.#decoded) {
      if (bar.space !== space || address < bar.base || address >= bar.base + bar.definition.size) continue;
      if (address + length <= bar.base + bar.definition.size) return bar;
      throw new BusFault(
        this.name,
        address,
        `${length} bytes run past the end of BAR${bar.definition.index}`,
      );
    }
    return undefined;
  }

  #configurationChanged(number: number): void {
    this.#decoded = this.#occupants.flatMap((occupant) =>
      occupant?.configuration.decodedBars().map((bar) => ({ ...bar, link: occupant.link })) ?? []
    );
    const occupant = this.#occupants[number]!;
    this.#driveLine(occupant);
    occupant.path.resume();
  }

  #driveLine(occupant: Occupant): void {
    const { number, device, configuration, pinAsserted } = occupant;
    configuration.setStatus(statusBits.interruptPending, pinAsserted);
    const asserted = pinAsserted && !hasBit(configuration.command, commandBits.intxDisable);
    if (asserted === occupant.lineAsserted) return;
    occupant.lineAsserted = asserted;
    const line = this.#options.interruptLine(number, device.identity.interruptPin);
    const before = this.#asserted.get(line) ?? 0;
    const after = before + (asserted ? 1 : -1);
    this.#asserted.set(line, after);
    if ((before > 0) !== (after > 0)) line.set(after > 0);
  }

  #slot(number: number, path: TransferPath): PciSlot {
    const occupant = () => {
      const found = this.#occupants[number];
      if (found === undefined) {
        throw new Error(`The device in slot ${number} of ${this.name} acted before it was attached`);
      }
      return found;
    };
    const reportAbort = (kind: "target" | "master") => {
      const bit = kind === "target" ? statusBits.receivedTargetAbort : statusBits.receivedMasterAbort;
      occupant().configuration.setStatus(bit, true);
    };
    return {
      clock: this.#options.clock,
      log: this.#options.log,
      dma: this.#dmaPort(occupant, path, reportAbort),
      interrupt: {
        set: (asserted) => {
          const found = occupant();
          if (found.device.identity.interruptPin === 0) {
            throw new Error(`${found.device.name} has no interrupt pin`);
          }
          found.pinAsserted = asserted;
          this.#driveLine(found);
        },
      },
      cacheLineSize: () => occupant().configuration.cacheLineSize,
      reportAbort,
    };
  }

  #dmaPort(occupant: () => Occupant, path: TransferPath, reportAbort: PciSlot["reportAbort"]): DmaPort {
    const allowed = () => hasBit(occupant().configuration.command, commandBits.busMaster);
    const attempt = <T>(kind: string, address: number, length: number, access: (at: number) => T) => {
      const at = this.#options.translate(address, length);
      try {
        if (at === undefined) throw new BusFault(this.name, address, "no bridge claims this address");
        return { result: access(at) };
      } catch (fault) {
        if (!(fault instanceof BusFault)) throw fault;
        const answered = at !== undefined && this.#options.memory.lookup(at) !== undefined;
        reportAbort(answered ? "target" : "master");
        this.#log(
          `${occupant().device.name} dma ${kind} of ${length} bytes at ${hex(address)}: ${fault.message}`,
        );
        return { fault };
      }
    };
    const succeeded = (kind: string, address: number, length: number) =>
      this.#log(`${occupant().device.name} dma ${kind} ${length} bytes at ${hex(address)}`);
    return {
      read: (address, length, done, failed) =>
        path.submit({
          length,
          allowed,
          complete: () => {
            const outcome = attempt("read", address, length, (at) => this.#options.memory.read(at, length));
            if (outcome.fault !== undefined) return failed(outcome.fault);
            succeeded("read", address, length);
            done(outcome.result);
          },
        }),
      write: (address, bytes, done, failed) => {
        const copy = bytes.slice();
        path.submit({
          length: copy.length,
          allowed,
          complete: () => {
            const outcome = attempt(
              "write",
              address,
              copy.length,
              (at) => this.#options.memory.write(at, copy),
            );
            if (outcome.fault !== undefined) return failed(outcome.fault);
            succeeded("write", address, copy.length);
            done();
          },
        });
      },
    };
  }

  #log(text: string): void {
    this.#options.log.record(this.name, text);
  }
}

const hex = (address: number): string => `0x${address.toString(16)}`;
