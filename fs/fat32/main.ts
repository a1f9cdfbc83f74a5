/**
 * File system: mounts the FAT32 volume of a block device and serves it as a name.
 *
 * Arguments: the device and the mount point, by default `/dev/disk0` and `/fs`.
 * - The name appears when the volume is mounted; whoever binds earlier waits.
 * - A volume that cannot be mounted is told on standard output with the reason, and the
 *   process ends with status 1.
 * - See storage.ts for what is durable when, volume.ts for what requests do.
 */

import { isKernelError } from "../../kernel/abi/errors.ts";
import type { Call, Endpoint, Kernel, Program } from "../../kernel/abi/kernel.ts";
import type { ProgramDeclaration } from "../../kernel/abi/program.ts";
import { writeText } from "../../kernel/abi/text.ts";
import { blockDeviceContract } from "../contracts/block_device.ts";
import { fileSystemContract } from "../contracts/file_system.ts";
import type { Refusable } from "./boot_sector.ts";
import { DeviceClient } from "./device_client.ts";
import { FileFailure } from "./failure.ts";
import { FileSystemServer } from "./server.ts";
import { Volume } from "./volume.ts";

const mountPointDefault = "/fs";

export const program = {
  name: "FileSystem",
  doc: "Mounts the FAT32 volume of a block device and serves its files",
  endpoints: [blockDeviceContract],
  services: [{ contract: fileSystemContract, path: mountPointDefault }],
  parameters: [
    { name: "DEVICE", doc: "The block device; /dev/disk0 without it" },
    { name: "PATH", doc: "Where the files appear; /fs without it" },
  ],
} as const satisfies ProgramDeclaration;

export default function* main(kernel: Kernel): Program {
  const [devicePath = "/dev/disk0", mountPoint = mountPointDefault] = kernel.arguments;
  const mounted = yield* mount(kernel, devicePath);
  if ("refused" in mounted) {
    yield* writeText(kernel, kernel.stdout, `Cannot mount "${devicePath}": ${mounted.refused}\n`);
    return 1;
  }
  const service = yield* kernel.register(fileSystemContract, mountPoint);
  return yield* new FileSystemServer(kernel, mounted.accepted, service).serve();
}

function* mount(kernel: Kernel, devicePath: string): Call<Refusable<Volume>> {
  let driver: Endpoint<typeof blockDeviceContract, "client">;
  try {
    driver = yield* kernel.bind(blockDeviceContract, devicePath);
  } catch (error) {
    if (!isKernelError(error)) throw error;
    return { refused: error.message };
  }
  const device = yield* DeviceClient.identify(kernel, driver);
  if ("refused" in device) return device;
  try {
    return yield* Volume.mount(device.accepted, () => kernel.now());
  } catch (failure) {
    if (!(failure instanceof FileFailure)) throw failure;
    return { refused: failure.message };
  }
}
