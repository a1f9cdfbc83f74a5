/**
 * A SiI 3114 on a test bench: one drive, and what a driver does with the card.
 *
 * Tests program the card through this the way hardware-reference.md 4.4 tells a driver to, and look at
 * registers, memory and the interrupt line.
 * - The table of regions and the data lie at fixed places of the bench's memory.
 * - The drive's `faults` are the only way into the model past its registers.
 */

import { assert, assertEquals } from "@std/assert";
import { DiskDrive } from "../../disk/drive.ts";
import { MemoryMedium } from "../../disk/memory_medium.ts";
import { BenchSlot, type BenchSlotOptions } from "../../pci/testing/bench_slot.ts";
import { commandCodes } from "../commands.ts";
import { createSataController } from "../controller.ts";
import type { FifoTiming } from "../fifo.ts";
import { type PortRegisterMap, portRegisters } from "../registers.ts";

export const prdTable = 0x1000;
export const buffer = 0x10000;

export interface CardBenchOptions {
  slot?: BenchSlotOptions;
  fifo?: Partial<FifoTiming>;
  port?: number;
  sectorCount?: number;
  /** Port 2's steering bit is set unless this is false. */
  steer?: boolean;
}

/** A card with one drive, and what a driver does with it. */
export function cardOnABench(options: CardBenchOptions = {}) {
  const port = options.port ?? 0;
  const medium = new MemoryMedium(options.sectorCount ?? 1 << 20);
  let drive!: DiskDrive;
  const bench = new BenchSlot((slot) => {
    drive = new DiskDrive({ name: "disk0", clock: slot.clock, medium });
    const ports = [undefined, undefined, undefined, undefined].map((_, index) =>
      index === port ? drive : undefined
    );
    return createSataController({ name: "sata0", ports, ...(options.fifo ? { fifo: options.fifo } : {}) })(
      slot,
    );
  }, options.slot);
  const map = portRegisters(port);
  const read = (name: keyof typeof map) => bench.read(5, map[name].offset, map[name].width ?? 4);
  const write = (name: keyof typeof map, value: number) =>
    bench.write(5, map[name].offset, value, map[name].width ?? 4);
  if (options.steer !== false) bench.write(5, portRegisters(2).BM_COMMAND.offset, 2, 1);

  const { address28, address48 } = addressing(write);
  const regions = (...list: [address: number, size: number][]) => {
    list.forEach(([address, size], index) => {
      bench.view.setUint32(prdTable + 8 * index, address, true);
      const end = index === list.length - 1 ? 0x8000_0000 : 0;
      bench.view.setUint32(prdTable + 8 * index + 4, (size | end) >>> 0, true);
    });
  };
  const startDma = (direction: "in" | "out", code: number) => {
    const toMemory = direction === "in" ? 8 : 0;
    write("BM_PRD_TABLE", prdTable);
    write("BM_COMMAND", toMemory | read("BM_COMMAND") & 2);
    write("BM_STATUS", 6);
    write("STATUS_COMMAND", code);
    write("BM2", toMemory | 1);
  };
  /** The end of an interrupt handler; what the status was. */
  const acknowledge = () => {
    write("BM_COMMAND", read("BM_COMMAND") & 2);
    const status = read("STATUS_COMMAND");
    write("BM_STATUS", 6);
    return status;
  };
  const waitForInterrupt = (limitNs?: number) => {
    assert(bench.runUntil(() => bench.interrupt, limitNs), "no interrupt came");
  };
  const transfer = (direction: "in" | "out", first: number, count: number) => {
    address48(first, count);
    startDma(direction, direction === "in" ? commandCodes.readDmaExt : commandCodes.writeDmaExt);
    waitForInterrupt();
    assertEquals(read("BM2") >>> 16 & 7, 0b100, "complete, not active, no error");
    return acknowledge();
  };
  const command = (code: number, featureCode = 0, count = 0) => {
    write("ERROR_FEATURES", featureCode);
    write("SECTOR_COUNT", count);
    write("STATUS_COMMAND", code);
    waitForInterrupt();
    return acknowledge();
  };
  const words = (count: number) => Uint16Array.from({ length: count }, () => read("DATA"));
  return {
    bench,
    medium,
    drive,
    read,
    write,
    address28,
    address48,
    regions,
    startDma,
    acknowledge,
    waitForInterrupt,
    transfer,
    command,
    words,
  };
}

/** Writing a command's sector address and count into the task file. */
function addressing(write: (name: keyof PortRegisterMap, value: number) => void) {
  const address48 = (first: number, count: number) => {
    write("SECTOR_COUNT", count >> 8);
    write("LBA_LOW", Math.floor(first / 2 ** 24));
    write("LBA_MID", Math.floor(first / 2 ** 32));
    write("LBA_HIGH", Math.floor(first / 2 ** 40));
    write("SECTOR_COUNT", count);
    write("LBA_LOW", first);
    write("LBA_MID", first >>> 8);
    write("LBA_HIGH", first >>> 16);
    write("DEVICE", 0x40);
  };
  const address28 = (first: number, count: number) => {
    write("SECTOR_COUNT", count);
    write("LBA_LOW", first);
    write("LBA_MID", first >>> 8);
    write("LBA_HIGH", first >>> 16);
    write("DEVICE", 0x40 | first >>> 24);
  };
  return { address28, address48 };
}
