/**
 * Costs of the XScale core (ARMv5TE): operations of programs and kernel primitives.
 *
 * Operations come from Intel's manuals: in order, single issue, no divider, no
 * floating-point unit. No kernel primitives were published for it: they are those of
 * the Athlon 64 times the ratio of cycles per instruction, except where noted.
 * - Loads count a hit in the first-level cache; misses come on top, from the cache model.
 */

import type { Isa } from "./isa.ts";

export const armv5te: Isa = {
  name: "armv5te",
  platform: "xscale",
  atomics: ["exchange"],
  operations: {
    integer: { cycles: 1, source: "Intel XScale Core Developer's Manual 273473, 10.4: ALU 1" },
    multiply: { cycles: 3, source: "fitted: middle of latency 2 to 4, 80200 Developer's Manual B.5" },
    divide: {
      cycles: 50,
      source:
        "fitted: library routine, typically 50 of 30 to 130; ARMv5TE has no divide, hardware-reference 7.1",
    },
    load: {
      cycles: 1.6,
      source:
        "fitted: 1, and 0.6 for loads used soon at latency 3 (80200 Developer's Manual B.5), hardware-reference 7.1",
    },
    store: { cycles: 1, source: "fitted: single issue, and no penalty for a store was found" },
    branch: {
      cycles: 1.4,
      source:
        "fitted: 1 predicted and 4 more mispredicted (XScale Core Developer's Manual 10.2), 10 % of them assumed",
    },
    call: { cycles: 6, source: "IXP45X/46X Developer's Manual 3.9.4: BL predicted 1, return by BX 5" },
    allocation: { cycles: 72, source: "fitted: the x86-k8 figure x 1.5, issue width 1 against 3" },
    collectedByte: { cycles: 0.45, source: "fitted: the x86-k8 figure x 1.5, issue width 1 against 3" },
    floatingPoint: {
      cycles: 75,
      source:
        "fitted: soft-float, double add 60 to 90 and multiply 60 to 100, hardware-reference 7.1 (unverified)",
    },
    floatingDivide: {
      cycles: 400,
      source: "fitted: soft-float, double 300 to 600, hardware-reference 7.1 (unverified)",
    },
    kernelCall: { cycles: 15, source: "fitted: the x86-k8 figure x 1.5, issue width 1 against 3" },
    bulkByte: {
      cycles: 1,
      source: "fitted: cached copy of about 1 byte a cycle, hardware-reference 7.1 (unverified)",
    },
  },
  issueWidth: { count: 1, source: "hardware-reference 7.1: single issue, in order (unverified)" },
  instructions: {
    integer: { count: 1, source: "one instruction by the definition of the class" },
    multiply: { count: 1, source: "one instruction by the definition of the class" },
    load: { count: 1, source: "one instruction by the definition of the class" },
    store: { count: 1, source: "one instruction by the definition of the class" },
    divide: { count: 45, source: "fitted: library routine of 50 cycles, nine in ten of them issue" },
    branch: { count: 1, source: "the jump; the comparison is an operation of its own" },
    call: { count: 4, source: "fitted: BL and BX, and a push and a pop of the link register" },
    allocation: {
      count: 56,
      source: "fitted: the x86 sequence of 40 with narrower stores, below the class's cycles",
    },
    collectedByte: {
      count: 0.35,
      source: "fitted: the x86 sequence with narrower loads and stores, below the class's cycles",
    },
    floatingPoint: {
      count: 65,
      source: "fitted: soft-float routine of 75 cycles, seven in eight of them issue",
    },
    floatingDivide: {
      count: 350,
      source: "fitted: soft-float routine of 400 cycles, seven in eight of them issue",
    },
    kernelCall: { count: 12, source: "fitted: below the class's cycles, single issue with loads" },
    bulkByte: { count: 0.5, source: "fitted: a load and a store for each four bytes" },
  },
  primitives: {
    kernelCall: {
      cycles: 105,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    contextSwitch: {
      cycles: 315,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    interruptEntry: {
      cycles: 30,
      source:
        "fitted: middle of 20 to 40 for mode switch, vector and bank, hardware-reference 6.5 (unverified)",
    },
    interruptExit: { cycles: 8, source: "fitted: middle of 5 to 10, hardware-reference 6.5 (unverified)" },
    channelSend: {
      cycles: 145,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    channelReceive: {
      cycles: 145,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    channelCreate: {
      cycles: 9131,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    select: {
      cycles: 1840,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    synchronisation: {
      cycles: 85,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    blockAllocate: {
      cycles: 443,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    blockFree: {
      cycles: 230,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    blockRecord: {
      cycles: 115,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    threadCreate: {
      cycles: 47617,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    processCreate: {
      cycles: 405804,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    nameLookup: {
      cycles: 43103,
      source:
        "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3 (hardware-reference 7.1, helios-reference 9)",
    },
    dispatchLock: {
      cycles: 10,
      source: "fitted: interrupts off and on by CPSR writes; one core needs no bus lock",
    },
    ipiSend: { cycles: 8, source: "fitted: one CP6 access of 5 to 10, hardware-reference 6.5 (unverified)" },
    timerSet: {
      cycles: 16,
      source: "fitted: two CP6 accesses of 5 to 10, hardware-reference 6.5 (unverified)",
    },
    remoteEnqueue: { cycles: 345, source: "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3" },
    remoteDequeue: { cycles: 345, source: "fitted: the x86-k8 figure x 1.15, CPI 1.5 against 1.3" },
    dmaProgram: {
      cycles: 1800,
      source:
        "fitted: 1.5 us; then the lines of Fig 5 cross between 16 and 32 KB, with 2.5 chains for a message there or back",
    },
    cacheLineClean: {
      cycles: 8,
      source:
        "fitted: clean or invalidate by address in L1 D and in L2, two CP15 writes of 2 and the loop around them",
    },
    sharedLoad: {
      cycles: 3,
      source: "80200 Developer's Manual B.5: LDR latency 3, awaited since others may write",
    },
    sharedStore: { cycles: 1, source: "fitted: single issue, and no penalty for a store was found" },
    lockedOperation: {
      cycles: 5,
      source: "XScale Microarchitecture User's Manual (PXA255) A.5.4: SWP issues in 5; it is the only one",
    },
    interruptsOff: {
      cycles: 5,
      source: "fitted: half of dispatchLock, which is interrupts off and on by CPSR writes",
    },
    interruptsOn: {
      cycles: 5,
      source: "fitted: half of dispatchLock, which is interrupts off and on by CPSR writes",
    },
    cycleCounter: {
      cycles: 4,
      source:
        "fitted: MRC from coprocessor 14, whose register CCNT is (helios-reference.md 10), result awaited",
    },
  },
};
