/**
 * It is the mechanism that does the work: break one part of it, and just what needs it stops.
 *
 * Parts are broken where hardware breaks: by a figure or a fault of the machine file, or by a write
 * to a register through the host's address space.
 */

import { assert, assertEquals, assertMatch, fail } from "@std/assert";
import { hostMemoryMap } from "../hw/machine/host_memory_map.ts";
import { messagingHostRegisters } from "../hw/iop348/messaging_registers.ts";
import { BootedMachine } from "./machine_bench.ts";
import { boardOf, changedMachine, helios, type Machine, netStackAffinity, TemporaryFolder } from "./command_line.ts";

const slowCard = (machine: Machine) => {
  boardOf(machine).instructionCostScale = { value: 10, source: "a test: ten times the cost" };
};

/** The cable is in the host's NIC instead of the board's. */
const cableAtHost = (machine: Machine) => {
  const [nic, boards] = [
    machine.devices.find(({ model }) => model === "intel-8254x") ?? fail("the host has no NIC"),
    boardOf(machine).devices as { cable: boolean }[],
  ];
  nic.cable = true;
  for (const device of boards) device.cable = false;
};

const manifests = (affinity: number) => ({ "NetStack.xml": netStackAffinity(affinity) });

Deno.test("card instructions at ten times the cost slow a round trip several times while the net stack is on the card", () => {
  const usual = new BootedMachine();
  const slow = new BootedMachine({ change: slowCard });
  assertEquals([usual.kernelOf("NetStack"), slow.kernelOf("NetStack")], ["card0", "card0"]);
  const ratio = slow.ping() / usual.ping();
  assert(ratio > 2.5, `a round trip takes ${ratio.toFixed(2)} times as long`);
});

Deno.test("card instructions at ten times the cost change no round trip while driver and net stack are on the host", () => {
  const roundTrip = (affinity: number, change: (machine: Machine) => void) => {
    const booted = new BootedMachine({
      machine: "core2-iop348",
      manifests: manifests(affinity),
      change: (machine) => {
        cableAtHost(machine);
        change(machine);
      },
    });
    return { kernel: booted.kernelOf("NetStack"), ms: booted.ping() };
  };
  const asShipped = () => {};
  const onHost = [roundTrip(5, asShipped), roundTrip(5, slowCard)];
  const onCard = [roundTrip(-1, asShipped), roundTrip(-1, slowCard)];
  assertEquals(onHost.map(({ kernel }) => kernel), ["coordinator", "coordinator"]);
  assertEquals(onCard.map(({ kernel }) => kernel), ["card0", "card0"]);
  const [host, card] = [onHost[1]!.ms / onHost[0]!.ms, onCard[1]!.ms / onCard[0]!.ms];
  assert(Math.abs(host - 1) < 0.01, `on the host: ${host.toFixed(3)} times`);
  assert(card > 2, `on the card: ${card.toFixed(2)} times`);
});

Deno.test("a slow card slows mail only while the net stack is on it", () => {
  const mail = (affinity: number, change: (machine: Machine) => void) => {
    const booted = new BootedMachine({
      machine: "core2-iop348",
      manifests: manifests(affinity),
      change: (machine) => {
        cableAtHost(machine);
        change(machine);
      },
    });
    // Once every service is up, whichever kernel they are on.
    booted.command("ps");
    const client = booted.connect(25);
    assertMatch(client.hear(), /^220 /);
    const start = booted.queue.now;
    for (const line of ["EHLO client.example", "MAIL FROM:<a@client.example>", "RCPT TO:<alice@helios.test>"]) {
      assertMatch(client.ask(`${line}\r\n`), /^250[ -]/);
    }
    assertMatch(client.ask("DATA\r\n"), /^354 /);
    client.say(`Subject: long\r\n\r\n${"0123456789 ".repeat(6).concat("\r\n").repeat(2000)}`);
    const transferred = booted.queue.now - start;
    assertMatch(client.ask(".\r\n"), /^250 /);
    return transferred;
  };
  const asShipped = () => {};
  const host = mail(5, slowCard) / mail(5, asShipped);
  const card = mail(-1, slowCard) / mail(-1, asShipped);
  assert(Math.abs(host - 1) < 0.02, `on the host: ${host.toFixed(3)} times`);
  assert(card > 2, `on the card: ${card.toFixed(2)} times`);
});

Deno.test("with the messaging unit's interrupt masked, messages from the card no longer reach the host until it is unmasked", () => {
  const booted = new BootedMachine();
  assertEquals(booted.kernelOf("NetStack"), "card0");
  booted.command("ipconfig");
  const { space } = booted.machine.host;
  const slot = booted.machine.description.devices.find(({ model }) => model === "iop348")!.slot;
  const bar0 = space.read32(hostMemoryMap.ecam + slot * 0x8000 + 0x10) & ~0xf;
  const OIMR = (bar0 >>> 0) + messagingHostRegisters.OIMR.offset;
  const mask = space.read32(OIMR);
  space.write32(OIMR, 0xffffffff);
  const answer = booted.tryCommand("ipconfig", 10);
  assert(answer?.status !== 0, `the card answered all the same: ${JSON.stringify(answer)}`);
  space.write32(OIMR, mask);
  booted.run(5);
  assertEquals(booted.command("ipconfig").status, 0);
});

Deno.test("a wrong byte in the satellite image costs the card and nothing else, and one line says so", () => {
  const booted = new BootedMachine({
    change: (machine) => boardOf(machine).dramFaults = [{ address: 0x10_0400, xor: 1 }],
  });
  const kernels = booted.command("kernels").rows.map(({ name }) => name);
  assertEquals(kernels, ["coordinator", "numa1"]);
  const told = booted.bootLog.filter((line) => /Cannot start the satellite kernel/.test(line));
  assertEquals(told.length, 1, booted.bootLog.join("\n"));
  assertMatch(told[0]!, /IOP348 at 0:5\.0.*checksum/);
  assertEquals(booted.command("ls /fs").rows.map(({ name }) => name), ["email"]);
  assertEquals(booted.command("echo text > /fs/note").status, 0);
});

Deno.test("a wrong byte beyond the satellite image changes nothing", () => {
  const booted = new BootedMachine({
    change: (machine) => boardOf(machine).dramFaults = [{ address: 0x0fff_fff0, xor: 1 }],
  });
  assertEquals(booted.command("kernels").rows.length, 3);
  assertEquals(booted.kernelOf("NetStack"), "card0");
});

Deno.test("the command line boots to its prompt without the card, and says why in one line", async () => {
  using folder = new TemporaryFolder();
  const file = folder.write(
    "faulty.json",
    changedMachine("helios", (machine) => boardOf(machine).dramFaults = [{ address: 0x10_0000, xor: 128 }]),
  );
  const { status, stdout, stderr } = await helios(["boot", "--machine", file, "--exec", "echo hello"]);
  assertEquals(status, 0, stderr);
  assertMatch(stdout, /^hello\n/);
  assertEquals(stderr.split("\n").filter((line) => line.includes("satellite kernel on the IOP348")).length, 1);
});

Deno.test("without SRAT there is one kernel over all CPUs of the host", () => {
  const booted = new BootedMachine({ change: (machine) => machine.acpi.srat = false });
  const rows = booted.command("kernels").rows;
  assertEquals(rows.map(({ name, cpus, place }) => [name, cpus, place]), [
    ["coordinator", 4, "domain 0"],
    ["card0", 1, "card 0"],
  ]);
  assert(booted.bootLog.some((line) => /no SRAT/.test(line)), booted.bootLog.join("\n"));
  assert(booted.ping() > 0);
});
