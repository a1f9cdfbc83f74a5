/**
 * The privileged part of the ABI: what the controller, the process manager and the
 * board driver need of the kernel itself.
 *
 * A process gets it when its manifest asks for the privilege `system`. The process manager launches
 * such a manifest from the boot archive only, so only those who build the machine can give it.
 * - Calls that need the coordinator's knowledge throw NotPermitted on a satellite.
 */

import type {
  ChannelRow,
  CounterRow,
  PlacementRow,
  ProcessRow,
  ProgramSource,
  SystemCalls,
} from "../abi/kernel.ts";
import type { BootArchive } from "../boot/boot_archive.ts";
import { buildBootImage } from "../boot/boot_image.ts";
import { attachCard } from "../boot/card.ts";
import type { SatelliteIsa } from "../boot/satellite_image.ts";
import type { ChannelEnd } from "../channels/channel_end.ts";
import { CompileError } from "../compiler/compile_error.ts";
import type { Coordinator } from "../coordinator.ts";
import type { Kernel } from "../kernel.ts";
import { heapRows } from "../memory/heap_use.ts";
import { type Manifest, ManifestError, parseManifest } from "../placement/manifest.ts";
import { PlacementError } from "../placement/placement.ts";
import type { Process } from "../process/process.ts";
import { spawn, type SpawnRequest } from "../process/spawn.ts";
import type { Thread } from "../scheduling/thread.ts";
import { BlockHandle } from "./block_handle.ts";
import { CallError } from "./errors.ts";
import { blocked, type KernelCall, submit } from "./kernel_call.ts";
import { transferRows } from "./transfer_rows.ts";

/** Where in a card's memory its image is put: above what the ROM and the vectors use. */
const cardImageAddress = 0x0010_0000;

export function createSystemCalls(): SystemCalls {
  const quick = <T>(perform: (kernel: Kernel, thread: Thread) => T | typeof blocked) =>
    submit<T>({ perform });
  const asCoordinator = <T>(perform: (coordinator: Coordinator, thread: Thread) => T | typeof blocked) =>
    quick<T>((kernel, thread) => perform(coordinatorOf(kernel), thread));
  const calls = {
    thisKernel: () => quick((kernel) => kernel.row),
    kernels: () => asCoordinator(({ rows }) => Object.freeze(rows)),
    restartKernel: (name: string) => asCoordinator((coordinator) => coordinator.restart(String(name))),
    processes: () =>
      quick((kernel) => kernel.processes.running.map((process) => processRow(kernel, process))),
    counters: () => quick(counterRows),
    scheduler: () => quick(({ scheduler }) => scheduler.row),
    channels: () => quick(channelRows),
    heap: () => quick(heapRows),
    transfers: () => quick(transferRows),
    place: (manifest: string) => submit(placeCall(manifest)),
    bootProgram: (name: string) =>
      asCoordinator(({ archive }) => programOf(archive, archive.holds(String(name)) ? String(name) : "")),
    spareProgram: (name: string) => asCoordinator(({ archive }) => programOf(archive, String(name))),
    manifestForThisRun: (name: string) =>
      asCoordinator(({ archive }) => archive.manifestForThisRun(String(name)) ?? ""),
    bootList: () =>
      asCoordinator(({ archive }) =>
        archive.system.boot.map(({ program, arguments: words }) =>
          Object.freeze({
            program,
            arguments: Object.freeze([...words]),
            isInArchive: archive.holds(program),
          })
        )
      ),
    describeManifest: (text: string, file = "manifest") =>
      asCoordinator(({ kernel }) => describeManifest(kernel, text, String(file))),
    spawn: (launch: SpawnRequest) => submit(spawnCall(launch)),
    waitProcess: (pid: number) => submit(waitCall(pid)),
    kill: (pid: number) => quick((kernel) => kill(kernel, pid)),
    devices: () =>
      quick(({ devices }) =>
        devices.map(({ location, vendorId, deviceId, classCode }) =>
          Object.freeze({ location, vendorId, deviceId, classCode })
        )
      ),
    driverFor: (vendorId: number, deviceId: number) =>
      asCoordinator(({ archive }) => archive.driverFor(vendorId, deviceId) ?? ""),
    powerButton: () => submit(powerButtonCall),
    log: (text: string) => quick((kernel) => kernel.say(String(text).slice(0, 400))),
    satelliteImage: (isa: string) => submit(satelliteImageCall(isa)),
    attachCard: (card: Parameters<SystemCalls["attachCard"]>[0]) =>
      quick((kernel, { process }) => ({ kernel: attachCard(coordinatorOf(kernel), process, card) })),
    powerOff: (status: number) =>
      asCoordinator(({ powerOff }) => {
        powerOff(Number(status) & 0xff);
        return blocked;
      }),
  };
  return Object.freeze(calls) as unknown as SystemCalls;
}

