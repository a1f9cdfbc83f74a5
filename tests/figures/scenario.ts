/**
 * One run of a machine for a figure: what is switched on, what is started on it, what it said.
 *
 * A scenario is data; `runScenario` boots the machine as `main.ts` does, in free virtual time, and types
 * commands into its shell.
 * - Programs go where their manifests say: a scenario changes machine file and manifests, nothing else.
 * - It ends when every program has printed the line that it was waited for, or throws when its virtual
 *   time is over before.
 */

import { sectorSize } from "../../hw/disk/medium.ts";
import { MemoryMedium } from "../../hw/disk/memory_medium.ts";
import { readManifests, readSource, shippedManifests } from "../../hw/host/program_files.ts";
import { TraceFile } from "../../hw/host/trace_file.ts";
import { assembleMachine } from "../../hw/machine/assemble.ts";
import { readMachineDescription } from "../../hw/machine/description.ts";
import { shippedMachines } from "../../hw/machines/machines.ts";
import { LineEventLog } from "../../hw/time/event_log.ts";
import { EventQueue } from "../../hw/time/event_queue.ts";
import { later, seconds } from "../../hw/time/time.ts";
import { freshDisk } from "../../fs/fat32/populate.ts";
import { defaultSectorCount } from "../../fs/fat32/format.ts";
import type { SchedulerRow } from "../../kernel/abi/kernel.ts";
import { BootArchive } from "../../kernel/boot/boot_archive.ts";
import { bootHelios } from "../../kernel/boot/helios.ts";
import { createProgramLoader } from "../../kernel/boot/program_loader.ts";
import { IlBuilder } from "../../kernel/compiler/phase_one.ts";

/** A program that a scenario starts. */
export interface StartedProgram {
  /**
   * What it is called in this scenario. A program that is to run on two kernels has two manifests, and so two
   * names: the second is a copy, as a person would copy its folder and edit the name.
   */
  readonly name: string;
  readonly arguments: string;
  /** The shipped manifest that its own is made from, and affinities that are changed in it, by contract. */
  readonly manifest: string;
  readonly affinities?: Readonly<Record<string, number>>;
}

export interface Scenario {
  /** A shipped machine. */
  readonly machine: string;
  /** Changes to its file, as a person would make them. */
  readonly change?: (machine: MachineFile) => void;
  readonly balancer: string;
  /** Whether the services of the boot list run: file system, network, mail. */
  readonly services: boolean;
  /** All are started at once. */
  readonly programs: readonly StartedProgram[];
  /** Begins the line that each program prints when it is through. */
  readonly awaited: string;
  readonly virtualSecondsMax: number;
}

/** What scenarios change of a machine file; a figure is a number or has a source beside its value. */
export interface MachineFile {
  name: string;
  host: {
    cpus: { apicId: number; domain: number }[];
    interrupts: Record<string, number | { value: number; source: string }>;
    primitives?: Record<string, number | { value: number; source: string }>;
  };
}

export interface Measured {
  /** The awaited lines, in the order in which they were printed. */
  readonly lines: readonly string[];
  /** What the scheduler of each kernel counted until then. */
  readonly counters: readonly SchedulerRow[];
  readonly virtualSeconds: number;
  readonly eventLogHash: string;
}

const shipped = readManifests(shippedManifests);
const builder = new IlBuilder(readSourceOrCopy);
const ils = new Map<string, string>();
const instantiate = createProgramLoader();
const bootSecondsMax = 10;

export function runScenario(scenario: Scenario, seed: number): Measured {
  const queue = new EventQueue();
  const hash = new TraceFile();
  const archive = archiveOf(scenario);
  const machine = assembleMachine(describe(scenario), {
    queue,
    log: new LineEventLog(queue, hash.write),
    medium: scenario.services ? volumeWith(archive) : new MemoryMedium(defaultSectorCount),
  });
  let isReady = false;
  machine.onDebugLine = (_complex, line) => isReady ||= line === "ready";
  let printed = "";
  machine.console.onOutput = (bytes) => printed += new TextDecoder().decode(bytes);
  const host = bootHelios(machine, {
    archive,
    instantiate,
    seed,
    managerArguments: ["--shell", "--batch"],
  });
  const runUntil = (what: string, limitSeconds: number, condition: () => boolean) => {
    if (queue.runUntil(later(queue.now, seconds(limitSeconds)), condition)) return;
    throw new Error(`${what} takes longer than ${limitSeconds} s of virtual time; it printed "${printed}"`);
  };
  runUntil(`Booting ${scenario.machine}`, bootSecondsMax, () => isReady);
  const before = host.kernels.map(({ scheduler }) => scheduler.row);
  const commands = scenario.programs.map((program) => `${program.name} ${program.arguments} &\n`);
  machine.console.type(new TextEncoder().encode(commands.join("")));
  const awaited = () => printed.split("\n").slice(0, -1).filter((line) => line.startsWith(scenario.awaited));
  let seen = 0;
  runUntil(`A run on ${scenario.machine}`, scenario.virtualSecondsMax, () => {
    if (printed.length === seen) return false;
    seen = printed.length;
    return awaited().length === scenario.programs.length;
  });
  const counters = host.kernels.map(({ scheduler }, index) => difference(scheduler.row, before[index]!));
  return { lines: awaited(), counters, virtualSeconds: queue.now / 1e9, eventLogHash: hash.hash() };
}

