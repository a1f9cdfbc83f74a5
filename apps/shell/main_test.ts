/**
 * The shell on a booted test machine: lines or keys in, what the terminal shows out.
 *
 * Process manager, Controllers and console driver are the real programs; the file
 * system is one in memory, and programs that the shell runs are small mains.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Program } from "../../kernel/abi/kernel.ts";
import { decodeText, encodeText, textBlock } from "../../kernel/abi/text.ts";
import { ipConfigContract } from "../../net/contracts/ip_config.ts";
import { Booted, runLine } from "./testing/booted.ts";

Deno.test("files are made, written, listed, shown, copied and removed", () => {
  const { text, status } = runLine(
    "mkdir /fs/a; echo hello world > /fs/a/one; cp /fs/a/one /fs/a/two; cp /fs/a/two /fs; cat /fs/two; " +
      "echo x > /fs/a/3; echo y > /fs/a/4; ls /fs/a; rm /fs/a/one /fs/two; ls /fs; ls /fs/a/two",
  );
  assertEquals(
    text,
    [
      "hello world",
      "KIND  SIZE (bytes)  NAME",
      ...[
        "file             2  3",
        "file             2  4",
        "file            12  one",
        "file            12  two",
      ],
      "KIND       SIZE (bytes)  NAME",
      "directory             0  a",
      "KIND  SIZE (bytes)  NAME",
      "file            12  two",
      "",
    ].join("\n"),
  );
  assertEquals(status, 0);
});

Deno.test("a file of many blocks is copied to the byte", () => {
  const booted = new Booted();
  const bytes = Uint8Array.from({ length: 200_000 }, (_, index) => index * 7);
  booted.files.files.set("/big", bytes);
  booted.run(["-c", "cp /fs/big /fs/copy"]);
  assertEquals(booted.files.files.get("/copy"), bytes);
});

Deno.test("each wrong command is one clear line and status 1", () => {
  const wrong: Readonly<Record<string, string>> = {
    "cat /fs/nothing": 'Cannot read "/fs/nothing": there is no such file or directory',
    "cat /dev/console": 'Cannot read "/dev/console": files have paths that start with /fs/',
    "rm /fs/x": 'Cannot remove "/fs/x": there is no such file or directory',
    "mkdir /fs": 'Cannot make the directory "/fs": it exists already',
    "cp /fs/x /fs/y": 'Cannot copy "/fs/x" to "/fs/y": there is no such file or directory (/fs/x)',
    "ls /nowhere": 'Cannot list "/nowhere": Nothing is at "/nowhere"',
    "ns /dev /fs": 'Cannot list "/dev": "/fs" is too much; usage: ns [-r] [PATH]',
    "ns -r /nowhere": 'Cannot list "/nowhere": Nothing is at "/nowhere"',
    "ln /dev": "Cannot run ln: something is missing; usage: ln TARGET NAME",
    "ln /dev /service/processes":
      'Cannot make the link "/service/processes": "/service/processes" is registered already',
    "rm /service": 'Cannot remove "/service": The directory "/service" is not empty',
    "kill x": 'Cannot end process "x": a process id is a whole number from 1 on',
    "kill 999": "Cannot end process 999: there is no process 999",
    "cp /fs/x": "Cannot run cp: something is missing; usage: cp FROM TO",
    "ps -a": 'Cannot run ps: "-a" is too much; usage: ps',
    "Nonsense": 'Cannot run "Nonsense": no program named Nonsense',
    "shutdown 256": 'Cannot shut down with status "256": it must be 0 to 255',
    "echo 'x": "Cannot read \"echo 'x\": the quote ' is not closed",
    "ps &": 'Cannot run "ps" in the background: only programs can',
    "run &": 'Cannot run "run" in the background: only programs can',
    "ipconfig": "Cannot list the interfaces: Cannot bind to /service/ip: nobody registered it",
  };
  for (const [line, text] of Object.entries(wrong)) {
    assertEquals(runLine(line), { text: `${text}\n`, status: 1 });
  }
});

Deno.test("a full disk is told for a redirect and for a copy", () => {
  for (const line of ["echo 123456789 > /fs/x", "cp /fs/source /fs/x"]) {
    const booted = new Booted();
    booted.files.files.set("/source", encodeText("123456789"));
    booted.files.capacity = 5;
    booted.run(["-c", line]);
    assertStringIncludes(booted.uart.shown, "the disk is full");
    assertEquals(booted.machine.exitStatus, 1);
  }
});

Deno.test("the machine's tables have headings with units", () => {
  assertMatch(
    runLine("ps").text,
    /^PID +PROGRAM +KERNEL +STATE +THREADS +CPU \(ms\) +MEMORY \(KiB\) +ALLOCATED \(KiB\)\n/,
  );
  assertMatch(runLine("ps").text, /\n +\d+ +Shell +kernel0/);
  assertMatch(
    runLine("kernels").text,
    /NAME +ROLE +ISA +CPUS +MEMORY \(MiB\) +PLACE +STATE +REASON\nkernel0 +coordinator/,
  );
  assertMatch(runLine("channels").text, /CONTRACT +CLIENT +SERVER +KIND\ntcp\/1/);
  assertMatch(runLine("ns /service").text, /\/service\/processes +service +ProcessManagerContract +kernel0/);
  assertMatch(runLine("ls /service").text, /service +ProcessManagerContract +kernel0 +processes/);
  assertEquals(
    runLine("ls").text.split("\n").slice(1, -1).map((line) => line.split(" ").at(-1)),
    ["dev", "fs", "kernels", "performance", "service"],
  );
  assertEquals(runLine("manifest Ping").text, '<application name="Ping"/>');
  assertStringIncludes(runLine("explain Ping").text, "Ping would run on kernel0.\n");
  assertMatch(runLine("help").text, /\ncp FROM TO +copies a file\n/);
});

Deno.test("perf shows the counters of what runs, or of one program or process that runs or ran", () => {
  const all = runLine("perf");
  assertStringIncludes(all.text, "PID  PROGRAM");
  assertStringIncludes(all.text, "INSTRUCTIONS  CYCLES    IPC  L1 MISSES  L2 MISSES");
  assertMatch(all.text, /Shell +kernel0 +running +150 +200 +0\.750 +64 +32/);
  const ended = runLine("Upper; perf Upper").text;
  assertMatch(ended, /\d+ +Upper +kernel0 +ended +150 +200 +0\.750 +64 +32/);
  assert(!runLine("Upper; perf").text.includes("Upper"));
  const pid = /(\d+) +Upper/.exec(ended)![1];
  assertMatch(runLine(`Upper; perf ${pid}`).text, /Upper/);
  assertEquals(runLine("perf Nothing"), {
    text: 'Cannot show counters of "Nothing": no process is or was named so\n',
    status: 1,
  });
});

Deno.test("with --json the counters are rows with all their fields", () => {
  const { rows } = JSON.parse(runLine("perf Shell", "--json").text);
  const { pid, ...counters } = rows[0];
  assert(Number.isInteger(pid));
  assertEquals(counters, {
    ...{ program: "Shell", kernel: "kernel0", state: "running" },
    ...{ instructions: 150, cycles: 200, ipc: 0.75, l1Misses: 64, l2Misses: 32 },
  });
});

Deno.test("explain shows shares of CPU time in percent and sums of affinities as they are", () => {
  const sum = 0.15185479091865856;
  const explained = (...options: string[]) => {
    const booted = new Booted();
    booted.machine.programs.set("Picky", {
      *main(): Program {},
      steps: [
        { pass: "negative", kernel: "kernel0", sum: -5, kept: true },
        { pass: "cpu", kernel: "kernel0", sum, kept: true },
      ],
    });
    return booted.run(["-c", "explain Picky", ...options]).uart.shown;
  };
  assertEquals(
    explained(),
    "PASS      KERNEL      SUM  KEPT\n" +
      "negative  kernel0      -5  true\n" +
      "cpu       kernel0  15.2 %  true\n" +
      "Picky would run on kernel0.\n",
  );
  assertEquals(JSON.parse(explained("--json")).rows[1].sum, sum);
});

Deno.test("explain names each contract of an affinity that nobody serves", () => {
  const explained = (...options: string[]) => {
    const booted = new Booted();
    booted.machine.programs.set("Picky", { *main(): Program {}, unserved: ["OneContract", "TwoContract"] });
    return booted.run(["-c", "explain Picky", ...options]).uart.shown;
  };
  assertStringIncludes(
    explained(),
    "Picky would run on kernel0.\n" +
      "Nobody serves OneContract now, so the affinity to it counts nowhere.\n" +
      "Nobody serves TwoContract now, so the affinity to it counts nowhere.\n",
  );
  assertEquals(JSON.parse(explained("--json")).unserved, ["OneContract", "TwoContract"]);
});

Deno.test("with --json every command is one object on one line, with rows", () => {
  const line =
    "ps; kernels; ls /fs; echo a 'b c'; cat /fs/nothing; Ping 10.0.2.2; explain Ping; ping x > /fs/p";
  const { text, status } = runLine(line, "--json");
  const objects = text.trimEnd().split("\n").map((row) => JSON.parse(row));
  assertEquals(objects.map(({ command }) => command), [
    ...["ps", "kernels", "ls", "echo", "cat", "Ping", "explain", "ping"],
  ]);
  assert(objects.every(({ rows }) => Array.isArray(rows)));
  assertEquals(objects[1].rows[0].memoryMiB, 64);
  assertEquals(objects[3].rows, [{ text: "a b c" }]);
  assertEquals([objects[4].status, objects[4].rows], [1, []]);
  assertStringIncludes(objects[4].error, "no such file");
  assertEquals([objects[5].rows, objects[5].status, objects[5].kernel], [
    [{ text: "pinging 10.0.2.2" }],
    4,
    "kernel0",
  ]);
  assertEquals(objects[6].chosen, "kernel0");
  assertEquals(status, 4);
});

Deno.test("a program runs by its name, by run, and ping by its command; its status is the line's", () => {
  assertEquals(runLine("Ping a b"), { text: "pinging a b\n", status: 4 });
  assertEquals(runLine("run Ping a; ping -c 1 x"), { text: "pinging a\npinging -c 1 x\n", status: 4 });
  assertEquals(runLine("Ping x; echo done").status, 0);
});

Deno.test("a program in a script has no input", () => {
  assertEquals(runLine("Upper"), { text: "", status: 0 });
});

Deno.test("the output of a program goes to a file", () => {
  assertEquals(runLine("ping x > /fs/log; cat /fs/log").text, "pinging x\n");
});

Deno.test("a program that dies is told with its fault", () => {
  const booted = new Booted();
  booted.machine.programs.set("Frail", {
    *main(kernel): Program {
      yield* kernel.sleep(1);
      throw Object.assign(new Error("broke"), { stack: "broke its contract" });
    },
  });
  booted.run(["-c", "Frail"]);
  assertMatch(booted.uart.shown, /^Frail \(process \d+\) on kernel0 died: broke its contract\n$/);
  assertEquals(booted.machine.exitStatus, 1);
});

Deno.test("lines from a pipe are run without prompt or echo until the end of input", () => {
  const booted = new Booted();
  booted.uart.type("echo one\n\nUpper\necho two; Ping x");
  booted.machine.bench.start("Person", function* (kernel): Program {
    yield* kernel.sleep(20e6);
    booted.uart.hangUp();
  });
  booted.run(["--batch"]);
  assertEquals([booted.uart.shown, booted.machine.exitStatus], ["one\ntwo\npinging x\n", 4]);
});

Deno.test("a person sees prompt, echo, result, and the machine ends at Ctrl-D with the last status", () => {
  const booted = new Booted().interactive();
  booted.uart.type("echo hi\x7fello\rping x\r");
  booted.until("pinging x\n");
  booted.uart.type("\x04");
  booted.machine.run();
  assertMatch(booted.uart.shown, /helios> .*echo hi.*ello\r\nhello\n/s);
  assertEquals(booted.machine.exitStatus, 4);
});

Deno.test("what is typed goes to the program in the foreground, Ctrl-D ends its input, the rest comes back", () => {
  const booted = new Booted().interactive();
  booted.uart.type("Upper\rabc\r");
  booted.until("abc\nABC\n");
  booted.uart.type("\x04");
  booted.until("ABC\n\rhelios> ");
  booted.uart.type("echo back\r");
  booted.until("\nback\n");
});

Deno.test("Ctrl-C ends the program in the foreground, and the shell goes on", () => {
  const booted = new Booted().interactive();
  booted.uart.type("Endless\r");
  booted.until("endless\n");
  booted.uart.type("\x03");
  booted.until("^C\n\rhelios> ");
  booted.uart.type("echo on\r");
  booted.until("\non\n");
});

Deno.test("a program in the background shows its output while the shell goes on", () => {
  const booted = new Booted().interactive();
  booted.uart.type("Endless & echo next\r");
  booted.until("\nnext\n").until("endless\n");
  assertMatch(booted.uart.shown, /\[\d+\] Endless on kernel0\n/);
});

Deno.test("of a program that dies in the background the shell tells at the prompt, and keeps what is being typed", () => {
  const booted = new Booted().interactive();
  booted.uart.type("Doomed 10000000000 &\recho so");
  booted.until("echo so").until("\r\x1b[KDoomed (process ");
  assertMatch(booted.uart.shown, /\[(\d+)\] Doomed on kernel0\n/);
  booted.until(") on kernel0 died: Error: doomed").until("\rhelios> echo so\x1b[K");
  booted.uart.type(" far\r");
  booted.until("\nso far\n");
});

Deno.test("of a program that dies in the background a script hears after the command that runs, or at its end", () => {
  const { text, status } = runLine("Doomed 0 & Ping; echo next");
  assertMatch(text, /^\[(\d+)\] Doomed on kernel0\n/);
  assertMatch(text, /\nDoomed \(process \d+\) on kernel0 died: Error: doomed\n/);
  assert(text.endsWith("\nnext\n"));
  assertEquals(status, 0);
  assertMatch(
    runLine("Doomed 0 &").text,
    /^\[(\d+)\] Doomed on kernel0\nDoomed \(process \1\) on kernel0 died: /,
  );
});

Deno.test("in JSON a death in the background is an object of its own", () => {
  const [started, died, ...rest] = runLine("Doomed 0 &", "--json").text.trimEnd().split("\n")
    .map((line) => JSON.parse(line));
  assertEquals(rest, []);
  assertEquals(started.status, 0);
  const { command, rows, status, pid, program, kernel } = died;
  assertEquals({ command, rows, status }, { command: "Doomed", rows: [], status: 1 });
  assertEquals({ pid, program, kernel }, { pid: started.pid, program: "Doomed", kernel: "kernel0" });
  assertStringIncludes(died.error, `Doomed (process ${pid}) on kernel0 died: Error: doomed`);
});

Deno.test("a program that ends by itself in the background is not told of, nor one that is killed", () => {
  const { text } = runLine("Ping & Endless & Ping; Ping");
  assertEquals(text.includes("died"), false);
  const booted = new Booted().interactive();
  booted.uart.type("Endless &\r");
  booted.until("endless\n");
  const pid = /\[(\d+)\] Endless/.exec(booted.uart.shown)?.[1];
  booted.uart.type(`kill ${pid}; echo over\r`);
  booted.until("\nover\n");
  assertEquals(booted.uart.shown.includes("died"), false);
});

Deno.test("the command ping runs its program in the background, too", () => {
  const booted = new Booted().interactive();
  booted.uart.type("ping -c 1 x &\r");
  booted.until("pinging -c 1 x\n").until("] Ping on kernel0\n");
});

Deno.test("a process of the system cannot be killed, and is told by its name", () => {
  const rows = JSON.parse(runLine("ps", "--json").text).rows as readonly {
    readonly pid: number;
    readonly program: string;
  }[];
  const { pid } = rows.find(({ program }) => program === "ProcessManager")!;
  const reason = `process ${pid} (ProcessManager) belongs to the system`;
  assertEquals(runLine(`kill ${pid}`), { text: `Cannot end process ${pid}: ${reason}\n`, status: 1 });
});

/** The process id in what the shell says of a program in the background. */
const pidIn = (text: string): number => Number(/\[(\d+)\] /.exec(text)![1]);

