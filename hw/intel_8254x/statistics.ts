/**
 * The NIC's statistics: counters that stop at their largest value and are cleared by reading.
 *
 * Octet counters are 64 bits wide, in two registers: reading the upper one clears both.
 * - Sizes count from destination address to CRC, as on the wire without preamble.
 * - Counters of events that an emulated full-duplex wire cannot have (collisions, symbol errors) are
 *   there and stay 0.
 *
 * hardware-reference.md 3.8.
 */

import { type RegisterHandlers, RegisterWindow } from "../register/register_map.ts";

const counter = <O extends number>(offset: O, doc: string) => ({ offset, access: "read-only", doc } as const);

export const statisticsRegisters = {
  CRCERRS: counter(0x4000, "Frames with a bad CRC"),
  ALGNERRC: counter(0x4004, "Alignment errors"),
  SYMERRS: counter(0x4008, "Symbol errors"),
  RXERRC: counter(0x400c, "Receive errors"),
  MPC: counter(0x4010, "Frames missed: no room or no descriptor"),
  SCC: counter(0x4014, "Single collisions"),
  ECOL: counter(0x4018, "Excessive collisions"),
  MCC: counter(0x401c, "Multiple collisions"),
  LATECOL: counter(0x4020, "Late collisions"),
  COLC: counter(0x4028, "Collisions"),
  DC: counter(0x4030, "Deferrals"),
  TNCRS: counter(0x4034, "Sent without carrier"),
  SEC: counter(0x4038, "Sequence errors"),
  CEXTERR: counter(0x403c, "Carrier extension errors"),
  RLEC: counter(0x4040, "Length errors"),
  XONRXC: counter(0x4048, "XON received"),
  XONTXC: counter(0x404c, "XON sent"),
  XOFFRXC: counter(0x4050, "XOFF received"),
  XOFFTXC: counter(0x4054, "XOFF sent"),
  FCRUC: counter(0x4058, "Unknown flow control received"),
  PRC64: counter(0x405c, "Received, 64 bytes"),
  PRC127: counter(0x4060, "Received, 65 to 127 bytes"),
  PRC255: counter(0x4064, "Received, 128 to 255 bytes"),
  PRC511: counter(0x4068, "Received, 256 to 511 bytes"),
  PRC1023: counter(0x406c, "Received, 512 to 1023 bytes"),
  PRC1522: counter(0x4070, "Received, 1024 bytes and more"),
  GPRC: counter(0x4074, "Good frames received"),
  BPRC: counter(0x4078, "Broadcasts received"),
  MPRC: counter(0x407c, "Multicasts received"),
  GPTC: counter(0x4080, "Good frames sent"),
  GORCL: counter(0x4088, "Good octets received, low"),
  GORCH: counter(0x408c, "Good octets received, high"),
  GOTCL: counter(0x4090, "Good octets sent, low"),
  GOTCH: counter(0x4094, "Good octets sent, high"),
  RNBC: counter(0x40a0, "Frames that found no buffer"),
  RUC: counter(0x40a4, "Undersize"),
  RFC: counter(0x40a8, "Fragments"),
  ROC: counter(0x40ac, "Oversize"),
  RJC: counter(0x40b0, "Jabber"),
  TORL: counter(0x40c0, "All octets received, low"),
  TORH: counter(0x40c4, "All octets received, high"),
  TOTL: counter(0x40c8, "All octets sent, low"),
  TOTH: counter(0x40cc, "All octets sent, high"),
  TPR: counter(0x40d0, "All frames received"),
  TPT: counter(0x40d4, "All frames sent"),
  PTC64: counter(0x40d8, "Sent, 64 bytes"),
  PTC127: counter(0x40dc, "Sent, 65 to 127 bytes"),
  PTC255: counter(0x40e0, "Sent, 128 to 255 bytes"),
  PTC511: counter(0x40e4, "Sent, 256 to 511 bytes"),
  PTC1023: counter(0x40e8, "Sent, 512 to 1023 bytes"),
  PTC1522: counter(0x40ec, "Sent, 1024 bytes and more"),
  MPTC: counter(0x40f0, "Multicasts sent"),
  BPTC: counter(0x40f4, "Broadcasts sent"),
  TSCTC: counter(0x40f8, "Segmentation contexts sent"),
  TSCTFC: counter(0x40fc, "Segmentation contexts failed"),
  IAC: counter(0x4100, "Interrupts asserted"),
  ICRXPTC: counter(0x4104, "Interrupts by receive timer"),
  ICRXATC: counter(0x4108, "Interrupts by absolute receive timer"),
  ICTXPTC: counter(0x410c, "Interrupts by transmit timer"),
  ICTXATC: counter(0x4110, "Interrupts by absolute transmit timer"),
  ICTXQEC: counter(0x4118, "Interrupts by empty queue"),
  ICTXQMTC: counter(0x411c, "Interrupts by transmit low threshold"),
  ICRXDMTC: counter(0x4120, "Interrupts by receive low threshold"),
  ICRXOC: counter(0x4124, "Interrupts by receive overrun"),
} as const;

