/**
 * The disk image is the disk: what the guest writes is there for the next boot and for Linux, and back.
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  commandOf,
  hasProgram,
  helios,
  run,
  serve,
  start,
  succeed,
  TemporaryFolder,
} from "./command_line.ts";
import { faultsOf, readFromImage } from "./mail_client.ts";

const tools = ["mcopy", "mtype", "fsck.fat", "mkfs.fat"] as const;

Deno.test("a file that the shell wrote is there after a reboot from the same image, and for mtools", async () => {
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  await succeed([
    "boot",
    "--disk",
    image,
    "--exec",
    "mkdir /fs/notes; echo some text > /fs/notes/long name.txt",
  ]);
  await succeed(["boot", "--disk", image, "--exec", "echo second > /fs/x"]);
  const { stdout } = await succeed(["boot", "--disk", image, "--exec", "cat /fs/x; ls /fs/notes", "--json"]);
  assertEquals(commandOf(stdout, "cat").rows, [{ text: "second" }]);
  assertEquals(commandOf(stdout, "ls").rows.length, 1);
  if (!await hasProgram(...tools)) return;
  assertEquals(await faultsOf(image), "");
  assertEquals(new TextDecoder().decode(await readFromImage(image, "::/x")), "second\n");
});

Deno.test("a file that mtools wrote is read by cat, byte for byte, on an image that mkfs.fat made", async () => {
  if (!await hasProgram(...tools)) return;
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const text = Array.from({ length: 3000 }, (_, line) => `line ${line} of a file from Linux`).join("\n") +
    "\n";
  const made = await run("mkfs.fat", ["-F", "32", "-C", image, "65536"]);
  assertEquals(made.status, 0, made.stderr);
  for (
    const words of [["mmd", "::/Letters"], [
      "mcopy",
      folder.write("in.txt", text),
      "::/Letters/A longer name.txt",
    ]]
  ) {
    const [program, ...rest] = words as [string, ...string[]];
    const copied = await run(program, ["-i", image, ...rest]);
    assertEquals(copied.status, 0, copied.stderr);
  }
  const { stdout } = await succeed([
    "boot",
    "--disk",
    image,
    "--exec",
    'cat "/fs/Letters/A longer name.txt"',
  ]);
  const [before] = stdout.split("halted after");
  assertEquals(before!.replaceAll("\r\n", "\n"), text);
  assertEquals(await faultsOf(image), "");
});

Deno.test("what was written before SIGTERM is on the image, and the machine exits with 0", async () => {
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  {
    await using machine = await serve(["--disk", image, "--json"]);
    const { status } = await machine.end("SIGTERM");
    assertEquals(status, 0);
  }
  assert(Deno.statSync(image).size > 1 << 20);
  const { stdout } = await succeed(["boot", "--disk", image, "--exec", "ls /fs", "--json"]);
  assert(commandOf(stdout, "ls").rows.some(({ name }) => name === "email"));
});

Deno.test("Ctrl-C ends commands that would go on for long, in order, with what was written on the image", async () => {
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  const exec = "echo kept > /fs/kept; ping -c 65535 10.0.2.2";
  await using machine = await start(["boot", "--disk", image, "--exec", exec], /icmp_seq=9 /, 20);
  const { status, stdout } = await machine.end("SIGINT");
  assert(status === 0 || status === 1, `status ${status}: it did not end by itself`);
  assertMatch(stdout, /halted after/);
  const { stdout: kept } = await succeed(["boot", "--disk", image, "--exec", "cat /fs/kept", "--json"]);
  assertEquals(commandOf(kept, "cat").rows, [{ text: "kept" }]);
});

Deno.test("one Ctrl-C that arrives twice, as under `deno task`, still ends the machine in order", async () => {
  await using machine = await serve([]);
  const { status, stdout } = await machine.end("SIGINT", 2);
  assertEquals(status, 0);
  assertMatch(stdout, /halted after/);
});

Deno.test("two emulators cannot use one image at the same time", async () => {
  using folder = new TemporaryFolder();
  const image = folder.file("disk.img");
  await using machine = await serve(["--disk", image]);
  const { status, stderr } = await helios(["boot", "--disk", image, "--exec", "ps"]);
  assertEquals(status, 1);
  assertEquals(stderr, `helios: Cannot open disk image "${image}": it is in use by another process\n`);
  assertEquals((await machine.end("SIGINT")).status, 0);
});
