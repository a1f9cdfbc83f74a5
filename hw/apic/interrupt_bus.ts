/**
 * What carries interrupt messages between local APICs, I/O APIC and MSI writers.
 *
 * A message names a destination; the bus finds the local APICs that it means and
 * delivers to each after the latency of the way (machine file, `host.interrupts`).
 * - Messages between the same two parties arrive in the order in which they were sent.
 * - `done` is called once all copies have arrived: senders show "delivery pending" until then.
 * - Left out: SMI, NMI and ExtINT; they are logged and dropped.
 */

import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { nanoseconds } from "../time/time.ts";
import type { LocalApic } from "./local_apic.ts";

/** Delivery modes, bits 10:8 of an ICR, a redirection entry or MSI data. */
export const deliveryMode = { fixed: 0, lowestPriority: 1, init: 5, startUp: 6 } as const;

export interface InterruptMessage {
  readonly mode: number;
  readonly vector: number;
  /** Level-triggered: the end of interrupt must be broadcast. */
  readonly level: boolean;
}

/** Whom a message is for: a destination field, or a shorthand of the ICR. */
export type Destination =
  | { readonly kind: "physical" | "logical"; readonly id: number }
  | { readonly kind: "self" | "all" | "others" };

export interface InterruptLatencies {
  readonly ipiSameDomainNs: number;
  readonly ipiOtherDomainNs: number;
  readonly deviceNs: number;
}

interface Member {
  readonly apic: LocalApic;
  readonly domain: number;
}

const broadcastId = 0xff;

export class InterruptBus {
  readonly #clock: Clock;
  readonly #log: EventLog;
  readonly #latencies: InterruptLatencies;
  readonly #members: Member[] = [];
  readonly #endListeners: ((vector: number) => void)[] = [];

  constructor(clock: Clock, log: EventLog, latencies: InterruptLatencies) {
    this.#clock = clock;
    this.#log = log;
    this.#latencies = latencies;
  }

  join(apic: LocalApic, domain: number): void {
    this.#members.push({ apic, domain });
  }

  /** An I/O APIC wants to see the end of level-triggered interrupts. */
  onEndOfInterrupt(listener: (vector: number) => void): void {
    this.#endListeners.push(listener);
  }

  broadcastEndOfInterrupt(vector: number): void {
    for (const listener of this.#endListeners) listener(vector);
  }

  /** An interrupt from one CPU to others, or to itself. */
  sendBetweenCpus(
    from: LocalApic,
    destination: Destination,
    message: InterruptMessage,
    done: () => void,
  ): void {
    const sender = this.#members.find(({ apic }) => apic === from)!;
    const { ipiSameDomainNs, ipiOtherDomainNs } = this.#latencies;
    const latencyOf = (target: Member) => {
      if (target === sender) return 0;
      return target.domain === sender.domain ? ipiSameDomainNs : ipiOtherDomainNs;
    };
    this.#deliver(from.name, this.#targets(destination, message, sender), message, latencyOf, done);
  }

  /** An interrupt from a device; `done` tells whether anyone accepted it. */
  sendFromDevice(
    source: string,
    destination: Destination,
    message: InterruptMessage,
    done: (accepted: boolean) => void,
  ): void {
    const targets = this.#targets(destination, message, undefined);
    this.#deliver(source, targets, message, () => this.#latencies.deviceNs, done);
  }

  #deliver(
    source: string,
    targets: readonly Member[],
    message: InterruptMessage,
    latencyOf: (target: Member) => number,
    done: (accepted: boolean) => void,
  ): void {
    const known = (Object.values(deliveryMode) as number[]).includes(message.mode);
    if (!known || targets.length === 0) {
      const reason = known ? "nobody has that destination" : `delivery mode ${message.mode} is not emulated`;
      this.#log.record(source, `interrupt vector ${message.vector} dropped: ${reason}`);
      this.#clock.after(nanoseconds(0), () => done(false));
      return;
    }
    let waiting = targets.length;
    let accepted = false;
    for (const target of targets) {
      this.#clock.after(nanoseconds(latencyOf(target)), () => {
        if (target.apic.receive(message)) accepted = true;
        if (--waiting === 0) done(accepted);
      });
    }
  }

  #targets(destination: Destination, message: InterruptMessage, sender: Member | undefined): Member[] {
    const matching = this.#members.filter((member) => isMeant(member, destination, sender));
    if (message.mode !== deliveryMode.lowestPriority || matching.length < 2) return matching;
    const lowest = Math.min(...matching.map(({ apic }) => apic.processorPriority));
    return [matching.find(({ apic }) => apic.processorPriority === lowest)!];
  }
}

function isMeant(member: Member, destination: Destination, sender: Member | undefined): boolean {
  switch (destination.kind) {
    case "self":
      return member === sender;
    case "all":
      return true;
    case "others":
      return member !== sender;
    case "physical":
      return destination.id === broadcastId || destination.id === member.apic.id;
    case "logical":
      return member.apic.answersToLogical(destination.id);
  }
}