type Map32 = typeof statisticsRegisters;
/** Counters of events, one register each. */
export type CounterName = Exclude<keyof Map32, `${OctetCounterName}${"L" | "H"}`>;
/** Octet counters, by the name of their registers without the last letter. */
export type OctetCounterName = "GORC" | "GOTC" | "TOR" | "TOT";

const octetCounters: readonly OctetCounterName[] = ["GORC", "GOTC", "TOR", "TOT"];
const largest32 = 0xffff_ffff;
const crcBytes = 4;

/** Upper ends of the size classes but the last. */
const sizeClasses = [64, 127, 255, 511, 1023] as const;
const receivedBySize = ["PRC64", "PRC127", "PRC255", "PRC511", "PRC1023", "PRC1522"] as const;
const sentBySize = ["PTC64", "PTC127", "PTC255", "PTC511", "PTC1023", "PTC1522"] as const;

export class Statistics {
  readonly window: RegisterWindow<Map32>;
  readonly #counts = new Map<string, number>();

  constructor(name: string) {
    const handlers = Object.keys(statisticsRegisters).map((key) => {
      const octets = octetCounters.find((counter) => key === `${counter}L` || key === `${counter}H`);
      if (octets === undefined) return [key, { read: () => this.#take(key) }];
      if (key.endsWith("L")) return [key, { read: () => (this.#counts.get(octets) ?? 0) % 2 ** 32 }];
      return [key, { read: () => Math.floor(this.#take(octets) / 2 ** 32) }];
    });
    this.window = new RegisterWindow(
      name,
      statisticsRegisters,
      Object.fromEntries(handlers) as RegisterHandlers<Map32>,
    );
  }

  count(name: CounterName): void {
    this.#counts.set(name, Math.min((this.#counts.get(name) ?? 0) + 1, largest32));
  }

  /** A frame that was on the wire; `frameBytes` is without CRC. */
  received(frameBytes: number, kind: "unicast" | "multicast" | "broadcast"): void {
    this.count("GPRC");
    if (kind === "broadcast") this.count("BPRC");
    if (kind === "multicast") this.count("MPRC");
    this.count(receivedBySize[sizeClass(frameBytes + crcBytes)]!);
    this.#countOctets("GORC", frameBytes + crcBytes);
  }

  /** Any frame that arrived, wanted or not. */
  arrived(frameBytes: number): void {
    this.count("TPR");
    this.#countOctets("TOR", frameBytes + crcBytes);
  }

  sent(frame: Uint8Array): void {
    const size = frame.length + crcBytes;
    this.count("TPT");
    this.count("GPTC");
    this.count(sentBySize[sizeClass(size)]!);
    this.#countOctets("GOTC", size);
    this.#countOctets("TOT", size);
    if (frame.subarray(0, 6).every((byte) => byte === 0xff)) this.count("BPTC");
    else if ((frame[0]! & 1) === 1) this.count("MPTC");
  }

  clear(): void {
    this.#counts.clear();
  }

  #countOctets(name: OctetCounterName, size: number): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + size);
  }

  #take(name: string): number {
    const value = this.#counts.get(name) ?? 0;
    this.#counts.delete(name);
    return value;
  }
}

function sizeClass(size: number): number {
  const found = sizeClasses.findIndex((end) => size <= end);
  return found < 0 ? sizeClasses.length : found;
}
