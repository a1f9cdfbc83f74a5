/**
 * The mail store on a real FAT32 volume in memory, with the real scanner.
 *
 * What is on the disk is read back by mounting it again; power cuts take away what was
 * written after any point.
 */

import { assert, assertEquals } from "@std/assert";
import type { Call, Endpoint } from "../../kernel/abi/kernel.ts";
import { TestKernel } from "../../kernel/programs/testing/test_kernel.ts";
import { testChannel } from "../../kernel/programs/testing/test_channels.ts";
import { pipeContract } from "../../kernel/contracts/pipe.ts";
import { fileSystemContract } from "../../fs/contracts/file_system.ts";
import {
  deviceFrom,
  freshDevice,
  fsckRemarks,
  peerTest,
  RecordingDevice,
  TestDisk,
} from "../../fs/fat32/disk_bench_test.ts";
import type { MemoryDevice } from "../../fs/fat32/memory_device.ts";
import { eicarTestString } from "../antivirus/signature.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import main from "./main.ts";
import { isAccount, MailMachine, save } from "./testing/mail_machine.ts";

const sectorCount = 70_000;

/** What a mounted disk holds below /email: text of each file by its path. */
function mail(device: MemoryDevice): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [path, content] of new TestDisk(device).tree("/email")) {
    if (content !== "directory") found[path.slice("/email/".length)] = new TextDecoder().decode(content);
  }
  return found;
}

Deno.test("a clean message is a file with the next number in each of its accounts", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    assertEquals(yield* save(kernel, store, "alice", "one"), "");
    assertEquals(yield* save(kernel, store, "alice\nbob\nalice", "two"), "");
    assertEquals(yield* save(kernel, store, "Bob", "three"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "one", "alice/2": "two", "bob/1": "two", "bob/2": "three" });
});

Deno.test("a disk without a directory for mail gets the accounts alice, bob and postmaster", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (_kernel, store) {
    for (const name of ["alice", "bob", "POSTMASTER"]) assert(yield* isAccount(store, name), name);
    assertEquals(yield* isAccount(store, "carol"), false);
    yield* store.send("getAddressList");
    const answer = yield* store.receive();
    assert(answer.tag === "addresses");
    assertEquals(
      new TextDecoder().decode(answer.text.bytes),
      "alice@helios.test\nbob@helios.test\npostmaster@helios.test\n",
    );
  });
  machine.run();
  assertEquals(new TestDisk(device).names("/email"), ["alice", "bob", "postmaster"]);
});

Deno.test("a disk that has a directory for mail keeps the accounts that it has", () => {
  const device = freshDevice(sectorCount);
  const disk = new TestDisk(device);
  disk.makeDirectory("/email");
  disk.makeDirectory("/email/Carol");
  disk.sync();
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    assertEquals(yield* isAccount(store, "alice"), false);
    assertEquals(yield* save(kernel, store, "carol", "hello"), "");
  });
  machine.run();
  assertEquals(mail(device), { "Carol/1": "hello" });
});

Deno.test("numbers go on after a reboot, and the number of a removed message in the middle is not used again", () => {
  const device = freshDevice(sectorCount);
  for (const text of ["one", "two", "three"]) {
    const machine = new MailMachine(device);
    machine.client(function* (kernel, store) {
      assertEquals(yield* save(kernel, store, "alice", text), "");
    });
    machine.run();
  }
  assertEquals(mail(device), { "alice/1": "one", "alice/2": "two", "alice/3": "three" });
  const disk = new TestDisk(device);
  disk.remove("/email/alice/2");
  disk.sync();
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    assertEquals(yield* save(kernel, store, "alice", "four"), "");
  });
  machine.run();
  assertEquals(Object.keys(mail(device)).sort(), ["alice/1", "alice/3", "alice/4"]);
});

Deno.test("a contaminated message is refused with the virus's name, and nothing is stored", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    const answer = yield* save(kernel, store, "alice\nbob", `Subject: x\r\n\r\n${eicarTestString()}`);
    assertEquals(answer, "Contaminated: Eicar-Test-Signature");
    assertEquals(yield* save(kernel, store, "alice", "clean"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "clean" });
});

Deno.test("a message for an account that is not there is stored for nobody", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    for (
      const name of ["carol", "", ".", "..", "../alice", "alice/", "alice.", "a\\b", "a:b", "x".repeat(65)]
    ) {
      assertEquals(yield* save(kernel, store, `alice\n${name}`, "text"), `UnknownAccount: ${name}`);
      assertEquals(yield* isAccount(store, name), false, name);
    }
    assertEquals(yield* save(kernel, store, "alice", ""), "Failed: the message is empty");
  });
  machine.run();
  assertEquals(mail(device), {});
});

/** Asks the file system for one thing from a program of the test. */
function* change(
  files: Endpoint<typeof fileSystemContract, "client">,
  name: "makeDirectory" | "remove",
  path: string,
): Call<void> {
  yield* files.send(name, { path });
  assertEquals((yield* files.receive()).tag, "done", path);
  yield* files.send("sync");
  assertEquals((yield* files.receive()).tag, "done");
}

