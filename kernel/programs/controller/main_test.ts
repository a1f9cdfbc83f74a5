/**
 * The Controller, driven through its channel on a scripted kernel.
 *
 * The privileged calls are the test's: each scene names only those that it needs.
 * - A missing one is undefined, so a call that was not expected fails the test.
 */

import { assertEquals } from "@std/assert";
import type { Endpoint, Program, SystemCalls } from "../../abi/kernel.ts";
import { decodeText, takeText, textBlock } from "../../abi/text.ts";
import { kernelControlContract } from "../../contracts/kernel_control.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { instant, kernelError, testChannel, Wait } from "../testing/test_channels.ts";
import { type Main, TestKernel } from "../testing/test_kernel.ts";
import controller from "./main.ts";

const path = "/kernels/card0";

/** Runs `client` beside a Controller with these privileged calls; fails if either faults. */
function withController(calls: Partial<SystemCalls>, client: Main): TestKernel {
  const bench = new TestKernel();
  const system = {
    thisKernel: () => instant("thisKernel", () => ({ name: "card0", path })),
    ...calls,
  } as unknown as SystemCalls;
  const server = bench.start("Controller", controller, { kernelName: "card0", system: () => system });
  const tester = bench.start("Test", client);
  bench.run();
  assertEquals([server.fault, tester.fault, tester.status], ["", "", 0], bench.waits().join("; "));
  return bench;
}

Deno.test("a launch reaches the kernel with its program, arguments, device and both pipes", () => {
  let launched: unknown;
  const spawn: SystemCalls["spawn"] = (launch) =>
    instant("spawn", () => {
      const il = typeof launch.source.il === "string" ? "" : decodeText(launch.source.il.bytes);
      launched = { ...launch.source, il, arguments: launch.arguments, device: launch.device };
      return 42;
    });
  withController({ spawn }, function* (kernel): Program {
    const control = yield* kernel.bind(kernelControlContract, path);
    yield* control.send("launch", {
      manifest: yield* textBlock(kernel, "<application/>"),
      il: yield* textBlock(kernel, "export default 1; // ü"),
      arguments: "one\ntwo",
      device: "0:1.0",
      stdin: testChannel(pipeContract).server,
      stdout: testChannel(pipeContract).client,
    });
    assertEquals(yield* control.receive(), { tag: "launched", pid: 42 });
  });
  assertEquals(launched, {
    manifest: "<application/>",
    il: "export default 1; // ü",
    arguments: ["one", "two"],
    device: "0:1.0",
  });
});

Deno.test("a refused launch is answered with the kernel's reason and closes both pipes", () => {
  const spawn = () =>
    instant("spawn", () => {
      throw kernelError("NotPermitted", "Cannot start NetStack: its image is for armv5te");
    });
  withController({ spawn }, function* (kernel): Program {
    const control = yield* kernel.bind(kernelControlContract, path);
    const stdin = yield* kernel.createChannel(pipeContract);
    const stdout = yield* kernel.createChannel(pipeContract);
    yield* control.send("launch", {
      manifest: yield* textBlock(kernel, ""),
      il: yield* textBlock(kernel, ""),
      arguments: "",
      device: "",
      stdin: stdin.server,
      stdout: stdout.client,
    });
    assertEquals(yield* control.receive(), {
      tag: "failed",
      reason: "Cannot start NetStack: its image is for armv5te",
    });
    assertEquals(yield* stdin.client.receiveOrClosed(), undefined);
    assertEquals(yield* stdout.server.receiveOrClosed(), undefined);
  });
});

Deno.test("a client that waits for a process does not hold up another client", () => {
  let ended = false;
  withController({
    *waitProcess() {
      yield new Wait("waitProcess", () => ended);
      return { status: 3, fault: "divided by zero" };
    },
    kill: () => instant("kill", () => void (ended = true)),
  }, function* (kernel): Program {
    const waiting = yield* kernel.bind(kernelControlContract, path);
    yield* waiting.send("wait", { pid: 7 });
    const killing = yield* kernel.bind(kernelControlContract, path);
    yield* killing.send("kill", { pid: 7 });
    assertEquals(yield* killing.receive(), { tag: "killed" });
    assertEquals(yield* waiting.receive(), { tag: "exited", status: 3, fault: "divided by zero" });
  });
});

Deno.test("the tables of processes, channels, heap and devices travel as JSON rows", () => {
  const table = (name: string) => () => instant(name, () => [{ table: name }]) as never;
  withController(
    {
      processes: table("processes"),
      channels: table("channels"),
      heap: table("heap"),
      devices: table("devices"),
    },
    function* (kernel): Program {
      const control = yield* kernel.bind(kernelControlContract, path);
      for (const name of ["processes", "channels", "heap", "devices"] as const) {
        yield* control.send(name);
        const answer = yield* control.receive();
        const text = answer.tag === "rows" ? yield* takeText(kernel, answer.json) : answer.tag;
        assertEquals(JSON.parse(text), [{ table: name }]);
      }
    },
  );
});

Deno.test("a kill of a process that is not there is answered with the reason, and the channel goes on", () => {
  const kill = () =>
    instant("kill", () => {
      throw kernelError("NotFound", "No process 9 on card0");
    });
  const processes = () => instant("processes", () => []);
  withController({ kill, processes }, function* (kernel): Program {
    const control = yield* kernel.bind(kernelControlContract, path);
    yield* control.send("kill", { pid: 9 });
    assertEquals(yield* control.receive(), { tag: "failed", reason: "No process 9 on card0" });
    yield* control.send("processes");
    assertEquals((yield* control.receive()).tag, "rows");
  });
});

Deno.test("the client after the 256th is turned away until one leaves", () => {
  withController({}, function* (kernel): Program {
    const clients: Endpoint<typeof kernelControlContract, "client">[] = [];
    for (let count = 0; count < 256; count++) {
      clients.push(yield* kernel.bind(kernelControlContract, path));
    }
    const late = yield* kernel.bind(kernelControlContract, path);
    assertEquals(yield* late.receiveOrClosed(), undefined);
    yield* clients[0]!.close();
    yield* kernel.sleep(1000);
    const next = yield* kernel.bind(kernelControlContract, path);
    const answer = yield* kernel.select({ next }, 1000);
    assertEquals(answer.on, "timeout", "the channel must stay open");
  });
});
