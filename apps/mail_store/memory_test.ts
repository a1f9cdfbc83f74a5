/**
 * The mail store at its quota of blocks: what is too much for the moment is refused, and nothing breaks.
 *
 * On a kernel, because quotas are the kernel's; the scanner is the test's, and slow.
 */

import { assert, assertEquals } from "@std/assert";
import type { Kernel, Program } from "../../kernel/abi/kernel.ts";
import { Bench } from "../../kernel/testing/bench.ts";
import { fileSystemContract } from "../../fs/contracts/file_system.ts";
import { freshDevice } from "../../fs/fat32/disk_bench_test.ts";
import { FileSystemServer } from "../../fs/fat32/server.ts";
import { Volume } from "../../fs/fat32/volume.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import { mailStoreContract } from "../contracts/mail_store.ts";
import mailStore from "./main.ts";

/** A process may own 64 MiB of blocks: eleven of these, and a share of one that goes to the scanner. */
const messageBytes = 5 << 20;

function* fileSystem(kernel: Kernel): Program {
  const mounted = yield* Volume.mount(freshDevice(150_000), () => kernel.now());
  if ("refused" in mounted) throw new Error(mounted.refused);
  const service = yield* kernel.register(fileSystemContract, "/fs");
  yield* new FileSystemServer(kernel, mounted.accepted, service).serve();
}

/** Takes its time with each message. */
function* slowScanner(kernel: Kernel): Program {
  const service = yield* kernel.register(antivirusContract, antivirusPath);
  const store = yield* service.accept();
  for (;;) {
    const { data } = yield* store.receive();
    yield* kernel.sleep(1e9);
    yield* kernel.free(data);
    yield* store.send("fileClean");
  }
}

function* saves(kernel: Kernel, answers: string[]): Program {
  const store = yield* kernel.bind(mailStoreContract, "/service/mailstore");
  const data = yield* kernel.allocate(messageBytes);
  yield* store.send("saveMessage", { accounts: "alice", data });
  const answer = yield* store.receive();
  answers.push(answer.tag === "saveNak" ? answer.reason : answer.tag);
}

for (const [messages, stored] of [[11, 11], [16, 11]] as const) {
  Deno.test(`of ${messages} large messages at once ${stored} are stored, and then the store has room again`, () => {
    const bench = new Bench();
    bench.start(fileSystem);
    bench.start(slowScanner);
    const store = bench.start(mailStore, { name: "MailStore" });
    bench.settle(1);
    const answers: string[] = [];
    for (let number = 0; number < messages; number++) {
      bench.start((kernel) => saves(kernel, answers), { name: "client" });
    }
    bench.settle(60);
    assertEquals(answers.length, messages);
    assertEquals(answers.filter((answer) => answer === "saveAck").length, stored);
    assert(answers.every((answer) => answer === "saveAck" || answer === "out of memory"), `${answers}`);
    bench.run((kernel) => saves(kernel, answers), { name: "client" });
    assertEquals([answers.at(-1), store.fault], ["saveAck", ""]);
  });
}
