/**
 * Arguments and habits that would reach past a program's own things: other functions'
 * registers, other services' names, memory of the namespace, tables of the kernel.
 *
 * Each test is one thing that a program did, and what it must not get by it.
 */

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { KernelDevice } from "../boot/devices.ts";
import type { Contract } from "../contracts/contract.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { serviceProviderContract } from "../contracts/namespace.ts";
import { Bench } from "../testing/bench.ts";
import { openDevice } from "./device_handle.ts";
import { CallError } from "./errors.ts";

const tickContract = {
  name: "tick/1",
  contractName: "TickContract",
  messages: { tick: { from: "client", doc: "A number", body: { count: "u32" }, uses: "sent" } },
  credits: { sent: { doc: "What is under way", user: "client", limit: 64, initial: 64 } },
  start: "open",
  states: { open: { tick: "open" } },
} as const satisfies Contract;

const nothingLeft = { blocks: 0, ends: 0, lent: 0 };

function* codeOf(call: () => unknown): Generator<never, string, unknown> {
  try {
    yield* call() as Generator<never, void, unknown>;
    return "done";
  } catch (error) {
    return (error as { code?: string }).code ?? `${error}`;
  }
}

Deno.test("a driver reaches the registers of its own function only, whatever offset it names", () => {
  const bench = new Bench();
  const device: KernelDevice = {
    location: "0:3.0",
    address: [0, 3, 0],
    vendorId: 0x8086,
    deviceId: 1,
    classCode: 0,
    bars: [],
    line: 16,
  };
  const outcomes: string[] = [];
  const process = bench.start(function* driver(kernel) {
    yield* kernel.sleep(1e6);
    for (const given of [device, { ...device, location: "uart0", vendorId: 0 }]) {
      const { readConfiguration32, writeConfiguration32 } = openDevice(bench.kernels[0]!, process, given);
      for (const offset of [0, -4, 2, 256, 0x8000, 2 ** 40, NaN, "0" as unknown as number]) {
        outcomes.push(yield* codeOf(() => readConfiguration32(offset)));
      }
      outcomes.push(yield* codeOf(() => writeConfiguration32(0x8004, 0)));
    }
  });
  bench.settle();
  assertEquals(process.fault, "");
  assertEquals(outcomes, ["done", ...new Array<string>(17).fill("BadArgument")]);
});

