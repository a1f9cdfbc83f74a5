/**
 * A machine that has been put together: what can be reached from outside it.
 *
 * `assembleMachine` builds it from a machine description. Software reaches devices
 * only through address spaces and CPUs; the host reaches only the outside: cables,
 * the console's two streams, the debug ports.
 * - Nothing happens before `powerOn`; then firmware lays the ACPI tables into
 *   memory and the boot processor jumps to `resetAddress`.
 */

import type { Cpu } from "../cpu/cpu.ts";
import type { Cable, Station } from "../ethernet/link.ts";
import type { AddressSpace } from "../memory/address_space.ts";
import type { DataCache } from "../memory/data_cache.ts";
import type { EventLog } from "../time/event_log.ts";
import type { EventQueue } from "../time/event_queue.ts";
import type { Duration } from "../time/time.ts";
import type { MachineDescription } from "./description.ts";

/** A block of DRAM and the domain that it is local to. */
export interface Dram {
  readonly domain: number;
  readonly base: number;
  readonly size: number;
  readonly latencyNs: number;
  /**
   * Puts `backing` in place of the plain bytes of [base, base + size), for as long as
   * the machine runs: the exchange heap keeps each block in a buffer of its own. Overlaying
   * the same range again replaces the backing, as a kernel that is started again does.
   */
  overlay(base: number, size: number, backing: DramBacking): void;
}

/** Bytes kept elsewhere than in DRAM's own chunks. */
export interface DramBacking {
  /** `address` is physical; the access lies inside the overlay. */
  read(address: number, into: Uint8Array): void;
  write(address: number, from: Uint8Array): void;
}

/** CPUs and the memory they see: the host, or a card. */
export interface Complex {
  /** "host" or the card's name, such as "card0". */
  readonly name: string;
  readonly cpus: readonly Cpu[];
  /** Physical memory and memory-mapped registers. */
  readonly space: AddressSpace;
  /** x86 I/O ports; an empty space on a card. */
  readonly ports: AddressSpace;
  readonly dram: readonly Dram[];
  /** What the CPUs' loads and stores go through where DMA does not see it; undefined where it does, as on x86. */
  readonly dataCache: DataCache | undefined;
  /** Latency in ns of a memory access by a CPU in domain `from` to memory of domain `to`. */
  memoryLatencyNs(from: number, to: number): number;
  /** How long an IPI from one of the CPUs to another is on its way; its sender's ICR is busy until then. */
  ipiLatency(from: Cpu, to: Cpu): Duration;
}

export interface Machine {
  readonly description: MachineDescription;
  readonly queue: EventQueue;
  readonly log: EventLog;
  readonly host: Complex;
  readonly cards: readonly Complex[];
  /** Plugs a station of the host's into the machine's switch. */
  plug(station: Station): Cable;
  /** Called for every frame that crosses the switch; for packet captures. */
  onFrame: ((frame: Uint8Array) => void) | undefined;
  /** The serial port's other end. */
  readonly console: ConsoleLine;
  /** Called with each line that a kernel writes to its debug port. */
  onDebugLine: ((complex: string, line: string) => void) | undefined;
  /** Presses the power button: an interrupt on GSI 9, where ACPI's events arrive. */
  pressPowerButton(): void;
  /** Called when software asks the machine to power off (ACPI S5, debug exit), with a status. */
  onPowerOff: ((status: number) => void) | undefined;
  /**
   * Starts the machine. `runHost` is called when a host CPU starts at an address
   * (reset or start-up IPI), `runCard` when a card's firmware jumps to an image.
   */
  powerOn(code: {
    runHost(cpu: Cpu, address: number): void;
    runCard(card: Complex, cpu: Cpu, imageAddress: number): void;
  }): void;
}

/** Where the boot processor starts: the boot loader's place. */
export const resetAddress = 0x7c00;

/** The outside of the serial port. */
export interface ConsoleLine {
  /** Bytes that a person typed; they queue for the UART's receiver. */
  type(bytes: Uint8Array): void;
  /** Called with bytes that the UART sent. */
  onOutput: ((bytes: Uint8Array) => void) | undefined;
  /** Hangs up: the UART drops its carrier, which the console driver takes as end of input. */
  hangUp(): void;
}
