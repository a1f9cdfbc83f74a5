/**
 * A block device: whole sectors, in and out.
 *
 * A disk driver registers one service per drive (`/dev/disk0`, ...); a file system
 * or a test binds to it.
 * - One request is outstanding at a time on each channel; a client that wants more
 *   in flight binds more channels.
 * - Data travels in blocks of the exchange heap and is never copied on one kernel: the
 *   device reads and fills the blocks themselves.
 * - A written sector may wait in the drive's cache; after `flushed` all sectors whose
 *   write was answered before survive a power cut.
 */

import type { Contract } from "../../kernel/contracts/contract.ts";

/** Why a request could not be met. */
export const blockDeviceErrors = [
  /** Sectors beyond the end of the device. */
  "OutOfRange",
  /** No sectors, more than `maximumSectors`, or data that is not whole sectors. */
  "BadRequest",
  /** The drive reported an error, or did not answer and was reset. */
  "MediaFault",
  /** The drive is no longer attached. */
  "Gone",
  /** The driver has no memory for the data. */
  "NoMemory",
] as const;

export type BlockDeviceError = typeof blockDeviceErrors[number];

export const blockDeviceContract = {
  name: "block-device/1",
  contractName: "BlockDeviceContract",
  messages: {
    identify: { from: "client", doc: "Wants to know what device this is" },
    geometry: {
      from: "server",
      doc: "Its name and sizes; one request moves at most maximumSectors",
      body: { model: "string", sectorBytes: "u32", sectorCount: "u64", maximumSectors: "u32" },
    },
    read: { from: "client", doc: "Wants sectors", body: { firstSector: "u64", count: "u32" } },
    data: { from: "server", doc: "All of them, in order", body: { data: "bytes" } },
    write: {
      from: "client",
      doc: "Writes whole sectors; the window of the block must start at an even byte",
      body: { firstSector: "u64", data: "bytes" },
    },
    written: { from: "server", doc: "The drive has all of them, perhaps in its cache" },
    flush: { from: "client", doc: "Wants the drive's cache on the medium" },
    flushed: { from: "server", doc: "It is" },
    failed: {
      from: "server",
      doc: "The request was not met; some sectors of a write may be written",
      body: { code: blockDeviceErrors },
    },
  },
  start: "ready",
  states: {
    ready: { identify: "identifying", read: "reading", write: "writing", flush: "flushing" },
    identifying: { geometry: "ready", failed: "ready" },
    reading: { data: "ready", failed: "ready" },
    writing: { written: "ready", failed: "ready" },
    flushing: { flushed: "ready", failed: "ready" },
  },
} as const satisfies Contract;
