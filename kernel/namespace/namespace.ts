/**
 * The namespace: one tree of names over all kernels, owned by the coordinator.
 *
 * A service registers a path; a client binds to it by sending one end of a new
 * channel, which the namespace forwards to the service (paper, section 3.5).
 * - A name goes when its service deregisters it or when the service's channel closes.
 * - A bind to a name that is not there waits for it, up to its time-out; at most
 *   `waitingMax` binds wait at a time, and a bind whose client is gone waits no more.
 * - System contracts map to paths by the system manifest, before a bind comes here.
 */

import { CallError, ContractViolation } from "../calls/errors.ts";
import type { ChannelEnd, Message } from "../channels/channel_end.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { KernelTimer } from "../scheduling/timers.ts";

interface Name {
  readonly path: string;
  readonly contract: string;
  readonly digest: number;
  /** What manifests call the contract. */
  readonly contractName: string;
  /** The kernel that registered it. */
  readonly kernel: number;
  readonly provider: ChannelEnd;
}

interface WaitingBind {
  readonly path: string;
  readonly contract: string;
  readonly digest: number;
  readonly endpoint: ChannelEnd;
  readonly done: () => void;
  readonly refuse: (code: string, reason: string) => void;
  timer: KernelTimer | undefined;
}

const waitingMax = 1024;
const namesMax = 4096;
const pathPattern = /^(?:\/[\w.-]{1,64}){1,16}$/;

export interface NameRow {
  readonly path: string;
  readonly contract: string;
  readonly contractName: string;
  readonly kernel: number;
}

