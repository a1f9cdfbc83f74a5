/**
 * A machine for tests of the mail programs: a real file system on a disk in memory, the store, the scanner.
 *
 * The programs run on the test kernel; the disk is what a person would mount, and
 * outlives the machine, so that a test can boot another one on it.
 * - `run` fails the test when a program that the test started ends with a fault.
 */

import { assertEquals } from "@std/assert";
import type { Call, Endpoint, Kernel, Program } from "../../../kernel/abi/kernel.ts";
import { type Main, TestKernel, type TestProcess } from "../../../kernel/programs/testing/test_kernel.ts";
import { fileSystemContract } from "../../../fs/contracts/file_system.ts";
import type { BlockDevice } from "../../../fs/fat32/block_device.ts";
import { FileSystemServer } from "../../../fs/fat32/server.ts";
import { Volume } from "../../../fs/fat32/volume.ts";
import antivirus from "../../antivirus/main.ts";
import { mailStoreContract, mailStorePath } from "../../contracts/mail_store.ts";
import mailStore from "../main.ts";

export type Store = Endpoint<typeof mailStoreContract, "client">;

function fileSystem(device: BlockDevice): Main {
  return function* (kernel: Kernel): Program {
    const mounted = yield* Volume.mount(device, () => kernel.now());
    if ("refused" in mounted) throw new Error(mounted.refused);
    const service = yield* kernel.register(fileSystemContract, "/fs");
    yield* new FileSystemServer(kernel, mounted.accepted, service).serve();
  };
}

export class MailMachine {
  readonly kernel = new TestKernel();
  readonly store: TestProcess;
  readonly #programs: TestProcess[] = [];

  constructor(device: BlockDevice, hasScanner = true) {
    this.kernel.start("FileSystem", fileSystem(device));
    this.store = this.kernel.start("MailStore", mailStore);
    if (hasScanner) this.startScanner();
  }

  startScanner(): TestProcess {
    return this.kernel.start("Antivirus", antivirus);
  }

  /** Starts a program of the test, with a channel to the store. */
  client(body: (kernel: Kernel, store: Store) => Program): TestProcess {
    return this.start("Client", function* (kernel) {
      return yield* body(kernel, yield* kernel.bind(mailStoreContract, mailStorePath));
    });
  }

  start(name: string, main: Main): TestProcess {
    const process = this.kernel.start(name, main);
    this.#programs.push(process);
    return process;
  }

  /** Runs until all programs of the test have ended. */
  run(): void {
    this.kernel.run(() => this.#programs.every(({ status }) => status !== undefined), 3600e9);
    for (const { name, status, fault } of this.#programs) {
      assertEquals(fault, "", name);
      assertEquals(status, 0, `${name} did not end: ${this.kernel.waits().join(", ")}`);
    }
    assertEquals(this.store.fault, "");
  }
}

/** Sends a message; "" when it was stored, else the code and the reason. */
export function* save(
  kernel: Kernel,
  store: Store,
  accounts: string,
  text: string | Uint8Array,
): Call<string> {
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  const data = yield* kernel.allocate(bytes.length);
  data.bytes.set(bytes);
  yield* store.send("saveMessage", { accounts, data });
  const answer = yield* store.receive();
  return answer.tag === "saveNak" ? `${answer.code}: ${answer.reason}` : "";
}

export function* isAccount(store: Store, name: string): Call<boolean> {
  yield* store.send("isAccount", { name });
  const answer = yield* store.receive();
  return answer.tag === "account" && answer.exists;
}
