/**
 * How a kernel divides the memory of its domain.
 *
 * From the bottom: what firmware and the boot loader use, the message area that is
 * shared with other kernels, pages for the kernel itself and for drivers, and the
 * exchange heap.
 */

import type { Complex, Dram } from "../hal/hardware.ts";

interface Range {
  readonly base: number;
  readonly size: number;
}

export interface KernelMemory {
  readonly dram: Dram;
  /** Bytes of the domain, for tables. */
  readonly total: number;
  /** Where the satellite's boot data lies. */
  readonly boot: Range;
  /** Rings and counters shared with other kernels. */
  readonly messages: Range;
  readonly kernel: Range;
  readonly heap: Range;
  /** Where the private memory of programs is taken to lie: beside the heap, or in its upper half if it has all. */
  readonly programs: Range;
}

const mebibyte = 2 ** 20;
/** Room for firmware, ACPI tables, boot loader and a satellite image of some megabytes. */
const bootSize = 8 * mebibyte;
const messagesSize = 16 * mebibyte;
const kernelSize = 16 * mebibyte;
const heapMax = 256 * mebibyte;

/** Lays out the largest range of a domain; throws when it is too small for a kernel. */
export function layOutMemory(complex: Complex, ranges: readonly Range[]): KernelMemory {
  const total = ranges.reduce((sum, range) => sum + range.size, 0);
  const largest = ranges.reduce((best, range) => range.size > best.size ? range : best);
  const dram = complex.dram.find((one) => one.base <= largest.base && largest.base < one.base + one.size);
  if (dram === undefined) {
    throw new Error(`No DRAM at 0x${largest.base.toString(16)}, where the memory map promises it`);
  }
  const end = Math.min(largest.base + largest.size, dram.base + dram.size);
  const messages = { base: largest.base + bootSize, size: messagesSize };
  const kernel = { base: messages.base + messages.size, size: kernelSize };
  const heapBase = kernel.base + kernel.size;
  const heap = { base: heapBase, size: Math.min(heapMax, end - heapBase) };
  if (heap.size < mebibyte) {
    throw new Error(
      `A kernel needs more than ${(heapBase - largest.base) / mebibyte} MiB, its domain has ${
        total / mebibyte
      }`,
    );
  }
  const programs = programRange(heap, end);
  return { dram, total, programs, boot: { base: largest.base, size: bootSize }, messages, kernel, heap };
}

function programRange(heap: Range, end: number): Range {
  const heapEnd = heap.base + heap.size;
  const half = heap.size / 2;
  return end - heapEnd >= half
    ? { base: heapEnd, size: end - heapEnd }
    : { base: heap.base + half, size: half };
}

/** Where in a message area the pair area for the kernel of a station lies. */
export const pairAreaAddress = (messages: Range, station: number, size: number): number => {
  const slot = Math.ceil(size / 4096) * 4096;
  const address = messages.base + station * slot;
  if (address + slot > messages.base + messages.size) {
    throw new Error(`No room to exchange messages with the kernel of station ${station}`);
  }
  return address;
};
