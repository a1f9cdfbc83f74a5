/**
 * The machines that ship: name to JSON value, in the order in which they are listed.
 *
 * The first is the default. They go through the same reader as a user's own file;
 * a shipped file that it refuses is a bug of ours and throws.
 * - Every figure in them carries its source, or "fitted: why"; a test checks that.
 */

import { type MachineDescription, readMachineDescription } from "../machine/description.ts";
import core2Iop348 from "./core2-iop348.json" with { type: "json" };
import helios from "./helios.json" with { type: "json" };
import opteronInterleaved from "./opteron-interleaved.json" with { type: "json" };
import opteronNuma from "./opteron-numa.json" with { type: "json" };

export const shippedMachines: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["helios", helios],
  ["core2-iop348", core2Iop348],
  ["opteron-numa", opteronNuma],
  ["opteron-interleaved", opteronInterleaved],
]);

/** The shipped machine of that name, or undefined. */
export function shippedMachine(name: string): MachineDescription | undefined {
  const json = shippedMachines.get(name);
  if (json === undefined) return undefined;
  const result = readMachineDescription(json, name);
  if (!result.ok) throw new Error(result.error);
  return result.description;
}
