/**
 * An Application DMA channel: executes chains of descriptors from card DRAM.
 *
 * Bytes really move: between the internal bus and the host, by the host's raw PCI
 * address, or within the internal bus, Messaging Unit registers included.
 * - A descriptor is performed only after every byte of the one before it has arrived,
 *   so a bell that follows data rings when the data is visible (hardware-reference.md 2.7).
 * - Data is read when its piece of the transfer happens, not when the chain was started.
 * - An error halts the channel on its descriptor until software clears ACSR.
 * - Never free the last descriptor before something follows it: append re-reads it.
 * - Left out: the PCI-X host interface (ACCR bit 29 = 0), refused with ACSR bit 2.
 */

import type { AddressSpace } from "../memory/address_space.ts";
import { BusFault, type BusTarget, type DmaPort, type InterruptLine } from "../memory/bus_target.ts";
import { hasBit, type RegisterHandlers, RegisterWindow, withBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { nanoseconds } from "../time/time.ts";
import {
  admaErrorMask,
  admaRegisters,
  admaStatusBits,
  byteCountOffset,
  decodeDescriptor,
  type Descriptor,
  descriptorControl,
  descriptorSize,
  halves,
  refusal,
  transferComplete,
} from "./adma_registers.ts";

export interface AdmaTiming {
  /** From enabling the channel, or resuming an ended chain, to the first byte. */
  readonly setupNs: number;
  /** Fetching each further descriptor of a chain. */
  readonly descriptorNs: number;
  /** Between two places on the internal bus; the link to the host has a rate of its own. */
  readonly bytesPerSecond: number;
}

export interface AdmaChannelOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly timing: AdmaTiming;
  /** The card's internal bus. */
  readonly internalBus: AddressSpace;
  /** The host interface when ACCR bit 29 is 1. */
  readonly pcie: DmaPort;
  readonly endOfTransfer: InterruptLine;
  readonly endOfChain: InterruptLine;
  readonly error: InterruptLine;
}

/** A channel takes its bus for at most this many bytes, then lets others have a turn. */
const pieceBytes = 16384;
/** Addresses above this are no exact numbers; nothing answers so high. */
const addressEnd = 2 ** 53;

const control = admaRegisters.ACCR.bits;
const status = admaStatusBits;
type ErrorBit = Exclude<keyof typeof admaStatusBits, "endOfChain" | "endOfTransfer" | "active">;

/** One piece of a transfer that has both ends named. */
interface Piece {
  readonly source: number;
  readonly destination: number;
  readonly length: number;
}

export class AdmaChannel {
  readonly registers: BusTarget;
  readonly #options: AdmaChannelOptions;
  #ACCR = 0;
  #ACSR = 0;
  #ADAR = 0;
  #ANDAR = 0;
  #current: Descriptor | undefined;
  #bytesLeft = 0;
  /** What goes on when a suspended channel is enabled again. */
  #suspended: (() => void) | undefined;