function describe({ machine, change }: Scenario) {
  const json = structuredClone(shippedMachines.get(machine)) as MachineFile;
  change?.(json);
  const result = readMachineDescription(json, machine);
  if (!result.ok) throw new Error(result.error);
  return result.description;
}

/** A fresh volume with the programs that a machine with services loads from it. */
function volumeWith(archive: BootArchive): MemoryMedium {
  const medium = new MemoryMedium(defaultSectorCount);
  const files = archive.volumeFiles((name, error) => {
    throw new Error(`${name}: ${error.message}`);
  });
  const disk = { sectorCount: defaultSectorCount, label: "HELIOS", volumeId: 1, directories: [], files };
  for (const { firstSector, bytes } of freshDisk(disk)) {
    const whole = new Uint8Array(Math.ceil(bytes.length / sectorSize) * sectorSize);
    whole.set(bytes);
    medium.write(firstSector, whole);
  }
  return medium;
}

/** What the machine starts from: all that ships, or what boots and the shell, and the programs of the scenario. */
function archiveOf({ balancer, services, programs }: Scenario): BootArchive {
  const { file } = shipped.system;
  const balanced = shipped.system.text.replace(
    "<boot>",
    `<balancers><balancer name="${balancer}" /></balancers><boot>`,
  );
  const text = services ? balanced : balanced.replace(/<boot>[^]*<\/boot>/, "<boot></boot>");
  const own = programs.map((program) => ({ file: `${program.name}.xml`, text: manifestOf(program) }));
  const others = shipped.programs.filter(({ text }) => !programs.some(({ name }) => isNamed(text, name)));
  return new BootArchive([...others, ...own], { file, text }, ilOf);
}

/** The path of a copy's main module: beside the program's own, named after the copy. */
const copyPath = (source: string, name: string): string => source.replace(/main\.ts$/, `${name}.ts`);

/** A source file of the checkout, or the copy of a main module that declares another name. */
function readSourceOrCopy(path: string): string | undefined {
  const [, folder, name] = /^(.*\/)([A-Z]\w*)\.ts$/.exec(path) ?? [];
  if (name === undefined) return readSource(path);
  return readSource(`${folder}main.ts`)?.replace(/(?<=export const program = \{\s*name: ")\w+/, name);
}

function ilOf(source: string): string {
  const il = ils.get(source) ?? builder.build(source).il;
  ils.set(source, il);
  return il;
}

const isNamed = (manifest: string, name: string): boolean => manifest.includes(`<application name="${name}"`);

function manifestOf({ name, manifest, affinities = {} }: StartedProgram): string {
  const found = shipped.programs.find(({ text }) => isNamed(text, manifest));
  if (found === undefined) throw new Error(`There is no manifest of ${manifest}`);
  let text = found.text.replace(`<application name="${manifest}"`, `<application name="${name}"`);
  if (name !== manifest) {
    text = text.replace(/source="([^"]*)"/, (_, source) => `source="${copyPath(source, name)}"`);
  }
  for (const [contract, affinity] of Object.entries(affinities)) {
    const attribute = new RegExp(`affinity="[-0-9]+"( contractName="${contract}")`);
    if (!attribute.test(text)) throw new Error(`${manifest}.xml has no affinity to ${contract}`);
    text = text.replace(attribute, `affinity="${affinity}"$1`);
  }
  return text;
}

/** What was counted between two looks at a scheduler. */
function difference(after: SchedulerRow, before: SchedulerRow): SchedulerRow {
  const counted = Object.entries(after).map((
    [name, value],
  ) => [
    name,
    typeof value === "number" && name !== "cpus" ? value - Number(before[name as keyof SchedulerRow]) : value,
  ]);
  return Object.fromEntries(counted) as SchedulerRow;
}
