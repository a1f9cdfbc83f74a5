/**
 * One SATA port with the drive on it: task file, command protocols, link and resets.
 *
 * Commands run one at a time: software writes the task file and a command byte, the port asks the
 * drive when data can move, and the bus master or the data register moves it.
 * - INTRQ rises when a command ends (and for each sector in PIO); reading the status drops it.
 * - Without a link (no drive, cable pulled, switched off) the status reads 7Fh and commands are ignored.
 * - A reset starts a new epoch: whatever an old command still had under way is dropped.
 *
 * Protocols: hardware-reference.md 4.4; faults: 4.6.
 */

import type { DiskDrive, TransferPlan } from "../disk/drive.ts";
import { sectorSize } from "../disk/medium.ts";
import { BusFault } from "../memory/bus_target.ts";
import { hasBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { elapsed, type Instant, later, microseconds, milliseconds, nanoseconds } from "../time/time.ts";
import type { BusMaster } from "./bus_master.ts";
import {
  type AtaCommand,
  commandCodes,
  commands,
  features,
  identifyData,
  isTransferMode,
} from "./commands.ts";
import { bits, errors } from "./registers.ts";
import { TaskFile } from "./task_file.ts";

export interface PortOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly drive: DiskDrive | undefined;
  readonly busMaster: BusMaster;
  /** Called when `interrupt` or `sataInterrupt` may have changed. */
  interruptChanged(): void;
}

interface PioTransfer {
  readonly bytes: Uint8Array;
  position: number;
  /** Called when the current sector has passed. */
  sectorDone(): void;
}

const readyStatus = 1 << bits.STATUS.ready | 1 << bits.STATUS.seekComplete;
const busyStatus = 1 << bits.STATUS.busy | readyStatus;
const requestStatus = 1 << bits.STATUS.dataRequest | readyStatus;
const resettingStatus = 1 << bits.STATUS.busy;
const noLinkStatus = 0x7f;
const linkUp = 0x113;
const linkOffline = 0x4;
/** [U] Commands that need neither platters nor buffer, and refusals. */
const decodeTime = microseconds(100);
/** [U] Drivers wait 2 ms after a software reset and then poll BSY. */
const resetTime = milliseconds(1);
/** [U] From the end of COMRESET until both sides have found each other. */
const linkTime = milliseconds(1);

export class SataPort {
  readonly taskFile = new TaskFile();
  readonly #options: PortOptions;
  #status = readyStatus;
  #control = 0;
  #intrq = false;
  #transferMode = 0;
  #pio: PioTransfer | undefined;
  #linkEstablished: boolean;
  #sataControl = 0;
  #sataError = 0;
  #sataInterruptEnable = 0;
  #epoch = 0;