Deno.test("wait takes the exit status of a program in the background, also after its end", () => {
  const pid = pidIn(runLine("Ping &").text);
  const { text, status } = runLine(`Ping & ; wait ${pid}; wait ${pid}`);
  assertEquals(status, 4);
  const told = `Process ${pid} ended with status 4.\n`;
  assert(text.endsWith(told + told), text);
});

Deno.test("wait tells a fault, and what it cannot wait for", () => {
  assertEquals(runLine("wait 999").status, 1);
  assertMatch(runLine("wait 999").text, /^Cannot wait for process 999: /);
  assertEquals(
    runLine("wait x").text,
    'Cannot wait for process "x": a process id is a whole number from 1 on\n',
  );
  const pid = pidIn(runLine("Endless &").text);
  assertEquals(runLine(`Endless & ; kill ${pid}; wait ${pid}`).status, 137);
});

Deno.test("Ctrl-C ends a wait, and the process goes on; what else was typed is the shell's", () => {
  const booted = new Booted().interactive();
  booted.uart.type("Endless &\r");
  booted.until("endless\n").until("] Endless on kernel0\n");
  const pid = pidIn(booted.uart.shown);
  booted.uart.type(`wait ${pid}\r`);
  booted.until(`wait ${pid}`);
  booted.uart.type("\x03");
  booted.until("^C\n");
  booted.uart.type(`kill ${pid}\r`);
  booted.uart.type(`wait ${pid}\r`);
  booted.until(`Process ${pid} ended with status 137.\n`);
});

