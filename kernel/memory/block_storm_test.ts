/**
 * Random programs on two kernels that do everything with blocks that can be done, against a model of their
 * bytes, while processes are killed: whoever dies when, no block is lost and none is left.
 *
 * A byte follows from where it was in the block that was allocated, and each message says which that was, so a
 * receiver checks what it got.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { isKernelError } from "../abi/errors.ts";
import type { Block, Call, Endpoint, Kernel, Program } from "../abi/kernel.ts";
import type { TRef } from "../abi/synchronisation.ts";
import type { Contract } from "../contracts/contract.ts";
import { Bench } from "../testing/bench.ts";
import { leakedBlocks } from "./heap_use.ts";

const stormContract = {
  name: "storm/1",
  contractName: "StormContract",
  messages: {
    blow: {
      from: "client",
      doc: "A block, and where in which its bytes began",
      body: { data: "bytes", mark: "u32", at: "u32" },
      uses: "sent",
    },
  },
  credits: { sent: { doc: "What is under way", user: "client", limit: 200, initial: 200 } },
  start: "open",
  states: { open: { blow: "open" } },
} as const satisfies Contract;

const operations = [
  "allocate",
  "split",
  "share",
  "truncate",
  "free",
  "send",
  "cell",
  "window",
  "sleep",
] as const;

const step = fc.record({
  operation: fc.constantFrom(...operations),
  pick: fc.nat(100),
  size: fc.oneof(fc.nat(300), fc.nat(20_000)),
});
const player = fc.record({
  on: fc.nat(1),
  steps: fc.array(step, { minLength: 5, maxLength: 30 }),
  diesAtUs: fc.option(fc.nat(3000), { nil: undefined }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A byte that follows from where it lies in the block that was allocated, and from which that was. */
const byteAt = (mark: number, at: number): number => (mark * 31 + at * 7) & 0xff;

/** What a program knows of a block that it holds: whose bytes, from where on. */
interface Held {
  readonly block: Block;
  readonly mark: number;
  /** Of the block's first byte. */
  base: number;
  /** Of the window. */
  start: number;
  end: number;
}

function check({ block, mark, base, start, end }: Held): void {
  assertEquals(block.length, end - start);
  block.bytes.forEach((byte, index) => {
    if (byte !== byteAt(mark, base + start + index)) {
      throw new Error(`byte ${index} of ${block.length} is wrong`);
    }
  });
}

/** One process: does its steps with what it holds, and sends to the server of its neighbour. */
function* play(kernel: Kernel, steps: readonly Step[], to: string, marks: { next: number }): Program {
  const held: Held[] = [];
  const cells: { cell: TRef<Block>; held: Held }[] = [];
  let end: Endpoint<typeof stormContract, "client"> | undefined;
  for (const { operation, pick, size } of steps) {
    const one = held[pick % Math.max(1, held.length)];
    if (operation === "allocate" || one === undefined) {
      const mark = marks.next++;
      const block = yield* kernel.allocate(size);
      assert(block.bytes.every((byte) => byte === 0));
      block.bytes.forEach((_, index, bytes) => bytes[index] = byteAt(mark, index));
      held.push({ block, mark, base: 0, start: 0, end: size });
      continue;
    }
    check(one);
    const { block } = one;
    if (operation === "sleep") yield* kernel.sleep(pick * 1e4);
    else if (operation === "window") {
      const length = one.end - one.start;
      const from = length === 0 ? 0 : size % length;
      one.start += from;
      block.window(one.start, one.end - one.start);
    } else if (operation === "split" && !block.isReadOnly && block.capacity > 64) {
      const offset = 64 * (1 + size % (block.capacity / 64 - 1));
      const clip = (at: number) => Math.max(at, offset) - offset;
      const rest = yield* kernel.split(block, offset);
      held.push({ ...one, block: rest, base: one.base + offset, start: clip(one.start), end: clip(one.end) });
      [one.start, one.end] = [Math.min(one.start, offset), Math.min(one.end, offset)];
    } else if (operation === "truncate" && !block.isReadOnly) {
      const length = size % (block.capacity + 1);
      yield* kernel.truncate(block, length);
      [one.start, one.end] = [Math.min(one.start, length), Math.min(one.end, length)];
    } else if (operation === "share") {
      held.push({ ...one, block: yield* kernel.share(block) });
      block.bytes.fill(0);
      held[held.indexOf(one)] = { ...one, block: yield* kernel.share(block) };
      yield* kernel.free(block);
    } else if (operation === "free") {
      held.splice(held.indexOf(one), 1);
      yield* kernel.free(block);
    } else if (operation === "cell") {
      held.splice(held.indexOf(one), 1);
      cells.push({ cell: yield* kernel.createTRef(block), held: one });
      if (pick % 2 === 0) held.push({ ...one, block: yield* cells.pop()!.cell.acquire() });
    } else if (operation === "send") {
      held.splice(held.indexOf(one), 1);
      end ??= yield* neighbour(kernel, to);
      if (end === undefined) return;
      yield* end.send("blow", { data: block, mark: one.mark, at: one.base + one.start });
    }
  }
  for (const { cell, held: one } of cells) check({ ...one, block: yield* cell.acquire() });
  for (const one of held) check(one);
}

