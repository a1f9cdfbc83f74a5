/**
 * The local APIC of one CPU: takes interrupts for it, sends them, and has its timer.
 *
 * Reached by its registers only (local_apic_registers.ts); the interrupt bus brings
 * messages and the CPU takes vectors.
 * - An interrupt is requested (IRR), then in service (ISR) until the end of interrupt.
 *   The CPU is offered one whose class exceeds that of the processor priority.
 * - Fixed interrupts are refused while the spurious register's enable bit is 0.
 * - A CPU other than the boot processor waits for a start-up IPI; one sent to a CPU
 *   that does not wait is ignored. INIT makes a CPU stop and wait again.
 */

import type { Cpu, InterruptController } from "../cpu/cpu.ts";
import type { BusTarget } from "../memory/bus_target.ts";
import { hasBit, type RegisterHandlers, RegisterWindow, withBit } from "../register/register_map.ts";
import type { EventLog } from "../time/event_log.ts";
import type { Clock } from "../time/event_queue.ts";
import { ApicTimer } from "./apic_timer.ts";
import { deliveryMode, type Destination, type InterruptBus, type InterruptMessage } from "./interrupt_bus.ts";
import { localApicRegisters } from "./local_apic_registers.ts";
import { VectorSet } from "./vector_set.ts";

export interface LocalApicOptions {
  readonly cpu: Cpu;
  readonly clock: Clock;
  readonly log: EventLog;
  readonly bus: InterruptBus;
  readonly busClockHz: number;
  /** Drives the boot processor, which does not wait for a start-up IPI. */
  readonly bootProcessor: boolean;
}

const { SVR, ESR, ICR_LOW, LVT_TIMER } = localApicRegisters;
/** Version 14h with six local vector entries, as K8 and Core 2 report. */
const version = 0x0005_0014;
const lowestVector = 16;
const spuriousReset = 0xff;
const maskedEntry = 1 << LVT_TIMER.bits.masked;
const clusterModel = 0;

type LocalVector = "LVT_TIMER" | "LVT_THERMAL" | "LVT_PERFORMANCE" | "LVT_LINT0" | "LVT_LINT1" | "LVT_ERROR";
/** Mode, vector, polarity, trigger, mask and, in the timer's, periodic. */
const localVectorWritable = 0x0003_a7ff;

export class LocalApic implements InterruptController {
  readonly name: string;
  readonly registers: BusTarget;
  readonly #options: LocalApicOptions;
  readonly #timer: ApicTimer;
  readonly #inService = new VectorSet();
  readonly #triggerMode = new VectorSet();
  readonly #requested = new VectorSet();
  readonly #localVectors = new Map<LocalVector, number>();
  #taskPriority = 0;
  #logicalId = 0;
  #destinationFormat = 0xffff_ffff;
  #spurious = spuriousReset;
  #errors = 0;
  #latchedErrors = 0;
  #commandLow = 0;
  #commandHigh = 0;
  #sending = 0;
  #waitsForStartUp: boolean;

  constructor(options: LocalApicOptions) {
    this.#options = options;
    this.name = `${options.cpu.name}.apic`;
    this.#waitsForStartUp = !options.bootProcessor;
    this.#timer = new ApicTimer(options.clock, options.busClockHz, {
      periodic: () => hasBit(this.#localVector("LVT_TIMER"), LVT_TIMER.bits.periodic),
      raise: () => this.#raiseLocal("LVT_TIMER"),
    });
    this.registers = new RegisterWindow(this.name, localApicRegisters, this.#handlers());
  }

  get id(): number {
    return this.#options.cpu.apicId;
  }

