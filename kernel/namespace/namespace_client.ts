/**
 * A kernel's way to the namespace: requests on behalf of its processes.
 *
 * On the coordinator the channel is local, on a satellite it crosses to the
 * coordinator: its root is redirected there (paper, section 3.5).
 * - Each request blocks one thread. One request is under way at a time; the others wait
 *   here, at most one for each thread.
 * - A bind that has to wait does not hold up the others: its end comes as news.
 */

import type { KernelError, NamespaceEntry } from "../abi/kernel.ts";
import { CallError, ContractViolation } from "../calls/errors.ts";
import { ChannelEnd, type Message, type MessageValue } from "../channels/channel_end.ts";
import { type CompiledContract, digestsForClients } from "../contracts/monitor.ts";
import { namespaceNewsContract } from "../contracts/namespace.ts";
import type { Kernel } from "../kernel.ts";
import type { Thread } from "../scheduling/thread.ts";

/** A path, the contract spoken there, and both ends of the channel that leads to it. */
interface NewName {
  readonly path: string;
  readonly contract: CompiledContract;
  readonly client: ChannelEnd;
  readonly server: ChannelEnd;
}

interface Request {
  readonly thread: Thread;
  readonly tag: string;
  readonly values: readonly MessageValue[];
  /** What the call gives, or `goesOn` when another request has taken this one's place. */
  readonly answer: (message: Message) => unknown;
  /** The caller's end of the channel that the request is about; it goes if the request is refused. */
  readonly kept: ChannelEnd | undefined;
  /** Its thread has ended. */
  isAbandoned: boolean;
}

const goesOn: unique symbol = Symbol("goes on");

export class NamespaceClient {
  readonly #kernel: Kernel;
  readonly #end: ChannelEnd;
  readonly #queue: Request[] = [];
  #asked: Request | undefined;
  /** Binds that wait for their name, by number. */
  readonly #waiting = new Map<number, Request>();
  #nextId = 1;

  constructor(kernel: Kernel, end: ChannelEnd) {
    this.#kernel = kernel;
    this.#end = end;
    end.onMessage = (message) => this.#answered(message);
    const news = kernel.channels.create(kernel.contracts.admit(namespaceNewsContract, kernel.self));
    news.client.onMessage = (message) => {
      this.#heard(message);
      send(news.client, "seen", []);
    };
    send(end, "attach", [news.server]);
  }

  /** Enters a service; the answer is `service`, which holds the provider channel's `server` end. */
  register(thread: Thread, name: NewName, attributes: string, service: object): void {
    const { path, contract, client, server } = name;
    const { label } = thread.process;
    const values = [
      ...[path, contract.name, digestsForClients(contract).join(" "), contract.contractName, label],
      ...[this.#kernel.row.platform, attributes, client],
    ];
    this.#ask(thread, "register", values, () => service, server);
  }

  deregister(thread: Thread, path: string, provider: ChannelEnd): void {
    this.#ask(thread, "deregister", [path, thread.process.label], () => {
      this.#kernel.channels.close(provider);
    });
  }

  /** Sends the `server` end to the service at a path; the answer is `handle`, which holds the other. */
  bind(thread: Thread, wanted: NewName & { readonly timeoutNs: number }, handle: object): void {
    const { path, contract, timeoutNs, client, server } = wanted;
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    const values = [id, path, contract.name, contract.digest, timeoutNs, server];
    this.#ask(thread, "bind", values, () => handle, client);
  }

  /** The answer is `handle`, which holds the `client` end. */
  watch(thread: Thread, path: string, ends: Pick<NewName, "client" | "server">, handle: object): void {
    this.#ask(thread, "watch", [path, thread.process.label, ends.server], () => handle, ends.client);
  }

  /** A change of the tree that the namespace just does or refuses: `values` are the fields of message `tag`. */
  change(thread: Thread, tag: "makeDirectory" | "link" | "remove" | "setAttribute", values: string[]): void {
    this.#ask(thread, tag, values, () => undefined);
  }

  enumerate(thread: Thread, path: string, depth: "children" | "all"): void {
    const found: NamespaceEntry[] = [];
    const page = (after: string): Request => ({
      thread,
      tag: "enumerate",
      values: [path, depth, after],
      answer: (message) => {
        const [json, more] = message.values as [string, boolean];
        for (const entry of JSON.parse(json) as NamespaceEntry[]) {
          Object.freeze(entry.attributes);
          found.push(Object.freeze(entry));
        }
        if (!more) return Object.freeze(found);
        this.#enter(page(found.at(-1)!.path));
        return goesOn;
      },
      kept: undefined,
      isAbandoned: false,
    });
    this.#enter(page(""));
  }

  #ask(
    thread: Thread,
    tag: string,
    values: readonly MessageValue[],
    answer: (message: Message) => unknown,
    kept?: ChannelEnd,
  ): void {
    this.#enter({ thread, tag, values, answer, kept, isAbandoned: false });
  }

  #enter(request: Request): void {
    request.thread.wait = {
      cancel: () => {
        request.isAbandoned = true;
        if (request.tag === "bind") this.#waiting.delete(request.values[0] as number);
        const index = this.#queue.indexOf(request);
        if (index >= 0) this.#dropUnsent(this.#queue.splice(index, 1)[0]!);
      },
    };
    this.#queue.push(request);
    this.#askNext();
  }

  #askNext(): void {
    while (this.#asked === undefined) {
      const request = this.#queue.shift();
      if (request === undefined) return;
      this.#asked = request;
      try {
        send(this.#end, request.tag, request.values);
      } catch (error) {
        if (!(error instanceof ContractViolation || error instanceof CallError)) throw error;
        // The delivery has closed what the request carried.
        this.#asked = undefined;
        this.#fail(request, new CallError("OutOfMemory", error.message));
      }
    }
  }

  #answered(message: Message): void {
    const request = this.#asked!;
    this.#asked = undefined;
    const { tag } = message.definition;
    if (tag === "waiting") this.#waiting.set(request.values[0] as number, request);
    else if (tag === "refused") this.#fail(request, errorOf(message.values));
    else this.#succeed(request, message);
    this.#askNext();
  }

  #heard(message: Message): void {
    const [id, ...rest] = message.values;
    const request = this.#waiting.get(id as number);
    this.#waiting.delete(id as number);
    if (request === undefined) return;
    if (message.definition.tag === "refused") this.#fail(request, errorOf(rest));
    else this.#succeed(request, message);
  }

  #succeed(request: Request, message: Message): void {
    if (request.isAbandoned) return;
    const answer = request.answer(message);
    if (answer === goesOn) return;
    request.thread.answer(answer);
    this.#kernel.scheduler.unblock(request.thread);
  }

  #fail(request: Request, error: CallError): void {
    if (request.kept !== undefined) this.#kernel.channels.close(request.kept);
    if (request.isAbandoned) return;
    request.thread.answerError(error);
    this.#kernel.scheduler.unblock(request.thread);
  }

  #dropUnsent({ values }: Request): void {
    for (const value of values) if (value instanceof ChannelEnd) this.#kernel.channels.close(value);
  }
}

function errorOf(values: readonly MessageValue[]): CallError {
  const [code, reason] = values as [KernelError["code"], string];
  return new CallError(code, reason);
}

function send(end: ChannelEnd, tag: string, values: readonly MessageValue[]): void {
  const definition = end.contract.messageOf.get(tag)!;
  end.send({ definition, values }, end.stateAfter(definition));
}
