/**
 * The least that messages between programs written as generators can cost: requests, two ends, a queue of threads.
 *
 * There is no kernel in it: no time, no contract, no process, no lock, and nothing that could go wrong. What the
 * kernel's round trips take beyond this is what the kernel does.
 */

const waits = Symbol("waits");

interface BareEnd {
  peer: BareEnd | undefined;
  waiter: BareThread | undefined;
  message: object | undefined;
}

interface BareThread {
  readonly code: Generator<unknown, void, unknown>;
  answer: unknown;
  next: BareThread | undefined;
}

type BareOperation = (end: BareEnd, body: object | undefined) => unknown;

let running: BareThread;
let first: BareThread | undefined;
let last: BareThread | undefined;

function enqueue(thread: BareThread): void {
  if (last === undefined) first = thread;
  else last.next = thread;
  last = thread;
}

class BareRequest {
  #operation: BareOperation;
  #end: BareEnd;
  #body: object | undefined;
  #isShown = false;

  constructor(operation: BareOperation, end: BareEnd, body?: object) {
    this.#operation = operation;
    this.#end = end;
    this.#body = body;
  }

  [Symbol.iterator](): this {
    return this;
  }

  next(answer: unknown): IteratorResult<unknown, unknown> {
    if (this.#isShown) return { done: true, value: answer };
    const given = this.#operation(this.#end, this.#body);
    if (given !== waits) return { done: true, value: given };
    this.#isShown = true;
    return { done: false, value: this };
  }
}

function deliver({ peer }: BareEnd, body: object | undefined): void {
  const { waiter } = peer!;
  if (waiter === undefined) {
    peer!.message = { ...body };
    return;
  }
  peer!.waiter = undefined;
  waiter.answer = { ...body };
  enqueue(waiter);
}

function take(end: BareEnd): unknown {
  const { message } = end;
  if (message === undefined) {
    end.waiter = running;
    return waits;
  }
  end.message = undefined;
  return message;
}

const send = (end: BareEnd, body: object) => new BareRequest(deliver, end, body);
const receive = (end: BareEnd) => new BareRequest(take, end);

function* ask(end: BareEnd, roundTrips: number): Generator<unknown, void, unknown> {
  for (let value = 0; value < roundTrips; value++) {
    yield* send(end, { value });
    yield* receive(end);
  }
}

function* answer(end: BareEnd, roundTrips: number): Generator<unknown, void, unknown> {
  for (let count = 0; count < roundTrips; count++) {
    const { value } = (yield* receive(end)) as { value: number };
    yield* send(end, { value });
  }
}

/** Sends a number there and back so many times. */
export function bareRoundTrips(roundTrips: number): void {
  const client: BareEnd = { peer: undefined, waiter: undefined, message: undefined };
  const server: BareEnd = { peer: client, waiter: undefined, message: undefined };
  client.peer = server;
  for (const code of [answer(server, roundTrips), ask(client, roundTrips)]) {
    enqueue({ code, answer: undefined, next: undefined });
  }
  while (first !== undefined) {
    running = first;
    first = running.next;
    if (first === undefined) last = undefined;
    running.next = undefined;
    running.code.next(running.answer);
  }
}