Deno.test("an account can be made and removed while the store runs, by its directory", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    assertEquals(yield* isAccount(store, "dave"), false);
    yield* change(files, "makeDirectory", "/email/dave");
    assertEquals(yield* save(kernel, store, "dave", "hello"), "");
    yield* change(files, "remove", "/email/dave/1");
    yield* change(files, "remove", "/email/dave");
    assertEquals(yield* save(kernel, store, "alice\ndave", "hello"), "UnknownAccount: dave");
    assertEquals(yield* isAccount(store, "dave"), false);
  });
  machine.run();
  assertEquals(mail(device), {});
});

Deno.test("a file that somebody else put under the next number is stepped over", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    const files = yield* kernel.bind(fileSystemContract, "/fs");
    yield* change(files, "makeDirectory", "/email/alice/1");
    assertEquals(yield* save(kernel, store, "alice", "hello"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/2": "hello" });
});

Deno.test("empty files that a crash left under a number are removed at the start, and nothing else is", () => {
  const device = freshDevice(sectorCount);
  const disk = new TestDisk(device);
  disk.makeDirectory("/email");
  disk.makeDirectory("/email/alice");
  for (const name of ["7", "007", "notes"]) disk.create(`/email/alice/${name}`, new Uint8Array(0));
  disk.create("/email/alice/3", new Uint8Array([0x61]));
  disk.sync();
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    assertEquals(yield* save(kernel, store, "alice", "new"), "");
  });
  machine.run();
  const { "alice/3": old, "alice/4": added, ...others } = mail(device);
  assertEquals([old, added], ["a", "new"]);
  assertEquals(others, { "alice/007": "", "alice/notes": "" });
});

Deno.test("without a scanner nothing is stored, and once there is one messages are", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device, false);
  machine.client(function* (kernel, store) {
    const answer = yield* save(kernel, store, "alice", "unscanned");
    assert(answer.startsWith("Failed: there is no virus scanner: "), answer);
    const before = yield* kernel.now();
    yield* save(kernel, store, "alice", "unscanned");
    assertEquals((yield* kernel.now()) - before, 0, "the next message waits as well");
    machine.startScanner();
    assertEquals(yield* save(kernel, store, "alice", "scanned"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "scanned" });
});

Deno.test("a scanner that dies with a message takes nothing else with it", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device, false);
  machine.kernel.start("DyingScanner", function* (kernel) {
    const service = yield* kernel.register(antivirusContract, antivirusPath);
    yield* (yield* service.accept()).receive();
  });
  machine.client(function* (kernel, store) {
    const answer = yield* save(kernel, store, "alice", "lost");
    assertEquals(answer, "Failed: the virus scanner ended during the check");
    machine.startScanner();
    assertEquals(yield* save(kernel, store, "alice", "kept"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "kept" });
});

Deno.test("a message of which two scanners die is refused, and the third goes on with the others", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device, false);
  for (const path of [antivirusPath, `${antivirusPath}1`]) {
    machine.kernel.start("DyingScanner", function* (kernel) {
      const service = yield* kernel.register(antivirusContract, path);
      yield* (yield* service.accept()).receive();
    });
  }
  machine.startScanner();
  machine.client(function* (kernel, store) {
    yield* kernel.sleep(1e6);
    const answer = yield* save(kernel, store, "alice", "deadly");
    assertEquals(answer, "Failed: the virus scanner ended during the check");
    assertEquals(yield* save(kernel, store, "alice", "kept"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "kept" });
});

Deno.test("after the end of a scanner messages are answered at once, and the next scanner is found", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device, false);
  let scanner = machine.startScanner();
  machine.client(function* (kernel, store) {
    assertEquals(yield* save(kernel, store, "alice", "one"), "");
    machine.kernel.kill(scanner);
    scanner = machine.startScanner();
    yield* kernel.sleep(1e6);
    assertEquals(yield* save(kernel, store, "alice", "two"), "", "the idle scanner's successor is found");
    machine.kernel.kill(scanner);
    const before = yield* kernel.now();
    for (let count = 0; count < 3; count++) {
      const answer = yield* save(kernel, store, "alice", "unscanned");
      assert(answer.startsWith("Failed: there is no virus scanner: "), answer);
    }
    assertEquals((yield* kernel.now()) - before, 0, "messages wait for a scanner that has ended");
    machine.startScanner();
    yield* kernel.sleep(1e6);
    assertEquals(yield* save(kernel, store, "alice", "three"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "one", "alice/2": "two", "alice/3": "three" });
});

