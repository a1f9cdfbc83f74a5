/**
 * The command line of Helios: parses, dispatches, nothing else.
 *
 * `deno task helios COMMAND`, or `deno task boot` for the first of them. What a person
 * gets wrong is answered by one line on standard error and exit status 1, before
 * anything is written.
 * - Standard output carries what was asked for; with `--exec` or `--json` the boot log
 *   goes to standard error.
 * - `start` serves a standalone Helios too, which brings its own programs and manifests.
 */

import {
  type BootOptions,
  parseBootOptions,
  parseExplainOptions,
  parseInstallOptions,
  UsageError,
} from "./hw/host/boot_options.ts";
import { attachTerminal, onTerminationSignals } from "./hw/host/terminal.ts";
import { createDiskFile, type DiskFile, openDiskFile } from "./hw/host/disk_file.ts";
import { checkout, type Contents, type Distribution, standalone } from "./hw/host/distribution.ts";
import { Emulator, type FreshDisk, type Outcome } from "./hw/host/emulator.ts";
import { V8Memory } from "./hw/host/host_memory.ts";
import { HostFileError } from "./hw/host/host_file_error.ts";
import { findMachine } from "./hw/host/machine_option.ts";
import {
  exists,
  projectFolder,
  readManifests,
  readSource,
  readText,
  sourcePath,
  type TextFile,
  writeIl,
  writeManifest,
} from "./hw/host/program_files.ts";
import { bundleStandalone } from "./hw/host/standalone.ts";
import { PublishError } from "./hw/host/publish_option.ts";
import { TapError } from "./hw/host/tap_error.ts";
import { checkTypes, TypeCheckError } from "./hw/host/type_check.ts";
import { shippedMachine, shippedMachines } from "./hw/machines/machines.ts";
import { isaTables } from "./hw/cpu/isa_tables.ts";
import { MediumError, sectorSize } from "./hw/disk/medium.ts";
import { BootArchive } from "./kernel/boot/boot_archive.ts";
import { bootHelios } from "./kernel/boot/helios.ts";
import { installable, installableIl, InstallError } from "./kernel/boot/installable.ts";
import { createProgramLoader } from "./kernel/boot/program_loader.ts";
import { CompileError } from "./kernel/compiler/compile_error.ts";
import { refuseUnknownKernels } from "./kernel/boot/kernel_names.ts";
import { ManifestError } from "./kernel/placement/manifest.ts";
import { PlacementError } from "./kernel/placement/placement.ts";
import { freshDisk } from "./fs/fat32/populate.ts";
import { checkVolume } from "./fs/fat32/check.ts";
import type { Refusable } from "./fs/fat32/boot_sector.ts";
import { defaultSectorCount } from "./fs/fat32/format.ts";
import { bringUpToDate, putFiles, type Update } from "./fs/fat32/install.ts";
import { MediumDevice } from "./fs/fat32/medium_device.ts";

const usage = `Helios: a heterogeneous machine and the multikernel operating system that runs on it.

  deno task boot [OPTIONS]             boots a machine to a shell
  deno task helios boot [OPTIONS]      the same
  deno task helios bench NAME...|all   reruns figures of the paper in virtual time
  deno task helios build [NAME|FILE.ts...]
                                       phase one of compilation, for all programs or those named
  deno task helios install FILE.il --disk FILE [--manifest FILE]
                                       puts a program and its manifest on a disk image
  deno task helios explain MANIFEST    where a program would run on this machine, and why
  deno task helios bundle [FILE]       writes a Helios that stands alone (default: helios.js)
  deno task helios machines [NAME]     lists the machines, or shows one

Options of boot; explain takes --machine, --manifests, --seed and --json:
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

Options of bench:
  --json                      prints one JSON object per figure and line
  --out DIR                   writes a file and a picture per figure, such as fig9.json and fig9.svg
  --seed N                    as above
`;

/** Phase one, which only a checkout has. */
type PhaseOne = typeof import("./kernel/boot/build_programs.ts");

/** The figures of the paper, which only a checkout has; loaded when they are asked for. */
type Figures = () => Promise<typeof import("./tests/figures/command.ts")>;

