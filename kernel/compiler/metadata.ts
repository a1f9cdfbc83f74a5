/**
 * What an IL says about its program: name, contracts, parameters, devices, privileges.
 *
 * Phase one takes it from the program's declaration, and whoever reads an IL finds it in the header: the
 * same rules hold for both, so they stand here once.
 * - The rules are those of the namespace, of manifests and of FAT32 for what becomes a path or a file.
 */

import type { DataReader } from "./plain_data.ts";

/** A contract that a program speaks: imported when it binds to it, exported when it serves it. */
export interface IlContract {
  readonly direction: "import" | "export";
  /** What manifests call it, such as "TcpContract". */
  readonly contractName: string;
  /** Name and version, such as "tcp/1". */
  readonly contract: string;
  /** Where it is registered; only of an export, and absent when only the running program knows. */
  readonly path?: string;
}

export interface IlDevice {
  readonly vendorId: number;
  readonly deviceId: number;
}

export interface IlParameter {
  readonly name: string;
  readonly doc: string;
}

export interface IlMetadata {
  readonly name: string;
  readonly doc: string;
  readonly contracts: readonly IlContract[];
  readonly parameters: readonly IlParameter[];
  readonly devices: readonly IlDevice[];
  readonly privileges: readonly string[];
}

/** Entries of each list. */
export const entriesMax = 64;
/** Device numbers of PCI have 16 bits; the kernel's own numbers of platform devices may have more. */
const deviceIdMax = 0xffff_ffff;

export function readName(part: DataReader): string {
  return part.text(/^[A-Z][A-Za-z0-9]{0,31}$/, "a capital letter, then letters and digits, at most 32");
}

/** A text for people. */
export function readLine(part: DataReader, sizeMax = 200): string {
  const value = part.text(/^[^\p{Cc}\u2028\u2029]+$/u, `one line of text, at most ${sizeMax} characters`);
  return value.length <= sizeMax ? value : part.refuse(`at most ${sizeMax} characters`);
}

export function readPath(part: DataReader): string {
  return part.text(/^(?:\/[\w.-]{1,64}){1,16}$/, "a path, such as /service/hello");
}

export function readParameter(part: DataReader): IlParameter {
  const { name, doc } = part.fields(["name", "doc"]);
  return { name: readLine(name, 32), doc: readLine(doc) };
}

export function readDevice(part: DataReader): IlDevice {
  const { vendorId, deviceId } = part.fields(["vendorId", "deviceId"]);
  return { vendorId: vendorId.whole(0, deviceIdMax), deviceId: deviceId.whole(0, deviceIdMax) };
}

export function readPrivilege(part: DataReader): string {
  return part.text(/^system$/, '"system", the only privilege');
}

/** A contract in an IL's header. */
export function readContract(part: DataReader): IlContract {
  const { direction, contractName, contract, path } = part.fields(
    ["direction", "contractName", "contract"],
    ["path"],
  );
  const way = direction.text(/^(?:import|export)$/, '"import" or "export"') as IlContract["direction"];
  if (path !== undefined && way === "import") path.refuse("none, because only an export has a path");
  return {
    direction: way,
    contractName: readLine(contractName, 64),
    contract: readLine(contract, 64),
    ...(path === undefined ? {} : { path: readPath(path) }),
  };
}

/** A list of any of the above; none when it is absent. */
export function readList<T>(part: DataReader | undefined, read: (item: DataReader) => T): T[] {
  return part === undefined ? [] : part.items(entriesMax).map(read);
}
