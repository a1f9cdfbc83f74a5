/**
 * An endpoint as a program holds it: send, receive, close.
 *
 * The contract is checked at each send, by the kernel that the sender runs on; who
 * breaks it ends, and the peer sees a closed channel.
 * - An endpoint that was sent in a message is dead in its former holder's hands.
 */

import type { Call } from "../abi/kernel.ts";
import type { ChannelEnd, Message } from "../channels/channel_end.ts";
import type { Contract, End } from "../contracts/contract.ts";
import type { CompiledMessage } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import type { Thread, Wait } from "../scheduling/thread.ts";
import type { Waiter } from "../scheduling/wait_queue.ts";
import { CallError, ContractViolation } from "./errors.ts";
import { blocked, chargeOf, issue, submit } from "./kernel_call.ts";
import { packMessage, unpackMessage, whereIs } from "./message_calls.ts";

const sendCharge = chargeOf("channelSend");
const receiveCharge = chargeOf("channelReceive");

export class EndpointHandle {
  #end: ChannelEnd | undefined;

  readonly contract: Contract;

  constructor(end: ChannelEnd, contract: Contract) {
    this.contract = contract;
    this.#end = end;
  }

  get end(): End {
    return heldEnd(this.#end, this.#end?.holder).end;
  }

  send(name: string, body?: unknown): Call<void> {
    return issue(sendCharge, send, this.#end, name, body);
  }

  receive(): Call<unknown> {
    return issue(receiveCharge, receive, this.#end, true, undefined);
  }

  receiveOrClosed(): Call<unknown> {
    return issue(receiveCharge, receive, this.#end, false, undefined);
  }

  close(): Call<void> {
    const end = this.#end;
    this.#end = undefined;
    return submit({
      primitive: "channelSend",
      perform: (kernel: Kernel) => {
        if (end !== undefined) kernel.channels.close(end);
      },
    });
  }

  static endOf(value: unknown): ChannelEnd | undefined {
    return typeof value === "object" && value !== null && #end in value ? value.#end : undefined;
  }

  static isHandle(value: unknown): boolean {
    return typeof value === "object" && value !== null && #end in value;
  }

  static release(value: unknown): void {
    if (typeof value === "object" && value !== null && #end in value) value.#end = undefined;
  }
}
/** The channel end behind a handle; undefined if it was given away or is no handle. */
export const endOf = EndpointHandle.endOf;
/** True for every endpoint, also one that was closed or given away. */
export const isEndpoint = EndpointHandle.isHandle;
/** Empties a handle whose end was given away. */
export const releaseEnd = EndpointHandle.release;
Reflect.deleteProperty(EndpointHandle.prototype, "constructor");
Object.freeze(EndpointHandle.prototype);

/** A call may have been made before its end was given away: what counts is who holds it when the call takes effect. */
function heldEnd(end: ChannelEnd | undefined, holder: Process | undefined): ChannelEnd {
  if (end === undefined || end.closed || end.holder !== holder) {
    throw new CallError("ChannelClosed", "The endpoint was closed or given away");
  }
  return end;
}

function send(
  kernel: Kernel,
  { process }: Thread,
  target: ChannelEnd | undefined,
  name: string,
  body: unknown,
): void {
  const end = heldEnd(target, process);
  const definition = end.messageNamed(name);
  const next = definition === undefined ? -1 : end.stateAfter(definition);
  if (next < 0) throw new ContractViolation(reasonAgainstSend(end, name, definition));
  end.send(packMessage(kernel, process, end, definition!, body), next);
}

function reasonAgainstSend(end: ChannelEnd, name: string, definition: CompiledMessage | undefined): string {
  const refusal = `${whereIs(end)}: the ${end.end} may not send "${String(name)}"`;
  const isOutOfCredit = definition !== undefined && definition.uses >= 0 &&
    end.credits[definition.uses] === 0;
  return isOutOfCredit
    ? `${refusal}, credit ${end.contract.credits[definition.uses]!.name} is used up`
    : refusal;
}

function receive(
  kernel: Kernel,
  thread: Thread,
  target: ChannelEnd | undefined,
  throwsWhenClosed: boolean,
): unknown {
  const end = heldEnd(target, thread.process);
  const message = end.receive();
  if (message !== undefined) return unpackMessage(kernel, thread.process, message);
  if (end.peerClosed) {
    if (throwsWhenClosed) throw peerClosed(end);
    return undefined;
  }
  const waiting = thread.receiving instanceof WaitingReceive
    ? thread.receiving
    : new WaitingReceive(kernel, thread);
  thread.receiving = thread.wait = waiting;
  waiting.begin(end, throwsWhenClosed);
  return blocked;
}

/** A thread that waits at an end for a message, or for the peer's close. */
class WaitingReceive implements Waiter, Wait {
  readonly #kernel: Kernel;
  readonly #thread: Thread;
  #end: ChannelEnd | undefined;
  #throwsWhenClosed = false;

  constructor(kernel: Kernel, thread: Thread) {
    this.#kernel = kernel;
    this.#thread = thread;
  }

  begin(end: ChannelEnd, throwsWhenClosed: boolean): void {
    this.#end = end;
    this.#throwsWhenClosed = throwsWhenClosed;
    end.waiters.add(this);
  }

  wake(): boolean {
    const end = this.#end!;
    const message = end.receive();
    if (message !== undefined) this.take(message);
    else if (end.peerClosed || end.closed) this.#endWithoutMessage(end);
    else return false;
    return true;
  }

  take(message: Message): void {
    const kernel = this.#kernel;
    const thread = this.#thread;
    this.cancel();
    thread.answer(unpackMessage(kernel, thread.process, message));
    kernel.scheduler.unblock(thread);
  }

  #endWithoutMessage(end: ChannelEnd): void {
    this.cancel();
    if (this.#throwsWhenClosed) this.#thread.answerError(peerClosed(end));
    this.#kernel.scheduler.unblock(this.#thread);
  }

  cancel(): void {
    this.#end!.waiters.remove(this);
  }
}

function peerClosed(end: ChannelEnd): CallError {
  return new CallError("ChannelClosed", `The peer closed its end of "${end.contract.name}"`);
}
