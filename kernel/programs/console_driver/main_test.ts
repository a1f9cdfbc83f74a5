/**
 * The console driver between a 16550 and its clients.
 *
 * The UART is a model with FIFOs and a terminal; programs attach pipes through the
 * contract, and what the terminal shows or what a reader gets is compared.
 */

import { assert, assertEquals } from "@std/assert";
import type { Endpoint, Kernel, Program } from "../../abi/kernel.ts";
import { takeText, writeText } from "../../abi/text.ts";
import { consoleContract } from "../../contracts/console.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { type Main, TestKernel } from "../testing/test_kernel.ts";
import { TestUart } from "../testing/test_uart.ts";
import consoleDriver from "./main.ts";

const limitNs = 60e9;

/** A bench with the driver and a program that uses it; runs until the program is done. */
function withConsole(client: (uart: TestUart) => Main): TestUart {
  const bench = new TestKernel();
  const uart = new TestUart();
  bench.start("Hardware", uart.drive);
  const driver = bench.start("ConsoleDriver", consoleDriver, { device: uart.device });
  const tester = bench.start("Test", client(uart));
  bench.run(() => tester.status !== undefined || driver.status !== undefined, limitNs);
  assertEquals([driver.fault, tester.fault, tester.status], ["", "", 0], bench.waits().join("; "));
  assertEquals(uart.overruns, 0);
  return uart;
}

function* attachOutput(kernel: Kernel) {
  const console = yield* kernel.bind(consoleContract, "/dev/console");
  const { client, server } = yield* kernel.createChannel(pipeContract);
  yield* console.send("attachOutput", { output: server });
  assertEquals((yield* console.receive()).tag, "attached");
  yield* console.close();
  return client;
}

function* attachInput(kernel: Kernel) {
  const console = yield* kernel.bind(consoleContract, "/dev/console");
  const { client, server } = yield* kernel.createChannel(pipeContract);
  yield* console.send("attachInput", { input: client });
  assertEquals((yield* console.receive()).tag, "attached");
  yield* console.close();
  return server;
}

/** Reads until as many bytes have come, or the end of input (which adds "<end>"). */
function* read(kernel: Kernel, input: Endpoint<typeof pipeContract, "server">, length: number) {
  let text = "";
  while (text.length < length) {
    const message = yield* input.receiveOrClosed();
    if (message === undefined) return `${text}<end>`;
    text += yield* takeText(kernel, message.data);
    yield* input.send("written");
  }
  return text;
}

Deno.test("the UART is set to divisor 1 with receive, transmit and modem interrupts on", () => {
  const uart = withConsole(() =>
    function* (kernel): Program {
      yield* attachOutput(kernel);
    }
  );
  assertEquals([uart.divisor, uart.interruptEnable & 0b1011], [1, 0b1011]);
});

Deno.test("a write is answered once the terminal shows all of it", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const output = yield* attachOutput(kernel);
      const text = "Grüße from a line that is longer than one FIFO\n";
      assert(yield* writeText(kernel, output, text));
      assertEquals(uart.shown, text);
    }
  );
});

Deno.test("a long output costs less than two register accesses for each byte", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const output = yield* attachOutput(kernel);
      const before = uart.accesses;
      yield* writeText(kernel, output, "x".repeat(16_000));
      const perByte = (uart.accesses - before) / 16_000;
      assert(perByte < 1.2, `${perByte} accesses for each byte`);
    }
  );
});

Deno.test("blocks of two programs are shown whole, one after the other", () => {
  const uart = withConsole(() =>
    function* (kernel): Program {
      const writers = [];
      for (const letter of ["a", "b"]) {
        const output = yield* attachOutput(kernel);
        writers.push(
          yield* kernel.createThread(function* () {
            for (let count = 0; count < 3; count++) {
              yield* writeText(kernel, output, letter.repeat(40) + "\n");
            }
          }),
        );
      }
      for (const writer of writers) yield* writer.join();
    }
  );
  const lines = uart.shown.trimEnd().split("\n");
  assertEquals(lines.sort(), [..."aaabbb"].map((letter) => letter.repeat(40)));
});