Deno.test("a service that changes its path, or deregisters twice, takes nobody else's name out", () => {
  const bench = new Bench();
  bench.run(function* thief(kernel) {
    const own = yield* kernel.register(tickContract, "/own");
    yield* kernel.register(tickContract, "/other");
    (own as { path: string }).path = "/other";
    yield* own.deregister();
    yield* kernel.register(tickContract, "/own");
    yield* own.deregister();
    assertEquals((yield* kernel.enumerate("/")).map(({ path }) => path), ["/other", "/own"]);
  });
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("a thread that waits for clients learns when another thread takes the name out", () => {
  const bench = new Bench();
  let outcome = "";
  bench.run(function* server(kernel) {
    const service = yield* kernel.register(tickContract, "/tick");
    const waiting = yield* kernel.createThread(function* (): Program {
      outcome = yield* codeOf(() => service.accept());
    });
    yield* kernel.sleep(1e6);
    yield* service.deregister();
    yield* waiting.join();
  });
  assertEquals(outcome, "ChannelClosed");
});

Deno.test("a path that is longer than any path never gets to the coordinator", () => {
  const bench = new Bench({ domains: 2 });
  for (const on of [0, 1]) {
    bench.run(function* long(kernel) {
      for (const path of ["/".repeat(1 << 20), 7 as unknown as string]) {
        const calls = [
          () => kernel.bind(tickContract, path),
          () => kernel.register(tickContract, path),
          () => kernel.enumerate(path),
        ];
        for (const call of calls) assertEquals(yield* codeOf(call), "BadArgument");
      }
      assertEquals(yield* kernel.enumerate("/"), []);
    }, { on });
  }
});

Deno.test("a bind or a registration that is refused leaves no channel behind", () => {
  const bench = new Bench({ domains: 2 });
  for (const on of [0, 1]) {
    const process = bench.start(function* unlucky(kernel) {
      const service = yield* kernel.register(tickContract, "/tick");
      for (let count = 0; count < 10; count++) {
        assertEquals(yield* codeOf(() => kernel.bind(tickContract, "/nobody", 0)), "NotFound");
        assertEquals(yield* codeOf(() => kernel.bind(tickContract, "/nobody", 1000)), "TimedOut");
        assertEquals(yield* codeOf(() => kernel.register(tickContract, "/tick")), "AlreadyRegistered");
      }
      yield* kernel.sleep(1e6);
      assertEquals(process.ends.size, 3);
      yield* service.deregister();
    }, { on });
    bench.settle();
    assertEquals([process.state, process.fault], ["ended", ""]);
  }
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("a bind whose client died waits no more", () => {
  const bench = new Bench({ domains: 2 });
  for (const on of [0, 1]) {
    bench.run(function* quitter(kernel) {
      yield* kernel.createThread(function* (): Program {
        yield* kernel.bind(tickContract, "/never", 1e18);
      });
      yield* kernel.sleep(1e6);
    }, { on });
  }
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("a client that came to the coordinator before the contract did is served", () => {
  const bench = new Bench({ domains: 2 });
  let got = 0;
  bench.start(function* client(kernel) {
    const end: Endpoint<typeof tickContract, "client"> = yield* kernel.bind(tickContract, "/tick");
    yield* end.send("tick", { count: 7 });
  }, { on: 1 });
  bench.settle(0.001);
  bench.run(function* server(kernel) {
    const service = yield* kernel.register(tickContract, "/tick");
    got = (yield* (yield* service.accept()).receive()).count;
  });
  assertEquals(got, 7);
});

Deno.test("a program's contract says of each endpoint which contract it speaks", () => {
  const bench = new Bench();
  const process = bench.start(function* smuggler(kernel) {
    yield* kernel.createChannel(serviceProviderContract);
  });
  bench.settle();
  assertStringIncludes(process.fault, "must say which contract its endpoint speaks");
});

Deno.test("another program's declaration under a known name harms nobody", () => {
  const bench = new Bench();
  const other = { ...pipeContract, contractName: "OtherContract" } as const satisfies Contract;
  bench.start(function* squatter(kernel) {
    yield* kernel.createChannel({ ...tickContract, contractName: "OtherContract" });
    yield* kernel.createChannel(other);
    yield* kernel.sleep(1e9);
  });
  bench.settle(0.001);
  bench.run(function* honest(kernel) {
    const { client, server } = yield* kernel.createChannel(tickContract);
    yield* client.send("tick", { count: 1 });
    assertEquals((yield* server.receive()).count, 1);
  });
});

Deno.test("a process that holds 4,096 ends opens no more, and ends alone", () => {
  const bench = new Bench();
  let outcome = "";
  bench.run(function* hoarder(kernel) {
    for (let count = 0; outcome !== "OutOfMemory" && count < 5000; count++) {
      outcome = yield* codeOf(() => kernel.createChannel(tickContract));
    }
  });
  assertEquals(outcome, "OutOfMemory");
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("an endpoint that was closed or given away leaves its set", () => {
  const bench = new Bench();
  bench.run(function* server(kernel) {
    const set = kernel.endpointSet<typeof tickContract, "server", number>(tickContract, "server");
    for (let count = 0; count < 3; count++) {
      const { server } = yield* kernel.createChannel(tickContract);
      set.add(server, count);
      if (count > 0) yield* server.close();
    }
    assertEquals(set.size, 1);
  });
});

Deno.test("the class of a kernel error is out of a program's reach", () => {
  const error: Error = new CallError("BadArgument", "no");
  assert(!("constructor" in CallError.prototype && Object.hasOwn(CallError.prototype, "constructor")));
  assert(error.constructor !== CallError && error instanceof CallError);
});

Deno.test("a text that finds no memory on its way out is refused, and the channel goes on", () => {
  const noteContract = {
    name: "note/1",
    contractName: "NoteContract",
    messages: {
      note: {
        from: "client",
        doc: "A text and a block",
        body: { text: "string", data: "bytes" },
        uses: "sent",
      },
    },
    credits: { sent: { doc: "What is under way", user: "client", limit: 4, initial: 4 } },
    start: "open",
    states: { open: { note: "open" } },
  } as const satisfies Contract;
  const bench = new Bench({ domains: 2 });
  const got: number[] = [];
  bench.start(function* taker(kernel) {
    const service = yield* kernel.register(noteContract, "/notes");
    const end = yield* service.accept();
    for (;;) {
      const message = yield* end.receiveOrClosed();
      if (message === undefined) return;
      got.push(message.text.length);
    }
  });
  bench.run(function* sender(kernel: Kernel) {
    const end: Endpoint<typeof noteContract, "client"> = yield* kernel.bind(noteContract, "/notes");
    const data = yield* kernel.allocate(8);
    const { heap } = bench.kernels[1]!;
    const hog = [];
    for (let size = 1 << 24; size >= 4096; size >>= 1) {
      for (let block = heap.allocate(size, undefined); block; block = heap.allocate(size, undefined)) {
        hog.push(block);
      }
    }
    const text = "x".repeat(5000);
    assertEquals(yield* codeOf(() => end.send("note", { text, data })), "OutOfMemory");
    assertThrows(() => data.length, Error, "was sent or freed");
    for (const block of hog) heap.free(block);
    yield* end.send("note", { text, data: yield* kernel.allocate(8) });
  }, { on: 1 });
  assertEquals(got, [5000]);
  assertEquals(bench.leftovers(), nothingLeft);
});

Deno.test("what a getter computes inside a kernel call costs its program time", () => {
  const bench = new Bench();
  let elapsed = 0;
  bench.run(function* sly(kernel) {
    const { client } = yield* kernel.createChannel(tickContract);
    const start = yield* kernel.now();
    yield* client.send("tick", {
      get count() {
        bench.work(1e9);
        return 1;
      },
    });
    elapsed = (yield* kernel.now()) - start;
  });
  assert(elapsed > 0.4e9, `${elapsed} ns`);
});
