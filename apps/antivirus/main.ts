/**
 * Antivirus: checks what other programs hand it against signatures in memory.
 *
 * Serves `/service/antivirus`, or what is free of `/service/antivirus1` and so on: several may run, each on a
 * kernel of its own when their manifest has a negative affinity to their own contract (section 4.5.2). Its manifest
 * keeps it away from the mail store, so that it has a CPU for itself and neither disk nor network interrupts it
 * (paper, section 3.7.4).
 * - One thread per client, at most 64; a client beyond that finds its channel closed.
 * - A long message is checked in pieces, between which other clients' are.
 * - The block may be shared with its sender: it is only read, and freed before the verdict.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, Kernel, Program, Service } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { antivirusContract, antivirusPath } from "../contracts/antivirus.ts";
import { Scanner } from "./scanner.ts";
import { builtInSignatures } from "./signature.ts";

export const program = {
  name: "Antivirus",
  doc: "Checks what other programs hand it against virus signatures",
  services: [{ contract: antivirusContract, path: antivirusPath }],
} as const satisfies ProgramDeclaration;

type Client = Endpoint<typeof antivirusContract, "server">;

const clientsMax = 64;
/** Of the antivirus, on the whole machine. */
const instancesMax = 16;

function* serve(kernel: Kernel, client: Client, scanner: Scanner): Call<void> {
  for (;;) {
    const request = yield* client.receiveOrClosed();
    if (request === undefined) return yield* client.close();
    const { data } = request;
    const name = yield* scanner.check(data.bytes);
    yield* kernel.free(data);
    if (name === undefined) yield* client.send("fileClean");
    else yield* client.send("fileContaminated", { name });
  }
}

/** Registers the lowest free name. */
function* register(kernel: Kernel): Call<Service<typeof antivirusContract> | undefined> {
  for (let index = 0; index < instancesMax; index++) {
    try {
      return yield* kernel.register(antivirusContract, `${antivirusPath}${index === 0 ? "" : index}`);
    } catch (error) {
      if (!isKernelError(error) || error.code !== "AlreadyRegistered") throw error;
    }
  }
  return undefined;
}

export default function* main(kernel: Kernel): Program {
  const scanner = new Scanner(builtInSignatures(), () => kernel.yieldCpu());
  const service = yield* register(kernel);
  if (service === undefined) {
    yield* writeText(kernel, kernel.stdout, `Cannot check anything: ${instancesMax} scanners run already\n`);
    return 1;
  }
  let clients = 0;
  for (;;) {
    const client = yield* service.accept();
    if (clients >= clientsMax) {
      yield* client.close();
      continue;
    }
    clients++;
    yield* kernel.createThread(function* () {
      yield* serve(kernel, client, scanner);
      clients--;
    });
  }
}