async function main(
  words: readonly string[],
  helios: Distribution,
  phaseOne?: PhaseOne,
  figures?: Figures,
): Promise<number> {
  const [command, ...rest] = words;
  if (command === undefined || command === "help" || command === "--help" || rest.includes("--help")) {
    write(Deno.stdout, usage);
    return 0;
  }
  switch (command) {
    case "boot":
      return await boot(parseBootOptions(rest), helios);
    case "explain":
      return await explain(parseExplainOptions(rest), helios);
    case "bench":
      return await bench(rest, figures);
    case "build":
      return await build(rest, helios, phaseOne);
    case "install":
      return install(rest, helios);
    case "bundle":
      return await bundle(rest, helios);
    case "machines":
      return machines(rest);
    default:
      throw new UsageError(`"${command}" is not a command; try --help`);
  }
}

async function boot(options: BootOptions, helios: Distribution): Promise<number> {
  const { exec, headless, json } = options;
  const isTerminal = Deno.stdin.isTerminal();
  const interactive = exec === undefined && !headless;
  const logStream = json || !(headless || (interactive && isTerminal)) ? Deno.stderr : Deno.stdout;
  const software = prepare(options, helios);
  const tell = (line: string) => write(logStream, `${line}\n`);
  const emulator = await openEmulator(options, software.archive, tell);
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
  if (exec === undefined || emulator.isOff) return outcome.status;
  throw new UsageError(
    `the time of --for was over at ${options.forSeconds} s, before the commands had ended`,
  );
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

/** One Ctrl-C can arrive twice: from the terminal, and passed on by `deno task`. */
const sameSignalMs = 1000;

/** The first signal presses the power button, a later one ends the emulator. */
function endOnSignals(emulator: Emulator): () => void {
  let pressedAtMs: number | undefined;
  return onTerminationSignals(() => {
    if (pressedAtMs === undefined) {
      pressedAtMs = performance.now();
      emulator.pressPowerButton();
    } else if (performance.now() - pressedAtMs > sameSignalMs) Deno.exit(1);
  });
}

/** What the process manager is to start: nothing, or a shell with these arguments. */
function managerArguments({ exec, headless, json }: BootOptions, isTerminal: boolean): string[] {
  if (headless) return ["--headless"];
  const words = exec !== undefined ? ["-c", exec] : isTerminal ? [] : ["--batch"];
  return ["--shell", [...(json ? ["--json"] : []), ...words].join("\n")];
}

/** `tell` gets a line for each thing that was done to the disk, or could not be. */
async function openEmulator(options: BootOptions, archive: BootArchive, tell: Tell): Promise<Emulator> {
  const description = findMachine(options.machine);
  return await Emulator.open({
    description,
    publish: options.publish,
    tap: options.tap,
    trace: options.trace,
    pcap: options.pcap,
    forSeconds: options.forSeconds,
    openDisk: () => options.disk === undefined ? undefined : openCurrentDisk(options.disk, archive, tell),
    freshDisk: () => freshImage(archive, tell),
  });
}

/** Manifests and programs; throws for the first manifest that cannot be used. */
function prepare({ machine, manifests }: BootOptions, helios: Distribution) {
  const archive = openArchive(helios, manifests);
  refuseUnknownKernels(archive.system, findMachine(machine));
  return { archive, instantiate: createProgramLoader(new V8Memory()) };
}

/** Manifests of a folder of the person's own go before those of the disk, too. */
function openArchive(helios: Distribution, folder?: string): BootArchive {
  const { programs, system } = folder === undefined ? helios.manifests : readManifests(folder);
  const archive = new BootArchive(programs, system, (source) => helios.il(source), folder !== undefined);
  // What a single file does not carry is found out now, and not by a machine that runs.
  if (!helios.isCheckout) { for (const name of archive.names) archive.program(name); }
  return archive;
}

const accounts = ["alice", "bob", "postmaster"];

type Tell = (line: string) => void;

/** A volume as it is when nobody has used it: the programs, and the directories of the mail accounts. */
function freshImage(archive: BootArchive, tell: Tell): FreshDisk {
  const directories = ["/email", ...accounts.map((account) => `/email/${account}`)];
  const runs = freshDisk({
    sectorCount: defaultSectorCount,
    label: "HELIOS",
    volumeId: 0x48454c49,
    directories,
    files: programFiles(archive, tell),
  });
  const parts = runs.map(({ firstSector, bytes }) => ({ offset: firstSector * sectorSize, bytes }));
  return { sectorCount: defaultSectorCount, parts };
}

function programFiles(archive: BootArchive, tell: Tell): ReadonlyMap<string, Uint8Array> {
  return archive.volumeFiles((name, error) => tell(`${name} is not put on the disk: ${error.message}`));
}

/** A disk whose programs are those of this Helios, but for what a person has written there. */
function openCurrentDisk(path: string, archive: BootArchive, tell: Tell): DiskFile {
  if (!exists(path)) return openDisk(path, archive, tell);
  const disk = openDisk(path, archive, tell);
  const result = changeDisk(disk, path, (device) => bringUpToDate(device, programFiles(archive, tell)));
  if ("refused" in result) {
    tell(`disk image "${path}": not brought up to date: ${result.refused}`);
    return disk;
  }
  const { written, failed } = result.accepted;
  if (written.length > 0) tell(`disk image "${path}": brought up to date ${written.join(", ")}`);
  if (failed !== undefined) tell(`disk image "${path}": cannot write ${failed.path}: ${failed.reason}`);
  return disk;
}

/** Changes files on a disk that no machine uses; closes it when the host's disk fails. */
function changeDisk(
  disk: DiskFile,
  path: string,
  change: (device: MediumDevice) => Refusable<Update>,
): Refusable<Update> {
  try {
    return change(new MediumDevice(disk));
  } catch (error) {
    if (!(error instanceof MediumError)) throw error;
    disk.close();
    throw new HostFileError("write to disk image", path, error.message);
  }
}

function openDisk(path: string, archive: BootArchive, tell: Tell): DiskFile {
  if (!exists(path)) {
    const { sectorCount, parts } = freshImage(archive, tell);
    createDiskFile(path, sectorCount * sectorSize, parts);
  }
  const disk = openDiskFile(path);
  const reason = checkVolume((sector, into) => disk.read(sector, into), disk.sectorCount);
  if (reason === undefined) return disk;
  disk.close();
  throw new HostFileError("mount disk image", path, reason);
}

/** Boots the machine without a shell and asks the process manager where a program would go. */
async function explain(
  { options, manifest }: { options: BootOptions; manifest: string },
  helios: Distribution,
): Promise<number> {
  const { text: manifestText, file } = readText(manifest, "read manifest");
  const { explainManifest } = await import("./kernel/boot/explain.ts");
  const software = prepare(options, helios);
  const emulator = await openEmulator(options, software.archive, (line) => write(Deno.stderr, `${line}\n`));
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
    const { text, ...facts } = explainManifest(boot.coordinator, manifestText, file);
    write(Deno.stdout, options.json ? jsonLine({ command: "explain", ...facts }) : text);
    return 0;
  } finally {
    await emulator.close();
  }
}

