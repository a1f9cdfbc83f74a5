/**
 * A satellite kernel is started again, and gets back what the boot had given it.
 *
 * The kernel itself comes up as at the boot: in a domain by itself, on a card when its driver has
 * put the image there. Then its drivers are started, and services that had found no place.
 * - Services that ran on the kernel when it died have been placed elsewhere at once, if they could be.
 * - What cannot be done is a reason in words.
 */

import { reasonOf } from "../../abi/errors.ts";
import type { Call } from "../../abi/kernel.ts";
import { kernelNames, startBoard, startSatelliteDrivers } from "./boot_drivers.ts";
import { startUnplaced } from "./boot_services.ts";
import type { ConsolePipes } from "./console_pipes.ts";
import { openController } from "./controllers.ts";
import type { Starter } from "./starter.ts";

const upTimeoutNs = 5e9;

/** Starts a kernel again; the reason when that cannot be done. */
export function* restartKernel(
  starter: Starter,
  pipes: ConsolePipes,
  name: string,
): Call<string | undefined> {
  const { kernel, system } = starter;
  let device: string;
  try {
    device = yield* system.restartKernel(name);
  } catch (error) {
    return reasonOf(error);
  }
  if (device !== "") yield* startBoard(starter, pipes, device);
  const place = { name, path: `${kernelNames}/${name}` };
  const control = yield* openController(kernel, place, upTimeoutNs);
  if (typeof control === "string") return control;
  yield* control.close();
  yield* starter.log(`${name} was started again`);
  yield* startSatelliteDrivers(starter, pipes, place);
  yield* startUnplaced(starter);
  return undefined;
}
