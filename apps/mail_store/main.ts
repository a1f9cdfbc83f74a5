/**
 * Mail store: scans messages and keeps them, as `/fs/email/<account>/<number>`.
 *
 * Serves `/service/mailstore`, from before the scanner is there. Three threads: this one hears
 * the clients, the second has messages scanned, the third writes them (the paper, in
 * section 3.7.4, has all parts of the mail server multithreaded).
 * - Messages go to the scanners in the order in which they came, and are numbered in that in which their verdicts come.
 * - At most 256 clients; one beyond that finds its channel closed.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import { fileSystemContract } from "../../fs/contracts/file_system.ts";
import type { Block, Call, Kernel, MessageFrom, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { textBlock, writeText } from "../../kernel/abi/text.ts";
import { antivirusContract } from "../contracts/antivirus.ts";
import { mailDomain, mailStoreContract, mailStorePath } from "../contracts/mail_store.ts";
import { type Account, Accounts } from "./accounts.ts";
import { answer, type Client, type Job, type Refusal } from "./job.ts";
import { JobQueue } from "./job_queue.ts";
import { MailDisk } from "./mail_disk.ts";
import { ScanningStage } from "./scanning.ts";
import { StoringStage } from "./storing.ts";

export const program = {
  name: "MailStore",
  doc: "Has messages scanned and keeps them on the disk",
  endpoints: [fileSystemContract, antivirusContract],
  services: [{ contract: mailStoreContract, path: mailStorePath }],
} as const satisfies ProgramDeclaration;

const clientsMax = 256;
/** RFC 5321, section 4.5.3.1.8, asks for room for 100 recipients. */
const accountsPerMessageMax = 1000;

class MailStore {
  readonly #kernel: Kernel;
  readonly #accounts: Accounts;
  readonly #incoming: JobQueue<Job>;

  constructor(kernel: Kernel, accounts: Accounts, incoming: JobQueue<Job>) {
    this.#kernel = kernel;
    this.#accounts = accounts;
    this.#incoming = incoming;
  }

  *serve(): Call<never> {
    const service = yield* this.#kernel.register(mailStoreContract, mailStorePath);
    const clients = this.#kernel.endpointSet<typeof mailStoreContract, "server", Client>(
      mailStoreContract,
      "server",
    );
    for (;;) {
      const occurrence = yield* this.#kernel.select({ clients, service });
      if (occurrence.on === "service") {
        const { endpoint } = occurrence;
        if (clients.size < clientsMax) clients.add(endpoint, { endpoint, isGone: false });
        else yield* endpoint.close();
      } else if (occurrence.on === "clients") {
        if (occurrence.kind === "closed") occurrence.data.isGone = true;
        else yield* this.#hear(occurrence.data, occurrence.message);
      }
    }
  }

  *#hear(client: Client, request: MessageFrom<typeof mailStoreContract, "client">): Call<void> {
    switch (request.tag) {
      case "saveMessage":
        return yield* this.#save(client, request.accounts, request.data);
      case "isAccount": {
        const exists = (yield* this.#accounts.find(request.name)) !== undefined;
        return yield* client.endpoint.send("account", { exists });
      }
      case "getAddressList": {
        const lines = this.#accounts.names().map((name) => `${name}@${mailDomain}\n`);
        return yield* client.endpoint.send("addresses", {
          text: yield* textBlock(this.#kernel, lines.join("")),
        });
      }
    }
  }

  *#save(client: Client, names: string, data: Block): Call<void> {
    const accounts = yield* this.#resolve(names, data.length);
    if ("code" in accounts) {
      yield* this.#kernel.free(data);
      return yield* answer(client, accounts);
    }
    yield* this.#incoming.put({ client, accounts, data });
  }

  /** The accounts of a message, each once; or why it cannot be stored. */
  *#resolve(names: string, size: number): Call<readonly Account[] | Refusal> {
    if (size === 0) return { code: "Failed", reason: "the message is empty" };
    const accounts = new Set<Account>();
    for (const name of names.split("\n")) {
      const account = yield* this.#accounts.find(name);
      if (account === undefined) return { code: "UnknownAccount", reason: name };
      accounts.add(account);
      if (accounts.size > accountsPerMessageMax) {
        return { code: "Failed", reason: `a message goes to at most ${accountsPerMessageMax} accounts` };
      }
    }
    return [...accounts];
  }
}

/** Says on standard output why the store cannot start; the exit status. */
function* complain(kernel: Kernel, reason: string): Call<number> {
  yield* writeText(kernel, kernel.stdout, `Cannot open the mailboxes: ${reason}\n`);
  return 1;
}

export default function* main(kernel: Kernel): Program {
  let disk: MailDisk;
  let storingDisk: MailDisk;
  try {
    disk = yield* MailDisk.open(kernel);
    storingDisk = yield* MailDisk.open(kernel);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return yield* complain(kernel, error.message);
  }
  const accounts = new Accounts(disk);
  const failure = yield* accounts.open();
  if (failure !== undefined) return yield* complain(kernel, failure);
  const incoming = yield* JobQueue.create<Job>(kernel);
  const clean = yield* JobQueue.create<Job>(kernel);
  yield* kernel.createThread(() => new ScanningStage(kernel, incoming, clean).run());
  yield* kernel.createThread(() => new StoringStage(kernel, storingDisk, accounts).run(clean));
  return yield* new MailStore(kernel, accounts, incoming).serve();
}
