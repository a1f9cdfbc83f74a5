/**
 * Costs of the Opteron (K8): operations of programs and primitives of the kernel.
 *
 * Most primitives were measured by the Singularity group on an Athlon 64, which has
 * the same core; where paged and physical runs differ, the paged one stands, as
 * Helios runs paged in ring 0 (helios-reference.md section 9).
 * - Loads count a hit in the first-level cache; misses come on top, from the cache model.
 */

import type { Isa } from "./isa.ts";

export const x86K8: Isa = {
  name: "x86-k8",
  platform: "out-of-order-x86",
  atomics: ["exchange", "add", "compareExchange"],
  operations: {
    integer: {
      cycles: 0.6,
      source: "fitted: three ALUs at the CPI of 1.29 of MSPC'06 over all instructions (helios-reference 9)",
    },
    multiply: {
      cycles: 1.5,
      source: "fitted: IMUL latency 3, half hidden, hardware-reference 7.3 (unverified)",
    },
    divide: { cycles: 40, source: "fitted: 32-bit DIV about 40, hardware-reference 7.3 (unverified)" },
    load: {
      cycles: 0.9,
      source: "fitted: latency 3 in L1, mostly hidden, hardware-reference 7.3 (unverified)",
    },
    store: { cycles: 0.9, source: "fitted: one of two store ports a cycle, as a load" },
    branch: {
      cycles: 1,
      source: "fitted: 0.45 and 5 % of 11 cycles a mispredict, hardware-reference 7.3 (unverified)",
    },
    call: {
      cycles: 5,
      source:
        "fitted: call, return and a stack check of about 5 that partly overlaps (DN20, helios-reference 9)",
    },
    allocation: { cycles: 48, source: "fitted: bump allocation, header and zeroing" },
    collectedByte: {
      cycles: 0.3,
      source: "fitted: the x86-core2 figure x 1.2, the ratio of their allocations",
    },
    floatingPoint: {
      cycles: 2.5,
      source: "fitted: FADD and FMUL latency 4, partly hidden, hardware-reference 7.3 (unverified)",
    },
    floatingDivide: { cycles: 20, source: "fitted: FDIV 20, hardware-reference 7.3 (unverified)" },
    kernelCall: {
      cycles: 10,
      source: "fitted: putting the arguments in place; the entry itself is the primitive",
    },
    bulkByte: {
      cycles: 0.4,
      source: "fitted: 4 to 5 GB/s sustained at 2 GHz, hardware-reference 7.3 (unverified)",
    },
  },
  issueWidth: {
    count: 3,
    source: "AMD Software Optimization Guide 25112, fig. 6: 3 decoders, hardware-reference 7.3",
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
    kernelCall: {
      cycles: 91,
      source: "EuroSys'07 ABI call on Athlon 64 (78 to 91 in four papers, helios-reference 9)",
    },
    contextSwitch: {
      cycles: 274,
      source: "fitted: MSPC'06 yield of 365 less the 91 that kernelCall charges for it (helios-reference 9)",
    },
    interruptEntry: {
      cycles: 300,
      source: "fitted: middle of 200 to 400, hardware-reference 6.5 (unverified)",
    },
    interruptExit: {
      cycles: 120,
      source: "fitted: middle of 90 to 150, hardware-reference 6.5 (unverified)",
    },
    channelSend: {
      cycles: 126,
      source:
        "fitted: MSPC'06 paged ping-pong 1415, less 2 context switches and 4 kernel calls, a quarter of the rest",
    },
    channelReceive: {
      cycles: 126,
      source:
        "fitted: MSPC'06 paged ping-pong 1415, less 2 context switches and 4 kernel calls, a quarter of the rest",
    },
    channelCreate: { cycles: 7940, source: "MSPC'06 channel create, paged (helios-reference 9)" },
    select: {
      cycles: 1600,
      source:
        "EuroSys'07 as a lower bound: switch-receive costs 1600 or more over receive (helios-reference 8)",
    },
    synchronisation: {
      cycles: 74,
      source:
        "fitted: TR-2005-135 event ping-pong 1207, less 2 context switches and 4 kernel calls, a quarter of the rest",
    },
    blockAllocate: { cycles: 385, source: "MSPC'06 page allocation (helios-reference 9)" },
    blockFree: { cycles: 200, source: "fitted: half an allocation, nothing is zeroed" },
    blockRecord: {
      cycles: 100,
      source: "fitted: half of blockFree: a record is made or cut, no memory is taken",
    },
    threadCreate: { cycles: 41406, source: "MSPC'06 thread create, paged (helios-reference 9)" },
    processCreate: { cycles: 352873, source: "EuroSys'07 process create (helios-reference 9)" },
    nameLookup: {
      cycles: 37481,
      source:
        "fitted: MSPC'06 paged name bind 48251, less a channel create of 7940 and two message exchanges of 1415",
    },
    dispatchLock: {
      cycles: 120,
      source: "fitted: one cache line bounced between cores of a socket, hardware-reference 6.5 (unverified)",
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
      source: "fitted: latency 3 in L1, awaited since others may write, hardware-reference 7.3 (unverified)",
    },
    sharedStore: { cycles: 1, source: "fitted: one of two store ports a cycle, hardware-reference 7.3" },
    lockedOperation: {
      cycles: 17,
      source:
        "fitted: 16 to 18 for XCHG and LOCK CMPXCHG on Jaguar, whose L1 has K8's 3 cycles (LLVM, BtVer2)",
    },
    interruptsOff: { cycles: 9, source: "fitted: PUSHF and CLI, microcoded; a tenth of a kernel call" },
    interruptsOn: { cycles: 9, source: "fitted: as interruptsOff; POPF or STI" },
    cycleCounter: { cycles: 11, source: "fitted: RDTSC is microcoded, about 11 (unverified)" },
  },
};
