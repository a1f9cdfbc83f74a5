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

  register(
    thread: Thread,
    path: string,
    contract: CompiledContract,
    provider: ChannelEnd,
    answer: () => unknown,
  ): void {
    this.#ask(
      thread,
      "register",
      [path, contract.name, contract.digest, contract.contractName, provider],
      answer,
    );
  }

  /** Nobody waits: used when a process dies too. */
  deregister(path: string): void {
    this.#send("deregister", [path], { answer: () => {} });
  }

  bind(
    thread: Thread,
    path: string,
    contract: CompiledContract,
    timeoutNs: number,
    server: ChannelEnd,
    answer: () => unknown,
  ): void {
    this.#ask(thread, "bind", [path, contract.name, contract.digest, timeoutNs, server], answer);
  }

  enumerate(thread: Thread, path: string): void {
    this.#ask(thread, "enumerate", [path], (message) => entriesOf(message.values[1] as string));
  }

  #ask(thread: Thread, tag: string, values: MessageValue[], answer: (message: Message) => unknown): void {
    const id = this.#send(tag, values, {
      answer: (message) => {
        if (message.definition.tag === "refused") {
          const [, code, reason] = message.values as [number, KernelError["code"], string];
          thread.answerError(new CallError(code, reason));
        } else {
          thread.answer(answer(message));
        }
        this.#kernel.scheduler.unblock(thread);
      },
    });
    thread.wait = { cancel: () => this.#requests.delete(id) };
  }

  #send(tag: string, values: MessageValue[], request: Request): number {
    const id = this.#nextId++;
    this.#requests.set(id, request);
    const definition = this.#end.contract.messageOf.get(tag)!;
    this.#end.send({ definition, values: [id, ...values] }, this.#end.stateAfter(definition));
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
