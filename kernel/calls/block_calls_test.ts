/**
 * Blocks as programs use them: split, shared and truncated, sent near and far, freed when their owner dies.
 *
 * That nothing is left on any kernel is checked after each test (kernel/testing/leaks.ts).
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Block, Call, Kernel, Program } from "../abi/kernel.ts";
import type { Contract } from "../contracts/contract.ts";
import { leakedBlocks } from "../memory/heap_use.ts";
import { memoryQuotaDefault } from "../placement/manifest.ts";
import { blocksMax } from "../process/process_table.ts";
import { Bench } from "../testing/bench.ts";

const parcelContract = {
  name: "parcel/1",
  contractName: "ParcelContract",
  messages: {
    parcel: { from: "client", doc: "A block", body: { data: "bytes" }, uses: "sent" },
    pair: { from: "client", doc: "Two blocks", body: { one: "bytes", other: "bytes" }, uses: "sent" },
  },
  credits: { sent: { doc: "What is under way", user: "client", limit: 64, initial: 64 } },
  start: "open",
  states: { open: { parcel: "open", pair: "open" } },
} as const satisfies Contract;

/** The code and the words of a call that fails. */
function* refusalOf(call: Call<unknown>): Call<string> {
  try {
    yield* call;
    return "nothing was refused";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

function* filled(kernel: Kernel, size: number): Call<Block> {
  const block = yield* kernel.allocate(size);
  block.bytes.set(Uint8Array.from({ length: size }, (_, index) => index % 251));
  return block;
}

const isFilled = (bytes: Uint8Array, from: number) =>
  bytes.every((byte, index) => byte === (from + index) % 251);

Deno.test("a block is cut in two: each part has its bytes, its window and its capacity, and old views are dead", () => {
  new Bench().run(function* splitter(kernel) {
    for (
      const [size, offset] of [[200, 64], [2048, 128], [5000, 64], [5000, 4096], [
        70_000,
        40_000 - 40_000 % 64,
      ]]
    ) {
      const head = yield* filled(kernel, size!);
      const { capacity } = head;
      const before = head.bytes;
      const tail = yield* kernel.split(head, offset!);
      assertEquals([before.length, head.length, tail.length], [0, offset!, size! - offset!]);
      assertEquals([head.capacity, tail.capacity], [offset!, capacity - offset!]);
      assert(isFilled(head.bytes, 0) && isFilled(tail.bytes, offset!));
      tail.bytes.fill(0xee);
      assert(isFilled(head.bytes, 0));
      yield* kernel.free(head);
      assert(tail.bytes.every((byte) => byte === 0xee));
    }
  });
});

Deno.test("a part keeps what the window had in it", () => {
  new Bench().run(function* splitter(kernel) {
    const windows = [[100, 10, 0, 10], [10, 20, 20, 0], [60, 10, 4, 6]];
    for (const [offset, length, inHead, inTail] of windows) {
      const head = yield* filled(kernel, 128);
      head.window(offset!, length!);
      const tail = yield* kernel.split(head, 64);
      assertEquals([head.length, tail.length], [inHead, inTail]);
      if (inHead! > 0) assertEquals(head.bytes[0], offset);
      if (inTail! > 0) assertEquals(tail.bytes[0], Math.max(offset!, 64));
    }
  });
});

Deno.test("a cut off a cache line, outside of the block, or of a shared block is refused with the rule", () => {
  new Bench().run(function* splitter(kernel) {
    const block = yield* kernel.allocate(128);
    for (const offset of [0, -64, 1, 63, 128, 192, 64.5, NaN]) {
      assertEquals(
        yield* refusalOf(kernel.split(block, offset)),
        `BadArgument: Cannot split a block of 128 bytes at ${offset}: a part starts on a cache line, ` +
          "at a multiple of 64 below 128",
      );
    }
    assertMatch(
      yield* refusalOf(kernel.truncate(block, 129)),
      /^BadArgument: Cannot truncate a block of 128 bytes to 129$/,
    );
    yield* kernel.share(block);
    assertMatch(yield* refusalOf(kernel.split(block, 64)), /^BadArgument: Cannot split a shared block/);
    assertMatch(yield* refusalOf(kernel.truncate(block, 64)), /^BadArgument: Cannot truncate a shared block/);
    yield* kernel.free(block);
    assertMatch(yield* refusalOf(kernel.split(block, 64)), /^BadArgument: That is no block of this process$/);
    assertMatch(
      yield* refusalOf(kernel.share({} as Block)),
      /^BadArgument: That is no block of this process$/,
    );
  });
});

Deno.test("truncating gives memory back to the quota, keeps the head, and kills views", () => {
  new Bench().run(function* miser(kernel) {
    const blocks: Block[] = [];
    for (let bytes = 0; bytes < memoryQuotaDefault; bytes += 16 << 20) {
      blocks.push(yield* kernel.allocate(16 << 20));
    }
    blocks[0]!.bytes[99] = 1;
    assertMatch(yield* refusalOf(kernel.allocate(1)), /^OutOfMemory/);
    const view = blocks[0]!.bytes;
    yield* kernel.truncate(blocks[0]!, 100);
    assertEquals([view.length, blocks[0]!.length, blocks[0]!.capacity], [0, 100, 128]);
    assertEquals(blocks[0]!.bytes[99], 1);
    yield* kernel.free(yield* kernel.allocate((16 << 20) - 4096));
    yield* kernel.truncate(blocks[0]!, 0);
    assertEquals([blocks[0]!.length, blocks[0]!.capacity], [0, 64]);
  });
});

Deno.test("splitting, sharing and truncating cost the same whatever the size, allocating does not", () => {
  new Bench().run(function* timed(kernel) {
    const costs: number[][] = [];
    const cost = function* (call: () => Call<unknown>): Call<number> {
      const before = yield* kernel.now();
      yield* call();
      return (yield* kernel.now()) - before;
    };
    for (const size of [4096, 1 << 20]) {
      let block: Block | undefined;
      const allocation = yield* cost(function* () {
        block = yield* kernel.allocate(size);
      });
      const split = yield* cost(() => kernel.split(block!, 2048));
      const truncate = yield* cost(() => kernel.truncate(block!, 64));
      costs.push([split, truncate, yield* cost(() => kernel.share(block!)), allocation]);
    }
    const [small, large] = costs;
    for (let index = 0; index < 3; index++) assert(Math.abs(small![index]! - large![index]!) < 1, `${costs}`);
    assert(large![3]! > 100 * small![3]!, `allocation took ${small![3]} and ${large![3]} ns`);
  });
});

for (const on of [0, 1]) {
  const where = on === 0 ? "on its kernel" : "on another kernel";
  Deno.test(`parts go to different owners, and a view kept of one that was sent is dead, to a receiver ${where}`, () => {
    const bench = new Bench({ domains: 2 });
    let received: number[] = [];
    bench.start(function* receiver(kernel) {
      const end = yield* (yield* kernel.register(parcelContract, "/parcels")).accept();
      const message = yield* end.receive();
      if (message.tag === "pair") throw new Error("a pair came");
      assert(isFilled(message.data.bytes, 128));
      received = [message.data.length, message.data.capacity];
    }, { on });
    bench.run(function* sender(kernel) {
      const end = yield* kernel.bind(parcelContract, "/parcels");
      const head = yield* filled(kernel, 500);
      const tail = yield* kernel.split(head, 128);
      const views = [head.bytes, tail.bytes];
      yield* end.send("parcel", { data: tail });
      assertEquals(views.map(({ length }) => length), [128, 0]);
      assert(isFilled(head.bytes, 0));
    });
    assertEquals(received, on === 0 ? [372, 384] : [372, 512]);
  });

  Deno.test(`a shared block is read by all its holders and changed by none, with a receiver ${where}`, () => {
    const bench = new Bench({ domains: 2 });
    let seen: unknown[] = [];
    bench.start(function* receiver(kernel) {
      const end = yield* (yield* kernel.register(parcelContract, "/parcels")).accept();
      const message = yield* end.receive();
      if (message.tag !== "pair") throw new Error("no pair came");
      const { one, other } = message;
      one.bytes.fill(9);
      seen = [one.isReadOnly, other.isReadOnly, one.length, isFilled(other.bytes, 0)];
      yield* kernel.sleep(1e6);
    }, { on });
    bench.run(function* sender(kernel) {
      const end = yield* kernel.bind(parcelContract, "/parcels");
      const block = yield* filled(kernel, 5000);
      const kept = block.bytes;
      const copies = [yield* kernel.share(block), yield* kernel.share(block)];
      assertEquals([block.isReadOnly, kept.length], [true, 0]);
      block.bytes[0] = 77;
      assertEquals(copies[0]!.bytes[0], 0);
      const view = copies[0]!.bytes;
      yield* end.send("pair", { one: copies[0]!, other: copies[1]! });
      assertEquals(view.length, 0);
      yield* kernel.sleep(1e6);
      assert(isFilled((yield* kernel.share(block)).bytes, 0));
    });
    assertEquals(seen, [true, true, 5000, true]);
  });
}

Deno.test("shared memory is freed with the last holder, whichever that is, and each holder pays for it", () => {
  const bench = new Bench();
  const { heap } = bench.kernels[0]!;
  bench.run(function* sharer(kernel) {
    const block = yield* kernel.allocate(16 << 20);
    const others = [yield* kernel.share(block), yield* kernel.share(block), yield* kernel.share(block)];
    assertMatch(yield* refusalOf(kernel.share(block)), /^OutOfMemory/);
    assertEquals([heap.liveExtents, heap.liveBlocks, heap.liveBytes], [1, 4, 16 << 20]);
    yield* kernel.free(block);
    yield* kernel.free(others[1]!);
    assertEquals([heap.liveExtents, heap.liveBlocks, others[2]!.length], [1, 2, 16 << 20]);
    yield* kernel.free(others[0]!);
    assertEquals(heap.liveBytes, 16 << 20);
    yield* kernel.free(others[2]!);
    assertEquals([heap.liveExtents, heap.liveBytes], [0, 0]);
  });
});

Deno.test("a process gets no more blocks than it may own, however small they are", () => {
  let refusal = "";
  new Bench({ keepsLog: false }).run(function* collector(kernel) {
    let last: Block | undefined;
    for (let count = 0; count < blocksMax; count++) last = yield* kernel.allocate(1);
    refusal = yield* refusalOf(kernel.share(last!));
    yield* kernel.free(last!);
    yield* kernel.allocate(100);
  });
  assertMatch(refusal, /^OutOfMemory: collector:\d+@coordinator owns 65536 blocks already$/);
});

Deno.test("what a process has sent counts against it until it is received, and arrives although it died", () => {
  const bench = new Bench();
  let [refusal, arrived] = ["", 0];
  const receiver = bench.start(function* receiver(kernel) {
    const end = yield* (yield* kernel.register(parcelContract, "/parcels")).accept();
    yield* kernel.sleep(1e9);
    yield* end.receive();
    yield* kernel.sleep(1e9);
    while ((yield* end.receiveOrClosed()) !== undefined) arrived++;
  });
  bench.run(function* sender(kernel) {
    const end = yield* kernel.bind(parcelContract, "/parcels");
    for (let bytes = 0; bytes < memoryQuotaDefault; bytes += 8 << 20) {
      yield* end.send("parcel", { data: yield* kernel.allocate(8 << 20) });
    }
    refusal = yield* refusalOf(kernel.allocate(1));
    yield* kernel.sleep(1e9);
    yield* end.send("parcel", { data: yield* kernel.allocate(8 << 20) });
  });
  assertMatch(refusal, /^OutOfMemory: sender:\d+@coordinator may own at most 64 MiB of blocks$/);
  assertEquals([arrived, receiver.fault], [8, ""]);
});

Deno.test("the table of a heap tells sizes and owners, and the rows of owners come to all blocks", () => {
  const bench = new Bench({ domains: 2 });
  bench.run(function* owner(kernel) {
    const blocks = [yield* kernel.allocate(10), yield* kernel.allocate(5000)];
    yield* kernel.share(blocks[1]!);
    const { client } = yield* kernel.createChannel(parcelContract);
    yield* client.send("parcel", { data: yield* kernel.allocate(100) });
    const rows = yield* kernel.system!.heap();
    const [total, free, live] = ["total", "free", "live"].map((part) =>
      rows.find((row) => row.part === part)!
    );
    assertEquals([live!.blocks, live!.bytes], [3, 64 + 8192 + 128]);
    assertEquals(free!.bytes, total!.bytes - 2 * 4096 - 8192);
    assertEquals(
      rows.filter(({ part }) => part === "size").map(({ name, blocks, bytes }) => [name, blocks, bytes]),
      [["64 B", 1, 64], ["128 B", 1, 128], ["pages", 1, 8192]],
    );
    assertEquals(
      rows.filter(({ part }) => part === "owner").map(({ name, blocks, bytes }) => [name, blocks, bytes]),
      [[`owner:${kernel.processId}@coordinator`, 3, 64 + 2 * 8192], ["messages", 1, 128]],
    );
  }, { privileged: true });
});

Deno.test("a block that somebody forgets is found as nobody's", () => {
  const { kernels: [kernel] } = new Bench();
  const lost = kernel!.heap.allocate(100, undefined)!;
  assertEquals(leakedBlocks(kernel!), 1);
  kernel!.heap.free(lost);
  assertEquals(leakedBlocks(kernel!), 0);
});

Deno.test("a process that dies leaves nothing of what it split, shared, sent to itself or put in a cell", () => {
  const bench = new Bench();
  const dead = bench.start(function* dead(kernel): Program {
    const block = yield* kernel.allocate(5000);
    const tail = yield* kernel.split(block, 64);
    const shared = yield* kernel.share(tail);
    const cell = yield* kernel.createTRef(block);
    const { client, server } = yield* kernel.createChannel(parcelContract);
    yield* client.send("parcel", { data: shared });
    yield* kernel.createTRef(server);
    yield* cell.acquire();
    yield* kernel.sleep(1000e9);
  });
  bench.settle(1);
  const [kernel] = bench.kernels;
  assertEquals(kernel!.heap.liveBlocks, 3);
  kernel!.processes.end(dead, 137, "");
  assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
});
