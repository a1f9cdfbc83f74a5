/**
 * A whole machine inside a test: booted Helios, its LAN and its console, in virtual time.
 *
 * It is put together as `main.ts` does it, without files, sockets or the wall clock, so a test
 * can reach into the machine and knows every instant.
 * - `command` types a line into the shell and gives the object that the shell prints for it.
 * - `run` and `until` bound what they wait for in virtual time; the bound is part of the test.
 * - Programs are compiled once per process, whatever number of machines it boots.
 */

import { fail } from "@std/assert";
import { LanHost } from "../hw/host/lan_host.ts";
import { readManifests, readSource, shippedManifests } from "../hw/host/program_files.ts";
import { TraceFile } from "../hw/host/trace_file.ts";
import { MemoryMedium } from "../hw/disk/memory_medium.ts";
import { sectorSize } from "../hw/disk/medium.ts";
import { assembleMachine } from "../hw/machine/assemble.ts";
import { parseMachineDescription } from "../hw/machine/description.ts";
import type { Machine } from "../hw/machine/machine.ts";
import { LineEventLog } from "../hw/time/event_log.ts";
import { EventQueue } from "../hw/time/event_queue.ts";
import { type Instant, later, seconds } from "../hw/time/time.ts";
import { BootArchive } from "../kernel/boot/boot_archive.ts";
import { bootHelios } from "../kernel/boot/helios.ts";
import type { HostBoot } from "../kernel/boot/host_boot.ts";
import { createProgramLoader } from "../kernel/boot/program_loader.ts";
import type { Kernel } from "../kernel/kernel.ts";
import { endWithoutLeaks } from "../kernel/testing/leaks.ts";
import { buildIl } from "../kernel/compiler/phase_one.ts";
import { freshDisk } from "../fs/fat32/populate.ts";
import { defaultSectorCount } from "../fs/fat32/format.ts";
import { putFiles } from "../fs/fat32/install.ts";
import { MediumDevice } from "../fs/fat32/medium_device.ts";
import type { TcpConnection } from "../net/protocol/tcp/connection.ts";
import { changedMachine, type JsonCommand, type Machine as MachineFile } from "./command_line.ts";

export interface MachineOptions {
  /** A shipped machine; `helios` unless told. */
  readonly machine?: string;
  /** Changes to its file. */
  readonly change?: (machine: MachineFile) => void;
  /** Edits of manifests, by file name. */
  readonly manifests?: Readonly<Record<string, (text: string) => string>>;
  readonly seed?: number;
  /** Files that a person has put on the disk, beside those that ship. */
  readonly ownFiles?: ReadonlyMap<string, Uint8Array>;
}

const shipped = readManifests(shippedManifests);
const ilOf = new Map<string, string>();
const instantiate = createProgramLoader();

/** Phase one of a program, once. */
function compiled(source: string): string {
  const known = ilOf.get(source) ?? buildIl(source, readSource).il;
  ilOf.set(source, known);
  return known;
}

export class BootedMachine {
  readonly queue = new EventQueue();
  readonly lan = new LanHost(this.queue);
  readonly machine: Machine;
  /** The kernels, once they have booted. */
  readonly host: HostBoot;
  /** Lines that kernels and programs wrote to the debug port. */
  readonly bootLog: string[] = [];
  /** The status that the machine was switched off with. */
  status: number | undefined;
  readonly #hash = new TraceFile();
  #printed = "";
  #wantedPanic: Error | undefined;

