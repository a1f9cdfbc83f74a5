/**
 * Programs that try to keep what they gave away, or to run code of theirs inside the kernel.
 *
 * What a program may do to itself is its own affair; these tests look at what others see.
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Block, Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench } from "../testing/bench.ts";

const giftContract = {
  name: "gift/1",
  contractName: "GiftContract",
  messages: {
    give: {
      from: "client",
      doc: "A block and an end",
      body: { data: "bytes", end: { endpoint: pipeContract, end: "server" } },
      uses: "sent",
    },
  },
  credits: { sent: { doc: "What is under way", user: "client", limit: 16, initial: 16 } },
  start: "open",
  states: { open: { give: "open" } },
} as const satisfies Contract;

/** Runs one program to its end; a fault of it fails the test. */
function run(main: (kernel: Kernel) => Program): Bench {
  const bench = new Bench();
  bench.run(main);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  return bench;
}

function* codeOf(call: () => Program): Generator<never, string, unknown> {
  try {
    yield* call() as Generator<never, void, unknown>;
    return "done";
  } catch (error) {
    return (error as { code?: string }).code ?? `${error}`;
  }
}

Deno.test("after a send, views of the block and of its buffer are dead, and the handle refuses everything", () => {
  run(function* sender(kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const block = yield* kernel.allocate(16);
    const views = [block.bytes, block.bytes.subarray(4), new Uint8Array(block.bytes.buffer)];
    const data = new DataView(block.bytes.buffer);
    views[0]!.fill(7);
    yield* client.send("write", { data: block });
    assertEquals(views.map(({ length }) => length), [0, 0, 0]);
    assertThrows(() => data.getUint8(0), TypeError);
    for (
      const use of [() => block.bytes, () => block.length, () => block.capacity, () => block.window(0, 1)]
    ) {
      assertThrows(use, Error, "The block was sent or freed");
    }
    assertEquals(yield* codeOf(() => kernel.free(block)), "BadArgument");
    const { data: received } = yield* server.receive();
    assertEquals([...received.bytes], new Array(16).fill(7));
  });
});

Deno.test("a freed block is as dead as a sent one", () => {
  run(function* freer(kernel) {
    const block = yield* kernel.allocate(16);
    const view = block.bytes;
    yield* kernel.free(block);
    assertEquals(view.length, 0);
    assertThrows(() => block.bytes, Error, "The block was sent or freed");
    assertEquals(yield* codeOf(() => kernel.free(block)), "BadArgument");
  });
});

Deno.test("a window stays inside its block, and the receiver sees the window alone", () => {
  run(function* sender(kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const block = yield* kernel.allocate(100);
    for (
      const [offset, length] of [[-1, 1], [0, 129], [128, 1], [0.5, 1], [0, NaN], [
        2 ** 53,
        -(2 ** 53),
      ]] as const
    ) {
      assertThrows(() => block.window(offset, length), Error, "does not lie in a block of 128 bytes");
    }
    block.bytes.set([1, 2, 3, 4]);
    block.window(1, 2);
    yield* client.send("write", { data: block });
    assertEquals([...(yield* server.receive()).data.bytes], [2, 3]);
  });
});

Deno.test("sizes that are none, or too large, are refused", () => {
  run(function* allocator(kernel) {
    for (
      const size of [
        -1,
        1.5,
        NaN,
        Infinity,
        (16 << 20) + 1,
        "64" as unknown as number,
        {} as unknown as number,
      ]
    ) {
      assertEquals(
        yield* codeOf(function* () {
          yield* kernel.allocate(size);
        }),
        "BadArgument",
      );
    }
  });
});

Deno.test("what a hostile body's getters and traps throw reaches its own program alone, and nothing was taken", () => {
  run(function* hostile(kernel) {
    const gift = yield* kernel.createChannel(giftContract);
    const pipe = yield* kernel.createChannel(pipeContract);
    const data = yield* kernel.allocate(4);
    const bodies = [
      {
        data,
        get end(): never {
          throw new Error("mine");
        },
      },
      new Proxy({ data, end: pipe.server }, {
        get: () => {
          throw new Error("mine");
        },
      }),
    ];
    for (const body of bodies) {
      assertEquals(yield* codeOf(() => gift.client.send("give", body as never)), "Error: mine");
    }
    assertEquals(data.length, 4);
    yield* gift.client.send("give", { data, end: pipe.server });
    assertEquals((yield* gift.server.receive()).data.length, 4);
  });
});

Deno.test("a body is read once: what a getter gives later is never seen", () => {
  run(function* hostile(kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const first = yield* kernel.allocate(1);
    const second = yield* kernel.allocate(2);
    let reads = 0;
    yield* client.send("write", {
      get data() {
        return reads++ === 0 ? first : second;
      },
    });
    assertEquals([reads, (yield* server.receive()).data.length, second.length], [1, 1, 2]);
  });
});