  constructor(options: PortOptions) {
    this.#options = options;
    this.#linkEstablished = options.drive?.connected ?? false;
    if (this.#linkEstablished) this.taskFile.answerSignature();
    if (options.drive !== undefined) options.drive.onConnectionChange = () => this.#cableChanged();
  }

  /** INTRQ as it reaches the chip. */
  get interrupt(): boolean {
    return this.#intrq && !hasBit(this.#control, bits.CONTROL.interruptDisable);
  }

  get sataInterrupt(): boolean {
    return (this.#sataError & this.#sataInterruptEnable & 1 << bits.SERROR.phyReadyChange) !== 0;
  }

  get highOrderByte(): boolean {
    return hasBit(this.#control, bits.CONTROL.highOrderByte);
  }

  get sataControl(): number {
    return this.#sataControl;
  }

  get sataStatus(): number {
    if (this.#linkEstablished) return linkUp;
    return (this.#sataControl & 0xf) === linkOffline ? linkOffline : 0;
  }

  get sataError(): number {
    return this.#sataError;
  }

  get sataInterruptEnable(): number {
    return this.#sataInterruptEnable;
  }

  /** The status without side effect. */
  get alternateStatus(): number {
    if (!this.#linkEstablished) return noLinkStatus;
    // There is no second drive on a SATA cable.
    return hasBit(this.taskFile.device, bits.DEVICE.drive) ? 0 : this.#status;
  }

  readStatus(): number {
    this.#intrq = false;
    this.#options.interruptChanged();
    return this.alternateStatus;
  }

  /** Runs a write to an argument register, unless the drive would not see it. */
  writeArgument(write: () => void): void {
    if (!this.#linkEstablished) return;
    if (hasBit(this.#status, bits.STATUS.busy)) this.#log("task file written while busy: ignored");
    else write();
  }

  writeControl(value: number): void {
    const before = this.#control;
    this.#control = value & 0x86;
    if (this.#linkEstablished) {
      const was = hasBit(before, bits.CONTROL.softwareReset);
      const is = hasBit(value, bits.CONTROL.softwareReset);
      if (is && !was) this.#beginReset("software reset");
      if (was && !is) this.#endReset();
    }
    this.#options.interruptChanged();
  }

  writeSataControl(value: number): void {
    const before = this.#sataControl & 0xf;
    const detection = value & 0xf;
    this.#sataControl = value;
    if (detection === before) return;
    if (detection === 0) this.#findLink();
    else this.#loseLink(detection === 1 ? "COMRESET" : "link switched off");
  }

  clearSataError(mask: number): void {
    this.#sataError = (this.#sataError & ~mask) >>> 0;
    this.#options.interruptChanged();
  }

  writeSataInterruptEnable(value: number): void {
    this.#sataInterruptEnable = value;
    this.#options.interruptChanged();
  }

  readData(): number {
    const pio = this.#openPio("read");
    const value = pio.bytes[pio.position]! | pio.bytes[pio.position + 1]! << 8;
    this.#passWord(pio);
    return value;
  }

  writeData(value: number): void {
    const pio = this.#openPio("written");
    pio.bytes[pio.position] = value;
    pio.bytes[pio.position + 1] = value >> 8;
    this.#passWord(pio);
  }

  /** A write to the command register. */
  start(code: number): void {
    const { drive } = this.#options;
    if (drive === undefined || !this.#linkEstablished) return;
    if (hasBit(this.taskFile.device, bits.DEVICE.drive)) return;
    if (this.#status & (1 << bits.STATUS.busy | 1 << bits.STATUS.dataRequest)) {
      this.#log(`command ${hex(code)} while another runs: ignored`);
      return;
    }
    this.#intrq = false;
    this.#options.interruptChanged();
    this.taskFile.error = 0;
    this.#status = busyStatus;
    const command = commands.get(code);
    if (drive.faults.silent) this.#log(`command ${hex(code)}: the drive does not answer`);
    else if (command === undefined) {
      this.#log(`command ${hex(code)} is unknown`);
      this.#endSoon(errors.abort);
    } else if (command.sectors) this.#startSectors(drive, command);
    else this.#startOther(drive, command, code);
  }

  #startSectors(drive: DiskDrive, command: AtaCommand): void {
    const first = this.taskFile.address(command.wide);
    const count = this.taskFile.sectorCount(command.wide);
    this.#log(`${command.name} sector ${first} count ${count}`);
    if (!hasBit(this.taskFile.device, bits.DEVICE.lba)) return this.#endSoon(errors.abort);
    if (first + count > drive.sectorCount) return this.#endSoon(errors.idNotFound);
    switch (command.protocol) {
      case "dma-in":
      case "pio-in":
        return this.#startRead(drive, command, first, count);
      case "dma-out":
        return this.#startDmaWrite(drive, command, first, count);
      case "pio-out":
        return this.#startPioWrite(drive, command, first, count);
      case "none":
        throw new Error(`${command.name} addresses sectors but moves no data`);
    }
  }

  #startRead(drive: DiskDrive, command: AtaCommand, first: number, count: number): void {
    const plan = drive.planRead(first, count);
    let bad = drive.firstUnreadable(first, count);
    const bytes = new Uint8Array(((bad ?? first + count) - first) * sectorSize);
    if (!drive.read(first, bytes)) bad = first;
    const end = () => this.#endRead(drive, command, bad);
    if (bad === first) this.#at(plan.end, end);
    else if (command.protocol === "pio-in") this.#sendPio(bytes, plan, bad === undefined ? undefined : end);
    else {
      const done = this.#whileAlive(end);
      const availableAt = (offset: number) => partOf(plan, offset / bytes.length);
      this.#options.busMaster.begin({ direction: "to memory", bytes, availableAt, done });
    }
  }

  #endRead(drive: DiskDrive, command: AtaCommand, bad: number | undefined): void {
    if (bad !== undefined) {
      this.taskFile.answerAddress(bad, command.wide);
      this.#end(errors.uncorrectable);
    } else if (!this.#damaged(drive)) this.#end();
  }

  #startDmaWrite(drive: DiskDrive, command: AtaCommand, first: number, count: number): void {
    const ready = drive.planWrite();
    const bytes = new Uint8Array(count * sectorSize);
    const done = this.#whileAlive(() => this.#endWrite(drive, command, first, bytes));
    this.#options.busMaster.begin({ direction: "from memory", bytes, availableAt: () => ready, done });
  }

  #startPioWrite(drive: DiskDrive, command: AtaCommand, first: number, count: number): void {
    const bytes = new Uint8Array(count * sectorSize);
    const sectorTime = nanoseconds(sectorSize * 1e9 / drive.parameters.interfaceBytesPerSecond);
    const pio: PioTransfer = {
      bytes,
      position: 0,
      sectorDone: () => {
        this.#status = busyStatus;
        const next = pio.position === bytes.length
          ? () => this.#endWrite(drive, command, first, bytes)
          : () => this.#request(pio, true);
        this.#at(later(this.#options.clock.now, sectorTime), next);
      },
    };
    // The first sector is asked for without an interrupt.
    this.#at(drive.planWrite(), () => this.#request(pio, false));
  }

  #endWrite(drive: DiskDrive, command: AtaCommand, first: number, bytes: Uint8Array): void {
    if (this.#damaged(drive)) return;
    const finished = drive.write(first, bytes, command.through);
    if (finished === undefined) this.#end(0, true);
    else this.#at(finished, () => this.#end());
  }

  #startOther(drive: DiskDrive, command: AtaCommand, code: number): void {
    this.#log(command.name);
    switch (code) {
      case commandCodes.identify: {
        const start = later(this.#options.clock.now, decodeTime);
        return this.#sendPio(identifyData(drive, this.#transferMode), { start, end: start }, undefined);
      }
      case commandCodes.flushCache:
      case commandCodes.flushCacheExt:
        return drive.flush(this.#whileAlive((succeeded: boolean) => this.#end(0, !succeeded)));
      case commandCodes.standbyImmediate:
        return drive.standby(this.#whileAlive((succeeded: boolean) => this.#end(0, !succeeded)));
      case commandCodes.idleImmediate:
        return this.#at(later(drive.idle(), decodeTime), () => this.#end());
      case commandCodes.checkPower:
        this.taskFile.count.set(drive.spinning ? 0xff : 0, 0);
        return this.#endSoon(0);
      case commandCodes.deviceDiagnostic:
        return this.#at(later(this.#options.clock.now, decodeTime), () => {
          this.#status = readyStatus;
          this.taskFile.answerSignature();
          this.#interrupt();
        });
      case commandCodes.setFeatures:
        return this.#setFeatures(drive);
      default:
        throw new Error(`${command.name} has no behaviour`);
    }
  }

  #setFeatures(drive: DiskDrive): void {
    switch (this.taskFile.features) {
      case features.writeCacheOn:
        drive.writeCacheEnabled = true;
        return this.#endSoon(0);
      case features.writeCacheOff:
        return drive.flush(this.#whileAlive((succeeded: boolean) => {
          drive.writeCacheEnabled = false;
          this.#end(0, !succeeded);
        }));
      case features.readAheadOn:
      case features.readAheadOff:
        drive.readAheadEnabled = this.taskFile.features === features.readAheadOn;
        return this.#endSoon(0);
      case features.transferMode:
        if (!isTransferMode(this.taskFile.count.current)) return this.#endSoon(errors.abort);
        this.#transferMode = this.taskFile.count.current;
        return this.#endSoon(0);
      default:
        return this.#endSoon(errors.abort);
    }
  }

  /** Offers `bytes` sector by sector through the data register; then calls `after`, if there is more to tell. */
  #sendPio(bytes: Uint8Array, plan: TransferPlan, after: (() => void) | undefined): void {
    const offer = () => {
      const at = partOf(plan, (pio.position + sectorSize) / bytes.length);
      this.#at(at, () => this.#request(pio, true));
    };
    const pio: PioTransfer = {
      bytes,
      position: 0,
      sectorDone: () => {
        const isLast = pio.position === bytes.length;
        this.#status = isLast && after === undefined ? readyStatus : busyStatus;
        if (!isLast) offer();
        else after?.();
      },
    };
    offer();
  }

  /** Asks software to move the next sector through the data register. */
  #request(pio: PioTransfer, interrupt: boolean): void {
    this.#pio = pio;
    this.#status = requestStatus;
    if (interrupt) this.#interrupt();
  }

  #openPio(verb: string): PioTransfer {
    if (this.#pio === undefined) {
      throw new BusFault(
        this.#options.name,
        0,
        `the data register was ${verb} while the drive asks for no data`,
      );
    }
    return this.#pio;
  }

