/**
 * The first half of the boot: Controllers, drivers, satellite kernels.
 *
 * A driver runs on the kernel whose bus its device is on. The console's comes first,
 * so that the rest can be seen; then the boards', because each brings another kernel.
 * - A satellite that does not come up costs a line in the log, never the boot.
 * - The boards get 5 s of virtual time together, and then all Controllers another 5 s.
 *
 * Paper, sections 3.3 and 3.4.
 */

import type { Call, DeviceRow, KernelRow, Program } from "../../abi/kernel.ts";
import type { ConsolePipes } from "./console_pipes.ts";
import { type KernelPlace, openController, tableOf } from "./controllers.ts";
import type { StartedProcess } from "./process_table.ts";
import type { Starter } from "./starter.ts";

const consoleDriver = "ConsoleDriver";
const boardDriver = "BoardDriver";
const satelliteTimeoutNs = 5e9;
/** For each Controller, also when the others have used up the time. */
const leastBindNs = 1e6;
/** Where a Controller registers when its kernel is up. */
export const kernelNames = "/kernels";

interface Driver {
  readonly program: string;
  readonly device: DeviceRow;
}

/** Brings up everything below the services. */
export function* bootDrivers(starter: Starter, pipes: ConsolePipes): Call<void> {
  const { here } = starter;
  yield* startController(starter, pipes);
  const devices = yield* starter.system.devices();
  const drivers = yield* driversOf(starter, devices);
  const named = (name: string) => drivers.filter(({ program }) => program === name);
  let hasConsole = false;
  for (const driver of named(consoleDriver)) {
    hasConsole = (yield* startDriver(starter, pipes, here, driver)) !== undefined || hasConsole;
  }
  if (hasConsole) yield* pipes.open();
  else yield* starter.log("Going on without a console: no serial port with a driver was found");
  yield* startBoards(starter, pipes, named(boardDriver));
  for (const driver of drivers) {
    if (driver.program === consoleDriver || driver.program === boardDriver) continue;
    yield* startDriver(starter, pipes, here, driver);
  }
  for (const satellite of yield* awaitControllers(starter)) {
    yield* startSatelliteDrivers(starter, pipes, satellite);
  }
}

/** The Controller of this kernel, which starts all other processes here; satellites bring their own. */
function* startController(starter: Starter, pipes: ConsolePipes): Call<void> {
  const { system, kernel, here } = starter;
  const source = yield* system.bootProgram("Controller");
  const standard = yield* pipes.forLog(`Controller on ${here.name}`);
  const pid = yield* system.spawn({ source, arguments: [], ...standard });
  yield* kernel.createThread(function* (): Program {
    const { status, fault } = yield* system.waitProcess(pid);
    if (starter.isStopping) return;
    yield* starter.log(`Controller on ${here.name} ended with status ${status}${fault && `: ${fault}`}`);
  });
}

function* driversOf(starter: Starter, devices: readonly DeviceRow[]): Call<Driver[]> {
  const drivers: Driver[] = [];
  for (const device of devices) {
    const program = yield* starter.system.driverFor(device.vendorId, device.deviceId);
    if (program !== "") drivers.push({ program, device });
  }
  return drivers;
}

function* startDriver(
  starter: Starter,
  pipes: ConsolePipes,
  place: KernelPlace,
  { program: name, device: { location } }: Driver,
): Call<StartedProcess | undefined> {
  const program = yield* starter.find(name);
  let started: StartedProcess | string = "";
  if (typeof program === "string") {
    started = program;
  } else {
    const standard = yield* pipes.forLog(`${name} on ${place.name}`);
    const how = { ...standard, arguments: "", device: location };
    started = yield* starter.launch(program, place, "driver", how);
  }
  if (typeof started !== "string") {
    yield* starter.log(`${name} on ${place.name} (device ${location})`);
    return started;
  }
  yield* starter.log(`Cannot start ${name} for the device at ${location} on ${place.name}: ${started}`);
  return undefined;
}

/** Starts the boards' drivers and waits until each has attached its kernel or given up. */
function* startBoards(starter: Starter, pipes: ConsolePipes, drivers: readonly Driver[]): Call<void> {
  if (drivers.length === 0) return;
  const { kernel, system, here } = starter;
  const before = (yield* system.kernels()).length;
  const started: StartedProcess[] = [];
  for (const driver of drivers) {
    const process = yield* startDriver(starter, pipes, here, driver);
    if (process !== undefined) started.push(process);
  }
  const deadline = (yield* kernel.now()) + satelliteTimeoutNs;
  const watch = yield* kernel.watch(kernelNames);
  for (;;) {
    const running = started.filter(({ outcome }) => outcome === undefined);
    if ((yield* system.kernels()).length - before >= running.length) break;
    const ends = Object.fromEntries(running.map(({ pid, watcher }) => [`end of ${pid}`, watcher!]));
    const occurrence = yield* kernel.select({ watch, ...ends }, deadline - (yield* kernel.now()));
    if (occurrence.on === "timeout") {
      const seconds = satelliteTimeoutNs / 1e9;
      yield* starter.log(`A board has not brought up its kernel within ${seconds} s; going on without it`);
      break;
    }
    if (occurrence.on !== "watch") continue;
    if (occurrence.kind === "closed") break;
    yield* watch.send("next");
  }
  yield* watch.close();
}

/** The satellites whose Controllers have registered; the others are named in the log. */
function* awaitControllers(starter: Starter): Call<KernelRow[]> {
  const { kernel, system, here } = starter;
  const deadline = (yield* kernel.now()) + satelliteTimeoutNs;
  const satellites: KernelRow[] = [];
  for (const row of yield* system.kernels()) {
    const left = deadline - (yield* kernel.now());
    const control = yield* openController(kernel, row, Math.max(left, leastBindNs));
    if (typeof control === "string") {
      yield* starter.log(`Going on without ${row.name}: ${control}`);
      continue;
    }
    yield* control.close();
    if (row.path !== here.path) satellites.push(row);
  }
  return satellites;
}

/** Brings up the kernel of the board at a location again. */
export function* startBoard(starter: Starter, pipes: ConsolePipes, location: string): Call<void> {
  const device = (yield* starter.system.devices()).find((row) => row.location === location);
  if (device !== undefined) {
    yield* startDriver(starter, pipes, starter.here, { program: boardDriver, device });
  }
}

/** Starts the drivers of the devices on a satellite's own buses. */
export function* startSatelliteDrivers(
  starter: Starter,
  pipes: ConsolePipes,
  satellite: KernelPlace,
): Call<void> {
  const devices = yield* tableOf(starter.kernel, satellite, "devices");
  if (typeof devices === "string") {
    yield* starter.log(`Cannot see the devices of ${satellite.name}: ${devices}`);
    return;
  }
  for (const driver of yield* driversOf(starter, devices as readonly DeviceRow[])) {
    yield* startDriver(starter, pipes, satellite, driver);
  }
}
