/**
 * TRef cells: one value of the exchange heap for the threads of a process, in turn.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import type { Block, Call, Kernel, Program, Thread } from "../abi/kernel.ts";
import { pipeContract } from "../contracts/pipe.ts";
import { Bench } from "../testing/bench.ts";

function* refusalOf(call: Call<unknown>): Call<string> {
  try {
    yield* call;
    return "nothing was refused";
  } catch (error) {
    const { code, message } = error as { code: string; message: string };
    return `${code}: ${message}`;
  }
}

/** Starts threads one microsecond after the other, and waits for all. */
function* all(kernel: Kernel, bodies: readonly (() => Program)[]): Call<void> {
  const threads: Thread[] = [];
  for (const body of bodies) {
    threads.push(yield* kernel.createThread(body));
    yield* kernel.sleep(1e6);
  }
  for (const thread of threads) yield* thread.join();
}

Deno.test("threads take the value in the order in which they asked, and each finds what the one before left", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 3 }),
      (holds, cpus) => {
        const order: number[] = [];
        new Bench({ cpusPerDomain: cpus }).run(function* main(kernel) {
          const cell = yield* kernel.createTRef(yield* kernel.allocate(64));
          yield* all(
            kernel,
            holds.map((milliseconds, number) =>
              function* (): Program {
                const block = yield* cell.acquire();
                assertEquals(block.bytes[0], order.length);
                order.push(number);
                block.bytes[0]!++;
                yield* kernel.sleep(milliseconds * 1e6);
                yield* cell.release(block);
              }
            ),
          );
        });
        assertEquals(order, holds.map((_, number) => number));
      },
    ),
    { numRuns: 25 },
  );
});

Deno.test("what a thread kept of the value is dead while it is in the cell", () => {
  new Bench().run(function* main(kernel) {
    const block = yield* kernel.allocate(64);
    const [view, cell] = [block.bytes, yield* kernel.createTRef(block)];
    assertEquals(view.length, 0);
    assertMatch(yield* refusalOf(kernel.free(block)), /^BadArgument: That is no block of this process$/);
    const again = yield* cell.acquire();
    assert(again !== block);
    again.bytes[0] = 1;
    yield* cell.release(again);
    assertMatch(yield* refusalOf(cell.release(again)), /^BadArgument: Cannot release a cell/);
    assertEquals((yield* cell.acquire()).bytes[0], 1);
  });
});

Deno.test("an endpoint in a cell serves the threads in turn, and nobody can use it meanwhile", () => {
  const texts: number[] = [];
  new Bench().run(function* main(kernel) {
    const { client, server } = yield* kernel.createChannel(pipeContract);
    const cell = yield* kernel.createTRef(client);
    assertMatch(yield* refusalOf(client.receive()), /^ChannelClosed/);
    const echo = yield* kernel.createThread(function* (): Program {
      for (;;) {
        const message = yield* server.receiveOrClosed();
        if (message?.tag !== "write") return;
        texts.push(message.data.bytes[0]!);
        yield* kernel.sleep(1e6);
        yield* server.send("written");
      }
    });
    yield* all(
      kernel,
      [1, 2, 3].map((number) =>
        function* (): Program {
          const end = yield* cell.acquire();
          const data = yield* kernel.allocate(8);
          data.bytes[0] = number;
          yield* end.send("write", { data });
          yield* end.receive();
          yield* cell.release(end);
        }
      ),
    );
    yield* (yield* cell.acquire()).close();
    yield* echo.join();
  });
  assertEquals(texts, [1, 2, 3]);
});

Deno.test("acquiring twice, releasing what was not acquired, and what no cell holds are errors", () => {
  new Bench().run(function* main(kernel) {
    assertMatch(
      yield* refusalOf(kernel.createTRef(7 as unknown as Block)),
      /^BadArgument: A cell holds a block or an/,
    );
    const cell = yield* kernel.createTRef(yield* kernel.allocate(64));
    const other = yield* kernel.allocate(64);
    assertMatch(
      yield* refusalOf(cell.release(other)),
      /^BadArgument: Cannot release a cell whose value this thread/,
    );
    const block = yield* cell.acquire();
    assertMatch(
      yield* refusalOf(cell.acquire()),
      /^BadArgument: Cannot acquire a cell whose value this thread holds/,
    );
    yield* all(kernel, [function* (): Program {
      assertMatch(yield* refusalOf(cell.release(other)), /^BadArgument: Cannot release/);
      assertMatch(yield* refusalOf(cell.acquire(0)), /^TimedOut/);
      const before = yield* kernel.now();
      assertMatch(yield* refusalOf(cell.acquire(5e6)), /^TimedOut/);
      assert((yield* kernel.now()) - before >= 5e6);
    }]);
    yield* kernel.free(block);
    // Another value than the one that was taken.
    yield* cell.release(other);
    yield* cell.acquire(0);
  });
});

Deno.test("a thread that ends with the value takes it along: who waits and who comes later is told", () => {
  const refusals: string[] = [];
  new Bench().run(function* main(kernel) {
    const cell = yield* kernel.createTRef(yield* kernel.allocate(64));
    const wait = function* (): Program {
      refusals.push(yield* refusalOf(cell.acquire()));
    };
    yield* all(kernel, [
      function* (): Program {
        yield* cell.acquire();
        yield* kernel.sleep(10e6);
      },
      wait,
      wait,
    ]);
    yield* wait();
  });
  assertEquals(
    refusals,
    Array(3).fill("NotFound: The thread that held the cell's value ended without releasing it"),
  );
});

Deno.test("a process that dies while threads wait for a cell leaves nothing, whoever has the value", () => {
  for (const atMs of [1, 3, 6, 9]) {
    const bench = new Bench({ cpusPerDomain: 2 });
    const process = bench.start(function* main(kernel) {
      const { client } = yield* kernel.createChannel(pipeContract);
      const cells = [
        yield* kernel.createTRef(yield* kernel.allocate(5000)),
        yield* kernel.createTRef(client),
      ];
      yield* all(
        kernel,
        [0, 1, 0, 1, 0].map((which) =>
          function* (): Program {
            const value = yield* cells[which]!.acquire();
            yield* kernel.sleep(2e6);
            yield* (cells[which] as { release(value: unknown): Call<void> }).release(value);
          }
        ),
      );
    });
    bench.settle(atMs / 1e3);
    bench.kernels[0]!.processes.end(process, 137, "");
    bench.settle();
    assertEquals(bench.leftovers(), { blocks: 0, ends: 0, lent: 0 });
  }
});