  /** Task priority or class in service, the higher: what a new interrupt must exceed. */
  get processorPriority(): number {
    const serving = (this.#inService.highest() ?? 0) & 0xf0;
    return (this.#taskPriority & 0xf0) >= serving ? this.#taskPriority : serving;
  }

  get pending(): boolean {
    return this.#deliverable() !== undefined;
  }

  acknowledge(): number {
    const vector = this.#deliverable();
    // What was requested went away, or its class was masked meanwhile: no end of interrupt follows.
    if (vector === undefined) return this.#spurious & 0xff;
    this.#requested.remove(vector);
    this.#inService.add(vector);
    return vector;
  }

  answersToLogical(destination: number): boolean {
    const id = this.#logicalId >>> 24;
    if (this.#destinationFormat >>> 28 !== clusterModel) return (destination & id) !== 0;
    const cluster = destination >> 4;
    return (cluster === 0xf || cluster === id >> 4) && (destination & id & 0xf) !== 0;
  }

  /** A message arrives from the interrupt bus; false if this APIC does not take it. */
  receive(message: InterruptMessage): boolean {
    if (message.mode === deliveryMode.init) {
      this.#initialise();
      return true;
    }
    if (message.mode === deliveryMode.startUp) return this.#startUp(message.vector);
    return this.#request(message.vector, message.level);
  }

  #request(vector: number, level: boolean): boolean {
    if (!hasBit(this.#spurious, SVR.bits.enable)) {
      this.#log(`refuses vector ${vector}: it is not enabled`);
      return false;
    }
    if (vector < lowestVector) {
      this.#recordError(ESR.bits.illegalVectorReceived);
      return false;
    }
    this.#log(`accepts vector ${vector}`);
    this.#requested.add(vector);
    if (level) this.#triggerMode.add(vector);
    else this.#triggerMode.remove(vector);
    this.#offer();
    return true;
  }

  #startUp(vector: number): boolean {
    if (!this.#waitsForStartUp) {
      this.#log("ignores a start-up: its CPU runs");
      return true;
    }
    this.#waitsForStartUp = false;
    const address = vector << 12;
    this.#log(`starts its CPU at 0x${address.toString(16)}`);
    this.#options.cpu.jump(address);
    return true;
  }

  /** INIT: reset state, and the CPU stops until a start-up arrives. */
  #initialise(): void {
    this.#log("is initialised; its CPU waits for a start-up");
    for (const set of [this.#inService, this.#triggerMode, this.#requested]) set.clear();
    this.#localVectors.clear();
    this.#timer.reset();
    this.#taskPriority = 0;
    this.#logicalId = 0;
    this.#destinationFormat = 0xffff_ffff;
    this.#spurious = spuriousReset;
    this.#errors = this.#latchedErrors = 0;
    this.#commandLow = this.#commandHigh = 0;
    this.#waitsForStartUp = true;
    this.#options.cpu.reset();
  }

  #deliverable(): number | undefined {
    const vector = this.#requested.highest();
    return vector !== undefined && vector >> 4 > this.processorPriority >> 4 ? vector : undefined;
  }

  #offer(): void {
    if (this.pending) this.#options.cpu.interruptRaised();
  }

  #endOfInterrupt(): void {
    const vector = this.#inService.highest();
    if (vector === undefined) return;
    this.#inService.remove(vector);
    if (this.#triggerMode.has(vector)) this.#options.bus.broadcastEndOfInterrupt(vector);
    this.#offer();
  }

  #localVector(name: LocalVector): number {
    return this.#localVectors.get(name) ?? maskedEntry;
  }

