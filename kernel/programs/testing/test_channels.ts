/**
 * Channels and blocks for tests of programs: the ABI's promises, without a kernel.
 *
 * Both ends of a channel live in one host process; messages are objects in a queue.
 * - The contract is checked at every send, as a kernel does: state, sender and field types.
 * - A sent block is taken away from its sender, so use after sending shows as a failure.
 * - A send to a closed peer goes nowhere and does not fail, as on a real kernel.
 */

import type { Block, Call, Endpoint, KernelError, KernelRequest } from "../../abi/kernel.ts";
import type { Contract, End, EndpointType, FieldType } from "../../contracts/contract.ts";
import { compileContract } from "../../contracts/monitor.ts";

/** What a blocked thread waits for; the test kernel polls `ready`. */
export class Wait implements KernelRequest {
  constructor(
    readonly operation: string,
    readonly ready: () => boolean,
    readonly deadline: number = Infinity,
  ) {}
}

/** A call that is answered at once, after giving other threads a turn. */
export function* instant<T>(operation: string, act: () => T): Call<T> {
  yield new Wait(operation, () => true);
  return act();
}

export function kernelError(code: KernelError["code"], message: string): KernelError {
  return Object.assign(new Error(message), { name: "KernelError", code });
}

export class TestBlock implements Block {
  isReadOnly = false;
  #buffer: ArrayBuffer;
  #offset = 0;
  #length: number;

  constructor(buffer: ArrayBuffer, offset = 0, length = buffer.byteLength) {
    this.#buffer = buffer;
    this.#offset = offset;
    this.#length = length;
  }

