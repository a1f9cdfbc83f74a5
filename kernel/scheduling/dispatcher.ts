/**
 * Dispatcher: what one CPU does for its kernel, burst after burst.
 *
 * The loop runs a thread's burst on the host, lets its cycles pass on the CPU, then
 * lets the call take effect. As long as nothing else in the machine is due first, it
 * goes on without touching the event queue (DESIGN section 3).
 * - Interrupts are taken between two steps of the loop, or when the CPU is occupied or
 *   idle; an interrupted burst keeps the cycles it has left.
 * - A thread that an interrupt unblocked goes before the interrupted one.
 * - A dispatch pays for lock, announcements and context switch; the burst that follows takes so much longer.
 */

import type { Kernel } from "../kernel.ts";
import type { Cpu, Duration, Instant, KernelPrimitive } from "../hal/hardware.ts";
import { elapsed, later, milliseconds } from "../hal/hardware.ts";
import type { InterruptSource } from "../hal/platform.ts";
import { ContractViolation } from "../calls/errors.ts";
import {
  blocked,
  chargeOfRequest,
  instructionCharge,
  performRequest,
  type Request,
  requestFor,
  setRunningThread,
  suspended,
  workCharge,
} from "../calls/kernel_call.ts";
import { BurstMeter } from "./burst_meter.ts";
import { quantum } from "./scheduler.ts";
import type { Thread } from "./thread.ts";

/** Cycles after which a watchdog ends a process that has its CPU's interrupts off: more than ten times what the library needs. */
const interruptsOffCyclesMax = 1000;

/** Not undefined, which would make a new object of each instant that is kept. */
const never = -Infinity as Instant;

/** How often an idle CPU looks for work by itself (MinScheduler.cs of the RDK: its idle slice). */
const idleSlice = milliseconds(100);

