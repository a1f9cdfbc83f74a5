/**
 * A name that a process serves: new clients arrive on its provider channel.
 *
 * The channel to the namespace entry is a channel like any other; its `connect`
 * messages carry the server's end of each new client (helios-reference.md section 4).
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

  constructor(provider: ChannelEnd, readonly contract: Contract, readonly path: string) {
    this.#provider = provider;
  }

  accept(): Call<unknown> {
    const provider = this.#provider;
    const { contract } = this;
    return submit({
      primitives: ["channelReceive"],
      perform(kernel: Kernel, thread: Thread) {
        if (provider.closed) throw new CallError("ChannelClosed", "The name was taken out of the namespace");
        const client = takeClient(thread.process, provider, contract);
        if (client !== undefined) return client;
        if (provider.peerClosed) {
          throw new CallError("ChannelClosed", "The name was taken out of the namespace");
        }
        const waiter = () => {
          const next = takeClient(thread.process, provider, contract);
          if (next === undefined) return false;
          provider.waiters.remove(waiter);
          thread.answer(next);
          kernel.scheduler.unblock(thread);
          return true;
        };
        provider.waiters.add(waiter);
        thread.wait = { cancel: () => provider.waiters.remove(waiter) };
        return blocked;
      },
    });
  }

  deregister(): Call<void> {
    const { path } = this;
    const provider = this.#provider;
    return submit({
      primitives: ["channelSend"],
      perform(kernel: Kernel) {
        kernel.names.deregister(path);
        kernel.channels.close(provider);
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

/** The next client that waits at a provider channel; it is the process's from here on. */
export function takeClient(
  process: Process,
  provider: ChannelEnd,
  contract: Contract,
): EndpointHandle | undefined {
  const message = provider.receive();
  if (message === undefined) return undefined;
  const end = message.values[0] as ChannelEnd;
  end.holder = process;
  process.ends.add(end);
  return new EndpointHandle(end, contract);
}