/** Reruns figures of the paper. */
async function bench(words: readonly string[], figures?: Figures): Promise<number> {
  if (figures === undefined) throw needsCheckout("bench");
  const { benchFigures } = await figures();
  await benchFigures(words, {
    print: (text) => write(Deno.stdout, text),
    progress: Deno.stderr.isTerminal() ? (text) => write(Deno.stderr, text) : undefined,
  });
  return 0;
}

/** Phase one for the programs that the words name, or for all. */
async function build(words: readonly string[], helios: Distribution, phaseOne?: PhaseOne): Promise<number> {
  if (phaseOne === undefined) throw needsCheckout("build");
  const { programs, system } = helios.manifests;
  const known = phaseOne.programEntries(programs);
  const entries = words.length === 0 ? [...known.values()] : words.map((word) => entryOf(word, known));
  await checkTypes(projectFolder, entries);
  const built = phaseOne.buildPrograms(entries, { manifests: programs, system, readSource });
  for (const { name, entry, il, manifest, hints } of built) {
    write(Deno.stdout, `${name}: ${entry} to ${writeIl(name, il)}, ${il.length} characters\n`);
    if (manifest.changes.length > 0) {
      write(Deno.stdout, `${writeManifest(name, manifest.text)}: ${manifest.changes.join(", ")}\n`);
    }
    for (const hint of hints) write(Deno.stdout, `${hint}\n`);
  }
  return 0;
}

