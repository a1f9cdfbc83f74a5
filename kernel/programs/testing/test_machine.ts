/**
 * A machine of several kernels for tests of the boot: the privileged calls, scripted.
 *
 * A program is a main and what its manifest would say; its "IL" is its name, so a
 * launch that went through a Controller as bytes finds the same main again.
 * - Placement is what the test says; the real algorithm is the kernel's own and tested there.
 * - A satellite with `controllerAfterNs` starts a Controller by itself; a card appears
 *   when its driver attaches it.
 */

import type {
  Device,
  DeviceRow,
  KernelRow,
  ManifestDescription,
  PlacementRow,
  ProgramSource,
  SystemCalls,
} from "../../abi/kernel.ts";
import { decodeText } from "../../abi/text.ts";
import { instant, kernelError, Wait } from "./test_channels.ts";
import { type Main, TestKernel, type TestProcess } from "./test_kernel.ts";
import controller from "../controller/main.ts";

export interface TestProgram {
  readonly main: Main;
  readonly description?: Partial<ManifestDescription>;
  /** The kernel that `place` answers; the coordinator when absent. */
  readonly on?: string;
  readonly steps?: readonly PlacementRow[];
  readonly unserved?: readonly string[];
}

export interface TestDevice {
  readonly row: DeviceRow;
  readonly device: Device;
  readonly driver: string;
}

export class TestMachine {
  readonly bench = new TestKernel();
  readonly log: string[] = [];
  readonly launched: string[] = [];
  readonly programs = new Map<string, TestProgram>([["Controller", { main: controller }]]);
  readonly devices = new Map<string, TestDevice[]>();
  bootList: { program: string; arguments: readonly string[] }[] = [];
  /** Programs that are on the boot volume only; all others are in the boot archive. */
  readonly onVolume = new Set<string>();
  exitStatus: number | undefined;
  powerPressed = false;
  readonly #kernels: KernelRow[] = [];
  readonly #processes = new Map<number, TestProcess>();

  constructor() {
    this.addKernel("kernel0", "domain 0");
  }

