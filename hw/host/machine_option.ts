/**
 * The machine that a person means: the name of one that ships, or a file of their own.
 *
 * A word with a dot or a slash is a file. What is wrong is a UsageError or a HostFileError, of one line.
 */

import { type MachineDescription, parseMachineDescription } from "../machine/description.ts";
import { shippedMachine, shippedMachines } from "../machines/machines.ts";
import { UsageError } from "./boot_options.ts";
import { readText } from "./program_files.ts";

export function findMachine(nameOrFile: string): MachineDescription {
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