  #raiseLocal(name: LocalVector): void {
    const entry = this.#localVector(name);
    if (!hasBit(entry, LVT_TIMER.bits.masked)) this.#request(entry & 0xff, false);
  }

  #recordError(bit: number): void {
    this.#errors = withBit(this.#errors, bit, true);
    // A bad vector in the error entry itself must not raise another error.
    if ((this.#localVector("LVT_ERROR") & 0xff) >= lowestVector) this.#raiseLocal("LVT_ERROR");
  }

  #send(): void {
    const vector = this.#commandLow & 0xff;
    const mode = this.#commandLow >> 8 & 7;
    const levelTriggered = hasBit(this.#commandLow, ICR_LOW.bits.level);
    // INIT with level and no assert only synchronises arbitration ids on old parts.
    if (mode === deliveryMode.init && levelTriggered && !hasBit(this.#commandLow, ICR_LOW.bits.assert)) {
      return;
    }
    const fixed = mode === deliveryMode.fixed || mode === deliveryMode.lowestPriority;
    if (fixed && vector < lowestVector) return this.#recordError(ESR.bits.illegalVectorSent);
    const destination = this.#destination();
    this.#log(`sends vector ${vector} mode ${mode} to ${describe(destination)}`);
    this.#sending++;
    const message = { mode, vector, level: fixed && levelTriggered };
    this.#options.bus.sendBetweenCpus(this, destination, message, () => this.#sending--);
  }

  #destination(): Destination {
    const shorthand = this.#commandLow >> 18 & 3;
    if (shorthand !== 0) return { kind: (["self", "all", "others"] as const)[shorthand - 1]! };
    const kind = hasBit(this.#commandLow, ICR_LOW.bits.logical) ? "logical" as const : "physical" as const;
    return { kind, id: this.#commandHigh >>> 24 };
  }

  #handlers(): RegisterHandlers<typeof localApicRegisters> {
    return {
      ...this.#vectorHandlers(),
      ...this.#commandHandlers(),
      ID: { read: () => this.id << 24 >>> 0 },
      VERSION: { read: () => version },
      TPR: {
        read: () => this.#taskPriority,
        write: (value) => {
          this.#taskPriority = value & 0xff;
          this.#offer();
        },
      },
      PPR: { read: () => this.processorPriority },
      EOI: { write: () => this.#endOfInterrupt() },
      LDR: { read: () => this.#logicalId, write: (value) => this.#logicalId = (value & 0xff00_0000) >>> 0 },
      DFR: {
        read: () => this.#destinationFormat,
        write: (value) => this.#destinationFormat = (value | 0x0fff_ffff) >>> 0,
      },
      SVR: { read: () => this.#spurious, write: (value) => this.#spurious = value & 0x3ff },
      ESR: {
        read: () => this.#latchedErrors,
        write: () => {
          this.#latchedErrors = this.#errors;
          this.#errors = 0;
        },
      },
    };
  }

  #commandHandlers() {
    const localVector = (name: LocalVector) => ({
      read: () => this.#localVector(name),
      write: (value: number) => void this.#localVectors.set(name, value & localVectorWritable),
    });
    return {
      ICR_LOW: {
        read: () => withBit(this.#commandLow, ICR_LOW.bits.deliveryPending, this.#sending > 0),
        write: (value: number) => {
          this.#commandLow = withBit(value, ICR_LOW.bits.deliveryPending, false);
          this.#send();
        },
      },
      ICR_HIGH: {
        read: () => this.#commandHigh,
        write: (value: number) => void (this.#commandHigh = (value & 0xff00_0000) >>> 0),
      },
      LVT_TIMER: localVector("LVT_TIMER"),
      LVT_THERMAL: localVector("LVT_THERMAL"),
      LVT_PERFORMANCE: localVector("LVT_PERFORMANCE"),
      LVT_LINT0: localVector("LVT_LINT0"),
      LVT_LINT1: localVector("LVT_LINT1"),
      LVT_ERROR: localVector("LVT_ERROR"),
      TIMER_INITIAL: {
        read: () => this.#timer.initial,
        write: (count: number) => void (this.#timer.initial = count),
      },
      TIMER_CURRENT: { read: () => this.#timer.current },
      TIMER_DIVIDE: {
        read: () => this.#timer.divide,
        write: (value: number) => void (this.#timer.divide = value),
      },
    };
  }

  #vectorHandlers() {
    return {
      ...bankHandlers("ISR", this.#inService),
      ...bankHandlers("TMR", this.#triggerMode),
      ...bankHandlers("IRR", this.#requested),
    };
  }

  #log(text: string): void {
    this.#options.log.record(this.name, text);
  }
}

type BankHandlers<Name extends string> = {
  readonly [K in `${Name}${0 | 1 | 2 | 3 | 4 | 5 | 6 | 7}`]: { read(): number };
};

function bankHandlers<Name extends string>(name: Name, set: VectorSet): BankHandlers<Name> {
  const entries = Array.from({ length: 8 }, (_, word) => [`${name}${word}`, { read: () => set.word(word) }]);
  return Object.fromEntries(entries) as BankHandlers<Name>;
}

function describe(destination: Destination): string {
  return "id" in destination ? `${destination.kind} ${destination.id}` : destination.kind;
}
