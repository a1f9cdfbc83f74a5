/**
 * A kernel for tests of programs: runs their generators in virtual time, on the host.
 *
 * It keeps the ABI's promises and none of its costs: no CPU, no compiler, no placement.
 * - Threads run round robin; time moves only when all of them wait.
 * - A process ends with its main; its endpoints and names go with it.
 * - Privileged calls and devices are the test's own, given at the start of each process.
 */

import type {
  Call,
  Device,
  Endpoint,
  Interrupt,
  Kernel,
  NamespaceEntry,
  Program,
  SystemCalls,
  Thread,
} from "../../abi/kernel.ts";
import type { ThreadEvent } from "../../abi/synchronisation.ts";
import type { Contract } from "../../contracts/contract.ts";
import { nameWatchContract } from "../../contracts/name_watch.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { describeNode, NameError, NameTree } from "../../namespace/name_tree.ts";
import { TestCell } from "./test_cell.ts";
import { instant, kernelError, TestBlock, testChannel, TestEndpoint, Wait } from "./test_channels.ts";
import { TestWatch } from "./test_watch.ts";

export type Main = (kernel: Kernel) => Program;

export interface ProcessOptions {
  readonly arguments?: readonly string[];
  readonly stdin?: Endpoint<typeof pipeContract, "server">;
  readonly stdout?: Endpoint<typeof pipeContract, "client">;
  readonly device?: Device;
  /** The kernel's name, for the namespace. */
  readonly kernelName?: string;
  readonly system?: (owner: TestProcess) => SystemCalls;
}

/** How a process that was killed or that called `exit` leaves its generator. */
class Exit {
  constructor(readonly status: number) {}
}

interface TestThread {
  readonly owner: TestProcess;
  readonly body: Program;
  wait: Wait | undefined;
  done: boolean;
}

export class TestProcess {
  status: number | undefined;
  fault = "";
  readonly endpoints = new Set<TestEndpoint>();
  readonly services = new Set<TestService>();
  constructor(readonly pid: number, readonly name: string, readonly kernelName: string) {}
}

class TestService {
  readonly waiting: TestEndpoint[] = [];
  constructor(
    readonly contract: Contract,
    readonly path: string,
    readonly owner: TestProcess,
    readonly kernel: TestKernel,
  ) {}

  *accept(): Call<TestEndpoint> {
    yield new Wait(`accept ${this.path}`, () => this.waiting.length > 0);
    return this.waiting.shift()!;
  }

  deregister(): Call<void> {
    return instant("deregister", () => this.kernel.takeOut(this));
  }
}

class TestSet {
  readonly members = new Map<TestEndpoint, unknown>();
  get size(): number {
    return this.members.size;
  }
  add(endpoint: TestEndpoint, data: unknown): void {
    this.members.set(endpoint, data);
  }
  remove(endpoint: TestEndpoint): void {
    this.members.delete(endpoint);
  }
}

/** An interrupt that a test raises. */
export class TestInterrupt implements Interrupt {
  pending = 0;
  acknowledged = 0;
  raise(): void {
    this.pending = 1;
  }
  *wait(): Call<void> {
    yield new Wait("interrupt", () => this.pending > 0);
    this.pending = 0;
  }
  acknowledge(): Call<void> {
    return instant("acknowledge", () => void this.acknowledged++);
  }
}

class TestThreadHandle implements Thread {
  readonly #thread: TestThread;

  constructor(thread: TestThread) {
    this.#thread = thread;
  }

  get hasEnded(): boolean {
    return this.#thread.done;
  }

  *join(): Call<void> {
    yield new Wait("join", () => this.hasEnded);
  }
}

class TestEvent implements ThreadEvent {
  constructor(readonly resets: "auto" | "manual", public isSignalled: boolean) {}
  *wait(): Call<void> {
    yield new Wait("event", () => this.isSignalled);
    this.pass();
  }
  pass(): void {
    if (this.resets === "auto") this.isSignalled = false;
  }
  set(): Call<void> {
    return instant("set", () => void (this.isSignalled = true));
  }
  reset(): Call<void> {
    return instant("reset", () => void (this.isSignalled = false));
  }
}

