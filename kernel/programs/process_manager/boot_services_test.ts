/**
 * The services of the boot: what is waited for, what is placed and started again, and what the log tells.
 *
 * The machine is the test machine; `main_test.ts` beside has the rest of the boot.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Program } from "../../abi/kernel.ts";
import { type Main } from "../testing/test_kernel.ts";
import { noVolume, serves, service, testContract } from "../testing/test_services.ts";
import { TestMachine, type TestProgram } from "../testing/test_machine.ts";
import processManager from "./main.ts";

Deno.test("a service is placed only when the services of its affinities run, or 3 s have passed", () => {
  const machine = new TestMachine();
  const wants = (path: string) => [{ contract: "TestContract", path, affinity: -1 }];
  machine.programs.set("Slow", { main: service("/a", 500e6), description: {} });
  machine.programs.set("Early", {
    main: service("/b"),
    description: { affinities: wants("/a"), services: [{ contract: "TestContract", path: "/b" }] },
  });
  machine.programs.set("Selfish", {
    main: service("/c"),
    description: { affinities: [...wants("/c"), ...wants("/nowhere")], ...serves("/c") },
  });
  machine.bootList = ["Slow", "Early", "Selfish"].map((program) => ({ program, arguments: [] }));
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  assertEquals(
    machine.log.filter((line) => !line.includes(" serves /")),
    [
      "Going on without a console: no serial port with a driver was found",
      "Slow on kernel0 (the only kernel)",
      "Early on kernel0 (the only kernel)",
      "Selfish is placed without /nowhere, which nobody serves",
      "Selfish on kernel0 (the only kernel)",
      noVolume,
      "ready",
    ],
  );
  assert(machine.bench.now > 3.5e9 && machine.bench.now < 6e9, `took ${machine.bench.now} ns`);
});

Deno.test("the boot goes on in the moment in which a service's last name appears", () => {
  const machine = new TestMachine();
  let registeredAt = 0;
  let nextAt = 0;
  machine.programs.set("Two", {
    *main(kernel): Program {
      yield* kernel.register(testContract, "/test/first");
      yield* kernel.sleep(1_234_567);
      registeredAt = yield* kernel.now();
      const last = yield* kernel.register(testContract, "/test/last");
      for (;;) yield* last.accept();
    },
    description: {
      services: ["/test/last", "/test/first"].map((path) => ({ contract: "TestContract", path })),
    },
  });
  machine.programs.set("Next", {
    *main(kernel): Program {
      nextAt = yield* kernel.now();
    },
  });
  machine.bootList = ["Two", "Next"].map((program) => ({ program, arguments: [] }));
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  assertEquals(nextAt, registeredAt);
});

Deno.test("a service that ends before it has registered its names is not waited for", () => {
  const machine = new TestMachine();
  machine.programs.set("Early", {
    *main(kernel): Program {
      yield* kernel.sleep(7e6);
      return 3;
    },
    description: serves("/test/never"),
  });
  machine.programs.set("Fine", { main: service("/z"), description: serves("/z") });
  machine.bootList = ["Early", "Fine"].map((program) => ({ program, arguments: [] }));
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  assert(machine.log.includes("Fine on kernel0 (the only kernel)"));
  assert(machine.bench.now < 1e9, `took ${machine.bench.now} ns`);
});

Deno.test("a service that cannot be found, placed or started is logged and the rest comes up", () => {
  const machine = new TestMachine();
  machine.programs.set("Homeless", { main: service("/x"), on: "" });
  machine.programs.set("Lost", { main: service("/y"), on: "kernel9" });
  machine.programs.set("Fine", { main: service("/z"), description: serves("/z") });
  machine.bootList = ["Missing", "Homeless", "Lost", "Fine"].map((program) => ({ program, arguments: [] }));
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  assertEquals(machine.log.filter((line) => line.startsWith("Cannot")), [
    "Cannot place Homeless: no kernel of the platforms asked for",
    "Cannot start Lost on kernel9: kernel9 has no Controller: Cannot bind to /kernels/kernel9: nobody registered it",
    "Cannot start Missing: no program named Missing",
  ]);
  assert(machine.log.includes("Fine on kernel0 (the only kernel)"));
});

Deno.test("the fault of a service that dies is logged", () => {
  const machine = new TestMachine();
  machine.programs.set("Frail", {
    *main(kernel): Program {
      yield* kernel.sleep(1e9);
      const failure = new Error("broke its contract");
      failure.stack = "broke its contract";
      throw failure;
    },
  });
  machine.bootList = [{ program: "Frail", arguments: [] }];
  machine.boot(processManager, ["--headless"], 3e9);
  assertMatch(machine.log.join("\n"), /Frail \(process \d+\) on kernel0 died: broke its contract/);
});

Deno.test("a service that dies by a fault is started again where it is placed then, three times at most", () => {
  const machine = new TestMachine();
  machine.addKernel("kernel1", "domain 1", 1e6);
  const runs: string[] = [];
  const frail: TestProgram = {
    description: serves("/frail"),
    *main(kernel): Program {
      yield* kernel.register(testContract, "/frail");
      runs.push(kernel.arguments.join("|"));
      yield* kernel.sleep(1e9);
      machine.programs.set("Frail", { ...frail, on: "kernel1" });
      const failure = new Error("broke its contract");
      failure.stack = "broke its contract\n  main.ts:7:1";
      throw failure;
    },
  };
  machine.programs.set("Frail", frail);
  machine.bootList = [{ program: "Frail", arguments: ["a", "b"] }];
  machine.boot(processManager, ["--headless"], 20e9);
  assertEquals([machine.bugs, runs], [[], Array(4).fill("a|b")]);
  assertEquals(machine.launched.slice(1), ["Frail@kernel0", ...Array(3).fill("Frail@kernel1")]);
  assertEquals(
    machine.log.filter((line) => line.includes("Frail")).map((line) =>
      line.replace(/process \d+/, "process n")
    ),
    [
      "Frail on kernel0 (the only kernel)",
      ...["kernel0", "kernel1", "kernel1"].map((place) =>
        `Frail (process n) on ${place} died: broke its contract; started again on kernel1\n  main.ts:7:1`
      ),
      "Frail (process n) on kernel1 died: broke its contract; not started again after 3 times\n  main.ts:7:1",
    ],
  );
});

Deno.test("a service that cannot be started again is logged, and one that ends or is killed is let go", () => {
  const machine = new TestMachine();
  const failing = (failure: Error): Main =>
    function* (kernel): Program {
      yield* kernel.sleep(1e9);
      machine.programs.set("Lost", { main: service("/lost"), on: "" });
      failure.stack = failure.message;
      throw failure;
    };
  machine.programs.set("Lost", { main: failing(new Error("broke its contract")) });
  machine.programs.set("Short", {
    *main(kernel): Program {
      yield* kernel.sleep(1e9);
      return 3;
    },
  });
  machine.programs.set("Killed", { main: service("/killed") });
  machine.bootList = ["Lost", "Short", "Killed"].map((program) => ({ program, arguments: [] }));
  machine.boot(processManager, ["--headless"], 2e9);
  machine.bench.kill(machine.process("Killed")!);
  machine.run(() => false, 20e9);
  assertEquals(machine.bugs, []);
  assertEquals(machine.launched.slice(1), ["Lost@kernel0", "Short@kernel0", "Killed@kernel0"]);
  const ends = machine.log.filter((line) => / died| ended/.test(line)).map((line) =>
    line.replace(/process \d+/, "process n")
  );
  assertEquals(ends.sort(), [
    "Killed (process n) on kernel0 ended with status 137",
    "Lost (process n) on kernel0 died: broke its contract; not started again: " +
    "Cannot place Lost: no kernel of the platforms asked for",
    "Short (process n) on kernel0 ended with status 3",
  ]);
});
