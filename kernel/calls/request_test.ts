/**
 * Requests: what a program yields, used again by its thread, and worthless in anybody's hands.
 *
 * Programs run as they stand, so the ways to yield that phase two refuses are tried too.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { buildSample } from "../compiler/sample_programs.ts";
import type { Call, Kernel, Program } from "../abi/kernel.ts";
import { Bench } from "../testing/bench.ts";

/** Yields a value as it is. */
const asIs = (value: unknown): Call<unknown> =>
  ({
    [Symbol.iterator]: () => {
      let isYielded = false;
      return {
        next: (answer: unknown) => {
          if (isYielded) return { done: true, value: answer };
          isYielded = true;
          return { done: false, value };
        },
      };
    },
  }) as unknown as Call<unknown>;

const faultOf = (main: (kernel: Kernel) => Program): string => {
  const bench = new Bench();
  const process = bench.start(main);
  bench.settle();
  return process.fault;
};

Deno.test("calls that were made before one of them is yielded are requests of their own, in any order", () => {
  new Bench().run(function* (kernel) {
    const cell = yield* kernel.createAtomicCell(7);
    const [first, second, third] = [cell.load(), kernel.now(), cell.store(9)];
    yield* third;
    assert((yield* second) > 0);
    assertEquals(yield* first, 9);
  });
});

Deno.test("a request that was answered gives nothing, and enters no kernel, when it is yielded* again", () => {
  new Bench().run(function* (kernel) {
    const request = kernel.random();
    const other = kernel.sleep(10);
    assert((yield* request) > 0);
    assertEquals(yield* request as Call<number | undefined>, undefined);
    yield* other;
  });
});

Deno.test("a request that was answered ends the process that yields it as it is", () => {
  const fault = faultOf(function* (kernel) {
    const request = kernel.random();
    yield* request;
    yield* asIs(request);
  });
  assertStringIncludes(fault, "A program may yield kernel calls only");
});

Deno.test("what only looks like a request ends the process that yields it", () => {
  const forgeries: Readonly<Record<string, (request: object) => unknown>> = {
    "a proxy": (request) => new Proxy(request, {}),
    "an heir": (request) => Object.create(request),
    "a copy": (request) => Object.assign(Object.create(Object.getPrototypeOf(request)), request),
    "its prototype": (request) => Object.getPrototypeOf(request),
  };
  for (const [what, forge] of Object.entries(forgeries)) {
    const fault = faultOf(function* (kernel) {
      yield* asIs(forge(kernel.now()));
    });
    assertStringIncludes(fault, "A program may yield kernel calls only", what);
  }
});

Deno.test("a request shows a program nothing, and its prototype cannot be changed", () => {
  new Bench().run(function* (kernel) {
    const request = kernel.random();
    assertEquals(Reflect.ownKeys(request), []);
    const prototype = Object.getPrototypeOf(request);
    assertEquals(prototype.constructor, Object);
    assertThrows(() => prototype.next = () => {}, TypeError);
    const shown = request.next();
    assertEquals([shown.done, shown.value as unknown === request], [false, true]);
    yield* kernel.now();
  });
});

Deno.test("a compiled program waits for requests, for its own generators, and for what it iterates itself", () => {
  const { il } = buildSample(`
    function* twice(kernel) { const before = yield* kernel.now(); return (yield* kernel.now()) - before; }
    function* nested(kernel, depth) { return depth === 0 ? yield* twice(kernel) : yield* nested(kernel, depth - 1); }
    export default function* main(kernel) {
      const cell = yield* kernel.createAtomicCell(yield* (yield* kernel.createAtomicCell(5)).load());
      if ((yield* cell.load()) !== 5) throw new Error("nested");
      if (!((yield* nested(kernel, 3)) > 0)) throw new Error("generators");
      let sum = 0;
      for (const value of [1, 2, 3]) { yield* kernel.sleep(value); sum += value; }
      let code = "";
      try { yield* kernel.removeName("/nowhere"); } catch (error) { code = error.code; }
      return sum === 6 && code === "NotFound" ? 3 : 4;
    }`);
  const bench = new Bench();
  const process = bench.startIl(il);
  bench.settle();
  assertEquals([process.fault, process.status], ["", 3]);
});

Deno.test("a compiled program that resumes its generators itself gets to see each of their requests", () => {
  const { il } = buildSample(`
    function* inner(kernel) { const before = yield* kernel.now(); return (yield* kernel.now()) - before; }
    export default function* main(kernel) {
      yield* kernel.now();
      const generator = inner(kernel);
      let seen = 0, answer;
      for (;;) {
        const { done, value } = generator.next(answer);
        if (done) return seen * 10 + (value > 0 ? 1 : 0);
        seen++;
        answer = yield* value;
      }
    }`);
  const bench = new Bench();
  const process = bench.startIl(il);
  bench.settle();
  assertEquals([process.fault, process.status], ["", 21]);
});

Deno.test("what a call throws within the burst comes out of its yield*, and a broken contract ends the program there", () => {
  const contract =
    `{ name: "one/1", contractName: "OneContract", start: "open", states: { open: { put: "shut" }, shut: {} },
    messages: { put: { from: "client", doc: "One", body: { value: "u8" } } } }`;
  const { il } = buildSample(`
    export default function* main(kernel) {
      const one = yield* kernel.createChannel(${contract});
      yield* one.server.close();
      yield* one.client.send("put", { value: 1 });
      yield* one.client.close();
      let code = "";
      try { yield* one.client.send("put", { value: 2 }); } catch (error) { code = error.code; }
      if (code !== "ChannelClosed") return 1;
      const other = yield* kernel.createChannel(${contract});
      try { yield* other.client.send("put", { value: 256 }); } finally { yield* kernel.exit(9); }
    }`);
  const bench = new Bench();
  const process = bench.startIl(il);
  bench.settle();
  assertEquals(process.status, 1);
  assertStringIncludes(process.fault, 'field "value" of "put" is 256');
});

Deno.test("a call by itself is a thread that ends when the call has been answered", () => {
  const { il } = buildSample(`
    export default function* main(kernel) {
      const started = yield* kernel.now();
      const thread = yield* kernel.createThread(() => kernel.sleep(1e6));
      yield* thread.join();
      return (yield* kernel.now()) - started >= 1e6 ? 3 : 4;
    }`);
  const bench = new Bench();
  const process = bench.startIl(il);
  bench.settle();
  assertEquals([process.fault, process.status], ["", 3]);
});