export class TestKernel {
  now = 0;
  /** The real tree of names, without the channels around it. */
  readonly names = new NameTree<TestService>((tag, path, { kind }) => {
    this.#watches = this.#watches.filter((watch) => !watch.hasEnded);
    for (const watch of this.#watches) watch.note(tag, { path, kind });
  });
  readonly processes: TestProcess[] = [];
  readonly log: string[] = [];
  #watches: TestWatch[] = [];
  /** Whose threads serve watches; it is no process that a test started. */
  readonly #namespace = new TestProcess(0, "namespace", "kernel0");
  #threads: TestThread[] = [];
  #pids = 1;

  start(name: string, main: Main, options: ProcessOptions = {}): TestProcess {
    const owner = new TestProcess(this.#pids++, name, options.kernelName ?? "kernel0");
    this.processes.push(owner);
    this.#thread(owner, this.#main(owner, main, options));
    return owner;
  }

  kill(owner: TestProcess, status = 137, fault = ""): void {
    if (owner.status !== undefined) return;
    owner.status = status;
    owner.fault = fault;
    for (const endpoint of [...owner.endpoints]) endpoint.shut();
    for (const service of owner.services) this.takeOut(service);
    for (const thread of this.#threads) if (thread.owner === owner) thread.done = true;
  }

  takeOut(service: TestService): void {
    const node = this.names.findEntry(service.path);
    if (node !== undefined && "service" in node && node.service === service) this.names.remove(node);
    service.owner.services.delete(service);
  }

  /** The service that a path leads to. */
  service(path: string): TestService | undefined {
    const node = this.names.find(path);
    return node !== undefined && "service" in node ? node.service : undefined;
  }

  /** Runs until nothing can happen any more, `until` holds, or virtual time has reached `limit`. */
  run(until: () => boolean = () => false, limit = Infinity): void {
    for (let round = 0; round < 1_000_000; round++) {
      if (until()) return;
      let progress = false;
      for (const thread of this.#threads) {
        if (thread.done || (thread.wait && !thread.wait.ready() && this.now < thread.wait.deadline)) continue;
        progress = true;
        this.#step(thread);
      }
      this.#threads = this.#threads.filter((thread) => !thread.done);
      if (progress) continue;
      const next = Math.min(...this.#threads.map((thread) => thread.wait!.deadline));
      if (next === Infinity || next > limit) return;
      this.now = next;
    }
    throw new Error("The programs did not come to rest within a million rounds");
  }

  /** What every thread waits for: for a test that finds itself stuck. */
  waits(): string[] {
    return this.#threads.map(({ owner, wait }) => `${owner.name}:${owner.pid} ${wait?.operation}`);
  }

  #thread(owner: TestProcess, body: Program): TestThread {
    const thread = { owner, body, wait: undefined, done: false };
    this.#threads.push(thread);
    return thread;
  }

  #step(thread: TestThread): void {
    try {
      const { done, value } = thread.body.next();
      if (done) thread.done = true;
      else thread.wait = value as Wait;
    } catch (error) {
      thread.done = true;
      if (error instanceof Exit) this.kill(thread.owner, error.status, "");
      else {this.kill(
          thread.owner,
          1,
          error instanceof Error ? error.stack ?? error.message : String(error),
        );}
    }
  }

  *#main(owner: TestProcess, main: Main, options: ProcessOptions): Program {
    const status = yield* main(this.#kernelOf(owner, options));
    throw new Exit(status ?? 0);
  }

  #own<T>(owner: TestProcess, endpoint: T): T {
    (endpoint as TestEndpoint).giveTo(owner.endpoints);
    return endpoint;
  }

  #kernelOf(owner: TestProcess, options: ProcessOptions): Kernel {
    // Ends that the test keeps are not the process's to close.
    const stdin = options.stdin ?? testChannel(pipeContract).server;
    const stdout = options.stdout ?? testChannel(pipeContract).client;
    this.#own(owner, stdin);
    this.#own(owner, stdout);
    const kernel = {
      processId: owner.pid,
      programName: owner.name,
      arguments: options.arguments ?? [],
      kernelName: owner.kernelName,
      isa: "test",
      stdin,
      stdout,
      device: options.device,
      system: options.system?.(owner),
      ...this.#timeCalls(owner),
      ...this.#channelCalls(owner),
    };
    return kernel as unknown as Kernel;
  }

