/**
 * The namespace: one tree of names over all kernels, owned by the coordinator.
 *
 * A service registers a path; a client binds to it by sending one end of a new
 * channel, which the namespace forwards to the service (paper, section 3.5).
 * - A service goes when its process deregisters it, when its channel closes, or with its
 *   kernel; with a kernel go also the links and directories that its processes made.
 * - A bind to a name that is not there waits for it, up to its time-out; at most
 *   `waitingMax` binds wait at a time, and a bind whose client is gone waits no more.
 * - System contracts map to paths by the system manifest, before a bind comes here.
 */

import type { NamespaceEntry } from "../abi/kernel.ts";
import type { ChannelEnd, Message } from "../channels/channel_end.ts";
import { kernelControlContract } from "../contracts/kernel_control.ts";
import { later, nanoseconds } from "../hal/hardware.ts";
import type { Kernel } from "../kernel.ts";
import type { KernelTimer } from "../scheduling/timers.ts";
import { KernelSession } from "./kernel_session.ts";
import {
  describeNode,
  entriesMax,
  kernelAttributes,
  type Leaf,
  NameError,
  NameTree,
  type Node,
  type Origin,
  pathOf,
} from "./name_tree.ts";
import { ServiceEntry } from "./service_entry.ts";
import { Watches } from "./watches.ts";

interface Bind {
  readonly session: KernelSession;
  readonly id: number;
  readonly path: string;
  readonly contract: string;
  readonly digest: string;
  readonly endpoint: ChannelEnd;
  timer: KernelTimer | undefined;
}

const waitingMax = 1024;
/** One process must not fill the tree for all others. */
const entriesPerProcessMax = entriesMax / 4;
/** Entries of one answer. */
const pageSize = 64;

/** A service, as placement counts it. */
export interface ServiceRow {
  readonly path: string;
  readonly contractName: string;
  readonly kernel: number;
  readonly process: string;
  readonly platform: string;
}

