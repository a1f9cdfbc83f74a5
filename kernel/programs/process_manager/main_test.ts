/**
 * The boot, the requests and the shutdown, with real Controllers and console driver.
 *
 * Kernels, devices and programs are the test machine's; services are small programs
 * that register a name and wait. What was logged, launched and answered is compared.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Device, Endpoint, Kernel, Program } from "../../abi/kernel.ts";
import { takeText, writeText } from "../../abi/text.ts";
import { pipeContract } from "../../contracts/pipe.ts";
import { processManagerContract } from "../../contracts/process_manager.ts";
import { fileSystemContract } from "../../../fs/contracts/file_system.ts";
import consoleDriver from "../console_driver/main.ts";
import { type Main } from "../testing/test_kernel.ts";
import { noVolume, serves, service } from "../testing/test_services.ts";
import { TestMachine } from "../testing/test_machine.ts";
import { TestUart } from "../testing/test_uart.ts";
import processManager from "./main.ts";

function machineWithConsole(): { machine: TestMachine; uart: TestUart } {
  const machine = new TestMachine();
  const uart = new TestUart();
  machine.bench.start("Hardware", uart.drive);
  machine.addDevice("kernel0", uart.device, "ConsoleDriver");
  machine.programs.set("ConsoleDriver", { main: consoleDriver });
  return { machine, uart };
}

/** Boots headless until `ready`, then runs a client of the process manager to its end. */
function withClient(machine: TestMachine, client: Main): void {
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  const tester = machine.bench.start("Test", client);
  machine.run(() => tester.status !== undefined);
  assertEquals([machine.bugs, tester.status], [[], 0], machine.bench.waits().join("; "));
}

function* bindManager(kernel: Kernel) {
  return yield* kernel.bind(processManagerContract, "/service/processes");
}

/** Starts a program with its output kept: the answer, and the end to read from. */
function* run(kernel: Kernel, manager: Endpoint<typeof processManagerContract, "client">, program: string) {
  const stdin = yield* kernel.createChannel(pipeContract);
  const stdout = yield* kernel.createChannel(pipeContract);
  yield* manager.send("run", {
    program,
    arguments: "a\nb",
    stdin: stdin.server,
    stdout: stdout.client,
  });
  return { answer: yield* manager.receive(), output: stdout.server };
}

Deno.test("the boot starts Controller, console, services and Shell in this order, then ends with the Shell's status", () => {
  const { machine, uart } = machineWithConsole();
  machine.programs.set("Disk", { main: service("/test/disk"), description: serves("/test/disk") });
  machine.programs.set("Shell", {
    *main(kernel): Program {
      yield* writeText(kernel, kernel.stdout, `shell ${kernel.arguments.join("|")}\n`);
      return 7;
    },
  });
  machine.bootList = [{ program: "Disk", arguments: [] }];
  machine.boot(processManager, ["--shell", "-c\nps; ns"]);
  assertEquals(machine.bugs, []);
  assertEquals(machine.launched, [
    "Controller@kernel0",
    "ConsoleDriver@kernel0",
    "Disk@kernel0",
    "Shell@kernel0",
  ]);
  assertEquals(machine.exitStatus, 7);
  assertEquals(uart.shown, "Disk serves /test/disk\nshell -c|ps; ns\n");
  assertEquals(machine.log, [
    "ConsoleDriver on kernel0 (device uart0)",
    "Disk on kernel0 (the only kernel)",
    noVolume,
    "ready",
  ]);
});

Deno.test("what is typed reaches the Shell", () => {
  const { machine, uart } = machineWithConsole();
  machine.programs.set("Shell", {
    *main(kernel): Program {
      const message = yield* kernel.stdin.receive();
      return (yield* takeText(kernel, message.data)) === "9" ? 9 : 1;
    },
  });
  uart.type("9");
  machine.boot(processManager, ["--shell", ""]);
  assertEquals([machine.bugs, machine.exitStatus], [[], 9]);
});