export class Dispatcher {
  current: Thread | undefined;
  /** Cycles of each primitive on this CPU's ISA. */
  readonly costs: Readonly<Record<KernelPrimitive, number>>;
  readonly #meter: BurstMeter;
  #inLoop = false;
  /** `never` while it has no thread. */
  #quantumEnd = never;
  #armedFor: Instant | undefined;
  /** The thread whose context is on the CPU; none while it is idle. */
  #loaded: Thread | undefined;
  /** A thread of this CPU went back to the runnable queue, which its next dispatch may announce. */
  #requeued = false;
  /** Another CPU announced work: the IPI that comes makes this one dispatch anew. */
  #told = false;
  /** When its local APIC has delivered the last IPI and takes the next one. */
  #apicFreeAt = 0 as Instant;
  /** When it ran out of threads. */
  #idleSince = 0 as Instant;
  /** What its CPU calls when an occupation is over. */
  readonly #goOn = () => this.run();
  readonly #endBurst = () => {
    const thread = this.current!;
    thread.pendingCycles = 0;
    const before = this.kernel.enter(this);
    this.#guarded(() => this.#finishBurst(thread));
    this.kernel.leave(before);
    this.run();
  };
  /** What it counted since boot. */
  readonly counts = {
    switches: 0,
    quantumEnds: 0,
    handOverCycles: 0,
    ipisSent: 0,
    ipisTaken: 0,
    ipiWaits: 0,
    ipiWaitCycles: 0,
  };

  readonly kernel: Kernel;
  readonly cpu: Cpu;

  constructor(kernel: Kernel, cpu: Cpu) {
    this.kernel = kernel;
    this.cpu = cpu;
    const costs = Object.entries(cpu.isa.primitives).map(([name, cost]) => [name, cost.cycles] as const);
    this.costs = Object.fromEntries(costs) as Record<KernelPrimitive, number>;
    this.#meter = new BurstMeter(cpu, this.costs);
  }

  /** True when this CPU has no thread to run. */
  get idle(): boolean {
    return this.current === undefined && !this.#inLoop && !this.cpu.occupied;
  }

  /** Takes interrupts from now on. */
  start(): void {
    this.kernel.platform.enable(this.cpu, (source) => this.#guarded(() => this.#interrupted(source)));
    // Not within the handler: threads that run there could not be interrupted.
    this.cpu.afterInterrupts = () => this.run();
  }

  /** Runs threads until none is left, or until the CPU must wait for its cycles to pass. */
  run(): void {
    if (this.#inLoop || this.cpu.occupied || this.kernel.isHalted) return;
    this.#inLoop = true;
    this.cpu.disableInterrupts();
    const before = this.kernel.enter(this);
    this.#guarded(() => {
      while (this.#turn());
    });
    this.kernel.leave(before);
    this.#inLoop = false;
    if (this.kernel.isHalted) return;
    if (!this.#interruptsOff) this.cpu.enableInterrupts();
  }

  /** Runs kernel code: an exception that gets here is a bug of ours, and the kernel cannot go on. */
  #guarded(code: () => void): void {
    try {
      code();
    } catch (error) {
      this.kernel.panic(error);
    }
  }

  /** Whether the thread on this CPU has turned interrupts off: nothing but its own bursts happens here then. */
  get #interruptsOff(): boolean {
    return this.current?.interruptsOffCycles !== undefined;
  }

  /** One burst; false when the CPU has to wait or is idle. */
  #turn(): boolean {
    if (this.kernel.isHalted) return false;
    const { cpu } = this;
    if (!this.#interruptsOff) cpu.deliverPending();
    // What the last burst's effect charged passes first, whether that burst was spent at once or occupied the
    // CPU: another CPU may take the next thread meanwhile, in free runs as in paced ones.
    if (cpu.isBehind && !cpu.spend(0)) return this.#occupy();
    const thread = this.current ?? this.#dispatch();
    if (thread === undefined) return false;
    if (thread.call === undefined && thread.ending === undefined) this.#startBurst(thread);
    if (thread.isSuspended) {
      thread.isSuspended = false;
      return true;
    }
    // A burst that the quantum will cut needs the timer; the others may run on at once.
    const isCut = this.#outlastsQuantum(thread);
    if (isCut) this.armTimer(this.#quantumEnd);
    if (isCut || !cpu.spend(thread.pendingCycles)) return this.#occupyWith(thread);
    thread.pendingCycles = 0;
    this.#finishBurst(thread);
    return true;
  }

  /** What was charged passes in time. */
  #occupy(): boolean {
    this.cpu.occupy(0, this.#goOn);
    return false;
  }

  /** A burst passes in time. */
  #occupyWith(thread: Thread): boolean {
    this.cpu.occupy(thread.pendingCycles, this.#endBurst);
    return false;
  }

  #dispatch(): Thread | undefined {
    const { scheduler, clock } = this.kernel;
    this.kernel.cpuUseMeter.note();
    const next = scheduler.take();
    const requeued = this.#requeued;
    this.#requeued = false;
    const announces = requeued && scheduler.announcesNow();
    if (next === undefined) {
      this.#loaded = undefined;
      this.#quantumEnd = never;
      this.#idleSince = clock.now;
      return undefined;
    }
    // Who was unblocked inherits what is left of the quantum, so the timer is not set again.
    const inherits = next.state === "unblocked" && this.#quantumEnd > clock.now;
    if (!inherits) this.#quantumEnd = later(clock.now, quantum);
    next.state = "running";
    next.lastDispatcher = this;
    this.current = next;
    const arrival = this.cpu.freeAt;
    let cycles = scheduler.lock.takeAgain(this) ? 0 : scheduler.lock.take(this, arrival);
    if (announces) cycles += this.#announce(arrival, cycles);
    if (next !== this.#loaded) cycles = this.#switchTo(next, arrival, cycles);
    // Who finds itself first in the queue went through the scheduler all the same: what the papers call a yield was
    // measured with one thread (SingBench.sg of the RDK), and that measurement is where this cost is from.
    else if (requeued) cycles += this.costs.contextSwitch;
    if (next.call === undefined && next.ending === undefined) next.overheadCycles += cycles;
    else {
      // It was cut off in the middle of a burst, which now takes so much longer.
      next.pendingCycles += cycles;
      next.process.cpuCycles += cycles;
    }
    return next;
  }

  /** Saves one context and loads the other, `cycles` after `start`; gives how long after it that is done. */
  #switchTo(next: Thread, start: Instant, cycles: number): number {
    // It is nought unless another CPU is at it.
    const spin = next.savedAt > start
      ? Math.max(0, elapsed(start, next.savedAt) * this.cpu.frequencyHz / 1e9 - cycles)
      : 0;
    const total = cycles + spin + this.costs.contextSwitch;
    this.counts.switches++;
    this.counts.handOverCycles += spin;
    if (this.#loaded !== undefined) this.#loaded.savedAt = later(start, this.cpu.duration(total));
    this.#loaded = next;
    return total;
  }

  #startBurst(thread: Thread): void {
    const { process } = thread;
    this.#meter.begin(process);
    thread.step();
    if (thread.isSuspended) return;
    const programCycles = this.#meter.programCycles(process);
    let total = thread.overheadCycles + programCycles + this.#meter.callCycles(thread.call);
    this.#meter.count(thread, programCycles);
    if (thread.interruptsOffCycles !== undefined) total = this.#watch(thread, total);
    thread.pendingCycles = total;
    process.cpuCycles += total;
  }

  /**
   * Performs a call of the running burst at once, without a way out of the program and in again, if its thread can
   * go on behind it: the burst is over, its time passes, the call takes effect, and the next burst begins. Gives
   * the answer, or throws it; else `suspended`, and the call, unless it was performed, is to be yielded.
   */
  performAtOnce(thread: Thread, request: Request): unknown {
    const { cpu, kernel } = this;
    const { process } = thread;
    const { instance } = process;
    if (instance !== undefined && !instance.pause()) return suspended;
    const programCycles = this.#meter.programCycles(process);
    const total = thread.overheadCycles + programCycles + this.#meter.callCycles(request);
    if (kernel.scheduler.hasWaiting && this.#isCut(total) || !cpu.spend(total)) return suspended;
    this.#meter.count(thread, programCycles);
    process.cpuCycles += total;
    setRunningThread(undefined);
    try {
      const answer = performRequest(request, kernel, thread);
      if (answer !== blocked) {
        if (this.#goesOn(thread)) return answer;
        thread.answer(answer);
      } else if (thread.state === "running") thread.state = "blocked";
    } catch (error) {
      if (kernel.processes.faultedByCall(thread, error)) this.current = undefined;
      else if (this.#goesOn(thread)) throw error;
      else thread.answerError(error);
    }
    if (thread.state !== "running") this.current = undefined;
    thread.isSuspended = true;
    return suspended;
  }

  /** Whether a thread whose call took effect at once can begin its next burst right behind it; begins it. */
  #goesOn(thread: Thread): boolean {
    const { cpu } = this;
    if (thread.state !== "running" || this.kernel.isHalted || cpu.mayBePending) return false;
    if (cpu.isBehind && !cpu.spend(0)) return false;
    setRunningThread(thread);
    thread.process.instance?.proceed();
    return true;
  }

  /** Interrupts are off for a few instructions or not at all: what else a thread does then ends its process. */
  #watch(thread: Thread, total: number): number {
    const before = thread.interruptsOffCycles!;
    const { call } = thread;
    thread.interruptsOffCycles = before + total;
    const reason = before + total > interruptsOffCyclesMax
      ? `Interrupts were off for more than ${interruptsOffCyclesMax} cycles`
      : call !== undefined && !isInstruction(call)
      ? "A kernel call was made while interrupts were off"
      : undefined;
    if (reason === undefined) return total;
    const perform = () => {
      throw new ContractViolation(reason);
    };
    thread.call = requestFor({ perform });
    thread.ending = undefined;
    return Math.min(total, interruptsOffCyclesMax - before);
  }

  /** The burst's time has passed: its call takes effect. */
  #finishBurst(thread: Thread): void {
    const { call, ending } = thread;
    thread.call = undefined;
    thread.ending = undefined;
    if (thread.state === "ended") {
      this.current = undefined;
      return;
    }
    if (call === undefined) {
      this.current = undefined;
      this.kernel.processes.threadEnded(thread, ending!);
      return;
    }
    try {
      const answer = performRequest(call, this.kernel, thread);
      if (answer === blocked) {
        if (thread.state === "running") thread.state = "blocked";
        this.current = undefined;
      } else {
        thread.answer(answer);
      }
    } catch (error) {
      if (this.kernel.processes.faultedByCall(thread, error)) this.current = undefined;
      else thread.answerError(error);
    }
    if (thread.state !== "running") this.current = undefined;
  }

  /** Takes the running thread off this CPU, to the tail of the runnable queue. */
  yieldCurrent(thread: Thread): void {
    this.current = undefined;
    this.#requeued = true;
    this.kernel.scheduler.requeue(thread);
  }

  /** Interrupts an idle CPU for a thread that this one made ready. */
  wake(target: Dispatcher): void {
    this.cpu.steal(this.#sendIpi(target, this.kernel.clock.now));
  }

  /** Tells all other CPUs of the kernel that a thread is in the queue, `cycles` after `start`; what that takes. */
  #announce(start: Instant, cycles: number): number {
    let spent = 0;
    for (const target of this.kernel.dispatchers) {
      if (target === this) continue;
      target.#told = true;
      spent += this.#sendIpi(target, later(start, this.cpu.duration(cycles + spent)));
    }
    return spent;
  }

  /**
   * Sends an IPI at `at`, or when the one before has been delivered: software asks the ICR's delivery status
   * before it writes there (hardware-reference.md section 6.1), which is computed here, not polled.
   */
  #sendIpi(target: Dispatcher, at: Instant): number {
    const { clock, complex, platform } = this.kernel;
    const sentAt = Math.max(at, this.#apicFreeAt) as Instant;
    this.#apicFreeAt = later(sentAt, complex.ipiLatency(this.cpu, target.cpu));
    const send = () => {
      if (!this.kernel.isHalted) platform.sendIpi(this.cpu, target.cpu.apicId);
    };
    if (sentAt > clock.now) clock.at(sentAt, send);
    else send();
    const waited = elapsed(at, sentAt) * this.cpu.frequencyHz / 1e9;
    this.counts.ipisSent++;
    if (waited > 0) this.counts.ipiWaits++;
    this.counts.ipiWaitCycles += waited;
    return waited + this.costs.ipiSend;
  }

  /** Lets go of a thread that was killed while it was on this CPU. */
  abandon(thread: Thread): void {
    if (this.current !== thread) return;
    this.current = undefined;
    if (this.cpu.occupied) {
      this.cpu.preempt();
      this.run();
    }
  }

  #interrupted(source: InterruptSource): void {
    const before = this.kernel.enter(this);
    const interruptedThread = this.current;
    if (this.cpu.occupied) {
      const left = this.cpu.preempt();
      if (interruptedThread !== undefined) interruptedThread.pendingCycles = left;
    }
    this.cpu.steal(this.costs.interruptEntry + this.costs.interruptExit);
    if (source.kind === "timer") this.#timerFired();
    else this.kernel.interrupted(source);
    if (source.kind === "ipi") this.#ipiTaken();
    const thread = this.current;
    if (thread !== undefined && this.kernel.scheduler.hasUnblocked) {
      this.current = undefined;
      this.kernel.scheduler.putBack(thread);
    }
    this.kernel.leave(before);
  }

  /** What an IPI means to this CPU: after an announcement it dispatches anew, as the RDK does after any. */
  #ipiTaken(): void {
    this.counts.ipisTaken++;
    const thread = this.current;
    if (this.#told && thread !== undefined) {
      this.current = undefined;
      this.kernel.scheduler.requeue(thread);
    }
    this.#told = false;
  }

  #timerFired(): void {
    this.#armedFor = undefined;
    const { now } = this.kernel.clock;
    const { scheduler, timers } = this.kernel;
    const thread = this.current;
    const isQuantumEnd = thread !== undefined && this.#quantumEnd !== never && now >= this.#quantumEnd;
    if (isQuantumEnd) scheduler.endQuantum();
    timers.expire();
    if (isQuantumEnd) {
      this.counts.quantumEnds++;
      if (scheduler.hasWaiting) this.yieldCurrent(thread);
      else this.#quantumEnd = later(now, quantum);
    }
    this.armTimer(undefined);
  }

  /** True when other threads wait and the quantum ends before this burst does. */
  #outlastsQuantum(thread: Thread): boolean {
    if (!this.kernel.scheduler.hasWaiting || thread.interruptsOffCycles !== undefined) return false;
    return this.#isCut(thread.pendingCycles);
  }

  /** Whether the quantum ends before so many cycles have passed. */
  #isCut(cycles: number): boolean {
    return this.#quantumEnd !== never && later(this.cpu.freeAt, this.cpu.duration(cycles)) > this.#quantumEnd;
  }

  /** Another thread waits while this CPU is busy: end its quantum in time. */
  quantumMatters(): void {
    const thread = this.current;
    if (thread !== undefined && this.#quantumEnd !== never) this.armTimer(this.#quantumEnd);
  }

  /** There is work that nobody told this idle CPU of: it finds it when it next looks. */
  lookInTime(): void {
    const idleFor = elapsed(this.#idleSince, this.kernel.clock.now);
    this.armTimer(later(this.#idleSince, (Math.floor(idleFor / idleSlice) + 1) * idleSlice as Duration));
  }

  /** Sets the CPU's timer for the earliest of what is asked for and, on the first CPU, the kernel's timers. */
  armTimer(wanted: Instant | undefined): void {
    if (this.kernel.isHalted) return;
    const { now } = this.kernel.clock;
    const first = this === this.kernel.dispatchers[0] ? this.kernel.timers.next : undefined;
    const earliest = Math.min(wanted ?? Infinity, first ?? Infinity) as Instant;
    if (earliest === Infinity) return;
    if (this.#armedFor !== undefined && this.#armedFor <= earliest && this.#armedFor >= now) return;
    this.#armedFor = Math.max(earliest, now) as Instant;
    const delay = Math.max(0, elapsed(now, earliest)) as Duration;
    this.kernel.charge(this.costs.timerSet);
    this.kernel.platform.setTimer(this.cpu, delay);
  }
}

function isInstruction(request: Request): boolean {
  const charge = chargeOfRequest(request);
  return charge > instructionCharge && charge < workCharge;
}