  #passWord(pio: PioTransfer): void {
    pio.position += 2;
    if (pio.position % sectorSize !== 0) return;
    this.#pio = undefined;
    pio.sectorDone();
  }

  /** Consumes a fault of the cable, if one is set; then the command has ended. */
  #damaged(drive: DiskDrive): boolean {
    if (drive.faults.damagedTransfers === 0) return false;
    drive.faults.damagedTransfers--;
    this.#sataError |= 1 << bits.SERROR.crc;
    this.#end(errors.crc | errors.abort);
    return true;
  }

  #endSoon(error: number): void {
    this.#at(later(this.#options.clock.now, decodeTime), () => this.#end(error));
  }

  /** Ends the command with a value of the error register, 0 for none. */
  #end(error = 0, driveFault = false): void {
    this.taskFile.error = error;
    this.#status = readyStatus | (error === 0 ? 0 : 1 << bits.STATUS.error) |
      (driveFault ? 1 << bits.STATUS.driveFault : 0);
    if (error !== 0 || driveFault) {
      this.#log(`command failed: status ${hex(this.#status)} error ${hex(this.taskFile.error)}`);
    }
    this.#interrupt();
  }

  #interrupt(): void {
    this.#intrq = true;
    if (this.interrupt) this.#options.busMaster.interrupt = true;
    this.#options.interruptChanged();
  }

  #beginReset(reason: string): void {
    this.#log(reason);
    this.#epoch++;
    this.#pio = undefined;
    this.#intrq = false;
    this.#status = resettingStatus;
    this.#options.busMaster.abandon();
    this.#options.interruptChanged();
  }

  #endReset(): void {
    this.#at(later(this.#options.clock.now, resetTime), () => {
      this.taskFile.answerSignature();
      this.#status = readyStatus;
    });
  }

  #cableChanged(): void {
    if (this.#options.drive?.connected) this.#findLink();
    else this.#loseLink("cable pulled");
  }

  #loseLink(reason: string): void {
    this.#beginReset(reason);
    if (this.#linkEstablished) this.#changePhy(false);
  }

  #findLink(): void {
    this.#epoch++;
    this.#at(later(this.#options.clock.now, linkTime), () => {
      const { drive } = this.#options;
      if (!drive?.connected || (this.#sataControl & 0xf) !== 0) return;
      this.#changePhy(true);
      this.#status = resettingStatus;
      drive.restoreDefaults();
      this.#transferMode = 0;
      this.#endReset();
    });
  }

  #changePhy(established: boolean): void {
    this.#linkEstablished = established;
    this.#sataError = (this.#sataError | 1 << bits.SERROR.phyReadyChange) >>> 0;
    this.#log(established ? "link up" : "link down");
    this.#options.interruptChanged();
  }

  #at(instant: Instant, action: () => void): void {
    const { clock } = this.#options;
    clock.at(instant < clock.now ? clock.now : instant, this.#whileAlive(action));
  }

  /** `action`, unless a reset comes first. */
  #whileAlive<A extends unknown[]>(action: (...values: A) => void): (...values: A) => void {
    const epoch = this.#epoch;
    return (...values) => {
      if (epoch === this.#epoch) action(...values);
    };
  }

  #log(text: string): void {
    this.#options.log.record(this.#options.name, text);
  }
}

/** The instant at which `share` of a transfer has crossed the interface. */
const partOf = (plan: TransferPlan, share: number): Instant =>
  later(plan.start, nanoseconds(elapsed(plan.start, plan.end) * share));

const hex = (value: number): string => `0x${value.toString(16)}`;
