/**
 * Real programs of the host talk to the guest through a TAP interface, as `--tap` promises.
 *
 * The interface lives in a network namespace of its own, so the host's own network is left alone; the
 * namespace, and with it the interface, goes when the test ends, however it ends.
 * - Needs Linux, root, /dev/net/tun, `ip` and `ping`; where one is missing the test says so and is skipped.
 * - The guest is 10.0.2.15 (DHCP of the gateway), the namespace takes 10.0.2.100.
 */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  describe,
  helios,
  projectFolder,
  run,
  serve,
  type Serving,
  TemporaryFolder,
} from "./command_line.ts";

const guest = "10.0.2.15";
const interfaceName = "tap0";

/** What the host lacks for these tests; undefined when all is there. */
async function missing(...programs: readonly string[]): Promise<string | undefined> {
  if (Deno.build.os !== "linux") return "Linux";
  if (Deno.uid() !== 0) return "root";
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return "/dev/net/tun";
  }
  for (const program of programs) {
    const { status } = await run("sh", ["-c", `command -v ${program}`]);
    if (status !== 0) return `the program ${program}`;
  }
  const { status, stderr } = await run("ip", ["netns", "add", probeName]);
  if (status !== 0) return `leave to make network namespaces (${stderr.trim()})`;
  await run("ip", ["netns", "delete", probeName]);
  return undefined;
}

const probeName = `helios_probe_${Deno.pid}`;

async function isSkipped(...programs: readonly string[]): Promise<boolean> {
  const what = await missing("ip", ...programs);
  if (what !== undefined) console.log(`SKIPPED: ${what} is missing`);
  return what !== undefined;
}

/** A network namespace with a persistent TAP interface at 10.0.2.100/24. */
class Namespace {
  readonly #name = `helios_test_${Deno.pid}`;

  static async make(): Promise<Namespace> {
    const namespace = new Namespace();
    const name = namespace.#name;
    await ip("netns", "add", name);
    try {
      await ip("-n", name, "tuntap", "add", "dev", interfaceName, "mode", "tap");
      await ip("-n", name, "address", "add", "10.0.2.100/24", "dev", interfaceName);
      await ip("-n", name, "link", "set", interfaceName, "up");
    } catch (error) {
      await namespace[Symbol.asyncDispose]();
      throw error;
    }
    return namespace;
  }

  /** The words that run a program in it. */
  get launcher(): string[] {
    return ["ip", "netns", "exec", this.#name];
  }

  async run(...words: readonly string[]) {
    return await run("ip", [...this.launcher.slice(1), ...words], { timeoutSeconds: 30 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ip("netns", "delete", this.#name);
  }
}

async function ip(...words: readonly string[]): Promise<void> {
  const finished = await run("ip", words);
  assertEquals(finished.status, 0, `ip ${words.join(" ")}: ${describe(finished)}`);
}

/** What a TCP connection from the namespace gets first: the first line of the guest, or the error's name. */
async function firstLine(namespace: Namespace, port: number): Promise<string> {
  const script = `try {
    const connection = await Deno.connect({ hostname: "${guest}", port: ${port} });
    const bytes = new Uint8Array(256);
    const count = await connection.read(bytes);
    console.log(new TextDecoder().decode(bytes.subarray(0, count ?? 0)));
  } catch (error) { console.log(error.name); }`;
  const { stdout } = await namespace.run(Deno.execPath(), "eval", script);
  return stdout.trim();
}

Deno.test("programs of the host reach the guest through a TAP interface, which a second emulator is refused", async (t) => {
  if (await isSkipped("ping")) return;
  await using namespace = await Namespace.make();
  await using machine = await serve(["--tap", interfaceName], 90, namespace.launcher);

  await t.step("ping is answered by the guest and by the gateway", async () => {
    for (const address of [guest, "10.0.2.2"]) {
      const finished = await namespace.run("ping", "-c", "5", "-i", "0.1", "-W", "10", address);
      assertStringIncludes(finished.stdout, "5 received", describe(finished));
    }
  });
  await t.step("a ping longer than a frame is answered by both, in fragments", async () => {
    for (const address of [guest, "10.0.2.2"]) {
      for (const size of ["4000", "8000"]) {
        const finished = await namespace.run("ping", "-c", "2", "-i", "0.1", "-W", "10", "-s", size, address);
        assertStringIncludes(finished.stdout, "2 received", describe(finished));
      }
    }
  });
  await t.step(
    "the mail service greets a TCP connection, and a port where nobody listens refuses one",
    async () => {
      assertMatch(await firstLine(namespace, 25), /^220 /);
      assertEquals(await firstLine(namespace, 9), "ConnectionRefused");
    },
  );
  await t.step("an interface that is in use is refused", async () => {
    const finished = await namespace.run(...mainWords("--tap", interfaceName));
    assertRefused(finished, `Cannot attach TAP "${interfaceName}": another program is attached to it`);
  });
  await t.step("the machine goes on when the interface goes, and ends cleanly", async () => {
    assertEquals((await namespace.run("ip", "link", "delete", interfaceName)).status, 0);
    await assertEndsCleanly(machine);
  });
});

Deno.test("a machine that is attached to an interface of its own making ends cleanly and takes it along", async () => {
  if (await isSkipped()) return;
  await using namespace = await Namespace.make();
  const isThere = async () => (await namespace.run("ip", "link", "show", "own0")).status === 0;
  await using machine = await serve(["--tap", "own0"], 90, namespace.launcher);
  assert(await isThere(), "the emulator made no interface");
  await assertEndsCleanly(machine);
  assert(!await isThere(), "the interface was left behind");
});

Deno.test("a TAP that cannot be attached is refused in one line, before anything is written", async (t) => {
  if (await isSkipped("setpriv")) return;
  using folder = new TemporaryFolder();
  const files = [
    "--disk",
    folder.file("disk.img"),
    "--trace",
    folder.file("trace"),
    "--pcap",
    folder.file("pcap"),
  ];
  const refusals = {
    "lo": "it is no TAP interface, or one of several queues",
    "abcdefghijklmnop": "the name has 16 bytes, must have 1 to 15",
    "tap%d": 'an interface\'s name has no "%"',
  };
  for (const [name, reason] of Object.entries(refusals)) {
    await t.step(`--tap ${name}`, async () => {
      assertRefused(
        await helios(["boot", "--headless", "--tap", name, ...files]),
        `Cannot attach TAP "${name}": ${reason}`,
      );
    });
  }
  await t.step("without the privilege", async () => {
    const words = ["--bounding-set=-net_admin", ...mainWords("--tap", "tap9", ...files)];
    assertRefused(await run("setpriv", words), 'Cannot attach TAP "tap9": permission denied');
  });
  assertEquals(folder.names, []);
});

function mainWords(...words: readonly string[]): string[] {
  return [Deno.execPath(), "run", "-A", join(projectFolder, "main.ts"), "boot", "--headless", ...words];
}

function assertRefused(finished: Awaited<ReturnType<typeof run>>, line: string): void {
  const { status, stdout, stderr } = finished;
  assertEquals({ status, stdout, stderr }, { status: 1, stdout: "", stderr: `helios: ${line}\n` });
}

async function assertEndsCleanly(machine: Serving): Promise<void> {
  const finished = await machine.end("SIGTERM");
  assertEquals(finished.status, 0, describe(finished));
  assertEquals(finished.stderr, "");
}