export class Namespace {
  readonly #kernel: Kernel;
  readonly #tree: NameTree<ServiceEntry>;
  readonly #watches: Watches;
  readonly #waiting = new Set<Bind>();

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    this.#watches = new Watches(kernel);
    this.#tree = new NameTree((change, path, node) => {
      kernel.note(`name ${path} ${change}: ${node.kind}`);
      this.#watches.note(change, path, node.kind);
    });
  }

  /** All services, sorted by path; links and directories are none. */
  get services(): ServiceRow[] {
    return [...this.#tree.all()].flatMap((node) =>
      isLeaf(node)
        ? [{
          path: pathOf(node),
          contractName: node.attributes.get("contract")!,
          kernel: node.kernel,
          process: node.process,
          platform: node.attributes.get("platform")!,
        }]
        : []
    );
  }

  /** Takes the requests that kernel `client` sends over `end`. */
  serve(end: ChannelEnd, client: number): void {
    const session = new KernelSession(
      this.#kernel,
      end,
      client,
      (message) => {
        this.#kernel.charge(this.#kernel.costs.nameLookup);
        this.#request(session, message);
      },
      () => this.#forgetKernel(client),
    );
  }

  #request(session: KernelSession, message: Message): void {
    const { tag, fields } = message.definition;
    const body = Object.fromEntries(fields.map(({ name }, index) => [name, message.values[index]]));
    try {
      this.#perform(session, tag, body);
    } catch (error) {
      if (!(error instanceof NameError)) throw error;
      for (const [index, { kind }] of fields.entries()) {
        if (kind === "endpoint") this.#kernel.channels.close(message.values[index] as ChannelEnd);
      }
      session.refuse(error.code, error.message);
    }
    if (tag === "register" || tag === "link") this.#satisfyWaiting();
  }

  /** Answers, or throws NameError; then the ends that came with the request are closed. */
  #perform(session: KernelSession, tag: string, body: Body): void {
    const path = body.path as string;
    const origin: Origin = { kernel: session.index, process: body.process as string };
    switch (tag) {
      case "register":
        this.#register(path, origin, body);
        break;
      case "deregister":
        this.#deregister(path, origin);
        break;
      case "makeDirectory":
        this.#checkShare(origin);
        this.#tree.addDirectory(path, origin);
        break;
      case "link":
        this.#checkShare(origin);
        this.#tree.addLink(path, body.target as string, origin);
        break;
      case "remove":
        this.#remove(path);
        break;
      case "setAttribute":
        this.#setAttribute(path, body.name as string, body.value as string, origin);
        break;
      case "watch":
        this.#watches.add(path, body.watcher as ChannelEnd, origin);
        break;
      case "enumerate":
        return this.#enumerate(session, path, body.depth as "children" | "all", body.after as string);
      case "bind":
        return this.#bind({ ...body, session, timer: undefined } as Bind, body.timeoutNs as number);
    }
    session.done();
  }

  // ---------------------------------------------------------------- services

  #register(path: string, origin: Origin, body: Body): void {
    this.#checkShare(origin);
    const { contractName, process, platform } = body as Record<string, string>;
    const given = new Map(Object.entries(JSON.parse(body.attributes as string) as Record<string, string>));
    for (const name of given.keys()) checkIsFree(name);
    const attributes = new Map([
      ["contract", contractName!],
      ["kernel", this.#kernel.nameOf(origin.kernel)],
      ["process", process!],
      ["platform", platform!],
      ...given,
    ]);
    const provider = body.provider as ChannelEnd;
    const digests = (body.digests as string).split(" ");
    const service = new ServiceEntry(this.#kernel, body.contract as string, digests, provider);
    const kind = contractName === kernelControlContract.contractName ? "kernel" : "service";
    const leaf = this.#tree.addLeaf(path, kind, service, origin, attributes);
    provider.onClosed = () => this.#removeService(leaf);
    if (provider.peerClosed) this.#removeService(leaf);
  }

  #deregister(path: string, origin: Origin): void {
    const node = this.#tree.findEntry(path);
    if (node === undefined || !isLeaf(node) || node.process !== origin.process) {
      throw new NameError("NotFound", `"${path}" is no name of ${origin.process}`);
    }
    this.#removeService(node);
  }

  #removeService(leaf: Leaf<ServiceEntry>): void {
    this.#tree.remove(leaf);
    leaf.service.close();
  }

  #checkShare({ process }: Origin): void {
    let count = 0;
    for (const node of this.#tree.all()) if (node.process === process) count++;
    if (count < entriesPerProcessMax) return;
    throw new NameError("OutOfMemory", `${process} has ${count} names already`);
  }

  #forgetKernel(kernel: number): void {
    for (const bind of [...this.#waiting]) if (bind.session.index === kernel) this.#drop(bind);
    this.#watches.forgetKernel(kernel);
    // What a directory holds goes before it does.
    for (const node of [...this.#tree.all()].reverse()) {
      if (node.kernel !== kernel || node.process === "") continue;
      if (isLeaf(node)) this.#removeService(node);
      else if (node.kind === "directory") this.#tree.release(node);
      else this.#tree.remove(node);
    }
  }

  // ---------------------------------------------------------------- entries

  #remove(path: string): void {
    const node = this.#tree.findEntry(path);
    if (node === undefined) throw new NameError("NotFound", `Nothing is at "${path}"`);
    if (isLeaf(node)) {
      throw new NameError("NotPermitted", `"${path}" is a service; only its process can take it out`);
    }
    if (node.kind === "directory" && node.entries.size > 0) {
      throw new NameError("BadArgument", `The directory "${path}" is not empty`);
    }
    if (node.parent === undefined) throw new NameError("BadArgument", `"/" stays`);
    this.#tree.remove(node);
  }

  #setAttribute(path: string, name: string, value: string, origin: Origin): void {
    const node = this.#tree.findEntry(path);
    if (node === undefined) throw new NameError("NotFound", `Nothing is at "${path}"`);
    checkIsFree(name);
    if (isLeaf(node) && node.process !== origin.process) {
      throw new NameError("NotPermitted", `"${path}" is a service of ${node.process}`);
    }
    this.#tree.setAttribute(node, name, value);
  }

  /** One page of a list: what comes behind `after`, if there is any. */
  #enumerate(session: KernelSession, path: string, depth: "children" | "all", after: string): void {
    const nodes = this.#tree.list(path, depth)
      .map((node) => describeNode(node, this.#kernel.nameOf(node.kernel)))
      .sort((a, b) => a.path < b.path ? -1 : 1);
    const rest = nodes.filter((entry) => entry.path > after);
    const page: NamespaceEntry[] = rest.slice(0, pageSize);
    session.entries(JSON.stringify(page), rest.length > page.length);
  }

  // ---------------------------------------------------------------- binding

  #bind(bind: Bind, timeoutNs: number): void {
    const { session, path, endpoint } = bind;
    if (this.#forward(bind)) return session.done();
    if (endpoint.peerClosed) throw new NameError("NotFound", "The client is gone");
    if (!(timeoutNs > 0)) throw new NameError("NotFound", `Nothing is registered at "${path}"`);
    if (this.#waiting.size >= waitingMax) {
      throw new NameError("OutOfMemory", `More than ${waitingMax} binds wait`);
    }
    this.#waiting.add(bind);
    endpoint.onClosed = () => this.#drop(bind);
    const { timers, clock } = this.#kernel;
    bind.timer = timers.at(later(clock.now, nanoseconds(timeoutNs)), () => {
      bind.timer = undefined;
      const reason = `Nothing was registered at "${path}" within ${timeoutNs / 1e6} ms`;
      this.#drop(bind);
      session.tellRefused(bind.id, "TimedOut", reason);
    });
    session.waiting();
  }

  /** Sends a client's endpoint to the service that its path leads to; false if there is none. Throws NameError. */
  #forward(bind: Bind): boolean {
    const node = this.#tree.find(bind.path);
    if (node === undefined) return false;
    if (!isLeaf(node)) throw new NameError("BadArgument", `"${bind.path}" is a ${node.kind}, not a service`);
    const { service } = node;
    if (!service.digests.includes(bind.digest)) {
      throw new NameError("BadArgument", `"${bind.path}" speaks ${service.contract}, not ${bind.contract}`);
    }
    if (service.isFull) throw new NameError("OutOfMemory", `Too many clients wait at "${bind.path}"`);
    bind.endpoint.onClosed = undefined;
    service.offer(bind.endpoint);
    return true;
  }

  /** Names have appeared: the binds that wait may find what they want, or what they do not want. */
  #satisfyWaiting(): void {
    for (const bind of [...this.#waiting]) {
      try {
        if (!this.#forward(bind)) continue;
        this.#settle(bind);
        bind.session.tellBound(bind.id);
      } catch (error) {
        if (!(error instanceof NameError)) throw error;
        this.#drop(bind);
        bind.session.tellRefused(bind.id, error.code, error.message);
      }
    }
  }

  #drop(bind: Bind): void {
    this.#settle(bind);
    this.#kernel.channels.close(bind.endpoint);
  }

  #settle(bind: Bind): void {
    this.#waiting.delete(bind);
    bind.endpoint.onClosed = undefined;
    if (bind.timer !== undefined) this.#kernel.timers.cancel(bind.timer);
  }
}

/** Values of a request by the names of its fields. */
type Body = Readonly<Record<string, Message["values"][number] | undefined>>;

const isLeaf = (node: Node<ServiceEntry>): node is Leaf<ServiceEntry> =>
  node.kind === "service" || node.kind === "kernel";

function checkIsFree(attribute: string): void {
  if (kernelAttributes.includes(attribute)) {
    throw new NameError("NotPermitted", `The attribute ${attribute} is the kernel's to set`);
  }
}
