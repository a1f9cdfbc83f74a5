/**
 * The command line of Helios: parses, dispatches, nothing else.
 *
 * `deno task helios COMMAND`, or `deno task boot` for the first of them. What a person
 * gets wrong is answered by one line on standard error and exit status 1, before
 * anything is written.
 * - Standard output carries what was asked for; with `--exec` or `--json` the boot log
 *   goes to standard error.
 */

import { parseArgs } from "@std/cli";
import { attachTerminal, onTerminationSignals } from "./hw/host/terminal.ts";
import { createDiskFile, type DiskFile, openDiskFile } from "./hw/host/disk_file.ts";
import { Emulator, type FreshDisk, type Outcome } from "./hw/host/emulator.ts";
import { HostFileError } from "./hw/host/host_file_error.ts";
import { readManifests, readSource, readText, shippedManifests } from "./hw/host/program_files.ts";
import { parsePublish, PublishError } from "./hw/host/publish_option.ts";
import { TapError } from "./hw/host/tap_error.ts";
import { type MachineDescription, parseMachineDescription } from "./hw/machine/description.ts";
import { shippedMachine, shippedMachines } from "./hw/machines/machines.ts";
import { sectorSize } from "./hw/disk/medium.ts";
import { BootArchive } from "./kernel/boot/boot_archive.ts";
import { bootHelios } from "./kernel/boot/helios.ts";
import { createProgramLoader } from "./kernel/boot/program_loader.ts";
import { CompileError } from "./kernel/compiler/compile_error.ts";
import { IlBuilder } from "./kernel/compiler/phase_one.ts";
import { ManifestError } from "./kernel/placement/manifest.ts";
import { freshDisk } from "./fs/fat32/populate.ts";
import { checkVolume } from "./fs/fat32/check.ts";
import { defaultSectorCount } from "./fs/fat32/format.ts";

const usage = `Helios: a heterogeneous machine and the multikernel operating system that runs on it.

  deno task boot [OPTIONS]             boots a machine to a shell
  deno task helios boot [OPTIONS]      the same
  deno task helios build [NAME...]     phase one of compilation, for all programs or those named
  deno task helios explain MANIFEST    where a program would run on this machine, and why
  deno task helios machines [NAME]     lists the machines, or shows one

Options of boot and explain:
  --machine NAME|FILE         which machine (default: helios)
  --disk FILE                 disk image; made and formatted if absent (default: a disk in memory)
  --publish [IP:]HOST:GUEST   leads a TCP port of the host to one of the guest; repeatable
  --tap IF                    plugs a TAP interface of this host (Linux) into the LAN; made if absent
  --exec "CMD; CMD"           runs commands of the shell, then exits with the last one's status
  --headless                  serves until SIGINT or SIGTERM
  --for SECONDS               switches the machine off after so much virtual time
  --manifests DIR             takes the manifests from another folder
  --seed N                    seed of the machine's random numbers (default: 1)
  --trace FILE                writes the event log
  --pcap FILE                 writes the frames on the LAN
  --json                      prints one JSON object per command and line
`;

/** Something that a person has to put right; the message is all there is to say. */
class UsageError extends Error {}

interface Options {
  readonly machine: string;
  readonly disk: string | undefined;
  readonly publish: readonly string[];
  readonly tap: string | undefined;
  readonly exec: string | undefined;
  readonly headless: boolean;
  readonly forSeconds: number | undefined;
  readonly manifests: string;
  readonly seed: number;
  readonly trace: string | undefined;
  readonly pcap: string | undefined;
  readonly json: boolean;
}

const textOptions = [
  "machine",
  "disk",
  "publish",
  "tap",
  "exec",
  "for",
  "manifests",
  "seed",
  "trace",
  "pcap",
];
const flagOptions = ["headless", "json", "help"];

async function main(words: readonly string[]): Promise<number> {
  const [command, ...rest] = words;
  if (command === undefined || command === "help" || command === "--help" || rest.includes("--help")) {
    write(Deno.stdout, usage);
    return 0;
  }
  switch (command) {
    case "boot":
      return await boot(parseOptions(rest, 0).options);
    case "explain": {
      const { options, operands } = parseOptions(rest, 1);
      return await explain(options, operands[0]!);
    }
    case "build":
      return build(rest);
    case "machines":
      return machines(rest);
    default:
      throw new UsageError(`"${command}" is not a command; try --help`);
  }
}