/** The main module that a person means: a file, or the program of that name. */
function entryOf(word: string, known: ReadonlyMap<string, string>): string {
  if (word.endsWith(".ts")) return sourcePath(word);
  const entry = known.get(word);
  if (entry !== undefined) return entry;
  const names = [...known.keys()].sort().join(", ");
  throw new UsageError(
    `no program is named "${word}"; there are ${names}; a new one is built by its file, such as apps/mine/main.ts`,
  );
}

function needsCheckout(command: string): UsageError {
  return new UsageError(`"${command}" needs a checkout of Helios, and this one is a single file`);
}

/** Everything of this checkout in one file. */
async function bundle([output = "helios.js", ...others]: readonly string[], helios: Distribution) {
  if (others.length > 0) throw new UsageError(`expected one file to write, got ${others.length + 1}`);
  if (!helios.isCheckout) throw needsCheckout("bundle");
  const archive = openArchive(helios);
  const ils: Record<string, string> = {};
  for (const name of archive.names) {
    const { manifest, il } = archive.program(name)!;
    ils[manifest.source] = il;
  }
  await bundleStandalone({ manifests: helios.manifests, ils }, output);
  write(
    Deno.stdout,
    `${archive.names.length} programs and ${shippedMachines.size} machines are in "${output}"\n`,
  );
  return 0;
}

/** Puts a program of the person's own on a disk image, after a check of all that can be checked. */
function install(words: readonly string[], helios: Distribution): number {
  const { il: path, manifest, disk: diskPath } = parseInstallOptions(words);
  const archive = openArchive(helios);
  const il = installableIl(readText(path, "read program"), Object.values(isaTables));
  const manifestFile = manifest === undefined
    ? manifestBeside(path, helios)
    : readText(manifest, "read manifest");
  const { name, files } = installable(il, manifestFile, archive);
  const disk = openDisk(diskPath, archive, (line) => write(Deno.stderr, `${line}\n`));
  const result = changeDisk(disk, diskPath, (device) => putFiles(device, files));
  disk.close();
  const reason = "refused" in result
    ? result.refused
    : result.accepted.failed && `${result.accepted.failed.path}: ${result.accepted.failed.reason}`;
  if (reason !== undefined) throw new HostFileError("write to disk image", diskPath, reason);
  write(Deno.stdout, `${name} is on "${diskPath}": ${[...files.keys()].join(", ")}\n`);
  return 0;
}

/** The manifest in the folder of an IL, or the one that ships for a program of that name. */
function manifestBeside(il: string, { manifests }: Distribution): TextFile {
  const path = il.replace(/(\.il)?$/, ".xml");
  if (exists(path)) return readText(path, "read manifest");
  const name = path.slice(path.search(/[^/\\]*$/));
  const shipped = manifests.programs.find(({ file }) => file.slice(file.search(/[^/\\]*$/)) === name);
  if (shipped !== undefined) return shipped;
  throw new UsageError(
    `"${il}" has no manifest: there is neither "${path}" nor one that ships; try --manifest`,
  );
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
const told = [
  ...[UsageError, HostFileError, PublishError, TapError, TypeCheckError],
  ...[ManifestError, PlacementError, CompileError, InstallError],
];

/** Runs the command line to its end, and with it this process. */
async function start(helios: Distribution, phaseOne?: PhaseOne, figures?: Figures): Promise<never> {
  try {
    // A read that waits for a key cannot be called off: only an exit ends it.
    Deno.exit(await main(Deno.args, helios, phaseOne, figures));
  } catch (error) {
    if (!told.some((kind) => error instanceof kind)) throw error;
    for (const line of (error as Error).message.split("\n")) write(Deno.stderr, `helios: ${line}\n`);
    Deno.exit(1);
  }
}

/** Runs a Helios that stands alone; its entry module is written by hw/host/standalone.ts. */
export function startStandalone(contents: Contents): Promise<never> {
  return start(standalone(contents));
}

if (import.meta.main) {
  // Imported here, so that a single file, which carries ILs, leaves phase one out.
  const { IlBuilder } = await import("./kernel/compiler/phase_one.ts");
  const phaseOne = await import("./kernel/boot/build_programs.ts");
  const builder = new IlBuilder(readSource);
  const figures = () => import("./tests/figures/command.ts");
  await start(checkout((source) => builder.build(source).il), phaseOne, figures);
}
