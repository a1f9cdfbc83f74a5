/**
 * Placement: one integer in a manifest moves the net stack to another kernel, and nothing else.
 *
 * Shown with the command line, as a person would do it, and inside a machine for what follows:
 * which channels are local, and that the network goes on working.
 */

import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { BootedMachine, type MachineOptions } from "./machine_bench.ts";
import {
  commandOf,
  editedManifests,
  type JsonRow,
  netStackAffinity,
  succeed,
  TemporaryFolder,
} from "./command_line.ts";

const program = (rows: readonly JsonRow[], name: string) => rows.find((row) => row.program === name);

Deno.test("by default the net stack runs on the card, beside the driver of the NIC with the cable", async () => {
  const { stdout } = await succeed(["boot", "--json", "--exec", "ps"]);
  assertEquals(program(commandOf(stdout, "ps").rows, "NetStack")?.kernel, "card0");
});

for (const affinity of [0, -1]) {
  Deno.test(`with affinity ${affinity} in its manifest the net stack runs on an Opteron kernel`, async () => {
    using folder = new TemporaryFolder();
    const manifests = editedManifests(folder, { "NetStack.xml": netStackAffinity(affinity) });
    const { stdout } = await succeed(["boot", "--manifests", manifests, "--json", "--exec", "ps; kernels"]);
    const kernel = program(commandOf(stdout, "ps").rows, "NetStack")?.kernel;
    const { isa } = commandOf(stdout, "kernels").rows.find(({ name }) => name === kernel)!;
    assertEquals(isa, "x86-k8", `NetStack is on ${kernel}`);
  });

  Deno.test(`with affinity ${affinity} the network still answers, and no other program is missing`, () => {
    const edited = new BootedMachine({ manifests: { "NetStack.xml": netStackAffinity(affinity) } });
    const names = (machine: BootedMachine) =>
      machine.command("ps").rows.map(({ program }) => `${program}`).sort();
    assertEquals(names(edited), names(new BootedMachine()));
    assert(edited.ping() > 0);
  });

  Deno.test(`with affinity ${affinity} mail still flows to the disk`, () => {
    const edited = new BootedMachine({ manifests: { "NetStack.xml": netStackAffinity(affinity) } });
    assertEquals(edited.command("ls /fs/email/bob").rows, []);
    const client = edited.connect(25);
    assertMatch(client.hear(), /^220 /);
    for (const line of ["HELO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<bob@helios.test>"]) {
      assertMatch(client.ask(`${line}\r\n`), /^250 /);
    }
    assertMatch(client.ask("DATA\r\n"), /^354 /);
    assertMatch(client.ask("Subject: hello\r\n\r\nhello\r\n.\r\n"), /^250 /);
    assertEquals(edited.command("ls /fs/email/bob").rows.length, 1);
  });
}

/** How the net stack reaches the driver of its NIC. */
function kindOfNicChannel(options: MachineOptions): unknown {
  const { rows } = new BootedMachine(options).command("channels");
  const nic = rows.filter(({ contract }) => contract === "NicDeviceContract");
  assertEquals(nic.length, 1, JSON.stringify(nic));
  return nic[0]!.kind;
}

Deno.test("the channel list shows the net stack's channel to its driver as local, and as remote once it moved", () => {
  assertEquals(kindOfNicChannel({}), "local");
  assertEquals(kindOfNicChannel({ manifests: { "NetStack.xml": netStackAffinity(0) } }), "remote");
});

Deno.test("a channel is remote exactly when its two ends are on different kernels", () => {
  const { rows } = new BootedMachine().command("channels");
  const kernelAt = (end: unknown) => /@(\w+)$/.exec(`${end}`)?.[1];
  const known = rows.filter(({ client, server }) => kernelAt(client) && kernelAt(server));
  assert(known.length > 20, `${known.length} channels name both kernels`);
  for (const row of known) {
    const isRemote = kernelAt(row.client) !== kernelAt(row.server);
    assertEquals(row.kind, isRemote ? "remote" : "local", JSON.stringify(row));
  }
});

Deno.test("explain names the kernel on which the program then runs", () => {
  const booted = new BootedMachine();
  const explained = booted.command("explain Ping");
  const ran = booted.command("ping 10.0.2.2");
  assertEquals(explained.chosen, ran.kernel);
});

Deno.test("explain in the shell names the contract of an affinity whose service has ended, until it is back", () => {
  const booted = new BootedMachine();
  assertEquals(booted.command("explain Antivirus").unserved, []);
  const { pid } = booted.command("ps").rows.find(({ program }) => program === "MailStore")!;
  assertEquals(booted.command(`kill ${pid}`).status, 0);
  assertEquals(booted.command("explain Antivirus").unserved, ["MailStoreContract"]);
  assertEquals(booted.command("MailStore &").status, 0);
  booted.run(1);
  assertEquals(booted.command("explain Antivirus").unserved, []);
});

Deno.test("explain of a manifest names contracts that nobody serves, as a misspelt one is", async () => {
  using folder = new TemporaryFolder();
  const misspelt = (text: string) => text.replace("NicDeviceContract", "NicDeviceContrct");
  const file = `${editedManifests(folder, { "NetStack.xml": misspelt })}/NetStack.xml`;
  const { stdout } = await succeed(["explain", file]);
  assertMatch(stdout, /\n {2}nobody serves NicDeviceContrct now, so the affinity to it counts nowhere\n$/);
  const json = await succeed(["explain", file, "--json"]);
  assertEquals(JSON.parse(json.stdout).unserved, ["NicDeviceContrct"]);
  const whole = await succeed(["explain", "manifests/NetStack.xml", "--json"]);
  assertEquals(JSON.parse(whole.stdout).unserved, []);
});

Deno.test("explain of a manifest on the command line follows its affinity", async () => {
  using folder = new TemporaryFolder();
  const manifests = editedManifests(folder, { "NetStack.xml": netStackAffinity(-1) });
  const chosen = async (file: string) => {
    const { stdout } = await succeed(["explain", file, "--json"]);
    return commandOf(stdout, "explain");
  };
  const near = await chosen("manifests/NetStack.xml");
  const far = await chosen(`${manifests}/NetStack.xml`);
  assertNotEquals(near, far);
});

Deno.test("with affinity -1 to its own contract a second virus scanner runs on the other kernel, and a third is wanted nowhere more", () => {
  const selfReference = (text: string) => text.replace(`"MailStoreContract"`, `"AntiVirusContract"`);
  const booted = new BootedMachine({
    machine: "opteron-numa",
    manifests: { "Antivirus.xml": selfReference },
  });
  const scanners = () => booted.command("ps").rows.filter(({ program }) => program === "Antivirus");
  assertEquals(scanners().length, 1);
  assertEquals(booted.command("Antivirus &").status, 0);
  assertEquals(scanners().map(({ kernel }) => kernel).sort(), ["coordinator", "numa1"]);
  const names = booted.command("ns /service").rows.filter(({ contract }) => contract === "AntiVirusContract");
  assertEquals(names.map(({ path }) => path), ["/service/antivirus", "/service/antivirus1"]);
  const sums = booted.command("explain Antivirus").rows.filter(({ pass }) => pass === "negative");
  assertEquals(sums.map(({ sum, kept }) => [sum, kept]), [[-1, true], [-1, true]]);
});
