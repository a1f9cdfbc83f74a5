/**
 * Costs of the Core 2 Duo: operations of programs and primitives of the kernel.
 *
 * Nobody published Singularity's primitives for this core, so those measured on the
 * Athlon 64 are taken over in cycles (see isa_x86_k8.ts); both are out-of-order x86.
 * - Loads count a hit in the first-level cache; misses come on top, from the cache model.
 */

import type { Isa } from "./isa.ts";

export const x86Core2: Isa = {
  name: "x86-core2",
  platform: "out-of-order-x86",
  atomics: ["exchange", "add", "compareExchange"],
  operations: {
    integer: {
      cycles: 0.5,
      source: "fitted: gives the CPI of 0.8 on OS code, hardware-reference 7.2 (unverified)",
    },
    multiply: {
      cycles: 1.5,
      source: "fitted: IMUL latency 3, half hidden, hardware-reference 7.2 (unverified)",
    },
    divide: {
      cycles: 22,
      source: "fitted: DIV32 18 to 40, small operands prevail, hardware-reference 7.2 (unverified)",
    },
    load: {
      cycles: 0.8,
      source: "fitted: latency 3 in L1, mostly hidden, hardware-reference 7.2 (unverified)",
    },
    store: { cycles: 0.8, source: "fitted: one store a cycle, partly overlapped" },
    branch: {
      cycles: 1,
      source: "fitted: 0.25 and 5 % of 15 cycles a mispredict, hardware-reference 7.2 (unverified)",
    },
    call: {
      cycles: 5,
      source:
        "fitted: call, return and a stack check of about 5 that partly overlaps (DN20, helios-reference 9)",
    },
    allocation: { cycles: 40, source: "fitted: bump allocation, header and zeroing" },
    collectedByte: {
      cycles: 0.25,
      source:
        "fitted: a copying collector that finds a tenth of the bytes alive reads and writes each of those at bulkByte, and marks",
    },
    floatingPoint: {
      cycles: 2,
      source: "fitted: FADD 3 and FMUL 5, partly hidden, hardware-reference 7.2 (unverified)",
    },
    floatingDivide: {
      cycles: 25,
      source: "fitted: FDIV double up to 32, hardware-reference 7.2 (unverified)",
    },
    kernelCall: {
      cycles: 10,
      source: "fitted: putting the arguments in place; the entry itself is the primitive",
    },
    bulkByte: {
      cycles: 0.35,
      source:
        "fitted: 3 to 4 GB/s from memory and more from cache at 2.66 GHz, hardware-reference 7.2 (unverified)",
    },
  },
  issueWidth: {
    count: 4,
    source: "Stephen Moore, Core microarchitecture lecture slides: 4-wide, hardware-reference 7.2",
  },
  instructions: {
    integer: { count: 1, source: "one instruction by the definition of the class" },
    multiply: { count: 1, source: "one instruction by the definition of the class" },
    load: { count: 1, source: "one instruction by the definition of the class" },
    store: { count: 1, source: "one instruction by the definition of the class" },
    divide: { count: 2, source: "fitted: sign extension and IDIV" },
    branch: { count: 1, source: "the jump; the comparison is an operation of its own" },
    call: { count: 6, source: "fitted: CALL and RET, two moves of arguments, and a stack check of two" },
    allocation: {
      count: 40,
      source: "fitted: pointer bump, header and zeroing at about one a cycle",
    },
    collectedByte: { count: 0.25, source: "fitted: copying and marking at about one a cycle" },
    floatingPoint: { count: 1, source: "one instruction by the definition of the class" },
    floatingDivide: { count: 1, source: "one instruction by the definition of the class" },
    kernelCall: { count: 10, source: "fitted: about one a cycle to put the arguments in place" },
    bulkByte: { count: 0.25, source: "fitted: a load and a store for each eight bytes" },
  },
  primitives: {
    kernelCall: { cycles: 91, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    contextSwitch: { cycles: 274, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    interruptEntry: {
      cycles: 400,
      source: "fitted: middle of 300 to 500, hardware-reference 6.5 (unverified)",
    },
    interruptExit: {
      cycles: 225,
      source: "fitted: middle of 150 to 300, hardware-reference 6.5 (unverified)",
    },
    channelSend: { cycles: 126, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    channelReceive: { cycles: 126, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    channelCreate: { cycles: 7940, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    select: { cycles: 1600, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    synchronisation: { cycles: 74, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    blockAllocate: { cycles: 385, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    blockFree: { cycles: 200, source: "fitted: half an allocation, nothing is zeroed" },
    blockRecord: { cycles: 100, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    threadCreate: { cycles: 41406, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    processCreate: {
      cycles: 352873,
      source: "fitted: the x86-k8 figure, no measurement on Core 2 was found",
    },
    nameLookup: { cycles: 37481, source: "fitted: the x86-k8 figure, no measurement on Core 2 was found" },
    dispatchLock: {
      cycles: 80,
      source:
        "fitted: cache line bounced through the shared L2, 60 to 100, hardware-reference 6.5 (unverified)",
    },
    ipiSend: {
      cycles: 80,
      source: "fitted: middle of 60 to 100 for the ICR write, hardware-reference 6.5 (unverified)",
    },
    timerSet: {
      cycles: 50,
      source: "fitted: local APIC write of 40 to 60, hardware-reference 6.5 (unverified)",
    },
    remoteEnqueue: {
      cycles: 300,
      source: "fitted: half of Barrelfish TN-009's 600 for a polled channel (helios-reference 9)",
    },
    remoteDequeue: {
      cycles: 300,
      source: "fitted: half of Barrelfish TN-009's 600 for a polled channel (helios-reference 9)",
    },
    dmaProgram: {
      cycles: 1000,
      source:
        "fitted: descriptor in cached memory and two posted stores to the device, hardware-reference 1.6",
    },
    cacheLineClean: { cycles: 0, source: "DMA is coherent with the caches on x86" },
    sharedLoad: {
      cycles: 3,
      source: "fitted: latency 3 in L1, awaited since others may write, hardware-reference 7.2 (unverified)",
    },
    sharedStore: { cycles: 1, source: "fitted: one store a cycle, hardware-reference 7.2" },
    lockedOperation: {
      cycles: 20,
      source: "fitted: locks its line in L1 and drains the store buffer; about 20 on later Intel cores",
    },
    interruptsOff: { cycles: 9, source: "fitted: PUSHF and CLI, microcoded; a tenth of a kernel call" },
    interruptsOn: { cycles: 9, source: "fitted: as interruptsOff; POPF or STI" },
    cycleCounter: { cycles: 64, source: "fitted: RDTSC is microcoded, about 64 on this core (unverified)" },
  },
};