  constructor(
    { machine = "helios", change = () => {}, manifests = {}, seed = 1, ownFiles }: MachineOptions = {},
  ) {
    const described = parseMachineDescription(changedMachine(machine, change), "test.json");
    if (!described.ok) fail(described.error);
    const { description } = described;
    const programs = shipped.programs.map(({ file, text }) => {
      const edit = manifests[file.slice(file.lastIndexOf("/") + 1)];
      return { file, text: edit === undefined ? text : edit(text) };
    });
    const system = manifests["system.xml"]?.(shipped.system.text) ?? shipped.system.text;
    const archive = new BootArchive(programs, { ...shipped.system, text: system }, compiled);
    const files = archive.volumeFiles((name, error) => fail(`${name}: ${error.message}`));
    const medium = new MemoryMedium(defaultSectorCount);
    const directories = ["/email", "/email/alice", "/email/bob", "/email/postmaster"];
    const disk = { sectorCount: defaultSectorCount, label: "HELIOS", volumeId: 1, directories };
    for (const { firstSector, bytes } of freshDisk({ ...disk, files })) {
      medium.write(firstSector, padded(bytes));
      if (ownFiles !== undefined) putFiles(new MediumDevice(medium), ownFiles);
    }
    const log = new LineEventLog(this.queue, this.#hash.write);
    this.machine = assembleMachine(description, { queue: this.queue, log, medium });
    this.machine.onDebugLine = (complex, line) =>
      this.bootLog.push(complex === "host" ? line : `${complex}: ${line}`);
    this.machine.onPowerOff = (status) => this.status = status;
    const decoder = new TextDecoder();
    this.machine.console.onOutput = (bytes) => this.#printed += decoder.decode(bytes, { stream: true });
    this.lan.attach(this.machine.plug(this.lan));
    const managerArguments = ["--shell", "--json\n--batch"];
    // A panic is a bug of ours, which a test must not miss.
    const onPanic = (_kernel: string, error: unknown) => {
      if (error !== this.#wantedPanic) throw error;
    };
    this.host = bootHelios(this.machine, { archive, instantiate, seed, managerArguments, onPanic });
    endWithoutLeaks(this.queue, () => this.host.everyKernel);
  }

  /** Lets virtual time go on. */
  run(forSeconds: number): void {
    this.queue.runUntil(later(this.queue.now, seconds(forSeconds)), () => this.status !== undefined);
  }

  /** Runs until `condition` holds; tells whether that was within so many seconds of virtual time. */
  until(condition: () => boolean, withinSeconds: number): boolean {
    if (condition()) return true;
    const end: Instant = later(this.queue.now, seconds(withinSeconds));
    this.queue.runUntil(end, () => condition() || this.status !== undefined);
    return condition();
  }

  /** Makes a kernel panic, as a bug in its code would. */
  panic(kernel: Kernel, reason: string): void {
    this.#wantedPanic = new Error(reason);
    kernel.panic(this.#wantedPanic);
  }

  /** What the shell answers to a line; undefined when it has not within so many seconds of virtual time. */
  tryCommand(line: string, withinSeconds = 30): JsonCommand | undefined {
    this.#printed = "";
    this.machine.console.type(new TextEncoder().encode(`${line}\n`));
    if (!this.until(() => this.#printed.includes("}\n"), withinSeconds)) return undefined;
    return JSON.parse(this.#printed) as JsonCommand;
  }

  command(line: string): JsonCommand {
    return this.tryCommand(line) ?? fail(`the shell did not answer "${line}": ${this.bootLog.join("\n")}`);
  }

  /** The kernel on which a program runs; undefined when it does not. */
  kernelOf(program: string): string | undefined {
    return this.command("ps").rows.find((row) => row.program === program)?.kernel as string | undefined;
  }

  /** Mean round trip of four echo requests, in ms of virtual time. */
  ping(): number {
    const { rows, status } = this.command("ping 10.0.2.2");
    const summary = /= [\d.]+\/([\d.]+)\//.exec(`${rows.at(-1)?.text}`);
    if (status !== 0 || summary === null) fail(`ping failed: ${JSON.stringify(rows)}`);
    return Number(summary[1]);
  }

  /** A TCP connection from the gateway of the LAN to the guest. */
  connect(port: number): Conversation {
    const address = this.lan.guestAddress ?? fail("no guest has an address");
    const connection = this.lan.connect(address, port, () => {});
    if (connection === "TooMany") fail("the gateway has too many connections");
    this.lan.flush();
    return new Conversation(this, connection);
  }

  /** The event-log hash; the machine must not run on after it. */
  hash(): string {
    return this.#hash.hash();
  }
}

/** Runs are of any number of bytes; the medium takes whole sectors. */
function padded(bytes: Uint8Array): Uint8Array {
  const size = Math.ceil(bytes.length / sectorSize) * sectorSize;
  if (size === bytes.length) return bytes;
  const whole = new Uint8Array(size);
  whole.set(bytes);
  return whole;
}

/** Text over TCP: says something, and waits for an answer that ends a line. */
export class Conversation {
  readonly #booted: BootedMachine;
  readonly #connection: TcpConnection;

  constructor(booted: BootedMachine, connection: TcpConnection) {
    this.#booted = booted;
    this.#connection = connection;
  }

  /** Sends all of `text`, which may be more than the send buffer takes at once. */
  say(text: string, withinSeconds = 30): void {
    const bytes = new TextEncoder().encode(text);
    for (let position = 0; position < bytes.length;) {
      position += this.#connection.send(bytes.subarray(position));
      this.#booted.lan.flush();
      if (position === bytes.length) return;
      if (!this.#booted.until(() => this.#connection.sendSpace > 0, withinSeconds)) {
        fail(`the guest took ${position} of ${bytes.length} bytes`);
      }
    }
  }

  /** The next lines of the guest's; "" when there are none within so many seconds of virtual time. */
  hear(withinSeconds = 30): string {
    this.#booted.until(() => this.#connection.available > 0 || this.#connection.endOfStream, withinSeconds);
    const bytes = new Uint8Array(this.#connection.available);
    this.#connection.receive(bytes);
    this.#booted.lan.flush();
    return new TextDecoder().decode(bytes);
  }

  ask(text: string): string {
    this.say(text);
    return this.hear();
  }
}