Deno.test("a message that does not fit on the disk leaves nothing behind and uses no number", () => {
  const device = freshDevice(sectorCount);
  const disk = new TestDisk(device);
  const piece = new Uint8Array(1 << 20);
  while (disk.freeBytes() > 2.5 * piece.length) disk.create(`/filler ${disk.freeBytes()}`, piece);
  disk.sync();
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    const large = new Uint8Array(1_500_000).fill(0x61);
    assertEquals(yield* save(kernel, store, "alice\nbob", large), "NoSpace: the disk is full");
    assertEquals(yield* save(kernel, store, "alice\nbob", "small"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "small", "bob/1": "small" });
  assertEquals(new TestDisk(device).names("/email/alice"), ["1"]);
});

Deno.test("a client that leaves while its message is under way does no harm, and the message is stored", () => {
  const device = freshDevice(sectorCount);
  const machine = new MailMachine(device);
  machine.client(function* (kernel, store) {
    const data = yield* kernel.allocate(1);
    yield* store.send("saveMessage", { accounts: "alice", data });
  });
  machine.client(function* (kernel, store) {
    yield* kernel.sleep(1e9);
    assertEquals(yield* save(kernel, store, "bob", "later"), "");
  });
  machine.run();
  assertEquals(mail(device), { "alice/1": "\0", "bob/1": "later" });
});

Deno.test("without a file system the store says so and ends", () => {
  const kernel = new TestKernel();
  const { client, server } = testChannel(pipeContract);
  const store = kernel.start("MailStore", main, { stdout: client });
  let text = "";
  kernel.start("Console", function* () {
    const message = yield* server.receive();
    text = new TextDecoder().decode(message.data.bytes);
    yield* server.send("written");
  });
  kernel.run(() => store.status !== undefined, 3600e9);
  assertEquals(store.status, 1);
  assertEquals(text, "Cannot open the mailboxes: Cannot bind to /fs: nobody registered it\n");
});

interface Acknowledged {
  /** How many events of the disk had been recorded. */
  readonly event: number;
  readonly text: string;
}

/** Ten clients that send ten messages each at the same time, and when each was answered. */
function recordTraffic() {
  const base = freshDevice(sectorCount);
  const before = base.runs();
  const device = new RecordingDevice(base);
  const machine = new MailMachine(device);
  const acknowledged: Acknowledged[] = [];
  for (let client = 0; client < 10; client++) {
    machine.client(function* (kernel, store) {
      for (let index = 0; index < 10; index++) {
        const text = `message ${client}-${index} `.repeat(1 + 37 * index);
        assertEquals(yield* save(kernel, store, client % 2 === 0 ? "alice" : "alice\nbob", text), "");
        acknowledged.push({ event: device.events.length, text });
      }
    });
  }
  machine.run();
  return { base, before, events: device.events, acknowledged };
}

const traffic = recordTraffic();

Deno.test("a message is answered after the flush that made it durable", () => {
  assertEquals(traffic.acknowledged.length, 100);
  for (const { event } of traffic.acknowledged) assertEquals(traffic.events[event - 1], "flush");
});

Deno.test("messages that come together share the disk's flushes", () => {
  const flushes = traffic.events.filter((event) => event === "flush").length;
  assert(flushes < 100, `${flushes} flushes for 100 messages from 10 clients`);
});

Deno.test("each account has all of its messages, numbered without a gap", () => {
  const found = mail(traffic.base);
  const numbers = (account: string) =>
    Object.keys(found).filter((path) => path.startsWith(account)).map((path) => Number(path.split("/")[1]))
      .sort((a, b) => a - b);
  assertEquals(numbers("alice/"), Array.from({ length: 100 }, (_, index) => index + 1));
  assertEquals(numbers("bob/"), Array.from({ length: 50 }, (_, index) => index + 1));
  const sent = traffic.acknowledged.map(({ text }) => text).sort();
  assertEquals(
    Object.entries(found).filter(([path]) => path.startsWith("alice/")).map(([, text]) => text).sort(),
    sent,
  );
});

Deno.test("after a power cut at any write, answered messages are there and no half message is", () => {
  const { before, events, acknowledged } = traffic;
  const sent = new Set(acknowledged.map(({ text }) => text));
  const device = deviceFrom(before, sectorCount);
  for (const [index, event] of events.entries()) {
    if (event !== "flush") device.store(event);
    if (index % 7 !== 0) continue;
    const rebooted = deviceFrom(device.runs(), sectorCount);
    const machine = new MailMachine(rebooted);
    machine.client(function* (_kernel, store) {
      assert(yield* isAccount(store, "alice"));
    });
    machine.run();
    const found = mail(rebooted);
    for (const [path, text] of Object.entries(found)) {
      assert(sent.has(text), `${path} is half a message after event ${index}: ${text.length} bytes`);
    }
    const texts = new Set(Object.values(found));
    const lost = acknowledged.filter(({ event, text }) => event <= index + 1 && !texts.has(text));
    assertEquals(lost, [], `after event ${index}`);
  }
});

peerTest("fsck.fat has nothing to say about a disk full of mail", () => {
  assertEquals(fsckRemarks(traffic.base), "");
});
