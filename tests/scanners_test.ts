/**
 * Several virus scanners behind one mail store: they share the mail, and each may die in the middle of it.
 *
 * The machine has two kernels and a scanner on each, as in Figure 11 of the paper; mail comes over its LAN.
 */

import { assert, assertEquals } from "@std/assert";
import type { Process } from "../kernel/process/process.ts";
import { BootedMachine, type Conversation } from "./machine_bench.ts";

const smtpPort = 25;
const dataBytes = 100_000;
const line = `${"mail ".repeat(12)}\r\n`;
const body = line.repeat(dataBytes / line.length);

/** Two kernels; a scanner wants to be where no other is. */
function twoScanners(): BootedMachine {
  const booted = new BootedMachine({
    machine: "opteron-numa",
    manifests: { "Antivirus.xml": (text) => text.replace(`"MailStoreContract"`, `"AntiVirusContract"`) },
  });
  assertEquals(booted.command("Antivirus &").status, 0);
  assertEquals(scanners(booted).map(({ kernelName }) => kernelName).sort(), ["coordinator", "numa1"]);
  return booted;
}

function scanners(booted: BootedMachine): Process[] {
  return booted.host.everyKernel.flatMap(({ processes }) => processes.running)
    .filter(({ manifest }) => manifest.name === "Antivirus");
}

function kill(booted: BootedMachine, process: Process): void {
  const kernel = booted.host.everyKernel.find(({ name }) => name === process.kernelName)!;
  kernel.processes.end(process, 137, "");
}

function connectClients(booted: BootedMachine, count: number): Conversation[] {
  return Array.from({ length: count }, () => {
    const client = booted.connect(smtpPort);
    client.hear();
    client.ask("EHLO test\r\n");
    return client;
  });
}

/** Every client hands over a message; none has heard yet what became of it. */
function sendAll(clients: readonly Conversation[]): void {
  for (const client of clients) {
    client.ask("MAIL FROM:<a@example.org>\r\n");
    client.ask("RCPT TO:<alice@helios.test>\r\n");
    assertEquals(client.ask("DATA\r\n").slice(0, 3), "354");
    client.say(`Subject: test\r\n\r\n${body}.\r\n`);
  }
}

function storedMessages(booted: BootedMachine): number {
  return booted.command("ls /fs/email/alice").rows.filter(({ size }) => Number(size) > dataBytes * 0.9)
    .length;
}

Deno.test("two scanners on two kernels take the mail in turns, and one that is alone takes it all", () => {
  const booted = twoScanners();
  const clients = connectClients(booted, 4);
  const rounds = 5;
  const work = (processes: readonly Process[]) => {
    const before = processes.map(({ cpuCycles }) => cpuCycles);
    for (let round = 0; round < rounds; round++) {
      sendAll(clients);
      for (const client of clients) assertEquals(client.hear().slice(0, 3), "250");
    }
    return processes.map(({ cpuCycles }, index) => cpuCycles - before[index]!);
  };
  const both = scanners(booted);
  const [one, other] = work(both);
  assert(one! > 0 && Math.abs(one! - other!) < 0.1 * one!, `${one} and ${other} cycles`);
  kill(booted, both[1]!);
  const [alone] = work([both[0]!]);
  assert(Math.abs(alone! - one! - other!) < 0.1 * alone!, `${alone} cycles, not ${one! + other!}`);
  assertEquals(storedMessages(booted), 2 * rounds * clients.length);
});

Deno.test("a scanner that dies with a message in its hands loses none: the other one takes what is left", () => {
  const booted = twoScanners();
  const clients = connectClients(booted, 4);
  for (let round = 1; round <= 4; round++) {
    const victim = scanners(booted)[round % 2]!;
    sendAll(clients);
    assert(booted.until(() => victim.blocks.size > 0, 1), "the scanner has got nothing");
    kill(booted, victim);
    for (const client of clients) assertEquals(client.hear(), "250 2.0.0 Scanned and on disk\r\n");
    assertEquals(storedMessages(booted), round * clients.length);
    assertEquals(booted.command("Antivirus &").status, 0);
    assertEquals(scanners(booted).length, 2);
  }
});
