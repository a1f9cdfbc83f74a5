/**
 * One port of the controller with the drive on it: commands, DMA, errors, resets.
 *
 * A port runs one command at a time. `start` sets it going, the drive interrupts, and
 * `finish` tells how it went; a command that does not end is given up with `recover`.
 * - Data moves between the drive and blocks of the exchange heap by DMA; a block must stay
 *   where it is until the command has finished or been given up.
 * - While a drive is set up it is polled and its interrupt is held back.
 * - Every wait for the drive has an end.
 *
 * Sequences: hardware-reference.md 4.4 (commands, reset), 4.5 (FIFO), 4.6 (errors).
 */

import type { Call, Device, Kernel, SharedMemory } from "../../kernel/abi/kernel.ts";
import { type DriveIdentity, parseIdentity } from "./identify.ts";
import {
  command,
  linkControl,
  linkIsUp,
  mask,
  offsetOf,
  portRegisters,
  registerBar,
  type RegisterName,
  transferModeFeature,
  ultraDma5,
} from "./registers.ts";

/** A command as the drive is to run it. */
export interface DriveCommand {
  readonly kind: "read" | "write" | "flush";
  readonly firstSector: number;
  readonly count: number;
  /** Bus address of the data; unused by a flush. */
  readonly address: number;
}

/** How a command went; `retry` when the data was damaged on the cable. */
export type Outcome = "done" | "OutOfRange" | "MediaFault" | "retry";

const millisecondNs = 1_000_000;
const pollNs = 100_000;
/** A drive that spins up may be busy for seconds. */
const readyTimeoutNs = 10_000 * millisecondNs;
const linkTimeoutNs = 100 * millisecondNs;
/** A region may neither be longer than this nor cross a multiple of it (4.3). */
const regionBytes = 0x10000;
const lastRegion = 0x80000000;
/** Two regions more than 128 KiB needs at worst. */
const prdTableBytes = 64;

export class DrivePort {
  readonly number: number;
  readonly #kernel: Kernel;
  readonly #device: Device;
  readonly #prdTable: SharedMemory;
  #identity: DriveIdentity = { model: "", sectorCount: 0, sectorBytes: 512 };
  /** The bus master's command register without its start bit; port 2's keeps the steering bit. */
  #direction: number;

  private constructor(kernel: Kernel, device: Device, number: number, prdTable: SharedMemory) {
    this.#kernel = kernel;
    this.#device = device;
    this.number = number;
    this.#prdTable = prdTable;
    this.#direction = number === 2 ? mask("BM_COMMAND", "STEERING") : 0;
  }

  /** True when a drive answers on the port's cable. */
  static *isCabled(device: Device, port: number): Call<boolean> {
    return linkIsUp(yield* device.read32(registerBar, offsetOf("SSTATUS", port)));
  }

  /** Lets ports 2 and 3 interrupt, whether or not port 2 has a drive (4.3). */
  static *steerInterrupts(device: Device): Call<void> {
    yield* device.write8(registerBar, offsetOf("BM_COMMAND", 2), mask("BM_COMMAND", "STEERING"));
  }