function parseOptions(
  words: readonly string[],
  operandCount: number,
): { options: Options; operands: string[] } {
  const parsed = parseArgs([...words], {
    string: textOptions,
    boolean: flagOptions,
    collect: ["publish"],
    unknown: (word) => {
      if (word.startsWith("-")) throw new UsageError(`"${word}" is not an option; try --help`);
      return true;
    },
  }) as Record<string, unknown> & { _: (string | number)[] };
  const text = (name: string): string | undefined => {
    const value = parsed[name];
    if (Array.isArray(value)) throw new UsageError(`--${name} is given more than once`);
    if (value === "") throw new UsageError(`--${name} needs a value`);
    return value as string | undefined;
  };
  const operands = parsed._.map(String);
  if (operands.length !== operandCount) {
    throw new UsageError(
      `expected ${operandCount} operands, got ${operands.length}: ${operands.join(" ")}; try --help`,
    );
  }
  const options: Options = {
    machine: text("machine") ?? "helios",
    disk: text("disk"),
    publish: (parsed.publish as string[] | undefined) ?? [],
    tap: text("tap"),
    exec: text("exec"),
    headless: parsed.headless === true,
    forSeconds: secondsOption(text("for")),
    manifests: text("manifests") ?? shippedManifests,
    seed: seedOption(text("seed")),
    trace: text("trace"),
    pcap: text("pcap"),
    json: parsed.json === true,
  };
  if (options.headless && options.exec !== undefined) {
    throw new UsageError("--headless and --exec exclude each other");
  }
  return { options, operands };
}

function secondsOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!(value >= 0)) throw new UsageError(`--for is "${text}", expected a number of seconds of at least 0`);
  return value;
}

function seedOption(text: string | undefined): number {
  const value = Number(text ?? 1);
  if (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff) return value;
  throw new UsageError(`--seed is "${text}", expected a whole number from 0 to 4294967295`);
}

async function boot(options: Options): Promise<number> {
  const { exec, headless, json } = options;
  const isTerminal = Deno.stdin.isTerminal();
  const interactive = exec === undefined && !headless;
  const logStream = json || !(headless || (interactive && isTerminal)) ? Deno.stderr : Deno.stdout;
  const software = prepare(options);
  const emulator = await openEmulator(options);
  const { machine } = emulator;
  machine.onDebugLine = (complex, line) => {
    if (line !== "ready") {
      return write(
        logStream,
        `[${milliseconds(emulator)}] ${complex === "host" ? "" : `${complex}: `}${line}\n`,
      );
    }
    if (headless) sayReady(emulator, json);
  };
  machine.console.onOutput = (bytes) => writeBytes(Deno.stdout, bytes);
  bootHelios(machine, {
    ...software,
    seed: options.seed,
    managerArguments: managerArguments(options, isTerminal),
  });
  const terminal = interactive ? attachTerminal(machine.console, { wake: () => emulator.wake() }) : undefined;
  const release = endOnSignals(emulator);
  const isAttached = interactive || options.publish.length > 0 || options.tap !== undefined;
  const isPaced = isAttached || (headless && options.forSeconds === undefined);
  const outcome = await runToEnd(emulator, isPaced, () => {
    release();
    terminal?.close();
  });
  reportHalt(outcome, json, exec !== undefined || headless ? Deno.stdout : logStream);
  return outcome.status;
}

/** Runs the machine and puts everything away, also when a bug of ours stops the run. */
async function runToEnd(emulator: Emulator, isPaced: boolean, release: () => void): Promise<Outcome> {
  try {
    await emulator.run(isPaced);
  } catch (error) {
    release();
    await emulator.close();
    const when = (emulator.queue.now / 1e6).toFixed(6);
    throw new Error(`The emulation stopped at ${when} ms of virtual time: ${(error as Error).message}`, {
      cause: error,
    });
  }
  release();
  return await emulator.close();
}

/** Services are up: the line that a script waits for. */
function sayReady({ queue }: Emulator, json: boolean): void {
  const virtualSeconds = queue.now / 1e9;
  const text = `ready at ${virtualSeconds.toFixed(6)} s of virtual time\n`;
  write(Deno.stdout, json ? jsonLine({ command: "ready", virtualSeconds }) : text);
}

/** The first signal presses the power button, the second one ends the emulator. */
function endOnSignals(emulator: Emulator): () => void {
  let pressed = false;
  return onTerminationSignals(() => {
    if (pressed) Deno.exit(1);
    pressed = true;
    emulator.pressPowerButton();
  });
}

/** What the process manager is to start: nothing, or a shell with these arguments. */
function managerArguments({ exec, headless, json }: Options, isTerminal: boolean): string[] {
  if (headless) return ["--headless"];
  const words = exec !== undefined ? ["-c", exec] : isTerminal ? [] : ["--batch"];
  return ["--shell", [...(json ? ["--json"] : []), ...words].join("\n")];
}

async function openEmulator(options: Options): Promise<Emulator> {
  const description = findMachine(options.machine);
  return await Emulator.open({
    description,
    publish: options.publish.map(parsePublish),
    tap: options.tap,
    trace: options.trace,
    pcap: options.pcap,
    forSeconds: options.forSeconds,
    openDisk: () => options.disk === undefined ? undefined : openDisk(options.disk),
    freshDisk: freshImage,
  });
}

/** Manifests and programs; throws for the first manifest that cannot be used. */
function prepare(options: Options) {
  return { archive: openArchive(options.manifests), instantiate: createProgramLoader() };
}

function openArchive(folder: string): BootArchive {
  const { programs, system } = readManifests(folder);
  const builder = new IlBuilder(readSource);
  return new BootArchive(programs, system, (source) => builder.build(source).il);
}

