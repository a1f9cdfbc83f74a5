/**
 * Starting a process: manifest and intermediate language in, a running thread out.
 *
 * The program is compiled for this kernel's ISA when it is first loaded; the process
 * gets its own instance, its pipes, and what its manifest entitles it to.
 */

import type { Device } from "../abi/kernel.ts";
import { blockOf } from "../calls/block_handle.ts";
import { endOf, EndpointHandle, releaseEnd } from "../calls/endpoint_handle.ts";
import { openDevice } from "../calls/device_handle.ts";
import { CallError } from "../calls/errors.ts";
import { createProgramAbi } from "../calls/program_abi.ts";
import { createSystemCalls } from "../calls/system_calls.ts";
import type { ChannelEnd } from "../channels/channel_end.ts";
import { pipeContract } from "../contracts/pipe.ts";
import type { Kernel } from "../kernel.ts";
import { ProgramMemory } from "../memory/program_memory.ts";
import { type Manifest, ManifestError, parseManifest } from "../placement/manifest.ts";
import type { Process } from "./process.ts";

/** What a privileged program asks for; everything in it is checked. */
export interface SpawnRequest {
  readonly source: { readonly manifest: string; readonly il: unknown };
  readonly arguments: readonly string[];
  readonly stdin: unknown;
  readonly stdout: unknown;
  readonly device?: string;
}

/** Starts a process for `parent`, whose pipe ends change hands. */
export function spawn(kernel: Kernel, parent: Process, request: SpawnRequest): Process {
  const stdin = pipeEnd(kernel, request.stdin, "server", parent);
  const stdout = pipeEnd(kernel, request.stdout, "client", parent);
  const manifest = readManifest(String(request.source.manifest));
  const process = start(
    kernel,
    manifest,
    ilText(kernel, parent, request.source.il),
    request.arguments,
    stdin,
    stdout,
    request.device,
  );
  releaseEnd(request.stdin);
  releaseEnd(request.stdout);
  return process;
}

const decoder = new TextDecoder();

/** IL from the boot archive is a text, IL that travelled is a block of the caller's. */
function ilText(kernel: Kernel, parent: Process, il: unknown): string {
  if (typeof il === "string") return il;
  const block = blockOf(il);
  if (block === undefined || block.owner !== parent) {
    throw new CallError("BadArgument", "A process needs its IL as a text, or in a block of the caller's");
  }
  // Its hash finds the image, so each line of it is read once; that costs what filling a line does.
  kernel.chargeStores(block.length);
  return decoder.decode(block.bytes);
}

/** Starts a process of the kernel's own accord; its pipes have nobody at the other end. */
export function spawnFromKernel(
  kernel: Kernel,
  manifestText: string,
  il: string,
  arguments_: readonly string[],
): Process {
  const contract = kernel.contracts.admit(pipeContract, kernel.self);
  const input = kernel.channels.create(contract);
  const output = kernel.channels.create(contract);
  const process = start(
    kernel,
    parseManifest(manifestText, "manifest"),
    il,
    arguments_,
    input.server,
    output.client,
    undefined,
  );
  kernel.channels.close(input.client);
  kernel.channels.close(output.server);
  return process;
}

function start(
  kernel: Kernel,
  manifest: Manifest,
  il: string,
  arguments_: readonly string[],
  stdin: ChannelEnd,
  stdout: ChannelEnd,
  location: string | undefined,
): Process {
  const { isa } = kernel.options.cpus[0]!;
  const instance = instantiate(kernel, manifest, il);
  const process = kernel.processes.create(manifest, [...arguments_].map(String));
  process.instance = instance;
  kernel.own(stdin, process);
  kernel.own(stdout, process);
  const abi = createProgramAbi(process, {
    kernelName: kernel.name,
    isa: isa.name,
    stdin: new EndpointHandle(stdin, pipeContract),
    stdout: new EndpointHandle(stdout, pipeContract),
    device: location === undefined || location === ""
      ? undefined
      : deviceFor(kernel, process, manifest, location),
    system: manifest.privileges.includes("system") ? createSystemCalls() : undefined,
  });
  kernel.processes.startThread(process, instance.start(abi), "main");
  kernel.note(`process ${process.label} starts on ${isa.name}`);
  return process;
}

function instantiate(kernel: Kernel, manifest: Manifest, il: string) {
  try {
    const { cpus, memory } = kernel.options;
    const { isa, caches } = cpus[0]!;
    const cached = caches && new ProgramMemory(memory, kernel.processes.nextSerial, caches);
    return kernel.options.instantiate(il, isa, cached, manifest.memoryQuota);
  } catch (error) {
    throw new CallError("BadArgument", `Cannot load ${manifest.name}: ${(error as Error).message}`);
  }
}

function deviceFor(kernel: Kernel, process: Process, manifest: Manifest, location: string): Device {
  const device = kernel.devices.find((candidate) => candidate.location === location);
  const matches = manifest.devices.some((signature) =>
    signature.vendorId === device?.vendorId && signature.deviceId === device.deviceId
  );
  if (device === undefined || !matches) {
    kernel.processes.end(process, 1, `its manifest does not ask for a device like the one at "${location}"`);
    throw new CallError("BadArgument", `${manifest.name} does not drive the device at "${location}"`);
  }
  return openDevice(kernel, process, device);
}

function pipeEnd(
  kernel: Kernel,
  handle: unknown,
  side: "client" | "server",
  parent: Process,
): ChannelEnd {
  const end = endOf(handle);
  if (
    end === undefined || end.closed || end.holder !== parent || end.end !== side ||
    end.contract.digest !== kernel.contracts.admit(pipeContract, kernel.self).digest
  ) {
    throw new CallError("BadArgument", `A process needs the ${side}'s end of a pipe`);
  }
  return end;
}

function readManifest(text: string): Manifest {
  try {
    return parseManifest(text, "manifest");
  } catch (error) {
    if (error instanceof ManifestError) throw new CallError("BadArgument", error.message);
    throw error;
  }
}