  addKernel(name: string, place: string, controllerAfterNs?: number): void {
    const role = this.#kernels.length === 0 ? "coordinator" : "satellite";
    const path = `/kernels/${name}`;
    this.#kernels.push({
      name,
      role,
      isa: "x86-k8",
      platform: "test",
      cpus: 1,
      memoryMiB: 64,
      place,
      path,
      state: "up",
      reason: "",
    });
    if (controllerAfterNs === undefined) return;
    const system = () => this.#system(name);
    this.bench.start(
      "Controller",
      function* (kernel) {
        yield* kernel.sleep(controllerAfterNs);
        return yield* controller(kernel);
      },
      { kernelName: name, system },
    );
  }

  addDevice(kernelName: string, device: Device, driver: string): void {
    const { location, vendorId, deviceId } = device;
    const row = { location, vendorId, deviceId, classCode: 0 };
    this.devices.set(kernelName, [...this.devices.get(kernelName) ?? [], { row, device, driver }]);
  }

  /** Boots with a process manager; runs until the power is off, or `limitNs`. */
  boot(processManager: Main, args: readonly string[], limitNs = 120e9, until = () => false): TestProcess {
    const options = { arguments: args, kernelName: "kernel0", system: () => this.#system("kernel0") };
    const manager = this.bench.start("ProcessManager", processManager, options);
    this.#processes.set(manager.pid, manager);
    this.run(until, limitNs);
    return manager;
  }

  run(until: () => boolean = () => false, limitNs = 120e9): void {
    const isOver = () =>
      this.exitStatus !== undefined || until() ||
      this.bench.processes.some(({ fault }) => fault.includes(" at "));
    this.bench.run(isOver, limitNs);
  }

  /** Faults with a host stack trace: bugs of programs or of the test. */
  get bugs(): string[] {
    return this.bench.processes.filter(({ fault }) => fault.includes(" at ")).map(({ name, fault }) =>
      `${name}: ${fault}`
    );
  }

  process(name: string): TestProcess | undefined {
    return this.bench.processes.find((process) => process.name === name);
  }

  #find(name: string): TestProgram {
    const program = this.programs.get(name);
    if (program === undefined) throw kernelError("NotFound", `No program ${name} in the boot archive`);
    return program;
  }

  #source(name: string): ProgramSource {
    this.#find(name);
    return { manifest: `<application name="${name}"/>`, il: name };
  }

  #system(here: string): SystemCalls {
    const row = () => this.#kernels.find(({ name }) => name === here)!;
    const calls = {
      ...this.#processCalls(here),
      thisKernel: () => instant("thisKernel", row),
      kernels: () => instant("kernels", () => [...this.#kernels]),
      devices: () => instant("devices", () => (this.devices.get(here) ?? []).map(({ row }) => row)),
      driverFor: (vendorId: number, deviceId: number) =>
        instant(
          "driverFor",
          () =>
            [...this.devices.values()].flat().find(({ row }) =>
              row.vendorId === vendorId && row.deviceId === deviceId
            )
              ?.driver ?? "",
        ),
      bootList: () =>
        instant(
          "bootList",
          () =>
            this.bootList.map((line) => ({
              ...line,
              isInArchive: this.programs.has(line.program) && !this.onVolume.has(line.program),
            })),
        ),
      bootProgram: (name: string) =>
        instant("bootProgram", () => this.#source(this.onVolume.has(name) ? "" : name)),
      spareProgram: (name: string) => instant("spareProgram", () => this.#source(name)),
      manifestForThisRun: () => instant("manifestForThisRun", () => ""),
      describeManifest: (manifest: string) =>
        instant("describeManifest", () => {
          const name = manifest.split('"')[1] ?? "";
          const { description } = this.#find(name);
          return { name, privileges: [], affinities: [], services: [], ...description };
        }),
      place: (manifest: string) =>
        instant("place", () => {
          const { on = "kernel0", steps = [], unserved = [] } = this.#find(manifest.split('"')[1]!);
          if (on === "") throw kernelError("BadArgument", "no kernel of the platforms asked for");
          return { kernel: on, path: `/kernels/${on}`, steps, unserved };
        }),
      log: (text: string) => instant("log", () => void this.log.push(text)),
      attachCard: () =>
        instant("attachCard", () => {
          this.addKernel("card0", "card 0", 1e6);
          return { kernel: "card0" };
        }),
      powerButton: () => wait("powerButton", () => this.powerPressed),
      powerOff: (status: number) =>
        instant("powerOff", () => {
          this.exitStatus = status;
        }),
    };
    return calls as unknown as SystemCalls;
  }

  #processCalls(here: string) {
    return {
      spawn: (launch: Parameters<SystemCalls["spawn"]>[0]) =>
        instant("spawn", () => this.#spawn(here, launch)),
      waitProcess: (pid: number) => this.#waitProcess(pid),
      kill: (pid: number) =>
        instant("kill", () => {
          const found = this.#processes.get(pid);
          if (found === undefined || found.status !== undefined) {
            throw kernelError("NotFound", `No process ${pid}`);
          }
          this.bench.kill(found);
        }),
      processes: () =>
        instant(
          "processes",
          () =>
            [...this.#processes.values()].filter(({ kernelName, status }) =>
              kernelName === here && status === undefined
            ).map(({ pid, name }) => ({ pid, program: name, kernel: here })),
        ),
      counters: () =>
        instant(
          "counters",
          () =>
            [...this.#processes.values()].filter(({ kernelName }) => kernelName === here).map((
              { pid, name, status },
            ) => ({
              ...{ pid, program: name, kernel: here, state: status === undefined ? "running" : "ended" },
              ...{ instructions: 150, cycles: 200, ipc: 0.75, l1Misses: 64, l2Misses: 32 },
            })),
        ),
      heap: () =>
        instant("heap", () => [{ kernel: here, part: "total", name: "", blocks: 0, bytes: 1 << 20 }]),
      channels: () =>
        instant(
          "channels",
          () => [{ id: "1", contract: "tcp/1", client: `@${here}`, server: `@${here}`, kind: "remote" }],
        ),
    };
  }

  *#waitProcess(pid: number) {
    const found = this.#processes.get(pid);
    if (found === undefined) throw kernelError("NotFound", `No process ${pid}`);
    yield* wait("waitProcess", () => found.status !== undefined);
    return { status: found.status!, fault: found.fault };
  }

  #spawn(here: string, launch: Parameters<SystemCalls["spawn"]>[0]): number {
    const { il } = launch.source;
    const name = typeof il === "string" ? il : decodeText(il.bytes);
    const { main } = this.#find(name);
    const device = this.devices.get(here)?.find(({ row }) => row.location === launch.device)?.device;
    const { stdin, stdout } = launch;
    const started = this.bench.start(name, main, {
      arguments: launch.arguments,
      stdin,
      stdout,
      kernelName: here,
      system: () => this.#system(here),
      ...(device === undefined ? {} : { device }),
    });
    this.#processes.set(started.pid, started);
    this.launched.push(`${name}@${here}`);
    return started.pid;
  }
}

function* wait(operation: string, ready: () => boolean) {
  yield new Wait(operation, ready);
}
