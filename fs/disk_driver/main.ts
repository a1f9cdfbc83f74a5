/**
 * Disk driver: Silicon Image 3114, four SATA ports, one block device per drive found.
 *
 * Each drive gets the lowest free name of `/dev/disk0`, `/dev/disk1`, ... in the order of
 * ports; ports without a drive are passed over. All drives work at the same time.
 * - Any number of clients up to a limit, each with one request outstanding; requests
 *   of a drive run in the order in which they came.
 * - Drives plugged in later are not noticed; one that is pulled fails its requests.
 * - Ends with status 1, and the reason on standard output, when no drive can be used.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type {
  Call,
  Device,
  EndpointSet,
  Interrupt,
  Kernel,
  Program,
  Service,
} from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { blockDeviceContract } from "../contracts/block_device.ts";
import { type Client, DriveQueue } from "./drive_queue.ts";
import { DrivePort } from "./port.ts";
import { portCount } from "./registers.ts";

export const program = {
  name: "DiskDriver",
  doc: "Drives a Silicon Image 3114; one block device per drive",
  services: [
    // The name of its first drive; further ones get the next free names.
    { contract: blockDeviceContract, path: "/dev/disk0" },
  ],
  devices: [{ vendorId: 0x1095, deviceId: 0x3114 }],
} as const satisfies ProgramDeclaration;

type BlockService = Service<typeof blockDeviceContract>;

/** What the driver waits for. Only the services of drives that were found are there. */
type Sources =
  & {
    readonly interrupt: Interrupt;
    readonly clients: EndpointSet<typeof blockDeviceContract, "server", DriveQueue>;
  }
  & Readonly<Record<`drive${0 | 1 | 2 | 3}`, BlockService>>;

const mostNames = 64;
/** Further clients find their channel closed. */
const mostClients = 64;

class DiskDriver {
  readonly #kernel: Kernel;
  readonly #device: Device;
  readonly #queues: readonly DriveQueue[];
  readonly #sources: Sources;

  constructor(
    kernel: Kernel,
    device: Device,
    drives: readonly { queue: DriveQueue; service: BlockService }[],
  ) {
    this.#kernel = kernel;
    this.#device = device;
    this.#queues = drives.map(({ queue }) => queue);
    const clients: Sources["clients"] = kernel.endpointSet(blockDeviceContract, "server");
    const services = Object.fromEntries(drives.map(({ service }, index) => [`drive${index}`, service]));
    this.#sources = { interrupt: device.interrupt, clients, ...services } as Sources;
  }

  *serve(): Call<never> {
    for (;;) {
      const occurrence = yield* this.#kernel.select(this.#sources, yield* this.#patience());
      switch (occurrence.on) {
        case "interrupt":
          for (const queue of this.#queues) yield* queue.interrupted();
          yield* this.#device.interrupt.acknowledge();
          break;
        case "clients":
          if (occurrence.kind === "closed") occurrence.data.forget(occurrence.endpoint);
          else yield* occurrence.data.accept(occurrence.endpoint, occurrence.message);
          break;
        case "timeout": {
          const now = yield* this.#kernel.now();
          for (const queue of this.#queues) yield* queue.checkDeadline(now);
          break;
        }
        default:
          yield* this.#admit(occurrence.endpoint, this.#queues[Number(occurrence.on.slice(-1))]!);
      }
    }
  }

  *#admit(client: Client, queue: DriveQueue): Call<void> {
    if (this.#sources.clients.size < mostClients) this.#sources.clients.add(client, queue);
    else yield* client.close();
  }

  /** How long to wait until a command is overdue. */
  *#patience(): Call<number | undefined> {
    let deadline = Infinity;
    for (const queue of this.#queues) deadline = Math.min(deadline, queue.deadlineNs ?? Infinity);
    return deadline === Infinity ? undefined : Math.max(deadline - (yield* this.#kernel.now()), 0);
  }
}

export default function* main(kernel: Kernel): Program {
  const { device } = kernel;
  if (device === undefined) {
    yield* writeText(
      kernel,
      kernel.stdout,
      "Cannot drive a disk controller: this process was given no device\n",
    );
    return 1;
  }
  const drives: { queue: DriveQueue; service: BlockService }[] = [];
  const problems: string[] = [];
  yield* DrivePort.steerInterrupts(device);
  for (let number = 0; number < portCount; number++) {
    if (!(yield* DrivePort.isCabled(device, number))) continue;
    const port = yield* DrivePort.open(kernel, device, number);
    if ("refused" in port) {
      problems.push(`Cannot use the drive on port ${number} of ${device.location}: ${port.refused}\n`);
      continue;
    }
    const service = yield* registerLowest(kernel);
    drives.push({ service, queue: new DriveQueue(kernel, device, port, service.path) });
  }
  if (drives.length === 0) problems.push(`Cannot find a usable drive on ${device.location}\n`);
  for (const problem of problems) yield* writeText(kernel, kernel.stdout, problem);
  if (drives.length === 0) return 1;
  return yield* new DiskDriver(kernel, device, drives).serve();
}

/** Registers the first name that no other driver has. */
function* registerLowest(kernel: Kernel): Call<BlockService> {
  for (let index = 0; index < mostNames; index++) {
    try {
      return yield* kernel.register(blockDeviceContract, `/dev/disk${index}`);
    } catch (error) {
      if (!isKernelError(error) || error.code !== "AlreadyRegistered") throw error;
    }
  }
  throw new Error(`all ${mostNames} names of disks are taken`);
}