function coordinatorOf(kernel: Kernel): Coordinator {
  if (kernel.coordinator === undefined) {
    throw new CallError("NotPermitted", `${kernel.name} is not the coordinator`);
  }
  return kernel.coordinator;
}

function readManifest(text: string, file = "manifest"): Manifest {
  try {
    return parseManifest(String(text), file);
  } catch (error) {
    if (error instanceof ManifestError) throw new CallError("BadArgument", error.message);
    throw error;
  }
}

function programOf(archive: BootArchive, name: string): ProgramSource {
  const program = findProgram(archive, name);
  if (program === undefined) throw new CallError("NotFound", `The boot archive has no such program`);
  return Object.freeze({ manifest: program.manifestText, il: program.il });
}

function findProgram(archive: BootArchive, name: string) {
  try {
    return archive.program(name);
  } catch (error) {
    if (error instanceof CompileError) throw new CallError("BadArgument", error.message);
    throw error;
  }
}

function explainPlacement(coordinator: Coordinator, text: string) {
  try {
    const manifest = readManifest(text);
    const { kernel, steps } = coordinator.place(manifest);
    const { row } = coordinator.kernels.find(({ index }) => index === kernel.index)!;
    return Object.freeze({
      kernel: kernel.name,
      path: row.path,
      steps: Object.freeze<PlacementRow[]>([...steps]),
      unserved: Object.freeze(coordinator.unservedWishes(manifest)),
    });
  } catch (error) {
    if (error instanceof PlacementError) throw new CallError("BadArgument", error.reason);
    throw error;
  }
}

/** Asks the kernels how busy they are, then places. */
const placeCall = (text: string): KernelCall<unknown> => ({
  perform(kernel, thread) {
    const coordinator = coordinatorOf(kernel);
    let isWaiting = true;
    thread.wait = { cancel: () => isWaiting = false };
    coordinator.measureCpuUse(() => {
      if (!isWaiting) return;
      try {
        thread.answer(explainPlacement(coordinator, text));
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        thread.answerError(error);
      }
      kernel.scheduler.unblock(thread);
    });
    return blocked;
  },
});

function describeManifest(kernel: Kernel, text: string, file: string) {
  const { name, endpoints, services, privileges } = readManifest(text, file);
  return Object.freeze({
    name,
    privileges: Object.freeze([...privileges]),
    affinities: endpoints.filter(({ platform }) => platform === undefined).map((
      { contractName, affinity },
    ) => ({
      contract: contractName,
      path: kernel.pathOf(contractName) ?? "",
      affinity,
    })),
    services: services.map(({ contractName, path }) => ({ contract: contractName, path })),
  });
}

function processRow(kernel: Kernel, process: Process): ProcessRow {
  const { frequencyHz } = kernel.options.cpus[0]!;
  const running = [...process.threads].some((thread) => thread.state !== "blocked");
  return Object.freeze({
    pid: process.pid,
    program: process.manifest.name,
    kernel: kernel.name,
    state: running ? "running" : "waiting",
    threads: process.threads.size,
    cpuMs: process.cpuCycles / frequencyHz * 1e3,
    memoryKiB: process.heapBytes / 1024,
    allocatedKiB: Math.floor((process.instance?.readAllocated() ?? 0) / 1024),
  });
}

