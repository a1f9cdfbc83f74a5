/**
 * What a program may import, and which file a specifier means.
 *
 * A program reaches the kernel's ABI, contracts of any room, and files of its own room; all else would
 * tie it to a machine or to the host (DESIGN section 2).
 * - Paths are relative to the project's top folder and use "/".
 * - A refusal is a reason in words; the caller adds the place.
 */

const sharedFolders = [
  "kernel/abi/",
  "kernel/contracts/",
  "net/contracts/",
  "fs/contracts/",
  "apps/contracts/",
];
const roomsOfPrograms = ["kernel/programs/", "net/", "fs/", "apps/"];
/** Top folders that hold no programs. */
const closedFolders = ["hw/", "kernel/", "std/"];

/** The room that a program is in, or why it can be in none. */
export function roomOf(entry: string): { readonly room: string } | { readonly reason: string } {
  const known = roomsOfPrograms.find((folder) => entry.startsWith(folder));
  if (known !== undefined) return { room: known };
  const closed = closedFolders.find((folder) => entry.startsWith(folder));
  if (closed !== undefined) return { reason: `${closed} holds no programs` };
  const folder = entry.slice(0, entry.indexOf("/") + 1);
  return folder === "" ? { reason: "a program has a folder of its own" } : { room: folder };
}

/** The file that `specifier` means in `importer`, or why it may not be imported. */
export function resolveImport(
  importer: string,
  specifier: string,
  room: string,
): { readonly path: string } | { readonly reason: string } {
  if (!specifier.startsWith("./") && !specifier.startsWith("../")) {
    return { reason: `"${specifier}" is not a file of the project: programs import no packages` };
  }
  if (!specifier.endsWith(".ts")) return { reason: `"${specifier}" is not a .ts file` };
  const path = joinPath(importer, specifier);
  if (path === undefined) return { reason: `"${specifier}" is outside of the project` };
  if ([room, ...sharedFolders].some((folder) => path.startsWith(folder))) return { path };
  return { reason: `"${path}" is neither kernel/abi, nor a contract, nor in ${room}` };
}

function joinPath(importer: string, specifier: string): string | undefined {
  const parts = importer.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return undefined;
    } else if (part !== "." && part !== "") {
      parts.push(part);
    }
  }
  return parts.join("/");
}