  constructor(options: AdmaChannelOptions) {
    this.#options = options;
    this.registers = new RegisterWindow(options.name, admaRegisters, this.#handlers());
  }

  #handlers(): RegisterHandlers<typeof admaRegisters> {
    const destination = () => halves(this.#current?.destination ?? 0);
    const source = () => halves(this.#current?.source ?? 0);
    return {
      ACCR: { read: () => this.#ACCR, write: (value) => this.#writeControl(value) },
      ACSR: { read: () => this.#ACSR, write: (bits) => this.#clearStatus(bits) },
      ADAR: { read: () => this.#ADAR },
      ANDAR: { read: () => this.#ANDAR, write: (address) => this.#writeNext(address) },
      ADCR: { read: () => this.#current?.control ?? 0 },
      CARMDQ: { read: () => this.#current?.fill ?? 0 },
      ABCR: { read: () => this.#bytesLeft },
      DLADR: { read: () => destination()[0] },
      DUADR: { read: () => destination()[1] },
      SLAR0: { read: () => source()[0] },
      SUAR0: { read: () => source()[1] },
    };
  }

  get #active(): boolean {
    return hasBit(this.#ACSR, status.active);
  }

  set #active(active: boolean) {
    this.#ACSR = withBit(this.#ACSR, status.active, active);
  }

  #writeControl(value: number): void {
    const enabledBefore = hasBit(this.#ACCR, control.enable);
    const known = 1 << control.enable | 1 << control.chainResume | 1 << control.hostInterfacePcie;
    this.#ACCR = (value & known) >>> 0;
    if (!hasBit(value, control.enable)) return;
    if ((this.#ACSR & admaErrorMask) !== 0) {
      this.#log(`not started: ACSR 0x${this.#ACSR.toString(16)} holds errors`);
      return;
    }
    if (this.#suspended !== undefined) {
      const goOn = this.#suspended;
      this.#suspended = undefined;
      this.#active = true;
      goOn();
    } else if (!this.#active && !enabledBefore && this.#ANDAR !== 0) {
      this.#ACCR = withBit(this.#ACCR, control.chainResume, false);
      this.#start();
    }
    this.#considerResume();
  }

  /** Append while idle, or in the middle of a chain; a channel on its last descriptor looks when that ends. */
  #considerResume(): void {
    if (!hasBit(this.#ACCR, control.chainResume)) return;
    if (this.#active && this.#ANDAR === 0) return;
    if (this.#active) {
      // The patched link is met in due course.
      this.#ACCR = withBit(this.#ACCR, control.chainResume, false);
    } else {
      this.#rereadLink();
      if (this.#ANDAR !== 0) this.#start();
    }
  }

  #writeNext(address: number): void {
    if (this.#active) {
      this.#log(`ANDAR 0x${address.toString(16)} ignored: the channel is active`);
      return;
    }
    this.#ANDAR = address & ~(descriptorSize - 1);
    // A new chain takes the place of one that was suspended.
    this.#suspended = undefined;
  }

  #clearStatus(bits: number): void {
    this.#ACSR = (this.#ACSR & ~(bits & ~(1 << status.active))) >>> 0;
    this.#driveLines();
  }

  #start(): void {
    this.#active = true;
    this.#log(`starts at descriptor 0x${this.#ANDAR.toString(16)}`);
    this.#fetchAfter(this.#options.timing.setupNs);
  }

  #fetchAfter(ns: number): void {
    this.#options.clock.after(nanoseconds(ns), () => this.#unlessSuspended(() => this.#fetch()));
  }

  /** Goes on, or keeps what is to be done until ACCR bit 0 is set again. */
  #unlessSuspended(goOn: () => void): void {
    if (hasBit(this.#ACCR, control.enable)) return goOn();
    this.#suspended = goOn;
    this.#active = false;
    this.#log("suspended");
  }

  #fetch(): void {
    this.#ADAR = this.#ANDAR;
    const bytes = new Uint8Array(descriptorSize);
    if (!this.#attempt(this.#ADAR, () => this.#options.internalBus.readInto(this.#ADAR, bytes))) return;
    const descriptor = decodeDescriptor(bytes);
    this.#current = descriptor;
    this.#ANDAR = descriptor.next & ~(descriptorSize - 1);
    this.#bytesLeft = descriptor.byteCount;
    this.#considerResume();
    const reason = refusal(descriptor.control);
    if (reason !== undefined) return this.#fail("internalTargetAbort", reason);
    this.#transfer(descriptor);
  }

  #transfer(descriptor: Descriptor): void {
    if (this.#bytesLeft === 0) return this.#complete(descriptor);
    const done = descriptor.byteCount - this.#bytesLeft;
    const piece = {
      source: descriptor.source + done,
      destination: descriptor.destination + done,
      length: Math.min(this.#bytesLeft, pieceBytes),
    };
    const next = () => {
      this.#bytesLeft -= piece.length;
      this.#unlessSuspended(() => this.#transfer(descriptor));
    };
    switch (descriptor.direction) {
      case "host to local":
        return this.#moveFromHost(descriptor, piece, next);
      case "local to host":
        return this.#moveToHost(descriptor, piece, next);
      case "internal to local":
      case "local to internal":
        return this.#moveWithin(descriptor, piece, next);
    }
  }

  #moveFromHost(descriptor: Descriptor, piece: Piece, done: () => void): void {
    const { source, destination, length } = piece;
    const store = (bytes: Uint8Array) => {
      if (this.#attempt(destination, () => this.#options.internalBus.write(destination, bytes))) done();
    };
    // A fill has no source, so the host is not asked.
    if (descriptor.fill !== undefined) {
      return this.#afterInternal(length, () => store(this.#filled(descriptor, piece)));
    }
    if (this.#reachesHost(source, length)) {
      this.#options.pcie.read(source, length, store, (fault) => this.#failOnHost(fault));
    }
  }

  #moveToHost(descriptor: Descriptor, piece: Piece, done: () => void): void {
    const { destination, length } = piece;
    if (!this.#reachesHost(destination, length)) return;
    const bytes = this.#sourceBytes(descriptor, piece);
    if (bytes !== undefined) {
      this.#options.pcie.write(destination, bytes, done, (fault) => this.#failOnHost(fault));
    }
  }

  #reachesHost(address: number, length: number): boolean {
    if (!hasBit(this.#ACCR, control.hostInterfacePcie)) {
      this.#fail("hostMasterAbort", "PCI-X as host interface is not emulated");
    } else if (address + length > addressEnd) this.#fail("hostMasterAbort", "no host address is that high");
    else return true;
    return false;
  }

  #moveWithin(descriptor: Descriptor, piece: Piece, done: () => void): void {
    this.#afterInternal(piece.length, () => {
      const bytes = this.#sourceBytes(descriptor, piece);
      if (bytes === undefined) return;
      if (this.#attempt(piece.destination, () => this.#options.internalBus.write(piece.destination, bytes))) {
        done();
      }
    });
  }

  #afterInternal(length: number, action: () => void): void {
    this.#options.clock.after(
      nanoseconds(length * 1e9 / this.#options.timing.bytesPerSecond),
      action,
    );
  }

  /** The bytes to move, from the internal bus or the fill value; undefined when reading them failed. */
  #sourceBytes(descriptor: Descriptor, piece: Piece): Uint8Array | undefined {
    if (descriptor.fill !== undefined) return this.#filled(descriptor, piece);
    const bytes = new Uint8Array(piece.length);
    const read = () => this.#options.internalBus.readInto(piece.source, bytes);
    return this.#attempt(piece.source, read) ? bytes : undefined;
  }

  #filled(descriptor: Descriptor, piece: Piece): Uint8Array {
    const phase = piece.destination - descriptor.destination;
    return Uint8Array.from(
      { length: piece.length },
      (_, index) => descriptor.fill! >>> 8 * (phase + index & 3),
    );
  }

  #complete(descriptor: Descriptor): void {
    if (hasBit(descriptor.control, descriptorControl.statusWriteBack)) {
      const at = this.#ADAR + byteCountOffset;
      const word = (descriptor.byteCountWord | transferComplete) >>> 0;
      if (!this.#attempt(at, () => this.#options.internalBus.write32(at, word))) return;
    }
    if (this.#ANDAR === 0 && hasBit(this.#ACCR, control.chainResume)) this.#rereadLink();
    this.#log(
      `${descriptor.direction} ${descriptor.byteCount} bytes, descriptor 0x${this.#ADAR.toString(16)} done`,
    );
    const last = this.#ANDAR === 0;
    if (last) this.#active = false;
    else this.#fetchAfter(this.#options.timing.descriptorNs);
    if (hasBit(descriptor.control, descriptorControl.interruptEnable)) {
      this.#ACSR = withBit(this.#ACSR, last ? status.endOfChain : status.endOfTransfer, true);
      this.#driveLines();
    }
  }

  /** Chain resume: the last descriptor's link may have been patched. */
  #rereadLink(): void {
    this.#ACCR = withBit(this.#ACCR, control.chainResume, false);
    if (this.#current === undefined) return;
    this.#attempt(this.#ADAR, () => {
      this.#ANDAR = this.#options.internalBus.read32(this.#ADAR) & ~(descriptorSize - 1);
    });
  }

  /** Makes an access on the internal bus; false when it faulted and the channel has halted. */
  #attempt(address: number, access: () => void): boolean {
    try {
      access();
      return true;
    } catch (fault) {
      if (!(fault instanceof BusFault)) throw fault;
      const claimed = this.#options.internalBus.lookup(address) !== undefined;
      this.#fail(claimed ? "internalTargetAbort" : "internalMasterAbort", fault.message);
      return false;
    }
  }

  /** The link tells only that a transfer failed; its own status register says how. */
  #failOnHost(fault: BusFault): void {
    this.#fail("hostMasterAbort", fault.message);
  }

  #fail(bit: ErrorBit, reason: string): void {
    this.#ACSR = withBit(this.#ACSR, status[bit], true);
    this.#active = false;
    this.#log(`halts at descriptor 0x${this.#ADAR.toString(16)}, ${bit}: ${reason}`);
    this.#driveLines();
  }

  #driveLines(): void {
    this.#options.endOfTransfer.set(hasBit(this.#ACSR, status.endOfTransfer));
    this.#options.endOfChain.set(hasBit(this.#ACSR, status.endOfChain));
    this.#options.error.set((this.#ACSR & admaErrorMask) !== 0);
  }

  #log(text: string): void {
    this.#options.log.record(this.#options.name, text);
  }
}