function counterRows(kernel: Kernel): CounterRow[] {
  const { running, ended } = kernel.processes;
  return [...running, ...ended].map(({ pid, manifest, state, counters, instructions }) => {
    const { cycles, l1Misses, l2Misses } = counters;
    const ipc = cycles > 0 ? instructions / cycles : 0;
    return Object.freeze({
      pid,
      program: manifest.name,
      kernel: kernel.name,
      state,
      ...{ instructions, cycles, ipc, l1Misses, l2Misses },
    });
  });
}

function channelRows(kernel: Kernel): ChannelRow[] {
  const rows = new Map<number, ChannelRow>();
  const holders = new Map(
    kernel.channels.ends.map((end) => [`${end.channel} ${end.end}`, describeHolder(kernel, end)]),
  );
  for (const end of kernel.channels.ends) {
    if (end.closed || end.peerClosed || rows.has(end.channel)) continue;
    const here = describeHolder(kernel, end);
    const there = holders.get(`${end.channel} ${end.end === "client" ? "server" : "client"}`) ??
      end.delivery?.describePeer() ?? "closed";
    const [client, server] = end.end === "client" ? [here, there] : [there, here];
    const kind = end.delivery?.kind ?? "local";
    rows.set(
      end.channel,
      Object.freeze({ id: `${end.channel}`, contract: end.contract.contractName, client, server, kind }),
    );
  }
  return [...rows.values()];
}

function describeHolder(kernel: Kernel, end: ChannelEnd): string {
  return end.holder?.label ?? `kernel@${kernel.name}`;
}

const spawnCall = (launch: SpawnRequest): KernelCall<number> => ({
  primitive: "processCreate",
  perform: (kernel, thread) => spawn(kernel, thread.process, launch).pid,
});

const waitCall = (pid: number): KernelCall<unknown> => ({
  perform(kernel, thread) {
    const process = kernel.processes.find(pid);
    if (process === undefined) throw new CallError("NotFound", `No process has number ${pid}`);
    const outcome = () => Object.freeze({ status: process.status, fault: process.fault });
    if (process.state === "ended") return outcome();
    let waiting = true;
    process.onEnd.push(() => {
      if (!waiting) return;
      thread.answer(outcome());
      kernel.scheduler.unblock(thread);
    });
    thread.wait = { cancel: () => waiting = false };
    return blocked;
  },
});

function kill(kernel: Kernel, pid: number): void {
  const process = kernel.processes.running.find((candidate) => candidate.pid === pid);
  if (process === undefined) throw new CallError("NotFound", `No process has number ${pid}`);
  kernel.processes.end(process, 137, "");
}

const powerButtonCall: KernelCall<void> = {
  perform(kernel, thread) {
    const coordinator = coordinatorOf(kernel);
    if (coordinator.powerButtonPressed) return undefined;
    const waiter = {
      wake() {
        coordinator.powerButton.remove(waiter);
        kernel.scheduler.unblock(thread);
        return true;
      },
    };
    coordinator.powerButton.add(waiter);
    thread.wait = { cancel: () => coordinator.powerButton.remove(waiter) };
    return blocked;
  },
};

const satelliteImageCall = (isa: string): KernelCall<BlockHandle> => ({
  primitive: "blockAllocate",
  perform(kernel, { process }) {
    const known: readonly string[] = ["x86-core2", "x86-k8", "armv5te"] satisfies SatelliteIsa[];
    if (!known.includes(isa)) throw new CallError("BadArgument", `There is no image for "${isa}"`);
    const image = buildBootImage(coordinatorOf(kernel).archive, isa as SatelliteIsa, cardImageAddress);
    const block = kernel.processes.allocateFor(process, image.length);
    block.bytes.set(image);
    kernel.chargeStores(image.length);
    return new BlockHandle(block);
  },
});