  /** Resets and identifies the drive on a port, or tells why it cannot be used. */
  static *open(
    kernel: Kernel,
    device: Device,
    number: number,
  ): Call<DrivePort | { readonly refused: string }> {
    const port = new DrivePort(kernel, device, number, yield* device.shareMemory(prdTableBytes));
    yield* port.#setFifo();
    if (!(yield* port.#reset())) return { refused: "it does not become ready" };
    const identity = yield* port.#identify();
    if ("refused" in identity) return identity;
    port.#identity = identity;
    return port;
  }

  get identity(): DriveIdentity {
    return this.#identity;
  }

  *start(drive: DriveCommand): Call<void> {
    if (drive.kind !== "flush") yield* this.#prepareDma(drive);
    yield* this.#write("DEVICE", mask("DEVICE", "LBA"));
    yield* this.#writeAddress(drive.firstSector, drive.count);
    yield* this.#write("STATUS_COMMAND", codes[drive.kind]);
    if (drive.kind !== "flush") {
      yield* this.#write("BM_COMMAND", this.#direction | mask("BM_COMMAND", "START"));
    }
  }

  /** Why the port may have interrupted; nothing is cleared. */
  *pending(): Call<{ readonly command: boolean; readonly link: boolean; readonly pciError: boolean }> {
    const status = yield* this.#read("BM2");
    return {
      command: (status & mask("BM2", "COMPLETE")) !== 0,
      link: (status & mask("BM2", "SATA_INTERRUPT")) !== 0,
      pciError: (status & mask("BM2", "PCI_ERROR")) !== 0,
    };
  }

  /** Ends the command whose interrupt came, and takes the interrupt back. */
  *finish(pciError: boolean): Call<Outcome> {
    yield* this.#write("BM_COMMAND", this.#direction);
    const status = yield* this.#read("STATUS_COMMAND");
    yield* this.#write("BM_STATUS", mask("BM_STATUS", "ERROR", "INTERRUPT"));
    if ((status & mask("STATUS_COMMAND", "ERR")) !== 0) return outcomeOf(yield* this.#read("ERROR_FEATURES"));
    return pciError || (status & mask("STATUS_COMMAND", "DF")) !== 0 ? "MediaFault" : "done";
  }

  /** Takes note of a change of the link; true while there is a drive, else all DMA is stopped. */
  *linkChanged(): Call<boolean> {
    yield* this.#write("SERROR", mask("SERROR", "PHY_READY_CHANGE"));
    if (linkIsUp(yield* this.#read("SSTATUS"))) return true;
    yield* this.#write("BM_COMMAND", this.#direction);
    return false;
  }

  /** Gives up what the drive does and resets it; false when it stays silent. */
  *recover(): Call<boolean> {
    yield* this.#write("BM_COMMAND", this.#direction);
    return yield* this.#reset();
  }

  /** The FIFO asks for the bus when this much is free or full: one cache line (4.5). */
  *#setFifo(): Call<void> {
    const cacheLineWords = (yield* this.#device.readConfiguration32(0x0c)) & 0xff;
    if (cacheLineWords === 0) return; // nobody has set it; the chip's own threshold stays
    const threshold = Math.floor(cacheLineWords / 8) + 1;
    yield* this.#write("FIFO_CONTROL", threshold << 8 | threshold);
  }

  *#reset(): Call<boolean> {
    yield* this.#write("SIEN", 0);
    yield* this.#write("ALTERNATE_STATUS_CONTROL", mask("ALTERNATE_STATUS_CONTROL", "NIEN"));
    yield* this.#write("SFIS_CONFIG", 0);
    yield* this.#write("SCONTROL", linkControl.reset);
    yield* this.#kernel.sleep(millisecondNs);
    yield* this.#write("SCONTROL", linkControl.run);
    if (!(yield* this.#linkComesUp())) return false;
    if (!(yield* this.#isNoLongerBusy())) return false;
    yield* this.#write("BM_COMMAND", this.#direction);
    yield* this.#write("TRANSFER_MODE", 3);
    yield* this.#setTransferMode();
    yield* this.#read("STATUS_COMMAND");
    yield* this.#write("BM_STATUS", mask("BM_STATUS", "ERROR", "INTERRUPT"));
    yield* this.#write("SERROR", 0xffffffff);
    yield* this.#write("SIEN", mask("SIEN", "PHY_READY_CHANGE"));
    yield* this.#write("ALTERNATE_STATUS_CONTROL", 0);
    return true;
  }

  *#setTransferMode(): Call<void> {
    yield* this.#write("DEVICE", mask("DEVICE", "LBA"));
    yield* this.#write("ERROR_FEATURES", transferModeFeature);
    yield* this.#write("SECTOR_COUNT", ultraDma5);
    yield* this.#write("STATUS_COMMAND", command.SET_FEATURES);
    // A drive that refuses the mode keeps its own; on SATA that makes no difference.
    yield* this.#isNoLongerBusy();
  }

  *#identify(): Call<DriveIdentity | { readonly refused: string }> {
    yield* this.#write("ALTERNATE_STATUS_CONTROL", mask("ALTERNATE_STATUS_CONTROL", "NIEN"));
    yield* this.#write("STATUS_COMMAND", command.IDENTIFY_DEVICE);
    if (!(yield* this.#isNoLongerBusy())) return { refused: "it does not answer IDENTIFY DEVICE" };
    const status = yield* this.#read("STATUS_COMMAND");
    if ((status & mask("STATUS_COMMAND", "DRQ")) === 0) return { refused: "it is no disk drive" };
    const words: number[] = [];
    for (let index = 0; index < 256; index++) words.push(yield* this.#read("DATA"));
    yield* this.#read("STATUS_COMMAND");
    yield* this.#write("BM_STATUS", mask("BM_STATUS", "ERROR", "INTERRUPT"));
    yield* this.#write("ALTERNATE_STATUS_CONTROL", 0);
    return parseIdentity(words);
  }

  *#linkComesUp(): Call<boolean> {
    for (let waitedNs = 0; waitedNs < linkTimeoutNs; waitedNs += millisecondNs) {
      if (linkIsUp(yield* this.#read("SSTATUS"))) return true;
      yield* this.#kernel.sleep(millisecondNs);
    }
    return false;
  }

  *#isNoLongerBusy(): Call<boolean> {
    const busy = mask("STATUS_COMMAND", "BSY");
    for (let waitedNs = 0; waitedNs < readyTimeoutNs; waitedNs += pollNs) {
      yield* this.#kernel.sleep(pollNs);
      if (((yield* this.#read("ALTERNATE_STATUS_CONTROL")) & busy) === 0) return true;
    }
    return false;
  }

  /** The table of regions, its address, and the direction (4.4). */
  *#prepareDma(drive: DriveCommand): Call<void> {
    const regions = regionTable(drive.address, drive.count * this.#identity.sectorBytes);
    yield* this.#prdTable.write(0, regions);
    yield* this.#write("BM_PRD_TABLE", this.#prdTable.address);
    const steering = this.#direction & mask("BM_COMMAND", "STEERING");
    this.#direction = steering | (drive.kind === "read" ? mask("BM_COMMAND", "TO_MEMORY") : 0);
    yield* this.#write("BM_COMMAND", this.#direction);
    yield* this.#write("BM_STATUS", mask("BM_STATUS", "ERROR", "INTERRUPT"));
  }

  /** 48-bit form: the high-order bytes first, into the same registers. */
  *#writeAddress(firstSector: number, count: number): Call<void> {
    const high = Math.floor(firstSector / 2 ** 24);
    const low = firstSector % 2 ** 24;
    for (const [sectors, address] of [[count >>> 8, high], [count, low]] as const) {
      yield* this.#write("SECTOR_COUNT", sectors & 0xff);
      yield* this.#write("LBA_LOW", address & 0xff);
      yield* this.#write("LBA_MID", address >>> 8 & 0xff);
      yield* this.#write("LBA_HIGH", address >>> 16 & 0xff);
    }
  }

  *#read(name: RegisterName): Call<number> {
    const offset = offsetOf(name, this.number);
    const { width } = portRegisters[name];
    if (width === 4) return yield* this.#device.read32(registerBar, offset);
    return yield* (width === 2
      ? this.#device.read16(registerBar, offset)
      : this.#device.read8(registerBar, offset));
  }

  *#write(name: RegisterName, value: number): Call<void> {
    const offset = offsetOf(name, this.number);
    const { width } = portRegisters[name];
    if (width === 4) yield* this.#device.write32(registerBar, offset, value);
    else if (width === 2) yield* this.#device.write16(registerBar, offset, value);
    else yield* this.#device.write8(registerBar, offset, value);
  }
}

const codes = {
  read: command.READ_DMA_EXT,
  write: command.WRITE_DMA_EXT,
  flush: command.FLUSH_CACHE_EXT,
} as const;

/** What the error register means for the client (4.6); a write to a damaged cable is worth another try. */
function outcomeOf(error: number): Outcome {
  if ((error & mask("ERROR_FEATURES", "ICRC")) !== 0) return "retry";
  return (error & mask("ERROR_FEATURES", "IDNF")) !== 0 ? "OutOfRange" : "MediaFault";
}

/** Region descriptors for a row of bytes (4.3): address; count in 15:0, 0 for 64 KiB, bit 31 on the last. */
export function regionTable(address: number, length: number): Uint8Array {
  const words: number[] = [];
  for (let at = address; at < address + length;) {
    const size = Math.min(regionBytes - at % regionBytes, address + length - at);
    words.push(at, size % regionBytes);
    at += size;
  }
  const bytes = new Uint8Array(words.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true);
  const last = bytes.length - 4;
  view.setUint32(last, view.getUint32(last, true) + lastRegion, true);
  return bytes;
}
