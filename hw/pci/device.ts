/**
 * What a PCI device model is to its bus, and what its slot gives it.
 *
 * A model brings its identity and the targets behind its BARs; the bus keeps the
 * configuration space, sizes and decodes the BARs, and gates DMA and interrupts
 * with the command register. A model is given what it uses and nothing else.
 * - A model is created by a factory that takes its `PciSlot`.
 * - Registers take no time; work is scheduled on `slot.clock`.
 */

import type { BusTarget, DmaPort, InterruptLine } from "../memory/bus_target.ts";
import type { Clock } from "../time/event_queue.ts";
import type { EventLog } from "../time/event_log.ts";

export interface PciIdentity {
  readonly vendorId: number;
  readonly deviceId: number;
  /** Base class, subclass and programming interface, as 0xBBSSPP. */
  readonly classCode: number;
  readonly revisionId: number;
  /** 0 none, 1 INTA# to 4 INTD#. */
  readonly interruptPin: number;
  readonly subsystemVendorId?: number;
  readonly subsystemId?: number;
}

/** One base address register; a `memory64` one takes the next index too. */
export interface BarDefinition {
  readonly index: number;
  readonly kind: "memory32" | "memory64" | "io";
  /** Bytes, a power of two. */
  readonly size: number;
  readonly prefetchable: boolean;
  readonly target: BusTarget;
}

/** A device model as its bus sees it. */
export interface PciDevice {
  readonly name: string;
  readonly identity: PciIdentity;
  readonly bars: readonly BarDefinition[];
  /** Capabilities beyond the header, if the model has any: raw bytes from 0x40 on, and a hook for writes. */
  readonly capabilities?: {
    readonly firstOffset: number;
    readonly bytes: Uint8Array;
    written(offset: number): void;
  };
  /** True while configuration cycles must be answered with Retry (a card that still boots). */
  readonly configurationRetry?: () => boolean;
}

/** What a slot gives the model that sits in it. */
export interface PciSlot {
  readonly clock: Clock;
  readonly log: EventLog;
  /** Moves bytes only while the command register's bus-master bit is set; holds requests until then. */
  readonly dma: DmaPort;
  /** The device's INTx# pin, gated by the command register's INTx-disable bit. */
  readonly interrupt: InterruptLine;
  /** The cache line size register (0x0C), in 32-bit words. */
  cacheLineSize(): number;
  /** Status bits 12 and 13, set when a transfer of this device aborted. */
  reportAbort(kind: "target" | "master"): void;
}

export type PciDeviceFactory = (slot: PciSlot) => PciDevice;
