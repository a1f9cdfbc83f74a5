/**
 * Register map of the local APIC (hardware-reference.md 6.1), one word per 16 bytes.
 *
 * Each CPU sees its own at FEE00000h of its local bus.
 * - In-service, trigger-mode and request registers are 256 bits each: eight words
 *   named ISR0 to ISR7, TMR0 to TMR7, IRR0 to IRR7; bit n of word w is vector 32w + n.
 * - Writing ICR_LOW sends, so ICR_HIGH is written first.
 */

import type { RegisterMap } from "../register/register_map.ts";

type WordNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
type VectorBank<Name extends string> = {
  readonly [K in `${Name}${WordNumber}`]: {
    readonly offset: number;
    readonly access: "read-only";
    readonly doc: string;
  };
};

function vectorBank<Name extends string>(name: Name, offset: number, doc: string): VectorBank<Name> {
  const words = Array.from({ length: 8 }, (_, word) => {
    const vectors = `vectors ${32 * word} to ${32 * word + 31}`;
    return [`${name}${word}`, { offset: offset + 16 * word, access: "read-only", doc: `${doc}, ${vectors}` }];
  });
  return Object.fromEntries(words) as VectorBank<Name>;
}

const localVectorBits = { pending: 12, polarity: 13, remoteIrr: 14, level: 15, masked: 16 } as const;

export const localApicRegisters = {
  ID: { offset: 0x020, access: "read-only", doc: "31:24 APIC id, fixed by the board" },
  VERSION: { offset: 0x030, access: "read-only", doc: "7:0 version, 23:16 highest local vector entry" },
  TPR: { offset: 0x080, access: "read-write", doc: "Task priority: 7:4 class held back" },
  PPR: { offset: 0x0a0, access: "read-only", doc: "Processor priority: task or in-service, the higher" },
  EOI: { offset: 0x0b0, access: "write-only", doc: "Ends the highest interrupt in service" },
  LDR: { offset: 0x0d0, access: "read-write", doc: "31:24 logical id" },
  DFR: { offset: 0x0e0, access: "read-write", doc: "31:28 Fh flat model, 0h cluster model" },
  SVR: {
    offset: 0x0f0,
    access: "read-write",
    doc: "7:0 spurious vector",
    bits: { enable: 8, focusOff: 9 },
  },
  ...vectorBank("ISR", 0x100, "In service"),
  ...vectorBank("TMR", 0x180, "Accepted as level-triggered"),
  ...vectorBank("IRR", 0x200, "Requested"),
  ESR: {
    offset: 0x280,
    access: "read-write",
    doc: "Errors since the last write, which latches them",
    bits: {
      sendAccept: 2,
      receiveAccept: 3,
      illegalVectorSent: 5,
      illegalVectorReceived: 6,
      illegalRegister: 7,
    },
  },
  ICR_LOW: {
    offset: 0x300,
    access: "read-write",
    doc: "Sends: 7:0 vector, 10:8 mode, 19:18 shorthand",
    bits: { logical: 11, deliveryPending: 12, assert: 14, level: 15 },
  },
  ICR_HIGH: { offset: 0x310, access: "read-write", doc: "31:24 destination" },
  LVT_TIMER: {
    offset: 0x320,
    access: "read-write",
    doc: "7:0 vector of the timer",
    bits: { pending: 12, masked: 16, periodic: 17 },
  },
  LVT_THERMAL: {
    offset: 0x330,
    access: "read-write",
    doc: "No source is wired to it",
    bits: localVectorBits,
  },
  LVT_PERFORMANCE: {
    offset: 0x340,
    access: "read-write",
    doc: "No source is wired to it",
    bits: localVectorBits,
  },
  LVT_LINT0: { offset: 0x350, access: "read-write", doc: "No source is wired to it", bits: localVectorBits },
  LVT_LINT1: { offset: 0x360, access: "read-write", doc: "No source is wired to it", bits: localVectorBits },
  LVT_ERROR: { offset: 0x370, access: "read-write", doc: "7:0 vector of errors", bits: localVectorBits },
  TIMER_INITIAL: { offset: 0x380, access: "read-write", doc: "Initial count: starts the timer, 0 stops it" },
  TIMER_CURRENT: { offset: 0x390, access: "read-only", doc: "Current count" },
  TIMER_DIVIDE: { offset: 0x3e0, access: "read-write", doc: "Bits 3, 1, 0: 0 /2, 1 /4, ... 8 /32, Bh /1" },
} as const satisfies RegisterMap;

/** Bytes that the register window takes. */
export const localApicSize = 0x1000;
export const localApicBase = 0xfee0_0000;