Deno.test("the kernel's object is frozen, and neither handles nor requests can make others", () => {
  run(function* looker(kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    yield* client.send("write", { data: yield* kernel.allocate(1) });
    const message = yield* server.receive();
    assert(Object.isFrozen(kernel));
    for (const handle of [client, message.data] as object[]) assertEquals(handle.constructor, Object);
    const request = kernel.random().next().value as object;
    assertEquals([request.constructor, Object.isFrozen(Object.getPrototypeOf(request))], [Object, true]);
  });
});

Deno.test("a call that was made before its end was given away does not reach the end afterwards", () => {
  run(function* hoarder(kernel) {
    const gift = yield* kernel.createChannel(giftContract);
    const pipe = yield* kernel.createChannel(pipeContract);
    const keptReceive = pipe.server.receive();
    const keptSend = pipe.server.send("written");
    yield* gift.client.send("give", { data: yield* kernel.allocate(1), end: pipe.server });
    yield* pipe.client.send("write", { data: yield* kernel.allocate(1) });
    assertEquals(yield* codeOf(() => keptReceive as unknown as Program), "ChannelClosed");
    assertEquals(yield* codeOf(() => keptSend), "ChannelClosed");
    const { end } = yield* gift.server.receive();
    assertEquals((yield* end.receive()).tag, "write");
  });
});

Deno.test("an end on which a thread of the sender waits cannot be sent: the thread would hear what is not its own", () => {
  const bench = new Bench();
  const process = bench.start(function* hoarder(kernel) {
    const gift = yield* kernel.createChannel(giftContract);
    const pipe = yield* kernel.createChannel(pipeContract);
    yield* kernel.createThread(function* () {
      yield* pipe.server.receive();
    });
    yield* kernel.sleep(1000);
    yield* gift.client.send("give", { data: yield* kernel.allocate(1), end: pipe.server });
  });
  bench.settle();
  assert(process.fault.includes(`field "end" of "give" is waited on by a thread`), process.fault);
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});

Deno.test("an end that was given away is dead in its former holder's hands", () => {
  run(function* giver(kernel) {
    const gift = yield* kernel.createChannel(giftContract);
    const pipe = yield* kernel.createChannel(pipeContract);
    const set = kernel.endpointSet<typeof pipeContract, "server", number>(pipeContract, "server");
    set.add(pipe.server, 1);
    yield* gift.client.send("give", { data: yield* kernel.allocate(1), end: pipe.server });
    const uses: (() => Program)[] = [
      () => pipe.server.send("written"),
      () => pipe.server.receive() as unknown as Program,
    ];
    for (const use of uses) assertEquals(yield* codeOf(use), "ChannelClosed");
    assertEquals(yield* kernel.select({ pipe: pipe.server }, 0), { on: "unsatisfiable" });
    assertThrows(() => set.add(pipe.server, 2), Error, "Only an open endpoint can enter a set");
    yield* pipe.server.close();
    yield* pipe.client.send("write", { data: yield* kernel.allocate(1) });
    assertEquals(yield* kernel.select({ set }, 0), { on: "unsatisfiable" });
  });
});

Deno.test("a text that is no well-formed Unicode arrives the same on this kernel and on another", () => {
  const noteContract = {
    name: "note/1",
    contractName: "NoteContract",
    messages: { note: { from: "client", doc: "A text", body: { text: "string" }, uses: "sent" } },
    credits: { sent: { doc: "What is under way", user: "client", limit: 4, initial: 4 } },
    start: "open",
    states: { open: { note: "open" } },
  } as const satisfies Contract;
  const bench = new Bench({ domains: 2 });
  const got: string[] = [];
  bench.start(function* taker(kernel) {
    const service = yield* kernel.register(noteContract, "/notes");
    for (let index = 0; index < 2; index++) got.push((yield* (yield* service.accept()).receive()).text);
  });
  for (const on of [0, 1]) {
    bench.run(function* sender(kernel) {
      const end: Endpoint<typeof noteContract, "client"> = yield* kernel.bind(noteContract, "/notes");
      yield* end.send("note", { text: "\ud800 and \ufeff" });
    }, { on });
  }
  assertEquals([...got], ["\ufffd and \ufeff", "\ufffd and \ufeff"]);
});

Deno.test("blocks cannot be passed round the kernel: a block of another process is refused", () => {
  const bench = new Bench();
  let foreign: Block | undefined;
  bench.start(function* owner(kernel) {
    foreign = yield* kernel.allocate(4);
    yield* kernel.sleep(1e12);
  });
  bench.settle(0.001);
  const thief = bench.start(function* thief(kernel) {
    assertEquals(yield* codeOf(() => kernel.free(foreign!)), "BadArgument");
    const { client } = yield* kernel.createChannel(pipeContract);
    yield* client.send("write", { data: foreign! });
  });
  bench.settle(0.001);
  assert(thief.fault.includes(`field "data" of "write" is another process's block`), thief.fault);
  assertEquals(foreign!.length, 4);
});