Deno.test("satellites' Controllers are awaited, a dead one for 5 s only, and the drivers of a card run on the card", () => {
  const machine = new TestMachine();
  machine.addKernel("kernel1", "domain 1", 40e6);
  machine.addKernel("kernel2", "domain 2");
  const board = { location: "1:0.0", vendorId: 0x8086, deviceId: 0x3310 } as Device;
  machine.addDevice("kernel0", board, "BoardDriver");
  machine.addDevice(
    "card0",
    { location: "0:2.0", vendorId: 0x8086, deviceId: 0x1026 } as Device,
    "NicDriver",
  );
  machine.programs.set("BoardDriver", {
    *main(kernel): Program {
      yield* kernel.sleep(100e6);
      yield* kernel.system!.attachCard({ messagingUnitBar: 0, memoryBar: 2, bootInfo: 0 });
      yield* kernel.stdin.receiveOrClosed();
      yield* kernel.sleep(1000e9);
    },
  });
  machine.programs.set("NicDriver", {
    *main(kernel): Program {
      assertEquals(kernel.device?.location, "0:2.0");
      yield* service("/dev/nic0")(kernel);
    },
  });
  machine.programs.set("NetStack", {
    main: service("/service/tcp"),
    on: "card0",
    description: {
      affinities: [{ contract: "NicDeviceContract", path: "/dev/nic0", affinity: 5 }],
      ...serves("/service/tcp"),
    },
    steps: [
      { pass: "positive", kernel: "kernel0", sum: 0, kept: false },
      { pass: "positive", kernel: "card0", sum: 5, kept: true },
    ],
  });
  machine.bootList = [{ program: "NetStack", arguments: [] }];
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  assertEquals(machine.launched, [
    "Controller@kernel0",
    "BoardDriver@kernel0",
    "NicDriver@card0",
    "NetStack@card0",
  ]);
  assertEquals(machine.log.slice(1), [
    "BoardDriver on kernel0 (device 1:0.0)",
    "Going on without kernel2: kernel2 has no Controller: Cannot bind to /kernels/kernel2: nobody registered it",
    "NicDriver on card0 (device 0:2.0)",
    "NicDriver on card0: NicDriver serves /dev/nic0",
    "NetStack on card0 (positive affinity)",
    "NetStack: NetStack serves /service/tcp",
    noVolume,
    "ready",
  ]);
});

Deno.test("a card that is refused is logged with its driver's reason, and the boot goes on", () => {
  const machine = new TestMachine();
  machine.addDevice("kernel0", { location: "1:0.0", vendorId: 1, deviceId: 2 } as Device, "BoardDriver");
  machine.programs.set("BoardDriver", {
    *main(kernel): Program {
      yield* writeText(kernel, kernel.stdout, "Cannot start the satellite kernel: bad checksum\n");
      return 1;
    },
  });
  machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
  assertEquals(machine.bugs, []);
  const log = machine.log.join("\n");
  assertMatch(log, /BoardDriver on kernel0: Cannot start the satellite kernel: bad checksum/);
  assertMatch(log, /BoardDriver \(process \d+\) on kernel0 ended with status 1/);
  assert(machine.bench.now < 3e9, "nothing waits for a card that was refused");
});

Deno.test("the fault of a program is logged if nobody waits for its end", () => {
  const deathsLogged = (waits: boolean) => {
    const machine = new TestMachine();
    machine.programs.set("Frail", {
      *main(kernel): Program {
        yield* kernel.sleep(1e9);
        throw Object.assign(new Error("broke"), { stack: "broke its contract" });
      },
    });
    withClient(machine, function* (kernel): Program {
      const manager = yield* bindManager(kernel);
      const { answer } = yield* run(kernel, manager, "Frail");
      const pid = answer.tag === "started" ? answer.pid : 0;
      if (waits) yield* manager.send("wait", { pid });
      yield* kernel.sleep(2e9);
    });
    return machine.log.filter((line) =>
      /^Frail \(process \d+\) on kernel0 died: broke its contract$/.test(line)
    );
  };
  assertEquals(deathsLogged(false).length, 1);
  assertEquals(deathsLogged(true), []);
});

Deno.test("a program runs by name where it is placed, and its end is told with its status", () => {
  const machine = new TestMachine();
  machine.addKernel("kernel1", "domain 1", 1e6);
  machine.programs.set("Echo", {
    on: "kernel1",
    *main(kernel): Program {
      yield* writeText(kernel, kernel.stdout, kernel.arguments.join("+"));
      return 5;
    },
  });
  withClient(machine, function* (kernel): Program {
    const manager = yield* bindManager(kernel);
    const { answer, output } = yield* run(kernel, manager, "Echo");
    assertEquals(answer.tag === "started" && answer.kernel, "kernel1");
    const message = yield* output.receive();
    assertEquals(yield* takeText(kernel, message.data), "a+b");
    yield* output.send("written");
    const pid = answer.tag === "started" ? answer.pid : 0;
    for (let count = 0; count < 2; count++) {
      yield* manager.send("wait", { pid });
      assertEquals(yield* manager.receive(), { tag: "exited", status: 5, fault: "" });
    }
  });
});

Deno.test("an unknown program is refused by name, and its pipes are closed", () => {
  withClient(new TestMachine(), function* (kernel): Program {
    const manager = yield* bindManager(kernel);
    const { answer, output } = yield* run(kernel, manager, "Nonsense");
    assertEquals(answer, { tag: "failed", reason: "no program named Nonsense" });
    assertEquals(yield* output.receiveOrClosed(), undefined);
  });
});

