/**
 * A kernel's way to the namespace: requests on behalf of its processes.
 *
 * On the coordinator the channel is local, on a satellite it crosses to the
 * coordinator: its root is redirected there (paper, section 3.5).
 * - Each request blocks one thread; answers find it by their number.
 */

import type { KernelError, NamespaceEntry } from "../abi/kernel.ts";
import { CallError } from "../calls/errors.ts";
import type { ChannelEnd, Message, MessageValue } from "../channels/channel_end.ts";
import type { CompiledContract } from "../contracts/monitor.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";

interface Request {
  answer(message: Message): void;
}

/** A path, the contract spoken there, and both ends of the channel that leads to it. */
interface NewName {
  readonly path: string;
  readonly contract: CompiledContract;
  readonly client: ChannelEnd;
  readonly server: ChannelEnd;
}

export class NamespaceClient {
  readonly #kernel: Kernel;
  readonly #end: ChannelEnd;
  readonly #requests = new Map<number, Request>();
  #nextId = 1;

  constructor(kernel: Kernel, end: ChannelEnd) {
    this.#kernel = kernel;
    this.#end = end;
    end.onMessage = (message) => {
      const id = message.values[0] as number;
      const request = this.#requests.get(id);
      this.#requests.delete(id);
      request?.answer(message);
    };
  }

  /** Enters a name; the answer is `service`, which holds the provider channel's `server` end. */
  register(thread: Thread, name: NewName, service: object): void {
    const { path, contract, client, server } = name;
    const values = [path, contract.name, contract.digest, contract.contractName, client];
    this.#ask(thread, "register", values, () => service, server);
  }

  /** Nobody waits: used when a process dies too. */
  deregister(path: string): void {
    this.#send("deregister", [path], { answer: () => {} });
  }

  /** Sends the `server` end to the service at a path; the answer is `handle`, which holds the other. */
  bind(thread: Thread, wanted: NewName & { readonly timeoutNs: number }, handle: object): void {
    const { path, contract, timeoutNs, client, server } = wanted;
    const values = [path, contract.name, contract.digest, timeoutNs, server];
    this.#ask(thread, "bind", values, () => handle, client);
  }

  enumerate(thread: Thread, path: string): void {
    this.#ask(thread, "enumerate", [path], (message) => entriesOf(message.values[1] as string));
  }

  /** `kept` is the caller's end of the channel that the request is about; it goes if the request is refused. */
  #ask(
    thread: Thread,
    tag: string,
    values: MessageValue[],
    answer: (message: Message) => unknown,
    kept?: ChannelEnd,
  ): void {
    const drop = () => {
      if (kept !== undefined) this.#kernel.channels.close(kept);
    };
    const request: Request = {
      answer: (message) => {
        if (message.definition.tag === "refused") {
          const [, code, reason] = message.values as [number, KernelError["code"], string];
          drop();
          thread.answerError(new CallError(code, reason));
        } else {
          thread.answer(answer(message));
        }
        this.#kernel.scheduler.unblock(thread);
      },
    };
    try {
      const id = this.#send(tag, values, request);
      thread.wait = { cancel: () => this.#requests.delete(id) };
    } catch (error) {
      drop();
      throw error;
    }
  }

  #send(tag: string, values: MessageValue[], request: Request): number {
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    this.#requests.set(id, request);
    const definition = this.#end.contract.messageOf.get(tag)!;
    try {
      this.#end.send({ definition, values: [id, ...values] }, this.#end.stateAfter(definition));
    } catch (error) {
      this.#requests.delete(id);
      throw error;
    }
    return id;
  }
}

function entriesOf(lines: string): readonly NamespaceEntry[] {
  if (lines === "") return [];
  return lines.split("\n").map((line) => {
    const [path, contract, kernel] = line.split("\t") as [string, string, string];
    const kind = path.startsWith("/kernels/") ? "kernel" as const : "service" as const;
    return { path, kind, contract, kernel };
  });
}