export class Namespace {
  readonly #kernel: Kernel;
  readonly #names = new Map<string, Name>();
  readonly #waiting = new Set<WaitingBind>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** All names, sorted by path. */
  get names(): NameRow[] {
    return [...this.#names.values()].map(({ path, contract, contractName, kernel }) => ({
      path,
      contract,
      contractName,
      kernel,
    }))
      .sort((a, b) => a.path < b.path ? -1 : 1);
  }

  /** Takes the requests that kernel `client` sends over `end`. */
  serve(end: ChannelEnd, client: number): void {
    end.onMessage = (message) => {
      this.#kernel.charge(this.#kernel.primitiveCycles("nameLookup"));
      this.#request(end, client, message);
    };
    end.onClosed = () => this.#forgetKernel(client);
  }

  #request(end: ChannelEnd, client: number, message: Message): void {
    const [id, path] = message.values as [number, string];
    const reply = (tag: string, ...values: Message["values"]) => {
      const definition = end.contract.messageOf.get(tag)!;
      try {
        end.send({ definition, values: [id, ...values] }, end.stateAfter(definition));
      } catch (error) {
        if (!(error instanceof ContractViolation || error instanceof CallError)) throw error;
        this.#kernel.note(`kernel ${client} gets no answer from the namespace: ${error.message}`);
      }
    };
    const refuse = (code: string, reason: string) => reply("refused", code, reason.slice(0, 200));
    const done = () => reply("done");
    switch (message.definition.tag) {
      case "register": {
        const [, , contract, digest, contractName, provider] = message.values as [
          number,
          string,
          string,
          number,
          string,
          ChannelEnd,
        ];
        return this.#register(
          { path, contract, digest, contractName, kernel: client, provider },
          done,
          refuse,
        );
      }
      case "deregister":
        return this.#deregister(path, client)
          ? done()
          : refuse("NotFound", `No name "${path}" of this kernel`);
      case "bind": {
        const [, , contract, digest, timeoutNs, endpoint] = message.values as [
          number,
          string,
          string,
          number,
          number,
          ChannelEnd,
        ];
        return this.#bind({ path, contract, digest, endpoint, done, refuse, timer: undefined }, timeoutNs);
      }
      case "enumerate": {
        const below = path === "/" ? "/" : `${path}/`;
        const rows = this.names.filter((name) => name.path === path || name.path.startsWith(below));
        const lines = rows.map((row) =>
          `${row.path}\t${row.contractName}\t${this.#kernel.nameOf(row.kernel)}`
        );
        return reply("entries", lines.join("\n"));
      }
    }
  }

  #register(name: Name, done: () => void, refuse: (code: string, reason: string) => void): void {
    const { path, provider } = name;
    const close = (code: string, reason: string) => {
      this.#kernel.channels.close(provider);
      refuse(code, reason);
    };
    if (!pathPattern.test(path)) return close("BadArgument", `"${path}" is not a path`);
    if (this.#names.has(path)) return close("AlreadyRegistered", `"${path}" is registered already`);
    if (this.#names.size >= namesMax) return close("BadArgument", `More than ${namesMax} names`);
    this.#names.set(path, name);
    provider.onClosed = () => this.#remove(name);
    // A provider never speaks; an end with a receiver of its own queues nothing.
    provider.onMessage = () => {};
    this.#kernel.note(`name ${path} registered by kernel ${name.kernel}`);
    done();
    for (const waiting of [...this.#waiting]) {
      if (waiting.path === path) this.#satisfy(waiting, name);
    }
  }

  #bind(bind: WaitingBind, timeoutNs: number): void {
    const name = this.#names.get(bind.path);
    if (name !== undefined) return this.#satisfy(bind, name);
    if (bind.endpoint.peerClosed) return this.#refuse(bind, "NotFound", "The client is gone");
    if (!(timeoutNs > 0)) return this.#refuse(bind, "NotFound", `Nothing is registered at "${bind.path}"`);
    if (this.#waiting.size >= waitingMax) {
      return this.#refuse(bind, "TimedOut", `More than ${waitingMax} binds wait`);
    }
    this.#waiting.add(bind);
    bind.endpoint.onClosed = () => this.#refuse(bind, "NotFound", "The client is gone");
    const { timers, clock } = this.#kernel;
    bind.timer = timers.at(later(clock.now, nanoseconds(timeoutNs)), () => {
      bind.timer = undefined;
      this.#refuse(bind, "TimedOut", `Nothing was registered at "${bind.path}" within ${timeoutNs / 1e6} ms`);
    });
  }

  #satisfy(bind: WaitingBind, name: Name): void {
    if (bind.contract !== name.contract || bind.digest !== name.digest) {
      return this.#refuse(
        bind,
        "BadArgument",
        `"${bind.path}" speaks ${name.contract}, not ${bind.contract}`,
      );
    }
    this.#settle(bind);
    const { provider } = name;
    const definition = provider.contract.messageOf.get("connect")!;
    try {
      provider.send({ definition, values: [bind.endpoint] }, provider.stateAfter(definition));
    } catch (error) {
      if (!(error instanceof ContractViolation)) throw error;
      return bind.refuse("TimedOut", `Too many clients wait at "${bind.path}"`);
    }
    bind.done();
  }

  #refuse(bind: WaitingBind, code: string, reason: string): void {
    this.#settle(bind);
    this.#kernel.channels.close(bind.endpoint);
    bind.refuse(code, reason);
  }

  #settle(bind: WaitingBind): void {
    this.#waiting.delete(bind);
    bind.endpoint.onClosed = undefined;
    if (bind.timer !== undefined) this.#kernel.timers.cancel(bind.timer);
  }

  #deregister(path: string, client: number): boolean {
    const name = this.#names.get(path);
    if (name === undefined || name.kernel !== client) return false;
    this.#remove(name);
    return true;
  }

  #remove(name: Name): void {
    if (this.#names.get(name.path) !== name) return;
    this.#names.delete(name.path);
    this.#kernel.channels.close(name.provider);
    this.#kernel.note(`name ${name.path} removed`);
  }

  #forgetKernel(kernel: number): void {
    for (const name of [...this.#names.values()]) if (name.kernel === kernel) this.#remove(name);
  }
}