const accounts = ["alice", "bob", "postmaster"];

/** A volume as it is when nobody has used it: the directories of the mail accounts. */
function freshImage(): FreshDisk {
  const directories = ["/email", ...accounts.map((account) => `/email/${account}`)];
  const runs = freshDisk({
    sectorCount: defaultSectorCount,
    label: "HELIOS",
    volumeId: 0x48454c49,
    directories,
  });
  const parts = runs.map(({ firstSector, bytes }) => ({ offset: firstSector * sectorSize, bytes }));
  return { sectorCount: defaultSectorCount, parts };
}

function openDisk(path: string): DiskFile {
  if (!exists(path)) {
    const { sectorCount, parts } = freshImage();
    createDiskFile(path, sectorCount * sectorSize, parts);
  }
  const disk = openDiskFile(path);
  const reason = checkVolume((sector, into) => disk.read(sector, into), disk.sectorCount);
  if (reason === undefined) return disk;
  disk.close();
  throw new HostFileError("mount disk image", path, reason);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function findMachine(nameOrFile: string): MachineDescription {
  const shipped = shippedMachine(nameOrFile);
  if (shipped !== undefined) return shipped;
  if (!nameOrFile.includes(".") && !nameOrFile.includes("/")) {
    throw new UsageError(
      `no machine is named "${nameOrFile}"; there are ${[...shippedMachines.keys()].join(", ")}`,
    );
  }
  const { file, text } = readText(nameOrFile, "read machine");
  const result = parseMachineDescription(text, file);
  if (!result.ok) throw new UsageError(result.error);
  return result.description;
}

/** Boots the machine without a shell and asks the process manager where a program would go. */
async function explain(options: Options, manifest: string): Promise<number> {
  const { text: manifestText, file } = readText(manifest, "read manifest");
  const { explainManifest } = await import("./kernel/boot/explain.ts");
  const software = prepare(options);
  const emulator = await openEmulator(options);
  try {
    const boot = bootHelios(emulator.machine, {
      ...software,
      seed: options.seed,
      managerArguments: ["--headless"],
    });
    emulator.machine.onDebugLine = (_complex, line) => {
      if (line === "ready") emulator.machine.onPowerOff?.(0);
    };
    await emulator.run(false);
    const { program, kernel, rows, text } = explainManifest(boot.coordinator, manifestText, file);
    write(Deno.stdout, options.json ? jsonLine({ command: "explain", program, kernel, rows }) : text);
    return 0;
  } finally {
    await emulator.close();
  }
}

function build(names: readonly string[]): number {
  const archive = openArchive(shippedManifests);
  for (const name of names.length > 0 ? names : archive.names) {
    const manifest = archive.manifestOf(name);
    if (manifest === undefined) {
      throw new UsageError(`no program is named "${name}"; there are ${archive.names.join(", ")}`);
    }
    const { il } = archive.program(name)!;
    write(Deno.stdout, `${name}: ${manifest.source}, ${il.length} characters of intermediate language\n`);
  }
  return 0;
}

function machines(names: readonly string[]): number {
  const [name] = names;
  if (name !== undefined) {
    findMachine(name);
    write(Deno.stdout, `${JSON.stringify(shippedMachines.get(name), undefined, 2)}\n`);
    return 0;
  }
  for (const known of shippedMachines.keys()) {
    write(Deno.stdout, `${known}: ${shippedMachine(known)!.title}\n`);
  }
  return 0;
}

function reportHalt(outcome: Outcome, json: boolean, stream: Stream): void {
  const { status: _status, ...facts } = outcome;
  const { virtualSeconds, hostSeconds, eventLogHash } = facts;
  const text = `halted after ${virtualSeconds.toFixed(6)} s of virtual time, ${
    hostSeconds.toFixed(2)
  } s here; event log ${eventLogHash}\n`;
  write(stream, json ? jsonLine({ command: "halt", ...facts }) : text);
}

const jsonLine = (value: object): string => `${JSON.stringify(value)}\n`;
const milliseconds = ({ queue }: Emulator): string => `${(queue.now / 1e6).toFixed(3).padStart(10)} ms`;

type Stream = { writeSync(bytes: Uint8Array): number };

function write(stream: Stream, text: string): void {
  writeBytes(stream, new TextEncoder().encode(text));
}

/** A reader that has gone away (a pipe into `head`) is no error of ours. */
function writeBytes(stream: Stream, bytes: Uint8Array): void {
  try {
    for (let position = 0; position < bytes.length;) position += stream.writeSync(bytes.subarray(position));
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe)) throw error;
  }
}

/** Errors whose message is for the person who typed the command. */
const told = [UsageError, HostFileError, PublishError, TapError, ManifestError, CompileError];

if (import.meta.main) {
  try {
    // A read that waits for a key cannot be called off: only an exit ends it.
    Deno.exit(await main(Deno.args));
  } catch (error) {
    if (!told.some((kind) => error instanceof kind)) throw error;
    write(Deno.stderr, `helios: ${(error as Error).message}\n`);
    Deno.exit(1);
  }
}