/** The way to a server, which may be dead already. */
function* neighbour(
  kernel: Kernel,
  path: string,
): Call<Endpoint<typeof stormContract, "client"> | undefined> {
  try {
    return yield* kernel.bind(stormContract, path, 1e8);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return undefined;
  }
}

/** Takes what comes; now and then it is slow, so that much waits for it. */
function* serve(kernel: Kernel, path: string): Program {
  const service = yield* kernel.register(stormContract, path);
  for (;;) {
    const end = yield* service.accept();
    yield* kernel.createThread(function* (): Program {
      for (;;) {
        yield* kernel.sleep(2e5);
        const message = yield* end.receiveOrClosed();
        if (message === undefined) break;
        const { data, mark, at } = message;
        check({ block: data, mark, base: at, start: 0, end: data.length });
        if (data.length % 3 === 0) yield* kernel.free(data);
      }
      yield* end.close();
    });
  }
}

Deno.test("whatever is done with blocks on two kernels, and whoever dies, bytes are right and nothing is left", () => {
  fc.assert(
    fc.property(fc.array(player, { minLength: 1, maxLength: 5 }), fc.nat(4000), (players, serverDiesAtUs) => {
      const bench = new Bench({ domains: 2, keepsLog: false });
      const servers = [0, 1].map((on) =>
        bench.start(function* server(kernel) {
          return yield* serve(kernel, `/storm${on}`);
        }, { on })
      );
      const marks = { next: 1 };
      const processes = players.map(({ on, steps }, index) =>
        bench.start(function* storm(kernel) {
          yield* play(kernel, steps, `/storm${index % 2}`, marks);
        }, { on, name: `storm${index}` })
      );
      const deaths = players.flatMap(({ diesAtUs }, index) =>
        diesAtUs === undefined ? [] : [{ at: diesAtUs, process: processes[index]! }]
      );
      deaths.push({ at: serverDiesAtUs, process: servers[0]! });
      let now = 0;
      for (const { at, process } of deaths.sort((a, b) => a.at - b.at)) {
        bench.settle((at - now) / 1e6);
        now = at;
        bench.kernels[process.kernelName === "coordinator" ? 0 : 1]!.processes.end(process, 137, "");
        assertEquals(bench.kernels.map(leakedBlocks), [0, 0]);
      }
      bench.settle();
      assertEquals([...processes, ...servers].map(({ fault }) => fault).filter((fault) => fault !== ""), []);
      for (const kernel of bench.kernels) {
        for (const process of kernel.processes.running) kernel.processes.end(process, 137, "");
      }
      bench.settle(1);
      assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
      assertEquals(bench.kernels.map(({ heap }) => heap.liveBytes), [0, 0]);
    }),
    { numRuns: 60 },
  );
});
