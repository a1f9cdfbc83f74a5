/**
 * The declaration of a program: its name, and what it needs and offers, as typed data.
 *
 * A program's main.ts exports it as `program`, beside its main function:
 * `export const program = { ... } as const satisfies ProgramDeclaration;`
 * - Phase one reads it, puts it into the IL, and generates the program's manifest from it.
 * - It is evaluated with the modules that it names and nothing else of main.ts, so it is data: texts,
 *   numbers, and contracts; no functions or getters.
 * - Only types stand here; import this file with `import type`.
 */

import type { Contract } from "../contracts/contract.ts";

/** A service that the program registers. */
export interface DeclaredService {
  readonly contract: Contract;
  /** Where; absent when the program knows only when it runs, and then it is not in the manifest. */
  readonly path?: string;
}

/** A PCI function that the program drives, by its configuration space's ids. */
export interface DeclaredDevice {
  readonly vendorId: number;
  readonly deviceId: number;
}

/** A word on the program's command line. */
export interface DeclaredParameter {
  /** As usage lines show it, such as "ADDRESS" or "-c COUNT". */
  readonly name: string;
  readonly doc: string;
}

export interface ProgramDeclaration {
  /** What the shell and manifests call it: a capital letter, then letters and digits, at most 32. */
  readonly name: string;
  /** What it is, in one line. */
  readonly doc: string;
  /** Contracts of the services that it binds to; the manifest has an affinity for each. */
  readonly endpoints?: readonly Contract[];
  readonly services?: readonly DeclaredService[];
  readonly devices?: readonly DeclaredDevice[];
  /** "system" gives the privileged calls; only the OS's own programs have it. */
  readonly privileges?: readonly "system"[];
  readonly parameters?: readonly DeclaredParameter[];
}
