/**
 * The greeter and its client as processes on the test kernel.
 *
 * - A test kernel keeps the ABI's promises, contracts included, without a machine.
 */

import { assertEquals, assertMatch } from "@std/assert";
import { decodeText } from "../../kernel/abi/text.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { testChannel } from "../../kernel/programs/testing/test_channels.ts";
import { TestKernel, type TestProcess } from "../../kernel/programs/testing/test_kernel.ts";
import { helloContract, helloPath } from "../contracts/hello.ts";
import main from "./main.ts";

/** Starts Hello with these words; the second part tells what it has printed. */
function start(
  kernel: TestKernel,
  words: readonly string[],
  kernelName = "numa1",
): [TestProcess, () => string] {
  const { client, server } = testChannel(pipeContract);
  let printed = "";
  kernel.start("Reader", function* () {
    for (;;) {
      const message = yield* server.receiveOrClosed();
      if (message?.tag !== "write") return;
      printed += decodeText(message.data.bytes);
      yield* server.send("written");
    }
  });
  return [kernel.start("Hello", main, { arguments: words, stdout: client, kernelName }), () => printed];
}

Deno.test("the greeter tells each client its name and the kernel that the greeter runs on", () => {
  const kernel = new TestKernel();
  const [greeter] = start(kernel, [], "card0");
  const clients = ["World", "you"].map((name) => start(kernel, [name]));
  kernel.run();
  assertEquals(clients.map(([, printed]) => printed()), [
    "Hello, World, from card0 (test)!\n",
    "Hello, you, from card0 (test)!\n",
  ]);
  assertEquals(clients.map(([{ status }]) => status), [0, 0]);
  assertEquals([greeter.status, greeter.fault], [undefined, ""]);
});

Deno.test("a name as long as a message can carry does not bring the greeter down", () => {
  const kernel = new TestKernel();
  const [greeter] = start(kernel, []);
  const [client, printed] = start(kernel, ["x".repeat(60_000)]);
  kernel.run();
  assertEquals(printed(), `Hello, ${"x".repeat(100)}, from numa1 (test)!\n`);
  assertEquals([client.status, greeter.status, greeter.fault], [0, undefined, ""]);
});

Deno.test("without a greeter the client waits a second, says so, and ends with status 1", () => {
  const kernel = new TestKernel();
  const [client, printed] = start(kernel, ["World"]);
  kernel.run();
  assertMatch(printed(), /^Cannot greet: .+\n$/);
  assertEquals([client.status, kernel.now], [1, 1e9]);
});

Deno.test("a second greeter finds the name taken, and the first goes on", () => {
  const kernel = new TestKernel();
  const [first] = start(kernel, []);
  const [second, printed] = start(kernel, []);
  kernel.run();
  assertMatch(printed(), /^Cannot greet: .+\n$/);
  assertEquals([first.status, second.status], [undefined, 1]);
});

Deno.test("a client that goes before its answer does not bring the greeter down", () => {
  const kernel = new TestKernel();
  const [greeter] = start(kernel, []);
  kernel.start("Hasty", function* (kernel) {
    const client = yield* kernel.bind(helloContract, helloPath);
    yield* client.send("greet", { name: "nobody" });
    yield* client.close();
  });
  const [, printed] = start(kernel, ["World"]);
  kernel.run();
  assertMatch(printed(), /^Hello, World/);
  assertEquals([greeter.status, greeter.fault], [undefined, ""]);
});