Deno.test("what a program wrote before it ended is shown, and its place is free again", () => {
  const uart = withConsole((uart) =>
    function* (kernel): Program {
      for (let count = 0; count < 70; count++) {
        const output = yield* attachOutput(kernel);
        const data = yield* kernel.allocate(1);
        data.bytes[0] = 0x30 + count % 10;
        yield* output.send("write", { data });
        yield* output.close();
        yield* kernel.sleep(3e6);
      }
      assertEquals(uart.output.length, 70);
    }
  );
  assertEquals(uart.shown.slice(0, 12), "012345678901");
});

Deno.test("the 65th output pipe is refused and closed", () => {
  withConsole(() =>
    function* (kernel): Program {
      for (let count = 0; count < 64; count++) yield* attachOutput(kernel);
      const console = yield* kernel.bind(consoleContract, "/dev/console");
      const { client, server } = yield* kernel.createChannel(pipeContract);
      yield* console.send("attachOutput", { output: server });
      assertEquals(yield* console.receive(), { tag: "failed" });
      assertEquals(yield* client.receiveOrClosed(), undefined);
    }
  );
});

Deno.test("typed bytes reach the reader, also those typed before it attached", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      uart.type("early ");
      yield* kernel.sleep(10e6);
      const input = yield* attachInput(kernel);
      uart.type("late\r");
      assertEquals(yield* read(kernel, input, 11), "early late\r");
    }
  );
});

Deno.test("the reader that attached last gets what is typed; when it leaves, the one before does", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const shell = yield* attachInput(kernel);
      const editor = yield* attachInput(kernel);
      uart.type("one");
      assertEquals(yield* read(kernel, editor, 3), "one");
      yield* editor.close();
      yield* kernel.sleep(1e6);
      uart.type("two");
      assertEquals(yield* read(kernel, shell, 3), "two");
    }
  );
});

Deno.test("what a reader left unanswered when it ended goes to the one before", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const shell = yield* attachInput(kernel);
      const editor = yield* attachInput(kernel);
      uart.type("lost?");
      yield* kernel.sleep(3e6);
      yield* editor.close();
      uart.type(" no");
      assertEquals(yield* read(kernel, shell, 8), "lost? no");
    }
  );
});

Deno.test("nothing typed is lost when the reader is slow and thousands of bytes arrive", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}\n`).join("");
      uart.type(lines);
      yield* kernel.sleep(5e9);
      const input = yield* attachInput(kernel);
      assertEquals(yield* read(kernel, input, lines.length), lines);
    }
  );
});

Deno.test("after a hang-up the reader gets what was typed before it, then the end of input", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      uart.type("shutdown\n");
      yield* kernel.sleep(5e6);
      uart.hangUp();
      const input = yield* attachInput(kernel);
      assertEquals(yield* read(kernel, input, 100), "shutdown\n<end>");
      const later = yield* attachInput(kernel);
      assertEquals(yield* read(kernel, later, 100), "<end>");
    }
  );
});

Deno.test("typing and output at once, for long, lose nothing on a line that interrupts by edges", () => {
  withConsole((uart) =>
    function* (kernel): Program {
      const input = yield* attachInput(kernel);
      const output = yield* attachOutput(kernel);
      const typed = "t".repeat(3000);
      const shown = "s".repeat(3000);
      uart.type(typed);
      const writer = yield* kernel.createThread(function* () {
        for (let count = 0; count < 30; count++) {
          yield* writeText(kernel, output, shown.slice(count * 100, count * 100 + 100));
        }
      });
      assertEquals(yield* read(kernel, input, 3000), typed);
      yield* writer.join();
      assertEquals(uart.shown, shown);
    }
  );
});