  get bytes(): Uint8Array {
    if (this.#buffer.detached) throw kernelError("BadArgument", "Cannot use a block that was sent or freed");
    return new Uint8Array(this.#buffer, this.#offset, this.#length);
  }

  get length(): number {
    return this.#length;
  }

  get capacity(): number {
    return this.#buffer.byteLength;
  }

  window(offset: number, length: number): void {
    if (offset < 0 || length < 0 || offset + length > this.capacity) {
      throw kernelError("BadArgument", `Cannot move the window to ${offset}+${length} of ${this.capacity}`);
    }
    this.#offset = offset;
    this.#length = length;
  }

  /** A holder of its own, of bytes that nobody is to change from now on. */
  share(): TestBlock {
    const shared = new TestBlock(this.#buffer.slice(), this.#offset, this.#length);
    this.isReadOnly = shared.isReadOnly = true;
    return shared;
  }

  /** The same bytes for a new owner; this one is dead. */
  move(): TestBlock {
    if (this.#buffer.detached) throw kernelError("BadArgument", "Cannot send a block twice");
    const moved = new TestBlock(this.#buffer.transfer(), this.#offset, this.#length);
    moved.isReadOnly = this.isReadOnly;
    return moved;
  }
}

type Message = { readonly tag: string } & Readonly<Record<string, unknown>>;

interface ChannelState {
  state: string;
}

export class TestEndpoint {
  readonly queue: Message[] = [];
  peer!: TestEndpoint;
  closed = false;
  /** The ends of the process that has this one, which are closed when it dies. */
  holder: Set<TestEndpoint> | undefined;

  constructor(readonly contract: Contract, readonly end: End, readonly channel: ChannelState) {}

  send(name: string, body: Readonly<Record<string, unknown>> = {}): Call<void> {
    return instant(`send ${name}`, () => this.#send(name, body));
  }

  #send(name: string, body: Readonly<Record<string, unknown>>): void {
    const place = `${this.contract.name} ${this.end} sends ${name}`;
    if (this.closed) throw new Error(`${place}: this end is closed`);
    const { messages, messageOf, stateNames, transitions } = compileContract(this.contract);
    const definition = this.contract.messages[name] ?? this.contract.base?.messages[name];
    if (definition?.from !== this.end) throw new Error(`${place}: not this end's message`);
    const row = stateNames.indexOf(this.channel.state) * messages.length;
    const next = stateNames[transitions[row + messageOf.get(name)!.index]!];
    if (next === undefined) throw new Error(`${place} in state ${this.channel.state}`);
    const fields = definition.body ?? {};
    const extra = Object.keys(body).find((field) => !(field in fields));
    if (extra !== undefined) throw new Error(`${place}: no field ${extra}`);
    const message: Record<string, unknown> = { tag: name };
    for (const [field, type] of Object.entries(fields)) {
      message[field] = this.#moved(body[field], type, `${place}: ${field}`);
    }
    this.channel.state = next;
    if (!this.peer.closed) this.peer.queue.push(message as Message);
  }

  get readable(): boolean {
    return this.queue.length > 0 || this.peer.closed;
  }

  *receiveOrClosed(): Call<Message | undefined> {
    if (this.closed) throw new Error(`${this.contract.name} ${this.end} receives: this end is closed`);
    yield new Wait(`receive ${this.contract.name} as ${this.end}`, () => this.readable);
    return this.queue.shift();
  }

  *receive(): Call<Message> {
    const message = yield* this.receiveOrClosed();
    if (message === undefined) {
      throw kernelError("ChannelClosed", `${this.contract.name}: the ${this.peer.end} is gone`);
    }
    return message;
  }

  close(): Call<void> {
    return instant("close", () => this.shut());
  }

  shut(): void {
    this.closed = true;
    this.holder?.delete(this);
  }

  giveTo(holder: Set<TestEndpoint> | undefined): void {
    this.holder?.delete(this);
    this.holder = holder;
    holder?.add(this);
  }

  #moved(value: unknown, type: FieldType, place: string): unknown {
    if (value instanceof TestEndpoint && typeof type === "object" && "endpoint" in type) {
      checkEnd(value, type, place);
      value.giveTo(this.peer.holder);
      return value;
    }
    return checked(value, type, place);
  }
}

function checkEnd(value: TestEndpoint, type: EndpointType, place: string): void {
  if (value.contract.name === type.endpoint.name && value.end === type.end && !value.closed) return;
  throw new Error(`${place} must be the open ${type.end}'s end of ${type.endpoint.name}`);
}

function checked(value: unknown, type: FieldType, place: string): unknown {
  if (type === "bytes") {
    if (!(value instanceof TestBlock)) throw new Error(`${place} must be a block`);
    return value.move();
  }
  if (type === "string" || type === "bool") {
    const fits = type === "bool" ? typeof value === "boolean" : typeof value === "string";
    if (!fits) throw new Error(`${place} must be a ${type}, is ${value}`);
    return value;
  }
  if (Array.isArray(type)) {
    if (!type.includes(value)) throw new Error(`${place} must be one of ${type}, is ${value}`);
    return value;
  }
  const range = typeof type === "object" && "scalar" in type ? type : undefined;
  const scalar = range?.scalar ?? type as string;
  const fits = typeof value === "number" && inRange(value, scalar) &&
    (range === undefined || value >= range.min && value <= range.max);
  if (!fits) throw new Error(`${place} must be a ${JSON.stringify(type)}, is ${value}`);
  return value;
}

function inRange(value: number, type: string): boolean {
  if (type === "f64") return true;
  if (!Number.isInteger(value)) return false;
  if (type === "i32") return value === (value | 0);
  const bits = Number(type.slice(1));
  return value >= 0 && value <= (bits === 64 ? Number.MAX_SAFE_INTEGER : 2 ** bits - 1);
}

/** A channel with both ends. */
export function testChannel<C extends Contract>(
  contract: C,
): { client: Endpoint<C, "client">; server: Endpoint<C, "server"> } {
  const channel = { state: contract.start };
  const client = new TestEndpoint(contract, "client", channel);
  const server = new TestEndpoint(contract, "server", channel);
  client.peer = server;
  server.peer = client;
  return {
    client: client as unknown as Endpoint<C, "client">,
    server: server as unknown as Endpoint<C, "server">,
  };
}