Deno.test("shutdown ends the machine with the status that is given", () => {
  assertEquals(runLine("shutdown 9; echo never"), { text: "", status: 9 });
});

Deno.test("arguments that make no sense are one line and status 1", () => {
  for (const args of [["-c"], ["--bogus"]]) {
    const { uart, machine } = new Booted().run(args);
    assertMatch(uart.shown, /^Cannot start the shell: .*\n$/);
    assertEquals(machine.exitStatus, 1);
  }
});

Deno.test("ipconfig shows the interface in words, and its row in JSON", () => {
  const row = { name: "eth0", mac: "52:54:00:12:34:56", linkUp: true, mtu: 1500, address: "10.0.2.15" };
  const rest = { mask: "255.255.255.0", router: "10.0.2.2", lease: "BOUND" };
  const shownFor = (leaseLeftNs: number | null, ...options: string[]) => {
    const booted = new Booted();
    booted.machine.programs.set("NetStack", {
      *main(kernel): Program {
        const service = yield* kernel.register(ipConfigContract, "/service/ip");
        const client = yield* service.accept();
        yield* client.receive();
        yield* client.send("rows", {
          json: yield* textBlock(kernel, JSON.stringify([{ ...row, ...rest, leaseLeftNs }])),
        });
        yield* kernel.sleep(1e15);
      },
    });
    booted.machine.bootList.push({ program: "NetStack", arguments: [] });
    booted.run(["-c", "ipconfig", ...options]);
    return booted.uart.shown;
  };
  assertEquals(JSON.parse(shownFor(3600e9, "--json")).rows, [{ ...row, ...rest, leaseLeftNs: 3600e9 }]);
  const words = shownFor(3599.1e9);
  assertMatch(
    words,
    /^eth0\n {2}Link +up\n.*IPv4 address +10\.0\.2\.15\n.*DHCP lease +BOUND, 3600 s left\n/s,
  );
  assertMatch(shownFor(null), /DHCP lease +BOUND, without end\n/);
});

Deno.test("characters of several bytes pass from keyboard to screen", () => {
  const booted = new Booted().interactive();
  booted.uart.type("echo grün 😀\r");
  booted.until("\ngrün 😀\n");
  assertEquals(decodeText(encodeText("grün 😀")), "grün 😀");
});
