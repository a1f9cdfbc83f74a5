/**
 * A service in the namespace: the contract it speaks, and the way of its clients to it.
 *
 * Clients are offered one by one; the next goes out when the process has accepted the
 * one before. Those that wait are kept here, `clientsMax` for each service.
 * - Closing an entry closes what waits: those clients see a closed channel.
 */

import { CallError, ContractViolation } from "../calls/errors.ts";
import type { ChannelEnd } from "../channels/channel_end.ts";
import type { Kernel } from "../kernel.ts";

export const clientsMax = 1024;

export class ServiceEntry {
  readonly #kernel: Kernel;
  readonly #clients: ChannelEnd[] = [];
  #isOffering = false;

  constructor(
    kernel: Kernel,
    readonly contract: string,
    /** What a client may speak here. */
    readonly digests: readonly string[],
    readonly provider: ChannelEnd,
  ) {
    this.#kernel = kernel;
    provider.onMessage = () => {
      this.#isOffering = false;
      this.#offerNext();
    };
  }

  /** True when no further client may wait. */
  get isFull(): boolean {
    return this.#clients.length >= clientsMax;
  }

  offer(client: ChannelEnd): void {
    this.#clients.push(client);
    this.#offerNext();
  }

  close(): void {
    for (const client of this.#clients.splice(0)) this.#kernel.channels.close(client);
    this.#kernel.channels.close(this.provider);
  }

  #offerNext(): void {
    while (!this.#isOffering) {
      const client = this.#clients.shift();
      if (client === undefined) return;
      this.#send(client);
    }
  }

  #send(endpoint: ChannelEnd): void {
    const { provider } = this;
    const definition = provider.contract.messageOf.get("connect")!;
    this.#isOffering = true;
    try {
      provider.send({ definition, values: [endpoint] }, provider.stateAfter(definition));
    } catch (error) {
      if (!(error instanceof ContractViolation || error instanceof CallError)) throw error;
      // The delivery has closed the endpoint.
      this.#isOffering = false;
      this.#kernel.note(`a client does not get to its service: ${error.message}`);
    }
  }
}
