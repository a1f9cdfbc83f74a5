/**
 * Where things are on the board's internal bus (36-bit physical addresses).
 *
 * The core's software and the ROM use these addresses; the board maps units at them.
 * - DRAM starts at 0; its size is in the machine description.
 * - Offsets of peripherals count from `pmmr` (hardware-reference.md 2.2 and 2.3; the
 *   straps are those of 2.3's suggestion, which put ATUe at FFDC_8000).
 */

export const memoryMap = {
  /** The Messaging Unit as the host sees it; default of MUBAR and of IATVR0. */
  messagingHostAperture: 0xff000000,
  pmmr: 0xffd80000,
  pmmrSize: 0x80000,
  sram: 0xffe00000,
  sramSize: 0x100000,
  pcixIo: 0xfffb0000,
  pcixIoSize: 0x10000,
  pcixMemory: 0x1_0000_0000,
  pcieMemory: 0x2_0000_0000,
  outboundWindowSize: 0x1_0000_0000,
} as const;

/** Offsets from PMMR. */
export const peripherals = {
  /** Channels 1 and 2 follow, 200h apart. */
  adma0: 0x00000,
  busBridge: 0x01780,
  memoryController: 0x01800,
  straps: 0x02180,
  uart0: 0x02300,
  messagingUnit: 0x04000,
  atuPcie: 0x48000,
  atuPcix: 0x4d000,
} as const;
