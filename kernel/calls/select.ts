/**
 * Select: waiting for the first of several things.
 *
 * Sources are tried in the order in which the program named them; if none has
 * anything, the thread waits on all of them at once, and on a time-out.
 * - A closed peer is an occurrence of its own, after all earlier messages.
 * - The end of a thread happens again in each select, as a peer's close does.
 * - What this process gave up itself (an end, a name, the members of a set) can never fire
 *   again; when that is so of all sources the call ends as "unsatisfiable", at once.
 */

import type { ChannelEnd } from "../channels/channel_end.ts";
import type { EndpointGroup } from "../channels/endpoint_group.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import type { Thread } from "../scheduling/thread.ts";
import { type Occurring, WaitQueue } from "../scheduling/wait_queue.ts";
import { endOf, isEndpoint } from "./endpoint_handle.ts";
import { groupOf } from "./endpoint_set_handle.ts";
import { CallError } from "./errors.ts";
import { signalOf } from "./event_handle.ts";
import { eventOf } from "./interrupt_handle.ts";
import { blocked, type KernelCall } from "./kernel_call.ts";
import { unpackMessage } from "./message_calls.ts";
import { providerOf, ServiceHandle, takeClient } from "./service_handle.ts";
import { endingOf } from "./thread_handle.ts";

const sourcesMax = 64;

/** One source: what to look at, and where to wait. */
interface Watch {
  /** The occurrence, if there is one now; it is taken. */
  poll(kernel: Kernel, holder: Process): object | undefined;
  /** True while it can fire at all. */
  isAlive(): boolean;
  readonly queue: WaitQueue;
}

export class Select implements KernelCall<unknown> {
  readonly primitive = "select";

  constructor(readonly sources: unknown, readonly timeoutNs: number | undefined) {}

  perform(kernel: Kernel, thread: Thread): unknown {
    const timeoutNs = this.timeoutNs === undefined ? undefined : Number(this.timeoutNs);
    const watches = watchesOf(this.sources);
    const ready = firstOccurrence(watches, kernel, thread.process);
    if (ready !== undefined) return ready;
    if (timeoutNs !== undefined && !(timeoutNs > 0)) return timeout;
    // Taking the last member out of a set wakes those who wait for the set, and this thread is still one of them.
    let isLooking = false;
    const waiter = {
      wake() {
        if (isLooking) return false;
        isLooking = true;
        const occurrence = firstOccurrence(watches, kernel, thread.process);
        isLooking = false;
        if (occurrence !== undefined) end(occurrence);
        return occurrence !== undefined;
      },
    };
    const timer = timeoutNs === undefined || timeoutNs === Infinity
      ? undefined
      : kernel.timers.at(later(kernel.clock.now, nanoseconds(timeoutNs)), () => end(timeout));
    const cancel = () => {
      for (const { queue } of watches) queue.remove(waiter);
      if (timer !== undefined) kernel.timers.cancel(timer);
    };
    const end = (occurrence: object) => {
      cancel();
      thread.answer(occurrence);
      kernel.scheduler.unblock(thread);
    };
    for (const { queue } of watches) queue.add(waiter);
    thread.wait = { cancel };
    return blocked;
  }
}

const timeout = Object.freeze({ on: "timeout" });
const unsatisfiable = Object.freeze({ on: "unsatisfiable" });

function firstOccurrence(watches: readonly Watch[], kernel: Kernel, process: Process): object | undefined {
  for (const watch of watches) {
    const occurrence = watch.isAlive() ? watch.poll(kernel, process) : undefined;
    if (occurrence !== undefined) return occurrence;
  }
  return watches.some((watch) => watch.isAlive()) ? undefined : unsatisfiable;
}

function watchesOf(sources: unknown): Watch[] {
  if (typeof sources !== "object" || sources === null) {
    throw new CallError("BadArgument", "select needs a record of sources");
  }
  const entries = Object.entries(sources);
  if (entries.length > sourcesMax) {
    throw new CallError("BadArgument", `select takes at most ${sourcesMax} sources`);
  }
  return entries.map(([name, source]) => watchOf(name, source));
}

function watchOf(on: string, source: unknown): Watch {
  if (isEndpoint(source)) {
    const end = endOf(source);
    return end === undefined ? gone : watchEnd(on, end);
  }
  const group = groupOf(source);
  if (group !== undefined) return watchGroup(on, group);
  const provider = providerOf(source);
  if (provider !== undefined) return watchService(on, provider, source as ServiceHandle);
  const interrupt = eventOf(source);
  if (interrupt !== undefined) {
    return watchOccurring(on, "interrupt", { waiters: interrupt.waiters, take: () => interrupt.consume() });
  }
  const signal = signalOf(source);
  if (signal !== undefined) return watchOccurring(on, "signalled", signal);
  const ending = endingOf(source);
  if (ending !== undefined) return watchOccurring(on, "ended", ending);
  throw new CallError("BadArgument", `select cannot wait for source "${on}": it is no source`);
}

/** An endpoint that was closed here, or given away. */
const gone: Watch = { queue: new WaitQueue(), isAlive: () => false, poll: () => undefined };

/** What can always happen, now or later. */
function watchOccurring(on: string, kind: string, { waiters, take }: Occurring): Watch {
  const poll = () => take() ? Object.freeze({ on, kind }) : undefined;
  return { queue: waiters, isAlive: () => true, poll };
}

function watchEnd(on: string, end: ChannelEnd): Watch {
  return {
    queue: end.waiters,
    isAlive: () => !end.closed,
    poll: (kernel, process) => end.holder === process ? pollEnd(on, end, kernel, process) : undefined,
  };
}

function watchGroup(on: string, group: EndpointGroup): Watch {
  return {
    queue: group.waiters,
    isAlive: () => group.members.size > 0,
    poll(kernel, process) {
      const member = group.next();
      return member === undefined ? undefined : pollMember(on, group, member, kernel, process);
    },
  };
}

function watchService(on: string, provider: ChannelEnd, { contract }: ServiceHandle): Watch {
  return {
    queue: provider.waiters,
    // Clients that bound before the name went are still served.
    isAlive: () => provider.inbox.length > 0 || !provider.closed && !provider.peerClosed,
    poll(kernel, process) {
      const endpoint = takeClient(kernel, process, provider, contract);
      return endpoint === undefined ? undefined : Object.freeze({ on, kind: "connection", endpoint });
    },
  };
}

function pollEnd(on: string, end: ChannelEnd, kernel: Kernel, process: Process): object | undefined {
  const message = end.receive();
  if (message !== undefined) {
    return Object.freeze({ on, kind: "message", message: unpackMessage(kernel, process, message) });
  }
  return end.peerClosed ? Object.freeze({ on, kind: "closed" }) : undefined;
}

function pollMember(
  on: string,
  group: EndpointGroup,
  end: ChannelEnd,
  kernel: Kernel,
  process: Process,
): object {
  const { handle: endpoint, data } = group.members.get(end)!;
  const received = end.receive();
  if (received === undefined) {
    // All it had was the peer's close: this side closes too, and so the member leaves the set.
    kernel.channels.close(end);
    return Object.freeze({ on, kind: "closed", endpoint, data });
  }
  const message = unpackMessage(kernel, process, received);
  group.settle(end);
  return Object.freeze({ on, kind: "message", endpoint, data, message });
}
