/**
 * A message's block: it grows, it is charged to the budget, and memory that is short is told, not thrown.
 *
 * Runs on the test kernel; one test makes its allocations fail.
 */

import { assertEquals } from "@std/assert";
import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import { kernelError } from "../../kernel/programs/testing/test_channels.ts";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { MemoryBudget, MessageBody } from "./message_body.ts";

function run(body: (kernel: Kernel) => Program): void {
  const kernel = new TestKernel();
  const process = kernel.start("Test", body);
  kernel.run();
  assertEquals(process.fault, "");
  assertEquals(process.status, 0);
}

const numbers = (count: number, first: number) =>
  Uint8Array.from({ length: count }, (_, index) => first + index);

Deno.test("what was appended comes out in one block, across its growing", () => {
  run(function* (kernel) {
    const body = new MessageBody(kernel, new MemoryBudget(1 << 20));
    const expected: number[] = [];
    for (let piece = 0; piece < 100; piece++) {
      const bytes = numbers(1 + piece * 7, piece);
      assertEquals(yield* body.append(bytes), true);
      expected.push(...bytes);
    }
    assertEquals([...body.take().bytes], expected);
    yield* body.release();
  });
});

Deno.test("the budget holds as long as a message is not released, taken or not", () => {
  run(function* (kernel) {
    const budget = new MemoryBudget(40_000);
    const first = new MessageBody(kernel, budget);
    const second = new MessageBody(kernel, budget);
    const third = new MessageBody(kernel, budget);
    assertEquals(yield* first.append(numbers(10, 0)), true);
    assertEquals(yield* second.append(numbers(10, 0)), true);
    assertEquals(yield* third.append(numbers(10, 0)), false);
    yield* kernel.free(first.take());
    assertEquals(yield* third.append(numbers(10, 0)), false);
    yield* first.release();
    assertEquals(yield* third.append(numbers(10, 0)), true);
    yield* second.release();
    yield* third.release();
    assertEquals(budget.take(40_000), true);
  });
});

Deno.test("an allocation that fails is told, and charges nothing", () => {
  run(function* (kernel) {
    const budget = new MemoryBudget(100_000);
    // deno-lint-ignore require-yield -- a call that fails at once
    const allocate = function* (): Generator<never, never> {
      throw kernelError("OutOfMemory", "There is no memory");
    };
    const body = new MessageBody({ ...kernel, allocate }, budget);
    assertEquals(yield* body.append(numbers(10, 0)), false);
    yield* body.release();
    assertEquals(budget.take(100_000), true);
  });
});
