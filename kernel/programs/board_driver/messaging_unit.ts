/**
 * The IOP348's messaging unit from the host's side, as the board driver uses it.
 *
 * Offsets count from the MU window (BAR0). Message registers carry one word each
 * way: the host writes IMR, the card answers in OMR and sets a bit of OISR.
 * - OISR drives INTA#: clear the bit there before acknowledging the interrupt.
 * - Codes in IMR0 and OMR0 are the card firmware's and the satellite kernel's words.
 *
 * Follows hardware-reference.md sections 2.5 and 2.9.
 */

import type { Call, Device } from "../../abi/kernel.ts";

export const messagingUnitBar = 0;
export const memoryBar = 2;

export const messagingUnitRegisters = {
  IMR0: { offset: 0x10, doc: "Inbound message 0: a command to the card" },
  IMR1: { offset: 0x14, doc: "Inbound message 1: the command's address" },
  OMR0: { offset: 0x18, doc: "Outbound message 0: what the card answers" },
  OMR1: { offset: 0x1c, doc: "Outbound message 1: the answer's address" },
  OISR: { offset: 0x30, doc: "Outbound interrupt status, write 1 to clear", bits: { OMR0: 0, OMR1: 1 } },
  OIMR: { offset: 0x34, doc: "Outbound interrupt mask, 1 = masked", bits: { OMR0: 0 } },
} as const;

/** In IMR0: check the image at IMR1 and jump to it. */
export const go = 1;

/** In OMR0, by the firmware: the image is sound and runs. */
export const started = 0x01;
/** In OMR0, by the satellite kernel: it is up, and OMR1 tells where its boot-info block lies. */
export const kernelUp = 0x10;

/** In OMR0, by the firmware: why it does not start the image. */
const refusals: Readonly<Record<number, string>> = {
  2: "the image does not start with the magic number",
  3: "the image is for another instruction set",
  4: "the image header's checksum is wrong",
  5: "the image's checksum is wrong",
  6: "the image does not fit into the card's memory",
};

export function refusalOf(code: number): string {
  const hexadecimal = code.toString(16);
  return `${refusals[code] ?? "the card answered with a code that has no meaning"} (OMR0 = ${hexadecimal}h)`;
}

export class MessagingUnit {
  readonly #device: Device;

  constructor(device: Device) {
    this.#device = device;
  }

  /** Lets OMR0 interrupt, nothing else, and drops an answer left from before. */
  *initialise(): Call<void> {
    const { OISR, OIMR } = messagingUnitRegisters;
    yield* this.#write(OISR.offset, 1 << OISR.bits.OMR0 | 1 << OISR.bits.OMR1);
    yield* this.#write(OIMR.offset, ~(1 << OIMR.bits.OMR0) >>> 0);
  }

  *start(imageAddress: number): Call<void> {
    yield* this.#write(messagingUnitRegisters.IMR1.offset, imageAddress);
    yield* this.#write(messagingUnitRegisters.IMR0.offset, go);
  }

  /** The card's answer, taken: undefined when OISR shows none (the line is shared). */
  *takeAnswer(): Call<{ readonly code: number; readonly address: number } | undefined> {
    const { OISR, OMR0, OMR1 } = messagingUnitRegisters;
    const status = yield* this.#read(OISR.offset);
    if ((status & 1 << OISR.bits.OMR0) === 0) return undefined;
    // Cleared first: an answer that overwrites this one sets the bit again.
    yield* this.#write(OISR.offset, 1 << OISR.bits.OMR0);
    const code = yield* this.#read(OMR0.offset);
    return { code, address: yield* this.#read(OMR1.offset) };
  }

  /** Masks everything, for whoever owns the unit next. */
  *release(): Call<void> {
    yield* this.#write(messagingUnitRegisters.OIMR.offset, 0xffff_ffff);
  }

  #read(offset: number): Call<number> {
    return this.#device.read32(messagingUnitBar, offset);
  }

  #write(offset: number, value: number): Call<void> {
    return this.#device.write32(messagingUnitBar, offset, value);
  }
}
