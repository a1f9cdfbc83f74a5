/**
 * A name that a process serves: new clients arrive on its provider channel.
 *
 * The channel to the namespace entry is a channel like any other; its `connect`
 * messages carry the server's end of each new client (helios-reference.md section 4).
 * - The next client comes when this one has been accepted: one waits here, the others in
 *   the namespace.
 */

import type { Call } from "../abi/kernel.ts";
import type { ChannelEnd } from "../channels/channel_end.ts";
import type { Contract } from "../contracts/contract.ts";
import type { Kernel } from "../kernel.ts";
import type { Process } from "../process/process.ts";
import type { Thread } from "../scheduling/thread.ts";
import { EndpointHandle } from "./endpoint_handle.ts";
import { CallError } from "./errors.ts";
import { blocked, submit } from "./kernel_call.ts";

export class ServiceHandle {
  readonly #provider: ChannelEnd;
  /** What was registered; the public copies are the program's to change. */
  readonly #path: string;

  constructor(provider: ChannelEnd, readonly contract: Contract, readonly path: string) {
    this.#provider = provider;
    this.#path = path;
  }

  accept(): Call<unknown> {
    const provider = this.#provider;
    const { contract } = this;
    return submit({
      primitive: "channelReceive",
      perform(kernel: Kernel, thread: Thread) {
        const client = takeClient(kernel, thread.process, provider, contract);
        if (client !== undefined) return client;
        if (isGone(provider)) throw nameGone();
        const waiter = {
          wake() {
            const next = takeClient(kernel, thread.process, provider, contract);
            if (next === undefined && !isGone(provider)) return false;
            provider.waiters.remove(waiter);
            if (next !== undefined) thread.answer(next);
            else thread.answerError(nameGone());
            kernel.scheduler.unblock(thread);
            return true;
          },
        };
        provider.waiters.add(waiter);
        thread.wait = { cancel: () => provider.waiters.remove(waiter) };
        return blocked;
      },
    });
  }

  deregister(): Call<void> {
    const path = this.#path;
    const provider = this.#provider;
    return submit({
      primitive: "channelSend",
      perform(kernel: Kernel, thread: Thread): void | typeof blocked {
        // Once it is out, the path may be somebody else's.
        if (isGone(provider)) return;
        kernel.names.deregister(thread, path, provider);
        return blocked;
      },
    });
  }

  static providerOf(value: unknown): ChannelEnd | undefined {
    return typeof value === "object" && value !== null && #provider in value ? value.#provider : undefined;
  }
}
export const providerOf = ServiceHandle.providerOf;
Reflect.deleteProperty(ServiceHandle.prototype, "constructor");
Object.freeze(ServiceHandle.prototype);

const isGone = (provider: ChannelEnd): boolean => provider.closed || provider.peerClosed;

const nameGone = (): CallError => new CallError("ChannelClosed", "The name was taken out of the namespace");

/** The next client that waits at a provider channel; it is the process's from here on. */
export function takeClient(
  kernel: Kernel,
  process: Process,
  provider: ChannelEnd,
  contract: Contract,
): EndpointHandle | undefined {
  const message = provider.receive();
  if (message === undefined) return undefined;
  const end = message.values[0] as ChannelEnd;
  kernel.own(end, process);
  const taken = provider.contract.messageOf.get("taken")!;
  provider.send({ definition: taken, values: [] }, provider.stateAfter(taken));
  return new EndpointHandle(end, contract);
}