Deno.test("a killed program ends, and a process that was not started here cannot be killed", () => {
  const machine = new TestMachine();
  machine.programs.set("Busy", { main: service("/busy") });
  withClient(machine, function* (kernel): Program {
    const manager = yield* bindManager(kernel);
    const { answer } = yield* run(kernel, manager, "Busy");
    const pid = answer.tag === "started" ? answer.pid : 0;
    yield* manager.send("kill", { pid });
    assertEquals(yield* manager.receive(), { tag: "killed" });
    yield* manager.send("wait", { pid });
    assertEquals(yield* manager.receive(), { tag: "exited", status: 137, fault: "" });
    yield* manager.send("kill", { pid: 4711 });
    assertEquals(yield* manager.receive(), { tag: "failed", reason: "there is no process 4711" });
    yield* manager.send("processes");
    const answered = yield* manager.receive();
    const rows: { program: string; pid: number }[] = JSON.parse(
      answered.tag === "rows" ? yield* takeText(kernel, answered.json) : "[]",
    );
    for (const program of ["ProcessManager", "Controller"]) {
      const system = rows.find((row) => row.program === program)!;
      yield* manager.send("kill", { pid: system.pid });
      const reason = `process ${system.pid} (${program}) belongs to the system`;
      assertEquals(yield* manager.receive(), { tag: "failed", reason });
    }
  });
});

Deno.test("tables cover all kernels, and a remote channel is one row", () => {
  const machine = new TestMachine();
  machine.addKernel("kernel1", "domain 1", 1e6);
  withClient(machine, function* (kernel): Program {
    const manager = yield* bindManager(kernel);
    const rows: Record<string, unknown[]> = {};
    for (const table of ["kernels", "processes", "channels", "heap"] as const) {
      yield* manager.send(table);
      const answer = yield* manager.receive();
      rows[table] = JSON.parse(answer.tag === "rows" ? yield* takeText(kernel, answer.json) : "[]");
    }
    assertEquals(rows.kernels!.map((row) => (row as { name: string }).name), ["kernel0", "kernel1"]);
    assertEquals(rows.processes!.map((row) => (row as { program: string }).program), [
      "ProcessManager",
      "Controller",
    ]);
    assertEquals(rows.channels!.length, 1);
    assertEquals(rows.heap!.map((row) => (row as { kernel: string }).kernel), ["kernel0", "kernel1"]);
  });
});

Deno.test("manifest and explain answer for a program of the archive", () => {
  const machine = new TestMachine();
  const steps = [{ pass: "cpu", kernel: "kernel0", sum: 12, kept: true }] as const;
  machine.programs.set("Sat", { main: service("/sat"), steps });
  withClient(machine, function* (kernel): Program {
    const manager = yield* bindManager(kernel);
    yield* manager.send("manifest", { program: "Sat" });
    const manifest = yield* manager.receive();
    assertEquals(
      manifest.tag === "text" && (yield* takeText(kernel, manifest.text)),
      '<application name="Sat"/>',
    );
    yield* manager.send("explain", { program: "Sat" });
    const explained = yield* manager.receive();
    assert(explained.tag === "placement");
    assertEquals(explained.kernel, "kernel0");
    assertEquals(JSON.parse(yield* takeText(kernel, explained.json)), steps);
  });
});

Deno.test("shutdown ends services in reverse order and syncs the file system before its own end", () => {
  for (const way of ["request", "power button"]) {
    const machine = new TestMachine();
    const order: string[] = [];
    machine.programs.set("Disk", {
      description: { services: [{ contract: "FileSystemContract", path: "/fs" }] },
      *main(kernel): Program {
        const served = yield* kernel.register(fileSystemContract, "/fs");
        const client = yield* served.accept();
        assertEquals((yield* client.receive()).tag, "sync");
        const isDown = machine.process("Net")!.status !== undefined;
        order.push(isDown ? "synced when Net had ended" : "synced too early");
        yield* client.send("done");
        yield* kernel.sleep(1000e9);
      },
    });
    machine.programs.set("Net", { main: service("/net"), description: serves("/net") });
    machine.bootList = [{ program: "Disk", arguments: [] }, { program: "Net", arguments: [] }];
    machine.boot(processManager, ["--headless"], 60e9, () => machine.log.includes("ready"));
    if (way === "power button") machine.powerPressed = true;
    else {
      machine.bench.start("Test", function* (kernel): Program {
        const manager = yield* bindManager(kernel);
        yield* manager.send("shutdown", { status: 3 });
        yield* manager.receiveOrClosed();
      });
    }
    machine.run();
    assertEquals(machine.bugs, []);
    assertEquals(order, ["synced when Net had ended"]);
    assertEquals(machine.exitStatus, way === "power button" ? 0 : 3);
    assertEquals(machine.process("Disk")!.status, 137);
    assert(!machine.log.slice(1).some((line) => /died|ended|Cannot/.test(line)), machine.log.join("\n"));
  }
});

Deno.test("without a Shell in the archive the machine ends with status 1 and a reason", () => {
  const machine = new TestMachine();
  machine.boot(processManager, ["--shell", ""]);
  assertEquals([machine.bugs, machine.exitStatus], [[], 1]);
  assertEquals(machine.log.at(-1), "Cannot start Shell: no program named Shell");
});