  #timeCalls(owner: TestProcess) {
    // deno-lint-ignore no-this-alias -- generator methods below need the test kernel
    const bench = this;
    return {
      now: () => instant("now", () => this.now),
      cycleCount: () => instant("cycleCount", () => this.now),
      random: () => instant("random", () => 4),
      *sleep(nanoseconds: number) {
        yield new Wait("sleep", () => false, bench.now + nanoseconds);
      },
      yieldCpu: () => instant("yield", () => undefined),
      exit: (status: number) =>
        instant("exit", () => {
          throw new Exit(status);
        }),
      allocate: (size: number) => instant("allocate", () => new TestBlock(new ArrayBuffer(size))),
      share: (block: TestBlock) => instant("share", () => block.share()),
      free: (block: TestBlock) => instant("free", () => void block.move()),
      createEvent: (reset: "auto" | "manual", signalled = false) =>
        instant("createEvent", () => new TestEvent(reset, signalled)),
      createMutex: () => instant("createMutex", testMutex),
      createAtomicCell: (value = 0) => instant("createAtomicCell", () => new TestCell(value)),
      createThread: (body: () => Program) =>
        instant("createThread", () => {
          return new TestThreadHandle(this.#thread(owner, body()));
        }),
    };
  }

  #channelCalls(owner: TestProcess) {
    // deno-lint-ignore no-this-alias -- generator methods below need the test kernel
    const bench = this;
    return {
      createChannel: (contract: Contract) =>
        instant("createChannel", () => {
          const { client, server } = testChannel(contract);
          return { client: this.#own(owner, client), server: this.#own(owner, server) };
        }),
      *bind(contract: Contract, path = `/service/${contract.contractName}`, timeoutNs = 10e9) {
        const deadline = bench.now + timeoutNs;
        yield new Wait(`bind ${path}`, () => bench.service(path) !== undefined, deadline);
        const service = bench.service(path);
        if (service === undefined) {
          throw kernelError("TimedOut", `Cannot bind to ${path}: nobody registered it`);
        }
        if (service.contract.name !== contract.name) {
          throw kernelError("BadArgument", `${path} serves ${service.contract.name}, not ${contract.name}`);
        }
        const { client, server } = testChannel(contract);
        service.waiting.push(bench.#own(service.owner, server) as unknown as TestEndpoint);
        return bench.#own(owner, client);
      },
      register: (contract: Contract, path: string, attributes: Readonly<Record<string, string>> = {}) =>
        instant("register", () => {
          const service = new TestService(contract, path, owner, this);
          const all = new Map(
            Object.entries({
              contract: contract.contractName,
              kernel: owner.kernelName,
              process: owner.name,
              platform: "test",
              ...attributes,
            }),
          );
          const kind = contract.contractName === "KernelControlContract" ? "kernel" : "service";
          const origin = { kernel: 0, process: owner.name };
          named(() => this.names.addLeaf(path, kind, service, origin, all));
          owner.services.add(service);
          return service;
        }),
      watch: (path: string) =>
        instant("watch", () => {
          const { client, server } = testChannel(nameWatchContract);
          const watch = new TestWatch(path, server as unknown as TestEndpoint);
          this.#watches.push(watch);
          this.#thread(this.#namespace, watch.serve());
          return this.#own(owner, client);
        }),
      enumerate: (path: string, depth: "children" | "all" = "all") =>
        instant("enumerate", () => named(() => this.entries(path, depth))),
      makeDirectory: (path: string) =>
        instant(
          "makeDirectory",
          () => void named(() => this.names.addDirectory(path, { kernel: 0, process: owner.name })),
        ),
      link: (path: string, target: string) =>
        instant(
          "link",
          () => void named(() => this.names.addLink(path, target, { kernel: 0, process: owner.name })),
        ),
      removeName: (path: string) =>
        instant("removeName", () => {
          const node = named(() => this.names.findEntry(path));
          if (node === undefined) throw kernelError("NotFound", `Nothing is at "${path}"`);
          if (node.kind === "directory" && node.entries.size > 0) {
            throw kernelError("BadArgument", `The directory "${path}" is not empty`);
          }
          this.names.remove(node);
        }),
      endpointSet() {
        return new TestSet();
      },
      *select(sources: Readonly<Record<string, unknown>>, timeoutNs = Infinity): Call<unknown> {
        const isAlive = () => Object.values(sources).some(canFire);
        const isOver = () => !isAlive() || Object.values(sources).some(isReady);
        yield new Wait(`select ${Object.keys(sources)}`, isOver, bench.now + timeoutNs);
        for (const [on, source] of Object.entries(sources)) {
          if (isReady(source)) return take(on, source);
        }
        return { on: isAlive() ? "timeout" : "unsatisfiable" };
      },
    };
  }

  entries(path: string, depth: "children" | "all"): NamespaceEntry[] {
    return this.names.list(path, depth)
      .map((node) => describeNode(node, "service" in node ? node.service.owner.kernelName : "kernel0"))
      .sort((a, b) => a.path < b.path ? -1 : 1);
  }
}

/** What the tree refuses is an error of the call. */
function named<T>(change: () => T): T {
  try {
    return change();
  } catch (error) {
    if (error instanceof NameError) throw kernelError(error.code, error.message);
    throw error;
  }
}

/** Whether anything can happen at a source, now or later. */
function canFire(source: unknown): boolean {
  if (source instanceof TestEndpoint) return !source.closed;
  if (source instanceof TestService) return source.owner.services.has(source);
  return !(source instanceof TestSet) || source.size > 0;
}

function isReady(source: unknown): boolean {
  if (source instanceof TestEndpoint) return source.readable;
  if (source instanceof TestService) return source.waiting.length > 0;
  if (source instanceof TestInterrupt) return source.pending > 0;
  if (source instanceof TestThreadHandle) return source.hasEnded;
  if (source instanceof TestEvent) return source.isSignalled;
  if (source instanceof TestSet) return [...source.members.keys()].some((endpoint) => endpoint.readable);
  throw new Error(`Cannot wait for ${source}`);
}

function take(on: string, source: unknown): unknown {
  if (source instanceof TestService) return { on, kind: "connection", endpoint: source.waiting.shift() };
  if (source instanceof TestInterrupt) {
    source.pending = 0;
    return { on, kind: "interrupt" };
  }
  if (source instanceof TestThreadHandle) return { on, kind: "ended" };
  if (source instanceof TestEvent) {
    source.pass();
    return { on, kind: "signalled" };
  }
  if (source instanceof TestSet) {
    const [endpoint, data] = [...source.members].find(([member]) => member.readable)!;
    const message = endpoint.queue.shift();
    // The next search starts behind this one, so that one busy member cannot starve the rest.
    source.members.delete(endpoint);
    if (message === undefined) {
      endpoint.shut();
      return { on, kind: "closed", endpoint, data };
    }
    source.members.set(endpoint, data);
    return { on, kind: "message", endpoint, data, message };
  }
  const message = (source as TestEndpoint).queue.shift();
  return message === undefined ? { on, kind: "closed" } : { on, kind: "message", message };
}

/** A mutex between the threads of a test's process; who waits goes on when it is free. */
function testMutex() {
  let isHeld = false;
  return {
    *acquire() {
      if (isHeld) yield new Wait("mutex", () => !isHeld, Infinity);
      isHeld = true;
      return "acquired";
    },
    release: () => instant("release", () => void (isHeld = false)),
  };
}
